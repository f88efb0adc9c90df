//! Baselines from a manifest.

use super::*;
use crate::decide::Accept;

fn named(mark: u8, entries: &[(&str, u8)]) -> Input {
    Input::Manifest { root: root(), digest: digest(mark), entries: contents(entries) }
}

fn story(files: &[(&str, u8)]) -> Story {
    let mut story =
        Story::with(RootRules { edits_by: ana(), has_manifest: true, ..RootRules::new(all()) });
    for (name, content) in files {
        story.sees(name, file(*content));
    }
    story
}

#[test]
fn each_tool_is_what_the_manifest_says() {
    let mut story = story(&[("as_named", 1), ("other", 1), ("unnamed", 1)]);
    story.tell(named(100, &[("as_named", 1), ("other", 2), ("never_seen", 3)]));
    for (name, sync) in [
        ("as_named", "in_sync"),
        ("other", "modified"),
        ("unnamed", "orphaned"),
        ("never_seen", "missing"),
    ] {
        assert_eq!(story.sync(name), sync, "{name}");
    }
    let baseline = |name: &str| story.state.tool(&id(name)).unwrap().baseline.clone().unwrap();
    assert_eq!(baseline("as_named").version.map(|it| it.0), Some(1));
    assert_eq!(baseline("other").version, None, "a content that was never seen");
    story.sees("other", file(2));
    assert_eq!(story.sync("other"), "in_sync");
    let known = story.state.tool(&id("other")).unwrap().baseline.clone().unwrap();
    assert_eq!(known.version.map(|it| it.0), Some(2), "known once it was seen");
}

#[test]
fn it_is_applied_when_its_bytes_changed_and_then_only() {
    let mut story = story(&[("a", 1)]);
    let tools = vec![(id("a"), None)];
    story.tell(named(100, &[("a", 1)]));
    story.sees("a", file(2));
    story.requests(Command::Accept { what: Accept::Tools(tools), author: ana() });
    assert!(story.tell(named(100, &[("a", 1)])).is_empty());
    assert_eq!(story.sync("a"), "in_sync", "what was accepted since stays accepted");
    assert!(!story.tell(named(101, &[("a", 1)])).is_empty());
    assert_eq!(story.sync("a"), "modified");
}

#[test]
fn what_it_names_no_more_is_expected_no_more() {
    let mut story = story(&[("a", 1), ("b", 1)]);
    story.tell(named(100, &[("a", 1), ("b", 1), ("never_seen", 3)]));
    story.tell(named(101, &[("a", 1)]));
    assert_eq!([story.sync("a"), story.sync("b")], ["in_sync", "orphaned"]);
    assert!(!story.state.is_listed(&id("never_seen")));
}
