//! Sightings: when they are believed, and what they make true.

use std::collections::BTreeSet;

use super::*;
use crate::model::{Cause, DeployNo, Late, Reason};

/// (what it is about, sight, second look, by whom, facts, looks), where `a` stands with content 1 as its baseline.
type Row =
    (&'static str, Sight, bool, Origin, &'static [&'static str], &'static [(bool, bool, Wait)]);

#[test]
fn a_sight_of_a_known_tool() {
    use Origin::{Audit, Scan, Watch};
    const MODIFIED: &[&str] = &["version.recorded", "drift.detected"];
    let program = Sight::File(FileSeen { executable: true, ..seen(1, 1) });
    let unread = Sight::File(FileSeen { content: None, ..seen(2, 1) });
    let empty = || Sight::File(seen(3, 0));
    let denied = Sight::Unreadable(Cause::Denied);
    let rows: Vec<Row> = vec![
        ("the same", file(1), false, Watch, &[], &[]),
        ("an edit", file(2), false, Watch, MODIFIED, &[]),
        ("an edit, found by a walk", file(2), false, Scan, MODIFIED, &[]),
        ("the bit alone", program, false, Watch, MODIFIED, &[]),
        ("an audit waits for the hint", file(2), false, Audit, &[], &[(true, true, Wait::Audited)]),
        ("and is believed then", file(2), true, Audit, MODIFIED, &[]),
        ("another content, not read", unread, false, Watch, &[], &[(false, true, Wait::None)]),
        ("empty", empty(), false, Watch, &[], &[(true, true, Wait::Empty)]),
        ("still empty", empty(), true, Watch, MODIFIED, &[]),
        ("gone", Sight::Gone, false, Watch, &[], &[(true, false, Wait::Vanished)]),
        ("still gone", Sight::Gone, true, Watch, &["tool.removed", "drift.detected"], &[]),
        ("a writer", Sight::Unsettled, false, Watch, &[], &[(false, true, Wait::Unsettled)]),
        ("a writer still", Sight::Unsettled, true, Watch, &[], &[(true, true, Wait::Unsettled)]),
        ("unreadable", denied, false, Watch, &["drift.detected"], &[]),
        ("no tool any more", Sight::NotATool, false, Watch, &[], &[]),
    ];
    for (name, sight, firm, origin, facts, wanted) in rows {
        let story = Story::adopted(&[("a", 1)]);
        let plan = story.asks(looked("a", origin, firm, sight));
        assert_eq!(events(&plan.facts), facts, "{name}");
        let wanted: Vec<_> = wanted.iter().map(|it| look("a", it.0, it.1, it.2)).collect();
        assert_eq!(looks(&plan), wanted, "{name}");
        let origins: Vec<Origin> = plan.facts.iter().filter_map(Fact::origin).collect();
        assert!(origins.iter().all(|it| *it == origin), "{name}: {origins:?}");
    }
}

#[test]
fn a_life() {
    let mut story = Story::adopted(&[("a", 1)]);
    assert_eq!(story.sync("a"), "in_sync");
    for (name, sight, facts, sync) in [
        ("an edit", file(2), &["version.recorded", "drift.detected"][..], "modified"),
        ("the same once more", file(2), &[], "modified"),
        ("another edit", file(3), &["version.recorded", "drift.detected"], "modified"),
        (
            "the baseline's content again",
            file(1),
            &["version.recorded", "drift.cleared"],
            "in_sync",
        ),
        ("gone", Sight::Gone, &["tool.removed", "drift.detected"], "missing"),
        ("gone still", Sight::Gone, &[], "missing"),
        ("back as it was: no version", file(1), &["drift.cleared"], "in_sync"),
        ("a link", Sight::Unreadable(Cause::Symlink), &["drift.detected"], "unreadable"),
        ("the file again", file(1), &["drift.cleared"], "in_sync"),
    ] {
        assert_eq!(events(&story.sees("a", sight)), facts, "{name}");
        assert_eq!(story.sync("a"), sync, "{name}");
    }
    assert_eq!(story.state.tool(&id("a")).unwrap().head.as_ref().unwrap().number.0, 4);
}

#[test]
fn what_stood_there_last_comes_back_as_what_it_was_whatever_was_written_late() {
    let late = |content| {
        let (tool, deploy, name) = (id("a"), DeployNo(1), "n1".to_owned());
        let now = Some(seen(content, 1));
        Input::Late(Late { tool, deploy, displaced: None, now, name })
    };
    let sees = |sight| looked("a", Origin::Watch, true, sight);
    let link = || Sight::Unreadable(Cause::Symlink);
    for (name, before, stands) in [
        ("it stands there", vec![late(9)], 1),
        ("it was gone", vec![sees(Sight::Gone), late(9)], 1),
        ("a link stood there", vec![sees(link()), late(9)], 1),
        ("twice", vec![sees(Sight::Gone), late(9), late(8)], 1),
        ("gone afterwards", vec![late(9), sees(Sight::Gone), late(8)], 1),
        ("the late one stood there", vec![late(9), sees(file(9)), sees(Sight::Gone), late(8)], 9),
        ("it stands there still", vec![late(9), sees(file(9)), late(8)], 9),
    ] {
        let mut story = Story::adopted(&[("a", 1)]);
        for it in before {
            story.tell(it);
        }
        let number = story.state.tool(&id("a")).unwrap().head.as_ref().unwrap().number;
        story.sees("a", file(stands));
        let tool = story.state.tool(&id("a")).unwrap();
        assert_eq!(tool.head.as_ref().unwrap().number, number, "{name}: no new version");
        assert_eq!(tool.on_disk().map(|it| it.digest), Some(digest(stands)), "{name}");
    }
}

#[test]
fn what_stands_there_first() {
    let mut story = Story::new();
    assert_eq!(events(&story.sees("a", file(1))), ["version.recorded", "baseline.moved"]);
    let Fact::VersionRecorded(version) = &story.log[0].fact else { panic!("no version") };
    assert_eq!((&version.author, &version.reason), (&Author::unknown(), &Reason::initial()));
    assert_eq!(events(&story.tell(Input::Scanned(root()))), ["baseline.moved"]);
    assert!(story.tell(Input::Scanned(root())).is_empty(), "once");
    let facts = story.sees("b", file(1));
    assert_eq!(events(&facts), ["version.recorded", "drift.detected"]);
    let Fact::VersionRecorded(version) = &facts[0] else { panic!("no version") };
    assert_eq!((&version.author, &version.reason), (&ana(), &Reason::edit()));
    assert_eq!(story.sync("b"), "orphaned");
}

#[test]
fn where_a_manifest_says_it_the_first_scan_sets_no_baseline() {
    let mut story =
        Story::with(RootRules { edits_by: ana(), has_manifest: true, ..RootRules::new(all()) });
    assert_eq!(events(&story.sees("a", file(1))), ["version.recorded", "drift.detected"]);
}

#[test]
fn a_hint_is_for_the_path_and_for_all_that_stands_below() {
    let story = Story::adopted(&[("a", 1), ("d/e", 1), ("d/f/g", 1), ("da", 1)]);
    let plan = story.asks(dirty(&["d"]));
    let below = |name| look(name, false, false, Wait::None);
    assert_eq!(looks(&plan), [below("d/e"), below("d/f/g"), look("d", false, true, Wait::None)]);
    let other = Dirty::path("other/a".parse().unwrap());
    assert!(story.asks(Input::Dirty(other)).looks.is_empty(), "a root that is not configured");
    assert_eq!(story.asks(Input::Dirty(Dirty::root(root()))).scans, [root()].into());
}

#[test]
fn what_became_known_below_a_directory_since_its_hint_is_asked_about() {
    let mut story = Story::adopted(&[("d/e", 1), ("d/f", 1), ("d/gone", 1)]);
    story.sees("d/gone", Sight::Gone);
    let sight = |name, sight| (Origin::Watch, Seen { tool: id(name), firm: false, sight });
    for directory in [Sight::Gone, Sight::NotATool, Sight::Unreadable(Cause::Symlink)] {
        let plan = story.asks(Input::Looked {
            as_of: Seq(u64::MAX),
            seen: vec![sight("d", directory), sight("d/e", file(1))],
        });
        assert_eq!(looks(&plan), [look("d/f", false, false, Wait::None)]);
    }
}

#[test]
fn a_scan_asks_about_all_that_it_did_not_find() {
    let mut story = Story::adopted(&[("a", 1), ("gone", 1), ("never", 1), ("there", 1)]);
    story.sees("gone", Sight::Gone);
    story.sees("orphan", file(1));
    story.sees("orphan", Sight::Gone);
    let present = BTreeSet::from([id("there")]);
    let plan = story.asks(Input::Walked { root: root(), present });
    let ask = |name| look(name, false, false, Wait::None);
    assert_eq!(looks(&plan), [ask("a"), ask("gone"), ask("never")]);
}

#[test]
fn a_root_that_is_away_says_nothing() {
    let mut story = Story::adopted(&[("a", 1)]);
    assert_eq!(events(&story.tell(Input::RootGone(root()))), ["safety.stopped"]);
    for sight in [Sight::Gone, file(2), Sight::Unsettled, Sight::Unreadable(Cause::Io)] {
        let plan = story.asks(looked("a", Origin::Watch, true, sight));
        assert!(plan.facts.is_empty() && plan.looks.is_empty());
    }
    let nothing = Input::Walked { root: root(), present: BTreeSet::new() };
    assert!(story.asks(nothing).looks.is_empty());
    assert!(story.asks(Input::Scanned(root())).facts.is_empty());
}
