//! A process that ended in the middle: what the next one finds, and makes of it.

use super::*;
use crate::switching::Names as _;

/// The first renames of an order, and then no more.
fn begin(bench: &Bench, order: &SwitchOrder, act: impl Fn(usize, &mut Spot<'_>)) {
    let root = watched(&bench.root());
    for (index, (change, marker)) in order.parts.iter().enumerate() {
        let exchanges = bench.stage.exchanges;
        let terms = Terms { root: &root, pack: &Plain, deploy: order.deploy, exchanges };
        act(index, &mut Spot::open(terms, change, marker).unwrap());
    }
}

const SET: [(&str, Option<&str>, Option<&str>); 3] = [
    ("a.py", Some("one"), Some("two")),
    ("new/b.py", None, Some("three")),
    ("d.py", Some("four"), None),
];

fn go(index: usize, spot: &mut Spot<'_>) {
    match index {
        0 => spot.exchange().unwrap(),
        1 => spot.put().unwrap(),
        _ => spot.take().unwrap(),
    }
}

fn is_old(bench: &Bench) {
    assert_eq!(bench.read("a.py").as_deref(), Some("one"));
    assert_eq!(bench.read("d.py").as_deref(), Some("four"));
    assert!(!bench.path("new").exists(), "directories made for nothing go again");
}

#[test]
fn what_was_switched_as_a_whole_is_finished_and_the_rest_undone() {
    for count in 0..=3 {
        for mut bench in both() {
            bench.write("a.py", "one");
            bench.write("d.py", "four");
            let order = bench.order(&SET);
            begin(&bench, &order, |index, spot| {
                if index < count {
                    go(index, spot);
                }
            });
            for round in 0..3 {
                bench.restart();
                let outcome = bench.stage.settle(&order);
                if count == 3 {
                    let parts = live(outcome);
                    assert_eq!(parts[0].displaced, Some(digest("one")));
                    assert_eq!(parts[2].displaced, Some(digest("four")));
                    assert_eq!(bench.read("a.py").as_deref(), Some("two"), "{round}");
                    assert_eq!(bench.read("new/b.py").as_deref(), Some("three"));
                    assert_eq!(bench.read("d.py"), None);
                } else {
                    let why = Undone::Interrupted;
                    assert_eq!(outcome, Switched::Undone { why, seen: Vec::new() });
                    is_old(&bench);
                }
            }
            bench.ends_clean(&order);
        }
    }
}

/// The directory was made, and nothing put in it.
#[test]
fn directories_made_before_the_crash_go() {
    let bench = Bench::new(true);
    let order = bench.order(&[("x/y/a.py", None, Some("one"))]);
    fs::create_dir_all(bench.path("x/y")).unwrap();
    assert!(matches!(bench.stage.settle(&order), Switched::Undone { .. }));
    assert!(!bench.path("x").exists());
}

#[test]
fn an_edit_that_was_displaced_before_the_crash_comes_back() {
    for bench in both() {
        bench.write("a.py", "one");
        let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
        bench.write("a.py", "edited");
        begin(&bench, &order, |_, spot| spot.exchange().unwrap());
        assert_eq!(bench.read("a.py").as_deref(), Some("two"));
        assert_eq!(conflict(bench.stage.settle(&order), &["a.py"]), ["edited"]);
        assert_eq!(bench.read("a.py").as_deref(), Some("edited"));
        bench.ends_clean(&order);
    }
}

/// It was live for as long as nobody started the daemon, and people went on from there.
#[test]
fn an_edit_after_the_switch_and_the_crash_is_an_edit_that_follows() {
    for bench in both() {
        bench.write("a.py", "one");
        let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
        begin(&bench, &order, |_, spot| spot.exchange().unwrap());
        fs::write(bench.path("b.py"), "later").unwrap();
        fs::rename(bench.path("b.py"), bench.path("a.py")).unwrap();
        live(bench.stage.settle(&order));
        assert_eq!(bench.read("a.py").as_deref(), Some("later"));
        bench.ends_clean(&order);
    }
}

/// Between any two of the three renames that stand for an exchange.
#[test]
fn a_replacement_that_was_interrupted_is_put_in_order() {
    for renames in 0..3 {
        let bench = Bench::new(false);
        let path = bench.write("a.py", "one");
        let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
        let staged = bench.stage.staged(&id("a.py"), &order.parts[0].1).unwrap();
        let link = PathBuf::from(format!("{}.out", staged.display()));
        fs::hard_link(&path, &link).unwrap();
        if renames > 0 {
            fs::rename(&staged, &path).unwrap();
        }
        if renames > 1 {
            fs::rename(&link, &staged).unwrap();
        }
        let outcome = bench.stage.settle(&order);
        assert_eq!(matches!(outcome, Switched::Live(_)), renames > 0, "{outcome:?}");
        let text = if renames > 0 { "two" } else { "one" };
        assert_eq!(bench.read("a.py").as_deref(), Some(text));
        bench.ends_clean(&order);
    }
}

#[test]
fn a_second_link_that_was_made_and_not_used() {
    for (base, to) in [(None, Some("two")), (Some("one"), None)] {
        let bench = Bench::new(false);
        let path = bench.path("a.py");
        if base.is_some() {
            bench.write("a.py", "one");
        }
        let order = bench.order(&[("a.py", base, to)]);
        let staged = bench.path(".knowngood/stage").join(&order.parts[0].1.name);
        let (from, link) = if to.is_some() { (staged, path) } else { (path, staged) };
        fs::hard_link(from, link).unwrap();
        let outcome = bench.stage.settle(&order);
        assert_eq!(matches!(outcome, Switched::Live(_)), to.is_some(), "{outcome:?}");
        assert_eq!(bench.read("a.py").as_deref(), to.or(base));
        bench.ends_clean(&order);
    }
}

#[test]
fn litter_goes_and_what_is_open_stays() {
    let mut bench = Bench::new(true);
    bench.write("a.py", "one");
    bench.write("b.py", "one");
    let open = bench.order(&[("a.py", Some("one"), Some("two"))]);
    let given_up = bench.order(&[("b.py", Some("one"), Some("two")), ("c.py", None, Some("x"))]);
    let before = bench.held();
    bench.stage.sweep(&name(), &[]);
    assert_eq!(bench.held(), before, "a process does not sweep up what it just staged");

    bench.restart();
    fs::create_dir(bench.path(".knowngood/stage/somebody's")).unwrap();
    let keep: Vec<_> = open.parts.iter().map(|it| it.1.name.clone()).collect();
    bench.stage.sweep(&name(), &keep);
    assert_eq!(bench.held().len(), 2, "{:?}", bench.held());
    assert!(bench.held().iter().all(|it| it.contains(&keep[0])));
    assert!(matches!(bench.switch(&given_up), Switched::Undone { .. }));
    live(bench.switch(&open));
    bench.ends_clean(&open);
}

#[test]
fn a_root_that_is_gone_says_nothing_about_a_switch() {
    let bench = Bench::new(true);
    bench.write("a.py", "one");
    let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
    fs::rename(bench.root(), bench.directory.path().join("aside")).unwrap();
    assert!(matches!(bench.stage.settle(&order), Switched::Unknown { .. }));
    let outcome = bench.switch(&order);
    assert!(matches!(outcome, Switched::Undone { why: Undone::Failed(_), .. }), "{outcome:?}");
}
