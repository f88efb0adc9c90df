//! How often a place that only chance changes is taken for a change, by simulation: of two versions that do the same.

use std::collections::BTreeSet;

use super::number;
use crate::shadow::{
    MORE_ROUNDS,
    choice::{Coins, Input},
    finding::Kind,
    judge,
    rules::Rules,
    seen::RunSeen,
    triage::Compared,
};

const TRIALS: u32 = 500;

/// How often each side strays from what it usually says, in 1024ths.
#[derive(Clone, Copy)]
struct Chances {
    control: u64,
    candidate: u64,
}

impl Chances {
    fn same(chance: u64) -> Self {
        Self { control: chance, candidate: chance }
    }

    fn round(self, it: &mut Compared, coins: &mut Coins) {
        it.control.push(run(self.control, coins));
        it.candidate.push(run(self.candidate, coins));
    }
}

/// A field that differs from what it usually is with this chance.
fn run(chance: u64, coins: &mut Coins) -> RunSeen {
    let drawn = (0..10).fold(0, |drawn, _| drawn * 2 + u64::from(coins.flip()));
    number(i64::from(drawn < chance))
}

/// As the course does it: once each, what differs twice more, and what may be chance until it is told.
fn trial(inputs: usize, chances: Chances, coins: &mut Coins) -> (bool, bool) {
    let mut all: Vec<Compared> = Vec::new();
    for _ in 0..inputs {
        let mut it = Compared { input: Input::default(), ..Compared::default() };
        chances.round(&mut it, coins);
        if it.control != it.candidate {
            (0..2).for_each(|_| chances.round(&mut it, coins));
        }
        all.push(it);
    }
    let judged = |all: &[Compared]| judge(all, &Rules::default(), &BTreeSet::new());
    let mut rounds = 0;
    loop {
        let told = judged(&all);
        let open = all.iter_mut().zip(&told.inputs).filter(|it| !it.1.unproven.is_empty());
        let left = open.take(MORE_ROUNDS - rounds);
        let done = left.map(|it| chances.round(it.0, coins)).count();
        rounds += done;
        if done == 0 {
            let any = |kind: Kind| told.inputs.iter().any(|it| it.kind == kind);
            return (any(Kind::Changed), any(Kind::Flaky));
        }
    }
}

/// Per cent of trials in which it was called changed, and flaky.
fn rates(inputs: usize, chances: Chances) -> (f64, f64) {
    let mut coins = Coins::new(chances.candidate << 32 | inputs as u64);
    let (mut changed, mut flaky) = (0, 0);
    for _ in 0..TRIALS {
        let (is_changed, is_flaky) = trial(inputs, chances, &mut coins);
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
            let (changed, flaky) = rates(inputs, Chances::same(chance));
            let percent = chance * 100 / 1024;
            println!("{inputs} inputs, {percent} %: changed {changed:.2} %, flaky {flaky:.1} %");
            assert!(changed <= most, "{inputs} inputs, {percent} %: {changed} %");
            assert!(flaky <= 2.0, "{inputs} inputs, {percent} %: {flaky} %");
        }
    }
}

/// Called flaky, or changed where it strayed three times in a row.
#[test]
fn a_candidate_that_began_to_stray_is_found() {
    for (chance, least) in [(102, 45.0), (205, 95.0), (341, 99.0), (512, 99.0)] {
        let (changed, flaky) = rates(30, Chances { control: 0, candidate: chance });
        let percent = chance * 100 / 1024;
        println!("strays in {percent} %: changed {changed:.1} %, flaky {flaky:.1} %");
        assert!(changed.max(flaky) >= least, "{percent} %: {changed} %, {flaky} %");
    }
}
