//! Globs that change: what is no tool any more says nothing, and is as it was once it is taken back.

use super::*;
use crate::{
    decide::Accept,
    model::{Cause, Disk, Refusal},
};

const EVERY: (&[&str], &[&str], bool) = (&["**"], &[], true);

fn program(content: u8) -> Sight {
    Sight::File(FileSeen { executable: true, ..seen(content, 1) })
}

/// `a` and `b` as accepted, `c` edited, `d` gone, and `run`, known by its bit.
fn story() -> Story {
    let mut story = Story::new();
    for (name, sight) in [("a", file(1)), ("b", file(1)), ("c", file(1)), ("d", file(1))] {
        story.sees(name, sight);
    }
    story.sees("run", program(1));
    story.tell(Input::Scanned(root()));
    story.sees("c", file(2));
    story.sees("d", Sight::Gone);
    story
}

fn listed(story: &Story) -> Vec<String> {
    let listed = story.state.tools_after(None).map(|it| it.0);
    listed.filter(|it| story.state.is_listed(it)).map(|it| it.shown_path().to_string()).collect()
}

#[test]
fn which_tools_the_globs_leave() {
    for (name, (include, exclude, executables), left) in [
        ("all", EVERY, &["a", "b", "c", "d", "run"][..]),
        ("none by its name", (&[], &[], true), &["run"]),
        ("and none by its bit", (&[], &[], false), &[]),
        ("excluded", (&["**"], &["{a,c,run}"], true), &["b", "d"]),
        ("one by its name", (&["a"], &[], false), &["a"]),
    ] {
        let mut story = story();
        let before = story.log.len();
        story.names(include, exclude, executables);
        assert_eq!(listed(&story), left, "{name}");
        assert_eq!(story.state.counts(&root()).tools(), left.len() as u64, "{name}");
        let drifted: Vec<_> =
            story.state.drifted().iter().map(|it| it.0.shown_path().to_string()).collect();
        let wanted: Vec<_> = ["c", "d"].into_iter().filter(|it| left.contains(it)).collect();
        assert_eq!(drifted, wanted, "{name}");
        story.names(EVERY.0, EVERY.1, EVERY.2);
        let mut untouched = self::story();
        untouched.state.set_rules(&story.rules);
        assert!(story.state == untouched.state && story.log.len() == before, "{name}");
    }
}

#[test]
fn what_is_no_tool_says_nothing() {
    for exclude in [&["a", "d"][..], &["**"]] {
        let mut story = story();
        story.names(&["**"], exclude, true);
        let before = story.log.len();
        for sight in
            [Sight::Gone, file(2), program(2), Sight::Unsettled, Sight::Unreadable(Cause::Io)]
        {
            let plan = story.asks(looked("a", Origin::Watch, true, sight));
            assert!(plan.facts.is_empty() && plan.looks.is_empty());
        }
        let present = BTreeSet::from([id("b"), id("c"), id("run")]);
        assert!(story.asks(Input::Walked { root: root(), present }).looks.is_empty());
        let command = Command::Accept { what: Accept::Tools(vec![(id("a"), None)]), author: ana() };
        let refusal = story.asks(Input::Request(command)).refusal;
        assert_eq!(refusal, Some(Refusal::NoSuchTool(id("a"))));
        story.requests(Command::Accept { what: Accept::All, author: ana() });
        assert!(story.log[before..].iter().all(|it| it.fact.tool() != Some(&id("d"))));
    }
}

#[test]
fn taken_back_it_is_looked_at_afresh() {
    let mut story = story();
    story.names(&["**"], &["{a,b,c}"], true);
    story.sees("a", Sight::Gone);
    story.names(EVERY.0, EVERY.1, EVERY.2);
    assert_eq!(
        [story.sync("a"), story.sync("b"), story.sync("c")],
        ["in_sync", "in_sync", "modified"]
    );
    assert!(story.sees("b", file(1)).is_empty());
    assert!(story.sees("c", file(2)).is_empty());
    assert_eq!(events(&story.sees("a", Sight::Gone)), ["tool.removed", "drift.detected"]);
}

#[test]
fn a_bit_makes_it_a_tool_whatever_its_name() {
    let mut story = story();
    story.names(&["b"], &[], true);
    assert!(story.sees("a", file(1)).is_empty() && story.state.is_outside(&id("a")));
    let again = story.asks(looked("a", Origin::Watch, false, Sight::Unsettled)).looks;
    assert_eq!(again.len(), 1, "its bit may be among what is being written");
    assert_eq!(events(&story.sees("a", program(1))), ["version.recorded", "drift.detected"]);
    assert_eq!(story.sync("a"), "modified");
    // Known by its bit it stays one without it, accepted or not.
    story.sees("run", file(1));
    story.requests(Command::Accept { what: Accept::All, author: ana() });
    story.names(&["b"], &["never"], true);
    assert_eq!(listed(&story), ["a", "b", "run"]);
}

#[test]
fn a_safety_stop_counts_tools_alone() {
    const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "x/g", "x/h", "x/i", "x/j"];
    let files: Vec<_> = NAMES.iter().map(|it| (*it, 1)).collect();
    let mut story = Story::adopted(&files);
    for name in &NAMES[..5] {
        story.sees(name, Sight::Gone);
    }
    assert!(story.tell(Input::Scanned(root())).is_empty());
    story.names(&["**"], &["x"], true);
    assert_eq!(events(&story.tell(Input::Scanned(root()))), ["safety.stopped"]);
    story.names(EVERY.0, EVERY.1, EVERY.2);
    assert_eq!(events(&story.tell(Input::Scanned(root()))), ["safety.cleared"]);
}

#[test]
fn a_manifest_may_name_what_is_none() {
    let rules = RootRules {
        edits_by: ana(),
        has_manifest: true,
        ..RootRules::new(globs(&["*.py"], &[], false))
    };
    let mut story = Story::with(rules);
    let manifest =
        |mark: u8, entries| Input::Manifest { root: root(), digest: digest(mark), entries };
    let facts = story.tell(manifest(9, contents(&[("a.py", 1), ("notes", 1), ("gone", 1)])));
    assert_eq!(facts.iter().filter(|it| it.event() == "drift.detected").count(), 1);
    assert_eq!(listed(&story), ["a.py"]);
    story.names(EVERY.0, EVERY.1, EVERY.2);
    assert_eq!(listed(&story), ["a.py", "gone", "notes"]);
    assert_eq!(events(&story.sees("gone", Sight::Gone)), ["drift.detected"], "told when it counts");
    story.sees("notes", file(1));
    assert_eq!((story.sync("gone"), story.sync("notes")), ("missing", "in_sync"));
    assert!(matches!(story.state.tool(&id("notes")).unwrap().disk, Disk::Standing(_)));
}

#[test]
fn a_runtime_may_load_what_is_none() {
    let mut story = story();
    let loaded = contents(&[("a", 7), ("b", 7)]);
    story.names(&["**"], &["a"], true);
    let report =
        Command::Report { runtime: planner(), loaded, failed: BTreeMap::new(), ttl_ms: 1000 };
    assert_eq!(events(&story.requests(report)), ["runtime.loaded", "runtime.stale"]);
    assert!(
        !story.state.is_stale(&id("a"), &digest(7)) && story.state.is_stale(&id("b"), &digest(7))
    );
}
