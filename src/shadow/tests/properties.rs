//! What holds whatever is compared.

use std::collections::BTreeSet;

use super::{answered, compared, failed, thrice, using};
use crate::shadow::{
    Counts, Verdict,
    choice::Coins,
    compare::differences,
    finding::Kind,
    judge,
    rules::Rules,
    seen::{RunSeen, Status},
    triage::Compared,
    value::Value,
    verdict,
};

fn drawn(coins: &mut Coins, below: u64) -> u64 {
    (0..16).fold(0, |it, _| it * 2 + u64::from(coins.flip())) % below
}

fn index(coins: &mut Coins, below: u64) -> usize {
    usize::try_from(drawn(coins, below)).unwrap()
}

fn value(coins: &mut Coins, depth: u32) -> Value {
    let kinds = if depth == 0 { 5 } else { 7 };
    match drawn(coins, kinds) {
        0 => Value::Null,
        1 => Value::Bool(coins.flip()),
        2 => Value::Integer(drawn(coins, 5).cast_signed()),
        3 => Value::Float([0.0, 0.5, 1.0, -1.5, 2.0][index(coins, 5)]),
        4 => Value::text(["", "a", "größe", "x/y~z"][index(coins, 4)]),
        5 => Value::List((0..drawn(coins, 4)).map(|_| value(coins, depth - 1)).collect()),
        _ => {
            let keys = &["a", "b", "1", "c/d"][..index(coins, 4)];
            Value::map(keys.iter().map(|key| (*key, value(coins, depth - 1))))
        }
    }
}

fn run(coins: &mut Coins) -> RunSeen {
    let run = match drawn(coins, 6) {
        0 => failed(Status::Unhandled, ["KeyError", "TypeError"][usize::from(coins.flip())]),
        1 => failed(Status::Handled, "error"),
        2 => failed(Status::Crash, "Signal"),
        _ => answered(value(coins, 2)),
    };
    if drawn(coins, 8) == 0 { using(run, "fs_write") } else { run }
}

#[test]
fn a_value_differs_from_no_copy_of_itself_and_differences_mirror() {
    let mut coins = Coins::new(1);
    for _ in 0..3000 {
        let (a, b) = (value(&mut coins, 3), value(&mut coins, 3));
        let rules = Rules::default();
        assert!(differences(&a, &a.clone(), &rules).found.is_empty());
        let there = differences(&a, &b, &rules).found;
        let back = differences(&b, &a, &rules).found;
        let paths = |all: &[crate::shadow::Difference]| -> BTreeSet<String> {
            all.iter().map(crate::shadow::Difference::path).collect()
        };
        assert_eq!(paths(&there), paths(&back), "{a} {b}");
        for it in &there {
            assert_ne!(it.control, it.candidate, "{a} {b}");
        }
    }
}

#[test]
fn a_version_is_never_worse_than_itself() {
    let mut coins = Coins::new(2);
    for _ in 0..500 {
        let all: Vec<Compared> = (0..8)
            .map(|_| {
                let it = run(&mut coins);
                thrice(&it, &it)
            })
            .collect();
        let judged = judge(&all, &Rules::default(), &BTreeSet::new());
        let it = verdict(&Counts::of(&all, &judged), &judged, &[]);
        assert_eq!(it, Verdict::Equivalent);
    }
}

#[test]
fn more_evidence_never_makes_a_bad_verdict_good() {
    let bad = [Verdict::Unsafe, Verdict::Regressed, Verdict::Changed];
    let mut coins = Coins::new(3);
    for _ in 0..1500 {
        let mut all: Vec<Compared> = (0..drawn(&mut coins, 6))
            .map(|_| {
                let (a, b) = (run(&mut coins), run(&mut coins));
                thrice(&a, &b)
            })
            .collect();
        let come_to = |all: &[Compared]| {
            let judged = judge(all, &Rules::default(), &BTreeSet::new());
            assert_eq!(judged.inputs.len(), all.len());
            verdict(&Counts::of(all, &judged), &judged, &[])
        };
        let before = come_to(&all);
        let same = run(&mut coins);
        // One that both take alike, without effects of its own that would allow any.
        all.push(thrice(
            &RunSeen { effects: BTreeSet::new(), ..same.clone() },
            &RunSeen { effects: BTreeSet::new(), ..same },
        ));
        let after = come_to(&all);
        if bad.contains(&before) {
            assert_eq!(after, before, "{all:?}");
        }
        // A pass needs five that could be compared.
        if all.len() < 5 {
            assert!(!matches!(after, Verdict::Equivalent | Verdict::Improved), "{all:?}");
        }
    }
}

#[test]
fn a_change_that_always_shows_is_always_found() {
    let mut coins = Coins::new(4);
    for _ in 0..1500 {
        let (a, b) = (value(&mut coins, 2), value(&mut coins, 2));
        if differences(&a, &b, &Rules::default()).found.is_empty() {
            continue;
        }
        let it = compared(&[answered(a.clone())], &[answered(b.clone())]);
        let once = judge(&[it], &Rules::default(), &BTreeSet::new()).inputs[0].kind;
        let again = thrice(&answered(a), &answered(b));
        let again = judge(&[again], &Rules::default(), &BTreeSet::new()).inputs[0].kind;
        assert_eq!((once, again), (Kind::Changed, Kind::Changed));
    }
}

/// Chance on one input excuses no other: a rare stray run beside it takes nothing from what always shows.
#[test]
fn a_change_that_always_shows_is_found_beside_stray_runs() {
    let mut coins = Coins::new(5);
    for _ in 0..1500 {
        let (a, b) = (value(&mut coins, 2), value(&mut coins, 2));
        if differences(&a, &b, &Rules::default()).found.is_empty() {
            continue;
        }
        let strays = 1 + index(&mut coins, 5);
        let runs = |it: usize| answered(if it < strays { b.clone() } else { a.clone() });
        let straying =
            compared(&vec![answered(a.clone()); 7], &(0..7).map(runs).collect::<Vec<_>>());
        let always = thrice(&answered(a.clone()), &answered(b.clone()));
        let judged = judge(&[straying, always], &Rules::default(), &BTreeSet::new());
        assert_eq!(judged.inputs[1].kind, Kind::Changed, "{a} {b}");
        assert_eq!(judged.inputs[0].kind, Kind::Noise, "{a} {b}");
    }
}
