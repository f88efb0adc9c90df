//! From the calls of the known good to how much a failure of the next version weighs. How often the known good really fails
//! is not known, only what it did in some calls: the bar is the lowest that this often would not be passed by chance, with
//! nineteen good calls given to it beforehand. In integers, so that every machine comes to the same.

use crate::model::Bar;

/// Percent of failures, the weight of one, suspect from, regressed from. Chosen so that without any change at most 1 % of
/// versions come to the last within fifty calls, and 5 % to the one before; a test computes it.
const BARS: [Bar; 7] = [
    bar(5, 6, 16, 21),
    bar(10, 4, 15, 20),
    bar(15, 3, 14, 19),
    bar(20, 2, 11, 14),
    bar(30, 1, 7, 8),
    bar(40, 1, 10, 13),
    bar(50, 1, 16, 20),
];

/// Calls without failure that every tool is given.
const PRIOR: u32 = 19;
/// With less calls than this one is more careful.
const FEW: u32 = 20;
/// One, in fixed point: a hundred times as much still fits.
const ONE: u64 = 1 << 56;

/// What is too much after the known good failed so often in so many calls.
pub(super) fn against(failures: u32, calls: u32) -> Bar {
    let tolerated = if calls < FEW { ONE / 10 } else { ONE / 10 * 3 };
    let fits = |it: &&Bar| at_most(failures, calls + PRIOR, it.percent.into()) <= tolerated;
    let [.., worst] = BARS;
    BARS.iter().find(fits).copied().unwrap_or(worst)
}

const fn bar(percent: u8, weight: u32, low: u32, high: u32) -> Bar {
    Bar { percent, weight, low, high }
}

/// How likely it is that of so many calls at most `most` fail, if each does with `percent`.
fn at_most(most: u32, calls: u32, percent: u64) -> u64 {
    let mut chances = vec![0; usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1)];
    if let Some(first) = chances.first_mut() {
        *first = ONE;
    }
    for _ in 0..calls {
        let mut below = 0;
        for chance in &mut chances {
            let now = (*chance * (100 - percent) + below * percent) / 100;
            below = std::mem::replace(chance, now);
        }
    }
    chances.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::health::score::step;

    /// Of the specification: failures, calls, percent.
    #[test]
    fn known_calls_give_known_bars() {
        for (failures, calls, percent) in [
            (0, 0, 15),
            (0, 5, 10),
            (0, 10, 10),
            (1, 10, 15),
            (0, 20, 5),
            (1, 20, 10),
            (3, 20, 15),
            (1, 50, 5),
            (5, 50, 15),
            (5, 100, 10),
            (8, 200, 5),
            (10, 200, 10),
            (200, 200, 50),
        ] {
            assert_eq!(against(failures, calls).percent, percent, "{failures} of {calls}");
        }
    }

    /// Exactly, by all scores that there can be: how likely fifty calls pass a limit when nothing has changed.
    fn alarms(bar: &Bar, limit: u32) -> f64 {
        let fails = f64::from(bar.percent) / 100.0;
        let mut chances = vec![0.0; limit as usize];
        chances[0] = 1.0;
        let mut passed = 0.0;
        for _ in 0..50 {
            let mut next = vec![0.0; limit as usize];
            for (score, chance) in (0..limit).zip(&chances) {
                for (failed, part) in [(true, fails), (false, 1.0 - fails)] {
                    match next.get_mut(step(score, bar.weight, failed) as usize) {
                        Some(it) => *it += chance * part,
                        None => passed += chance * part,
                    }
                }
            }
            chances = next;
        }
        passed
    }

    #[test]
    fn without_a_change_one_version_in_a_hundred_is_blamed() {
        for bar in &BARS {
            let (low, high) = (alarms(bar, bar.low), alarms(bar, bar.high));
            assert!(high <= 0.01, "{} %: {high}", bar.percent);
            assert!(low <= 0.055, "{} %: {low}", bar.percent);
            assert!(alarms(bar, bar.high - bar.weight) > 0.01 / 4.0, "needlessly deaf: {bar:?}");
        }
    }

    #[test]
    fn a_version_that_always_fails_is_found_soon() {
        let calls = |it: &Bar| it.high.div_ceil(it.weight);
        assert_eq!(BARS.map(|it| calls(&it)), [4, 5, 7, 7, 8, 13, 20]);
    }
}
