//! The recommended rule, simulated as the specification did: faults that belong to inputs, five percent of flakes, a replay of
//! the latest failing inputs on both versions. Run by hand, since it takes a minute:
//!
//! ```text
//! cargo test --lib --release -- --ignored --nocapture monte_carlo
//! ```

use super::super::{
    bucket,
    replay::{Verdict, verdict},
    score::step,
};
use crate::model::{Level, ReplayTable};

/// xorshift: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, one: f64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "dice")]
        let thrown = (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        thrown < one
    }
}

/// How both versions fail. Faults belong to inputs, a flake to a call.
#[derive(Clone, Copy)]
struct World {
    calls: u32,
    old: f64,
    new: f64,
    /// Everything fails, whatever the version.
    outage: bool,
    replays: bool,
}

const FLAKE: f64 = 0.05;

impl World {
    /// Of an input that failed on the new version: does it belong to the fault, or was it a flake?
    fn run(&self, dice: &mut Dice) -> Option<u32> {
        let failures = (0..self.calls).filter(|_| dice.below(self.old)).count();
        let bar = bucket::against(u32::try_from(failures).unwrap(), self.calls);
        let (mut score, mut armed) = (0, true);
        let mut failing: Vec<bool> = Vec::new();
        for call in 1..=50 {
            let failed = self.outage || dice.below(self.new);
            score = step(score, bar.weight, failed);
            if failed {
                failing.push(dice.below((self.new - self.old).max(0.0) / self.new.max(0.001)));
            }
            let level = if score >= bar.high {
                Level::High
            } else if score >= bar.low && armed && self.replays {
                Level::Low
            } else {
                armed |= score < bar.low / 2;
                continue;
            };
            armed = false;
            if !self.replays {
                return Some(call);
            }
            match verdict(self.replay(&failing, dice), level) {
                Verdict::Regressed => return Some(call),
                Verdict::Environment => (score, armed) = (0, true),
                Verdict::Noise => (),
            }
        }
        None
    }

    fn replay(&self, failing: &[bool], dice: &mut Dice) -> ReplayTable {
        let flake = FLAKE.min(self.old.max(self.new));
        let mut table = ReplayTable { runs: 0, new: 0, old: 0 };
        for is_fault in failing.iter().rev().take(5) {
            for _ in 0..2 {
                table.runs += 1;
                table.new += u32::from(self.outage || *is_fault || dice.below(flake));
                table.old += u32::from(self.outage || dice.below(flake));
            }
        }
        table
    }

    /// Percent taken back within fifty calls, and within twenty.
    fn taken_back(&self) -> (f64, f64) {
        const HISTORIES: u32 = 8000;
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let ends: Vec<u32> = (0..HISTORIES).filter_map(|_| self.run(&mut dice)).collect();
        let percent =
            |count: usize| f64::from(u32::try_from(count).unwrap()) * 100.0 / f64::from(HISTORIES);
        (percent(ends.len()), percent(ends.iter().filter(|it| **it <= 20).count()))
    }
}

/// Known calls, with replay; what the table says of no change at 5 %, of 5 → 30 %, of 5 → 50 % and of an outage.
const TABLE: [(u32, bool, [f64; 3], f64); 6] = [
    (0, true, [0.0, 70.0, 99.9], 2.8),
    (5, true, [0.0, 78.0, 99.0], 3.7),
    (20, true, [0.25, 92.0, 100.0], 4.3),
    (200, true, [0.3, 96.0, 100.0], 4.5),
    (20, false, [0.45, 85.0, 100.0], 99.9),
    (200, false, [0.2, 87.0, 100.0], 99.9),
];

#[test]
#[ignore = "a minute of dice; see the head of the file"]
fn monte_carlo_comes_to_what_the_specification_says() {
    for (calls, replays, said, outage) in TABLE {
        let world = |new, outage| World { calls, old: 0.05, new, outage, replays };
        for (new, said) in [0.05, 0.3, 0.5].into_iter().zip(said) {
            let (fifty, twenty) = world(new, false).taken_back();
            eprintln!(
                "{calls:>3} calls, replay {replays}, 5 -> {:>2.0} %: {fifty:>5.1} ({twenty:.0}), said {said}",
                new * 100.0
            );
            let error = if new > 0.1 { 8.0 } else { 1.0 };
            assert!((fifty - said).abs() <= error, "{fifty} is not about {said}");
        }
        let (fifty, _) = world(0.05, true).taken_back();
        eprintln!("{calls:>3} calls, replay {replays}, outage: {fifty:.1}, said {outage}");
        assert!((fifty - outage).abs() <= 5.0, "{fifty} is not about {outage}");
    }
}

#[test]
fn a_few_throws_of_it() {
    let calm = World { calls: 20, old: 0.05, new: 0.05, outage: false, replays: true };
    assert!((0..200).filter(|it| calm.run(&mut Dice(it * 7919 + 1)).is_some()).count() <= 4);
    let broken = World { new: 1.0, ..calm };
    assert!((0..50).all(|it| broken.run(&mut Dice(it * 7919 + 1)).is_some_and(|it| it <= 5)));
    let outage = World { outage: true, ..calm };
    assert!((0..100).filter(|it| outage.run(&mut Dice(it * 7919 + 1)).is_some()).count() <= 10);
}
