//! Whether a version is slower than the known good: looked at three times, by ranks, which one slow call cannot move, and
//! only where it is much slower as well. Never a reason to take it back.

use crate::model::{Latency, rank_score_milli};

/// After so many calls that did not fail.
pub(super) const LOOKS: [usize; 3] = [10, 20, 40];
/// The known good has to have so many.
const FEWEST: usize = 10;
/// One in a hundred, shared by three looks.
const Z_MILLI: i32 = 2713;
const RATIO_PERCENT: u32 = 150;
const DIFFERENCE_MS: u64 = 50;

/// `None`: there is too little to compare with.
pub(super) fn compare(new: &[u32], old: &[u32]) -> Option<Latency> {
    if new.len() < FEWEST || old.len() < FEWEST {
        return None;
    }
    let (now, before) = (twice_the_median(new), twice_the_median(old));
    let ratio = now.saturating_mul(100) / before.max(1);
    let ratio_percent = u32::try_from(ratio).unwrap_or(u32::MAX);
    let z_milli = rank_score_milli(new, old);
    let slow = z_milli >= Z_MILLI
        && ratio_percent >= RATIO_PERCENT
        && now.saturating_sub(before) >= 2 * DIFFERENCE_MS;
    let calls = u32::try_from(new.len()).unwrap_or(u32::MAX);
    Some(Latency { calls, ratio_percent, z_milli, slow })
}

fn twice_the_median(of: &[u32]) -> u64 {
    let mut sorted = of.to_vec();
    sorted.sort_unstable();
    let at = |place: usize| sorted.get(place).copied().map_or(0, u64::from);
    at((sorted.len() - 1) / 2) + at(sorted.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_much_slower_and_by_more_than_a_blink() {
        let old: Vec<u32> = (100..150).collect();
        let times =
            |percent: u32| -> Vec<u32> { (100..110).map(|it: u32| it * percent / 100).collect() };
        let slow = |new: &[u32], old: &[u32]| compare(new, old).unwrap().slow;
        assert!(slow(&times(250), &old));
        assert!(!slow(&times(140), &old), "not by half");
        let blink: Vec<u32> = (1..=50).collect();
        assert!(!slow(&[70; 10], &blink), "45 ms more");
        assert_eq!(compare(&[900; 9], &old), None);
        assert_eq!(compare(&[900; 10], &old[..9]), None);
        let mut outlier = vec![110; 20];
        outlier[0] = 1_000_000;
        assert!(!slow(&outlier, &old));
    }
}
