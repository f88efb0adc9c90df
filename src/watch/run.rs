//! The watch thread: takes what has come in, turns it into marks, hands over what is due, and
//! knows when to wake next. Everything happens in `turn`, with the time as an argument. Holds
//! no rules of its own about files; those are in `heed`, about roots in `adopt`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    WatchSettings,
    barrier::{self, Barriers},
    ground::Ground,
    hints::Source,
    inbox::{Inbox, Taken},
    mounts::Mounts,
    place::Place,
};
use crate::{
    model::Dirty,
    ports::{BarrierNo, Notice},
};

/// After a loss everything is armed anew; when that is lost again, later and later.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Runner {
    pub(super) inbox: Arc<Inbox>,
    pub(super) source: Box<dyn Source>,
    pub(super) notice: Arc<dyn Notice>,
    pub(super) settings: WatchSettings,
    pub(super) ground: Ground,
    pub(super) places: Vec<Place>,
    pub(super) mounts: Mounts,
    barriers: Barriers,
    losses: Losses,
    next_check: Instant,
    next_poll: Instant,
}

/// When to arm everything anew.
#[derive(Debug, Default)]
struct Losses {
    repair_at: Option<Instant>,
    last_repair: Option<Instant>,
    pause: Duration,
}

impl Runner {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        source: Box<dyn Source>,
        notice: Arc<dyn Notice>,
        settings: WatchSettings,
    ) -> Self {
        let now = Instant::now();
        Self {
            inbox,
            source,
            notice,
            settings,
            ground: Ground::new(Err("not opened yet".to_owned())),
            places: Vec::new(),
            mounts: Mounts::new(),
            barriers: Barriers::default(),
            losses: Losses::default(),
            next_check: now + settings.root_check,
            next_poll: now + settings.poll,
        }
    }

    pub(super) fn run(&mut self) {
        self.open();
        loop {
            let taken = self.inbox.wait(self.next_wake());
            let stop = taken.stop;
            self.turn(taken, Instant::now());
            if stop {
                return self.hand_over_all(Vec::new());
            }
        }
    }

    /// One round. A loss comes first: what else was taken with it may be incomplete.
    pub(super) fn turn(&mut self, taken: Taken, now: Instant) {
        if let Some(roots) = taken.roots {
            self.set_places(roots, now);
        }
        self.heed(taken.hints, now);
        self.barriers.raise(taken.barriers);
        if taken.lost || (self.ground.is_dead() && self.losses.repair_at.is_none()) {
            self.lost(now);
        }
        if self.losses.repair_at.is_some_and(|it| it <= now) {
            self.repair(now);
        }
        self.look_round(now);
        self.tell_watching();
        if self.losses.repair_at.is_none() {
            self.answer_barriers(taken.cookie, now);
        }
        self.hand_over_due(now);
    }

    pub(super) fn next_wake(&self) -> Instant {
        let polls = self.places.iter().any(|it| !it.uncovered.is_empty());
        self.places
            .iter()
            .filter_map(Place::next_due)
            .chain(self.barriers.next_due())
            .chain(self.losses.repair_at)
            .chain(polls.then_some(self.next_poll))
            .fold(self.next_check, Instant::min)
    }

    fn lost(&mut self, now: Instant) {
        self.notice.overflowed();
        self.barriers.begin_again();
        if self.losses.repair_at.is_some() {
            return;
        }
        let calm = self.losses.last_repair.is_none_or(|it| now > it + 2 * LONGEST_PAUSE);
        if calm {
            self.losses.pause = Duration::ZERO;
        }
        self.losses.repair_at = Some(now + self.losses.pause);
        self.losses.pause = (2 * self.losses.pause).clamp(FIRST_PAUSE, LONGEST_PAUSE);
    }

    /// A second source, armed before the first one goes, so that nobody is deaf meanwhile.
    fn repair(&mut self, now: Instant) {
        (self.losses.repair_at, self.losses.last_repair) = (None, Some(now));
        let former = self.open();
        for at in 0..self.places.len() {
            self.readopt(at, now);
        }
        drop(former);
    }

    /// Opens a source in the place of the present one and gives that one back. Where only one can be had at a
    /// time, the former goes first.
    pub(super) fn open(&mut self) -> Option<Ground> {
        let ear = self.inbox.next_ear();
        let mut former = None;
        let mut hints = self.source.open(ear.clone());
        let present = std::mem::replace(&mut self.ground, Ground::new(Err(String::new())));
        if hints.is_err() {
            drop(present);
            hints = self.source.open(ear);
        } else {
            former = Some(present);
        }
        self.ground = Ground::new(hints.map_err(|it| it.0));
        self.arm_cookies();
        former
    }

    /// What has to be asked for from time to time, because nothing tells of it.
    fn look_round(&mut self, now: Instant) {
        if self.next_check <= now {
            self.next_check = now + self.settings.root_check;
            self.check_places(now);
        }
        if self.next_poll <= now {
            self.next_poll = now + self.settings.poll;
            self.poll(now);
        }
    }

    fn answer_barriers(&mut self, cookie: u64, now: Instant) {
        let mut arrived = self.barriers.arrived(cookie);
        if let Some(number) = self.barriers.next_cookie(now)
            && !self.send_cookie(number)
        {
            self.mark_all_places(now);
            arrived.append(&mut self.barriers.arrived(number));
        }
        let mut overdue = self.barriers.overdue(now);
        if !overdue.is_empty() {
            self.mark_all_places(now);
            arrived.append(&mut overdue);
        }
        if !arrived.is_empty() {
            self.check_places(now);
            self.poll(now);
            self.hand_over_all(arrived);
        }
    }

    fn send_cookie(&mut self, number: u64) -> bool {
        self.arm_cookies() && barrier::drop_cookie(self.inbox.cookies(), number).is_ok()
    }

    /// Early, so that a root with too many directories does not take the last watch.
    fn arm_cookies(&mut self) -> bool {
        let cookies = self.inbox.cookies();
        std::fs::create_dir_all(cookies).is_ok() && self.ground.keep_armed(cookies)
    }

    fn mark_all_places(&mut self, now: Instant) {
        self.places.iter_mut().for_each(|it| it.marks.whole_root(now));
    }

    fn hand_over_due(&mut self, now: Instant) {
        for at in 0..self.places.len() {
            if self.places.get(at).and_then(Place::next_due).is_some_and(|it| it <= now) {
                // Files that went with their root are not deleted.
                self.check_place(at, now);
            }
        }
        let limit = self.settings.git_limit;
        let mut dirty = Dirty::default();
        self.places.iter_mut().for_each(|it| dirty.merge(it.take_due(now, limit)));
        if !dirty.is_empty() {
            self.hand_over(dirty, Vec::new());
        }
    }

    fn hand_over_all(&mut self, barriers: Vec<BarrierNo>) {
        let mut dirty = Dirty::default();
        for place in &mut self.places {
            place.held_until = None;
            dirty.merge(place.marks.take_all());
        }
        if !dirty.is_empty() || !barriers.is_empty() {
            self.hand_over(dirty, barriers);
        }
    }

    fn hand_over(&mut self, dirty: Dirty, barriers: Vec<BarrierNo>) {
        let heard = self.places.iter_mut().filter_map(|it| it.marks.take_heard()).min();
        let ago = heard.map_or(Duration::ZERO, |it| it.elapsed());
        self.notice.dirty_since(dirty, barriers, ago);
    }

    fn tell_watching(&mut self) {
        for place in self.places.iter_mut().filter(|it| it.here.is_some()) {
            let watching = place.watching();
            if place.told.as_ref() != Some(&watching) {
                self.notice.watching(&place.root.name, watching.clone());
                place.told = Some(watching);
            }
        }
    }
}
