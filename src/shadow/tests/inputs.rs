//! What is said of one input.

use std::collections::BTreeSet;

use super::{answered, compared, failed, number, thrice, using};
use crate::shadow::{
    choice::Origin,
    finding::Kind,
    judge,
    rules::{ErrorRule, Normalize, Part, Rules},
    seen::{FileChange, RunSeen, Status},
    triage::Compared,
    value::Value,
};

fn kind(it: &Compared) -> Kind {
    kind_by(it, &Rules::default())
}

fn kind_by(it: &Compared, rules: &Rules) -> Kind {
    judge(std::slice::from_ref(it), rules, &BTreeSet::new()).inputs[0].kind
}

fn writing(value: i64, path: &str) -> RunSeen {
    let mut run = number(value);
    let change = FileChange { what: "create".to_owned(), sha256: "x".to_owned() };
    run.files.insert(path.to_owned(), change);
    run
}

#[test]
fn every_result_is_told_apart() {
    let ok = number(1);
    let handled = failed(Status::Handled, "error");
    let raised = failed(Status::Unhandled, "KeyError");
    let kept = RunSeen { denied: ["/etc".to_owned()].into(), ..raised.clone() };
    let cases = [
        (&ok, ok.clone(), Kind::Same),
        (&raised, raised.clone(), Kind::Same),
        (&raised, ok.clone(), Kind::Fixed),
        (&handled, ok.clone(), Kind::Fixed),
        (&failed(Status::Timeout, "Timeout"), ok.clone(), Kind::Fixed),
        (&ok, raised.clone(), Kind::Broken),
        (&ok, failed(Status::Timeout, "Timeout"), Kind::Broken),
        (&ok, failed(Status::Crash, "Signal"), Kind::Broken),
        (&ok, failed(Status::Limit, "MemoryError"), Kind::Broken),
        (&ok, failed(Status::Protocol, "TooLarge"), Kind::Broken),
        (&ok, handled.clone(), Kind::NewError),
        (&ok, number(2), Kind::Changed),
        (&ok, answered(Value::text("1")), Kind::Changed),
        (&ok, writing(1, "a.txt"), Kind::EffectChanged),
        (&ok, writing(2, "a.txt"), Kind::Changed),
        (&raised, failed(Status::Unhandled, "TypeError"), Kind::ErrorChanged),
        (&handled, raised.clone(), Kind::ErrorChanged),
        (&raised, handled.clone(), Kind::ErrorChanged),
        (&ok, using(number(1), "fs_write"), Kind::NewEffect),
        (&ok, kept.clone(), Kind::NewEffect),
        (&kept, ok.clone(), Kind::Skipped),
        (&using(number(1), "net_read"), number(2), Kind::Skipped),
    ];
    for (control, candidate, expected) in cases {
        for it in [
            thrice(control, &candidate),
            compared(std::slice::from_ref(control), std::slice::from_ref(&candidate)),
        ] {
            assert_eq!(kind(&it), expected, "{control:?} {candidate:?}");
        }
    }
    assert_eq!(kind(&Compared::default()), Kind::Skipped);
}

#[test]
fn repeating_tells_noise_from_change_from_flakiness() {
    let runs = |all: [i64; 3]| all.map(number);
    let cases = [
        ([1, 1, 1], [2, 2, 2], Kind::Changed),
        ([1, 2, 3], [4, 5, 6], Kind::Noise),
        ([1, 1, 2], [2, 1, 1], Kind::Noise),
        ([1, 1, 1], [2, 3, 2], Kind::Flaky),
    ];
    for (control, candidate, expected) in cases {
        let it = compared(&runs(control), &runs(candidate));
        assert_eq!(kind(&it), expected, "{control:?} {candidate:?}");
    }
    let crash = failed(Status::Crash, "Signal");
    let both = compared(&[number(1), crash.clone(), number(1)], &[crash.clone(), number(1), crash]);
    assert_eq!(kind(&both), Kind::Noise);
}

#[test]
fn a_few_stray_runs_are_told_and_enough_of_them_are_flaky() {
    let crash = failed(Status::Crash, "Signal");
    let rules = Rules::default();
    for stray in [number(2), crash] {
        let strayed = |times: usize| {
            let runs = |it: usize| if it < times { stray.clone() } else { number(1) };
            compared(&vec![number(1); 9], &(0..9).map(runs).collect::<Vec<_>>())
        };
        for times in [1, 5] {
            let it = strayed(times);
            let judged = judge(std::slice::from_ref(&it), &rules, &BTreeSet::new());
            assert_eq!(judged.inputs[0].kind, Kind::Noise, "{times} {stray:?}");
            assert!(judged.inputs[0].differences.is_empty() && judged.noisy_paths.is_empty());
            let told = crate::shadow::findings(std::slice::from_ref(&it), &judged);
            assert!(told[0].why.as_ref().unwrap().contains("too seldom"), "{told:?}");
            assert!(!told[0].differences.is_empty());
        }
        assert_eq!(kind(&strayed(6)), Kind::Flaky, "{stray:?}");
        assert_eq!(kind(&strayed(8)), Kind::Flaky, "{stray:?}");
        // Over all inputs, by the template of the place.
        let judged = judge(&[strayed(3), strayed(3)], &rules, &BTreeSet::new());
        assert!(judged.inputs.iter().all(|it| it.kind == Kind::Flaky), "{judged:?}");
        // Once the live version strayed as well, it is noise.
        let mut both = strayed(8);
        both.control[4] = stray.clone();
        assert_eq!(kind(&both), Kind::Noise, "{stray:?}");
    }
}

#[test]
fn what_always_fails_is_broken_whatever_it_says() {
    let saying = |message: &str| {
        let mut run = failed(Status::Unhandled, "KeyError");
        run.error.as_mut().unwrap().message = message.to_owned();
        run
    };
    let all = ["at 1", "at 2", "at 3"].map(saying);
    let ok = [number(1), number(1), number(1)];
    assert_eq!(kind(&compared(&ok, &all)), Kind::Broken);
    assert_eq!(kind(&compared(&all, &ok)), Kind::Fixed);
}

#[test]
fn noise_of_one_input_is_noise_on_all_but_not_elsewhere() {
    let at = |n: i64, took: i64| {
        let results = Value::List(vec![Value::map([
            ("took", Value::Integer(took)),
            ("n", Value::Integer(n)),
        ])]);
        answered(Value::map([("results", results)]))
    };
    let noisy = compared(&[at(1, 1), at(1, 2), at(1, 3)], &[at(1, 4), at(1, 5), at(1, 6)]);
    let quiet = thrice(&at(1, 1), &at(1, 9));
    let other = thrice(&at(1, 1), &at(2, 9));
    let text = answered(Value::map([(
        "results",
        Value::List(vec![Value::map([("took", Value::Null), ("n", Value::Integer(1))])]),
    )]));
    let typed = compared(&[at(1, 1), at(1, 1), at(1, 1)], &[text.clone(), text.clone(), text]);
    let judged = judge(&[noisy, quiet, other, typed], &Rules::default(), &BTreeSet::new());
    let kinds: Vec<_> = judged.inputs.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [Kind::Noise, Kind::Noise, Kind::Changed, Kind::Changed]);
    assert_eq!(judged.noisy_paths, ["/value/results/*/took"]);
    let paths: Vec<_> =
        judged.inputs[2].differences.iter().map(crate::shadow::Difference::path).collect();
    assert_eq!(paths, ["/value/results/0/n"]);
}

#[test]
fn keys_that_are_data_share_a_template() {
    let at = |key: &str, n: i64| answered(Value::map([(key, Value::Integer(n))]));
    let noisy = |key: &str| {
        compared(&[at(key, 1), at(key, 2), at(key, 3)], &[at(key, 4), at(key, 5), at(key, 6)])
    };
    let quiet = |key: &str| thrice(&at(key, 1), &at(key, 2));
    let kind = |all: &[Compared]| judge(all, &Rules::default(), &BTreeSet::new()).inputs[1].kind;
    assert_eq!(kind(&[noisy("a/b.txt"), quiet("c/d.txt")]), Kind::Noise);
    assert_eq!(kind(&[noisy("1"), quiet("2")]), Kind::Noise);
    assert_eq!(kind(&[noisy("took"), quiet("count")]), Kind::Changed);
}

#[test]
fn an_effect_is_new_only_where_nobody_had_it_and_nobody_allows_it() {
    let known = thrice(&using(number(1), "fs_write"), &using(number(1), "fs_write"));
    let added = thrice(&number(1), &using(number(1), "fs_write"));
    let judged = judge(&[known, added.clone()], &Rules::default(), &BTreeSet::new());
    assert_eq!(judged.inputs[1].kind, Kind::EffectChanged);
    let judged = judge(&[added], &Rules::default(), &["fs_write".to_owned()].into());
    assert_eq!(judged.inputs[0].kind, Kind::EffectChanged);
}

#[test]
fn of_made_up_inputs_only_crashes_count() {
    let made_up = |candidate: &RunSeen| {
        let mut it = thrice(&number(1), candidate);
        it.input.origin = Origin::Synthetic;
        kind(&it)
    };
    assert_eq!(made_up(&number(2)), Kind::Same);
    assert_eq!(made_up(&failed(Status::Handled, "error")), Kind::Same);
    assert_eq!(made_up(&failed(Status::Unhandled, "KeyError")), Kind::Broken);
    assert_eq!(made_up(&using(number(1), "exec")), Kind::NewEffect);
}

#[test]
fn rules_say_what_counts() {
    let pair = |a: Value, b: Value| thrice(&answered(a), &answered(b));
    let field = |key: &str, value: Value| Value::map([(key, value)]);
    let list = |all: &[i64]| Value::List(all.iter().map(|it| Value::Integer(*it)).collect());
    let rules = Rules {
        ignore: vec!["/value/took".parse().unwrap()],
        unordered: vec!["/value/found".parse().unwrap()],
        tolerance: vec![("/value/score".parse().unwrap(), 1e-3)],
        normalize: Normalize::named(["uuid"]).unwrap(),
        ..Rules::default()
    };
    let uuid = |last: &str| Value::text(format!("id 123e4567-e89b-12d3-a456-42661417400{last}"));
    let cases = [
        (pair(field("took", Value::Integer(1)), field("took", Value::Null)), Kind::Same),
        (pair(field("found", list(&[1, 2, 2])), field("found", list(&[2, 1, 2]))), Kind::Same),
        (pair(field("found", list(&[1, 2, 2])), field("found", list(&[1, 1, 2]))), Kind::Changed),
        (pair(field("other", list(&[1, 2])), field("other", list(&[2, 1]))), Kind::Changed),
        (pair(field("score", Value::Float(1.0)), field("score", Value::Float(1.0005))), Kind::Same),
        (
            pair(field("score", Value::Float(1000.0)), field("score", Value::Integer(1001))),
            Kind::Same,
        ),
        (
            pair(field("score", Value::Float(1.0)), field("score", Value::Float(1.01))),
            Kind::Changed,
        ),
        (pair(field("n", Value::Float(1.0)), field("n", Value::Integer(1))), Kind::Same),
        (
            pair(field("n", Value::Integer(i64::MAX)), field("n", Value::Integer(i64::MAX - 1))),
            Kind::Changed,
        ),
        (pair(uuid("0"), uuid("1")), Kind::Same),
        (
            pair(
                field("took", Value::Integer(1)),
                Value::Map(std::collections::BTreeMap::default()),
            ),
            Kind::Same,
        ),
    ];
    for (it, expected) in cases {
        assert_eq!(kind_by(&it, &rules), expected, "{it:?}");
    }
    let ignored = judge(
        &[pair(field("took", Value::Integer(1)), field("took", Value::Integer(2)))],
        &rules,
        &BTreeSet::new(),
    );
    assert_eq!(ignored.ignored, 1);
}

#[test]
fn errors_compare_as_the_manifest_says() {
    let error = |message: &str| {
        let mut run = failed(Status::Unhandled, "KeyError");
        run.error.as_mut().unwrap().message = message.to_owned();
        run
    };
    let it = thrice(&error("at 0x7f00aa11bb"), &error("at 0x7f00aa11cc"));
    let other = thrice(&error("a"), &error("b"));
    let by = |error: ErrorRule| Rules { error, ..Rules::default() };
    for (rule, first, second) in [
        (ErrorRule::Type, Kind::Same, Kind::Same),
        (ErrorRule::TypeAndNormalizedMessage, Kind::Same, Kind::ErrorChanged),
        (ErrorRule::Exact, Kind::ErrorChanged, Kind::ErrorChanged),
    ] {
        assert_eq!(
            (kind_by(&it, &by(rule)), kind_by(&other, &by(rule))),
            (first, second),
            "{rule:?}"
        );
    }
    // Whether it failed counts even where errors are not compared.
    let values = Rules { compare: vec![Part::Value], ..Rules::default() };
    assert_eq!(kind_by(&thrice(&number(1), &error("a")), &values), Kind::Broken);
    assert_eq!(kind_by(&other, &values), Kind::Same);
    let printed = Rules { compare: vec![Part::Stdout], ..Rules::default() };
    let printing = RunSeen { stdout: "x".to_owned(), ..number(1) };
    assert_eq!(kind_by(&thrice(&number(1), &printing), &printed), Kind::Changed);
    assert_eq!(kind_by(&thrice(&number(1), &printing), &Rules::default()), Kind::Same);
}
