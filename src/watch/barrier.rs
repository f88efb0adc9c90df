//! Barriers that are under way. A cookie is a file made and removed in a directory that the same
//! source watches: the kernel keeps one queue in order, so when its event arrives, all earlier ones
//! have been heard. Pure but for the making of the file.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use crate::ports::BarrierNo;

/// After so long a cookie is given up, and every root is looked at instead.
pub(super) const COOKIE_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Barriers {
    last: u64,
    /// Without a cookie yet.
    waiting: Vec<BarrierNo>,
    /// In rising order of their cookies.
    under_way: Vec<Cookie>,
}

#[derive(Debug)]
struct Cookie {
    number: u64,
    since: Instant,
    barriers: Vec<BarrierNo>,
}

impl Barriers {
    pub(super) fn raise(&mut self, mut barriers: Vec<BarrierNo>) {
        self.waiting.append(&mut barriers);
    }

    /// The number of the cookie to be made for all that wait, if any does.
    pub(super) fn next_cookie(&mut self, now: Instant) -> Option<u64> {
        if self.waiting.is_empty() {
            return None;
        }
        self.last += 1;
        let barriers = std::mem::take(&mut self.waiting);
        self.under_way.push(Cookie { number: self.last, since: now, barriers });
        Some(self.last)
    }

    /// Those whose cookie is this one or an earlier one.
    pub(super) fn arrived(&mut self, cookie: u64) -> Vec<BarrierNo> {
        self.take(|it| it.number <= cookie)
    }

    /// Those whose cookie should have come long ago.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<BarrierNo> {
        self.take(|it| it.since + COOKIE_LIMIT <= now)
    }

    /// Hints were lost, maybe with a cookie among them: all need a new one.
    pub(super) fn begin_again(&mut self) {
        let mut all = self.take(|_| true);
        all.append(&mut self.waiting);
        self.waiting = all;
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.under_way.first().map(|it| it.since + COOKIE_LIMIT)
    }

    fn take(&mut self, which: impl Fn(&Cookie) -> bool) -> Vec<BarrierNo> {
        let (out, kept) = std::mem::take(&mut self.under_way).into_iter().partition(which);
        self.under_way = kept;
        let out: Vec<Cookie> = out;
        out.into_iter().flat_map(|it| it.barriers).collect()
    }
}

/// Makes the file and removes it.
pub(super) fn drop_cookie(cookies: &Path, number: u64) -> io::Result<()> {
    let path = cookies.join(number.to_string());
    fs::write(&path, [])?;
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_share_a_cookie_but_never_take_one_made_before_them() {
        let (mut barriers, now) = (Barriers::default(), Instant::now());
        barriers.raise(vec![1, 2]);
        assert_eq!(barriers.next_cookie(now), Some(1));
        barriers.raise(vec![3]);
        assert_eq!(barriers.next_cookie(now), Some(2));
        assert_eq!(barriers.next_cookie(now), None);
        assert_eq!(barriers.arrived(1), [1, 2]);
        assert!(barriers.arrived(1).is_empty());
        assert_eq!(barriers.arrived(2), [3]);
    }

    #[test]
    fn a_later_cookie_speaks_for_the_earlier_ones() {
        let (mut barriers, now) = (Barriers::default(), Instant::now());
        for no in 1..4 {
            barriers.raise(vec![no]);
            barriers.next_cookie(now);
        }
        assert_eq!(barriers.arrived(3), [1, 2, 3]);
    }

    #[test]
    fn after_a_loss_all_begin_again_with_a_new_cookie() {
        let (mut barriers, now) = (Barriers::default(), Instant::now());
        barriers.raise(vec![1]);
        barriers.next_cookie(now);
        barriers.raise(vec![2]);
        barriers.begin_again();
        assert!(barriers.arrived(1).is_empty());
        assert_eq!(barriers.next_cookie(now), Some(2));
        assert_eq!(barriers.arrived(2), [1, 2]);
    }

    #[test]
    fn what_does_not_come_is_given_up() {
        let (mut barriers, now) = (Barriers::default(), Instant::now());
        barriers.raise(vec![1]);
        barriers.next_cookie(now);
        assert!(barriers.overdue(now + COOKIE_LIMIT / 2).is_empty());
        assert_eq!(barriers.next_due(), Some(now + COOKIE_LIMIT));
        assert_eq!(barriers.overdue(now + COOKIE_LIMIT), [1]);
        assert_eq!(barriers.next_due(), None);
    }
}
