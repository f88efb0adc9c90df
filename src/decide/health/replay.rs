//! What it means that failing inputs were run again on both versions. Where the known good fails as well, the world is to
//! blame, or the inputs are; no content is.

use crate::model::{Level, ReplayTable};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Environment,
    Regressed,
    /// It may have been chance.
    Noise,
}

pub(super) fn verdict(table: ReplayTable, level: Level) -> Verdict {
    let (runs, new, old) = (i64::from(table.runs), i64::from(table.new), i64::from(table.old));
    if runs > 0 && 10 * old >= 4 * runs && 10 * (new - old) < 4 * runs {
        return Verdict::Environment;
    }
    match level {
        Level::High => Verdict::Regressed,
        Level::Low if is_significant(table) => Verdict::Regressed,
        Level::Low => Verdict::Noise,
    }
}

/// Whether Fisher's exact test, one-sided, comes to at most one in twenty.
pub(super) fn is_significant(table: ReplayTable) -> bool {
    let (part, whole) = chance(table);
    whole > 0 && part * 20 <= whole
}

/// How likely the new version fails this often or more, if both are the same: a part of a whole.
pub fn chance(table: ReplayTable) -> (u128, u128) {
    let runs = u128::from(table.runs.min(MOST));
    let (new, old) = (u128::from(table.new).min(runs), u128::from(table.old).min(runs));
    let failed = new + old;
    let ways = |it: u128| choose(runs, it) * choose(runs, failed - it);
    ((new..=failed.min(runs)).map(ways).sum(), choose(2 * runs, failed))
}

/// With more runs than this the numbers would be too large.
const MOST: u32 = 50;

fn choose(of: u128, some: u128) -> u128 {
    if some > of {
        return 0;
    }
    (0..some).fold(1, |ways, it| ways * (of - it) / (it + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(new: u32, old: u32) -> ReplayTable {
        ReplayTable { runs: 10, new, old }
    }

    #[test]
    fn the_exact_test_has_the_limits_of_the_specification() {
        for (new, old, is) in [(4, 0, true), (3, 0, false), (6, 1, true), (5, 1, false)] {
            assert_eq!(is_significant(table(new, old)), is, "{new} against {old}");
        }
        let (part, whole) = chance(table(9, 0));
        assert_eq!((part * 100_000).div_ceil(whole), 6, "0.00006, as the example says");
        assert!(!is_significant(ReplayTable { runs: 0, new: 0, old: 0 }), "nothing was run");
    }

    #[test]
    fn the_world_comes_before_the_version() {
        use Verdict::{Environment, Noise, Regressed};
        for (new, old, low, high) in [
            (10, 10, Environment, Environment),
            (10, 7, Environment, Environment),
            (10, 6, Regressed, Regressed),
            (4, 4, Environment, Environment),
            (3, 3, Noise, Regressed),
            (10, 0, Regressed, Regressed),
            (3, 0, Noise, Regressed),
            (0, 0, Noise, Regressed),
        ] {
            let is = [Level::Low, Level::High].map(|it| verdict(table(new, old), it));
            assert_eq!(is, [low, high], "{new} against {old}");
        }
    }
}
