//! How often a place that only chance changes is taken for a change, by simulation: of two versions that do the same.

use std::collections::BTreeSet;

use super::number;
use crate::shadow::{
    choice::{Coins, Input},
    finding::Kind,
    judge,
    rules::Rules,
    seen::RunSeen,
    triage::Compared,
};

const TRIALS: u32 = 500;

/// A field that differs from what it usually is with this chance, in 1024ths.
fn run(chance: u64, coins: &mut Coins) -> RunSeen {
    let drawn = (0..10).fold(0, |drawn, _| drawn * 2 + u64::from(coins.flip()));
    number(i64::from(drawn < chance))
}

/// As the course does it: once each, and what differs twice more.
fn trial(inputs: usize, chance: u64, coins: &mut Coins) -> (bool, bool) {
    let mut all: Vec<Compared> = Vec::new();
    for _ in 0..inputs {
        let count = |first: &RunSeen, second: &RunSeen| if first == second { 0 } else { 2 };
        let (control, candidate) = (run(chance, coins), run(chance, coins));
        let more = count(&control, &candidate);
        let mut it = Compared {
            input: Input::default(),
            control: vec![control],
            candidate: vec![candidate],
        };
        for _ in 0..more {
            it.control.push(run(chance, coins));
            it.candidate.push(run(chance, coins));
        }
        all.push(it);
    }
    let judged = judge(&all, &Rules::default(), &BTreeSet::new());
    let any = |kind: Kind| judged.inputs.iter().any(|it| it.kind == kind);
    (any(Kind::Changed), any(Kind::Flaky))
}

/// Per cent of trials in which it was called changed, and flaky.
fn rates(inputs: usize, chance: u64) -> (f64, f64) {
    let mut coins = Coins::new(chance << 32 | inputs as u64);
    let (mut changed, mut flaky) = (0, 0);
    for _ in 0..TRIALS {
        let (is_changed, is_flaky) = trial(inputs, chance, &mut coins);
        changed += u32::from(is_changed);
        flaky += u32::from(is_flaky);
    }
    let percent = |it: u32| f64::from(it) * 100.0 / f64::from(TRIALS);
    (percent(changed), percent(flaky))
}

#[test]
fn chance_is_seldom_taken_for_a_change() {
    for (inputs, most) in [(10, 2.0), (20, 1.2), (50, 0.5)] {
        for chance in [10, 51, 102, 205, 512] {
            let (changed, flaky) = rates(inputs, chance);
            let percent = chance * 100 / 1024;
            println!("{inputs} inputs, {percent} %: changed {changed:.2} %, flaky {flaky:.1} %");
            assert!(changed <= most, "{inputs} inputs, {percent} %: {changed} %");
        }
    }
}
