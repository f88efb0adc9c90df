//! Accepting: disk becomes baseline.

use super::{
    deploy::{change, proposal},
    *,
};
use crate::{
    decide::Accept,
    model::{Cause, DeployNo, DeployState, Refusal},
};

fn accept(what: Accept) -> Command {
    Command::Accept { what, author: ana() }
}

fn named(names: &[(&str, Option<u8>)]) -> Command {
    accept(Accept::Tools(names.iter().map(|it| (id(it.0), it.1.map(digest))).collect()))
}

/// `a` as accepted, `b` edited, `c` gone, `d` new, `e` a link.
fn story() -> Story {
    let mut story = Story::adopted(&[("a", 1), ("b", 1), ("c", 1), ("e", 1)]);
    story.sees("b", file(2));
    story.sees("c", Sight::Gone);
    story.sees("d", file(4));
    story.sees("e", Sight::Unreadable(Cause::Symlink));
    story
}

#[test]
fn what_is_named_is_accepted_or_refused() {
    let is_not = |name: &str, wanted: u8, found: Option<u8>| Refusal::DiskIsNot {
        tool: id(name),
        wanted: digest(wanted),
        found: found.map(digest),
    };
    let link = Refusal::CannotRead { tool: id("e"), cause: Cause::Symlink };
    for (name, command, refusal) in [
        ("as it is", named(&[("b", None)]), None),
        ("the content that was named", named(&[("b", Some(2))]), None),
        ("another one", named(&[("b", Some(1))]), Some(is_not("b", 1, Some(2)))),
        ("one that is gone", named(&[("c", Some(1))]), Some(is_not("c", 1, None))),
        ("a link", named(&[("e", None)]), Some(link)),
        ("nobody knows it", named(&[("x", None)]), Some(Refusal::NoSuchTool(id("x")))),
        ("one of two", named(&[("b", None), ("d", Some(1))]), Some(is_not("d", 1, Some(4)))),
    ] {
        let mut story = story();
        let plan = story.asks(Input::Request(command.clone()));
        assert_eq!(plan.refusal, refusal, "{name}");
        assert_eq!(
            plan.facts.is_empty(),
            refusal.is_some(),
            "{name}: all that was named, or nothing"
        );
        story.requests(command);
        assert_eq!(story.sync("b") == "in_sync", refusal.is_none(), "{name}");
    }
}

#[test]
fn each_kind_of_drift_ends() {
    for (name, facts) in [
        ("a", &[][..]),
        ("b", &["baseline.moved", "drift.cleared"]),
        ("c", &["baseline.moved", "drift.cleared"]),
        ("d", &["baseline.moved", "drift.cleared"]),
    ] {
        let mut story = story();
        assert_eq!(events(&story.requests(named(&[(name, None)]))), facts, "{name}");
        assert_eq!(story.sync(name), "in_sync");
    }
}

#[test]
fn all_is_all_that_can_be_read() {
    let mut story = story();
    story.requests(accept(Accept::All));
    let syncs: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|it| story.sync(it)).collect();
    assert_eq!(syncs, ["in_sync", "in_sync", "in_sync", "in_sync", "unreadable"]);
    assert!(story.state.tool(&id("c")).unwrap().baseline.is_none());
}

#[test]
fn a_root_that_is_away_is_accepted_as_gone() {
    let mut story = Story::adopted(&[("a", 1), ("b", 1)]);
    story.tell(Input::RootGone(root()));
    let facts = story.requests(accept(Accept::All));
    let gone = ["tool.removed", "baseline.moved"];
    assert_eq!(events(&facts), [&gone[..], &gone, &["safety.cleared"]].concat());
    assert!(story.state.drifted().is_empty() && !story.state.is_listed(&id("a")));
}

#[test]
fn what_is_being_switched_is_its_deploys_until_that_is_settled() {
    let mut story = Story::adopted(&[("a", 1), ("b", 1)]);
    story.begins(proposal(ana(), &[change("a", 1, 2)]));
    assert_eq!(story.state(DeployNo(1)), DeployState::Switching);
    let plan = story.asks(Input::Request(named(&[("a", None)])));
    assert!(matches!(plan.refusal, Some(Refusal::DeployOpen { deploy: DeployNo(1), .. })));
    // All that is gone with its root is accepted but for this one, for which the stop goes on.
    story.tell(Input::RootGone(root()));
    let facts = story.requests(accept(Accept::All));
    assert_eq!(events(&facts), ["tool.removed", "baseline.moved"]);
    assert!(story.state.is_root_missing(&root()));
    assert_eq!(story.switches(), DeployState::Confirmed);
    let returns = story.state.deploy(DeployNo(1)).unwrap().live[0].returns;
    assert_eq!(returns.map(|it| it.digest), Some(digest(1)), "it knows what it displaced");
}
