//! What all inputs come to: every row of the table, and that the first that fits is taken.

use std::collections::BTreeSet;

use super::{answered, compared, failed, number, thrice, using};
use crate::shadow::{
    Counts, Pattern, Verdict, bound95, choice::Origin, findings, judge, rules::Rules, seen::Status,
    triage::Compared, value::Value, verdict,
};

fn come_to(all: &[Compared], declared: &[&str]) -> (Verdict, Option<f64>) {
    let judged = judge(all, &Rules::default(), &BTreeSet::new());
    let counts = Counts::of(all, &judged);
    let declared: Vec<Pattern> = declared.iter().map(|it| it.parse().unwrap()).collect();
    let it = verdict(&counts, &judged, &declared);
    (it, bound95(it, counts.comparable))
}

fn same(count: usize) -> Vec<Compared> {
    vec![thrice(&number(1), &number(1)); count]
}

fn with(count: usize, others: &[&Compared]) -> Vec<Compared> {
    same(count).into_iter().chain(others.iter().map(|it| (*it).clone())).collect()
}

#[test]
fn the_first_row_that_fits_is_taken() {
    let ok = number(1);
    let raised = failed(Status::Unhandled, "KeyError");
    let unsafe_one = thrice(&ok, &using(number(1), "exec"));
    let broken = thrice(&ok, &raised);
    let changed = thrice(&ok, &number(2));
    let new_error = thrice(&ok, &failed(Status::Handled, "error"));
    let error_changed = thrice(&raised, &failed(Status::Unhandled, "TypeError"));
    let flaky = compared(&[ok.clone(), ok.clone(), ok.clone()], &[number(2), number(3), number(4)]);
    let doubtful =
        compared(&[ok.clone(), ok.clone(), ok.clone()], &[number(2), ok.clone(), ok.clone()]);
    let fixed = thrice(&raised, &ok);
    let skipped = thrice(&using(number(1), "net_read"), &ok);
    let mut expecting = thrice(&ok, &ok);
    expecting.input.expect = Some(Value::Integer(3));
    let mut synthetic = thrice(&ok, &ok);
    synthetic.input.origin = Origin::Synthetic;
    let cases: &[(usize, &[&Compared], Verdict)] = &[
        (9, &[&unsafe_one, &broken, &changed, &fixed], Verdict::Unsafe),
        (0, &[&unsafe_one], Verdict::Unsafe),
        (9, &[&broken, &changed, &fixed], Verdict::Regressed),
        (0, &[&broken], Verdict::Regressed),
        (9, &[&expecting], Verdict::Regressed),
        (9, &[&changed, &fixed], Verdict::Changed),
        (9, &[&new_error], Verdict::Changed),
        (9, &[&error_changed], Verdict::Changed),
        (9, &[&flaky], Verdict::Changed),
        (9, &[&flaky, &doubtful], Verdict::Changed),
        (9, &[&broken, &doubtful], Verdict::Regressed),
        (5, &[&doubtful], Verdict::Equivalent),
        (4, &[&doubtful], Verdict::Inconclusive),
        (0, &[&changed], Verdict::Changed),
        (4, &[], Verdict::Inconclusive),
        (0, &[], Verdict::Inconclusive),
        (3, &[&fixed], Verdict::Inconclusive),
        (5, &[&skipped, &skipped, &skipped, &skipped, &skipped], Verdict::Equivalent),
        (5, &[&skipped, &skipped, &skipped, &skipped, &skipped, &skipped], Verdict::Inconclusive),
        (4, &[&synthetic, &synthetic], Verdict::Inconclusive),
        (4, &[&fixed], Verdict::Improved),
        (5, &[], Verdict::Equivalent),
        (5, &[&skipped], Verdict::Equivalent),
    ];
    for (count, others, expected) in cases {
        let all = with(*count, others);
        assert_eq!(come_to(&all, &[]).0, *expected, "{count} same and {others:?}");
    }
}

#[test]
fn a_declaration_excuses_what_it_names_and_nothing_worse() {
    let at = |n: i64| answered(Value::map([("n", Value::Integer(n)), ("m", Value::Integer(1))]));
    let changed = with(5, &[&thrice(&at(1), &at(2))]);
    let error = with(5, &[&thrice(&number(1), &failed(Status::Handled, "error"))]);
    let broken = with(5, &[&thrice(&number(1), &failed(Status::Crash, "Signal"))]);
    let mended =
        with(5, &[&thrice(&failed(Status::Crash, "Signal"), &number(1)), &thrice(&at(1), &at(2))]);
    for (all, declared, expected) in [
        (&changed, &["/value/n"][..], Verdict::ChangedAsDeclared),
        (&changed, &["/value"], Verdict::ChangedAsDeclared),
        (&changed, &["/value/*"], Verdict::ChangedAsDeclared),
        (&changed, &["/value/m"], Verdict::Changed),
        (&changed, &[], Verdict::Changed),
        (&error, &["/value"], Verdict::Changed),
        (&error, &["/value", "/error"], Verdict::ChangedAsDeclared),
        (&broken, &[""], Verdict::Regressed),
        (&mended, &["/value/n"], Verdict::ChangedAsDeclared),
    ] {
        assert_eq!(come_to(all, declared).0, expected, "{declared:?}");
    }
}

#[test]
fn what_is_all_noise_is_not_compared() {
    let noisy = compared(&[number(1), number(2), number(3)], &[number(4), number(5), number(6)]);
    assert_eq!(come_to(&vec![noisy; 9], &[]).0, Verdict::Inconclusive);
}

#[test]
fn the_bound_is_what_so_many_inputs_prove() {
    for (count, percent) in [(5, 45.1), (10, 25.9), (20, 13.9), (30, 9.5), (59, 5.0), (299, 1.0)] {
        let (it, bound) = come_to(&same(count), &[]);
        assert_eq!(it, Verdict::Equivalent);
        assert!((bound.unwrap() * 100.0 - percent).abs() < 0.06, "{count}: {bound:?}");
    }
    assert_eq!(come_to(&with(5, &[&thrice(&number(1), &number(2))]), &[]).1, None);
    assert_eq!(bound95(Verdict::Inconclusive, 0), None);
}

#[test]
fn the_worst_is_told_first_and_what_is_the_same_is_not() {
    let mut expecting = thrice(&number(1), &number(1));
    expecting.input.expect = Some(Value::Integer(3));
    let all = with(
        2,
        &[
            &thrice(&number(1), &number(2)),
            &thrice(&number(1), &failed(Status::Crash, "Signal")),
            &expecting,
        ],
    );
    let judged = judge(&all, &Rules::default(), &BTreeSet::new());
    let told = findings(&all, &judged);
    let kinds: Vec<_> = told.iter().map(|it| (it.input, it.kind.as_str())).collect();
    assert_eq!(kinds, [(4, "same"), (3, "broken"), (2, "changed")]);
    assert_eq!(told[1].candidate.error.as_ref().unwrap().0, "Signal");
    let difference = ("/value".to_owned(), Some("1".to_owned()), Some("2".to_owned()));
    assert_eq!(told[2].differences, [difference]);
}
