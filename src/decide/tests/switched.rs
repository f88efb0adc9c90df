//! What a switch came to: what it met on its way, what was written late, and where a return leads.

use super::{
    Story, ana,
    deploy::{change, order, passed, proposal, propose, provisional},
    digest, file, id,
};
use crate::{
    decide::{Command, Input},
    model::{DeployNo, DeployState, Fact, Late, MetFile, Proposal, Refusal, Switched, Undone},
};

fn met(content: u8, is_out: bool) -> MetFile {
    MetFile { tool: id("a"), file: super::seen(content, 1), is_out }
}

#[test]
fn what_a_switch_met_stands_there_or_stays_out() {
    let [edit, late] = [met(3, false), met(4, true)];
    for (name, seen, stands, head) in [
        ("an edit stands there", vec![edit.clone()], 3, 2),
        ("written into a file that was out", vec![late.clone()], 1, 2),
        ("both", vec![edit.clone(), late.clone()], 3, 3),
        ("whichever was met first", vec![late, edit], 3, 3),
    ] {
        let mut story = Story::adopted(&[("a", 1)]);
        story.begins(proposal(ana(), &[change("a", 1, 2)]));
        let (deploy, why) = (DeployNo(1), Undone::Conflict(vec![id("a")]));
        story.tell(Input::Switched { deploy, outcome: Switched::Undone { why, seen } });
        assert_eq!(story.stands("a"), Some(stands), "{name}");
        // Whoever looks next finds that, and no version of it is new.
        story.sees("a", file(stands));
        let tool = story.state.tool(&id("a")).unwrap();
        assert_eq!(tool.head.as_ref().unwrap().number.0, head, "{name}");
    }
}

#[test]
fn what_was_written_late_is_a_version_also_of_a_tool_that_nobody_has_seen() {
    let mut story = Story::new();
    let (tool, deploy, name) = (id("a"), DeployNo(1), "n1".to_owned());
    let late =
        Late { tool, deploy, displaced: Some(digest(2)), now: Some(super::seen(9, 1)), name };
    let facts = story.tell(Input::Late(late));
    assert!(matches!(&facts[..], [Fact::VersionRecorded(it)] if it.digest == digest(9)));
    assert_eq!(story.stands("a"), None);
}

#[test]
fn a_return_leads_to_nothing_that_nobody_ever_had() {
    let manifest = |of| Input::Manifest { root: super::root(), digest: digest(90), entries: of };
    for (name, named, brings, back) in [
        ("it was seen", 1, 4, 1),
        ("it was never seen", 9, 4, 2),
        ("the deploy itself brings it", 9, 9, 9),
    ] {
        let mut story = Story::adopted(&[("a", 1)]);
        story.tell(manifest(super::contents(&[("a", named)])));
        story.sees("a", file(2));
        for (from, to) in [(2, 3), (3, brings)] {
            let asked = proposal(ana(), &[change("a", from, to)]);
            let asked = Proposal { confirm_within_ms: Some(1000), ..asked };
            assert_eq!(story.deploys(asked, passed("a")), DeployState::Activated, "{name}");
        }
        let order = order(&story.asks(Input::Deadline(DeployNo(2))));
        assert_eq!(order.proposal.changes[0].to.unwrap().digest, digest(back), "{name}");
    }
}

#[test]
fn a_switch_that_met_an_edit_is_a_conflict_and_the_edit_is_a_version() {
    let mut story = Story::adopted(&[("a", 1)]);
    let order = order(&story.asks(propose(proposal(ana(), &[change("a", 1, 2)]))));
    story.stage(order, Some(passed("a")));
    assert_eq!(story.state(DeployNo(1)), DeployState::Switching);
    let before = story.asks(super::looked("a", crate::model::Origin::Watch, true, file(3)));
    assert!(before.facts.is_empty(), "what is seen during a switch says nothing");
    let seen = vec![met(3, false)];
    let why = Undone::Conflict(vec![id("a")]);
    story.tell(Input::Switched { deploy: DeployNo(1), outcome: Switched::Undone { why, seen } });
    assert_eq!(story.state(DeployNo(1)), DeployState::Conflicted);
    assert_eq!((story.stands("a"), story.baseline("a")), (Some(3), Some(1)));
}

#[test]
fn what_is_being_taken_back_is_not_confirmed_meanwhile() {
    let first = DeployNo(1);
    let mut story = provisional();
    let back = order(&story.asks(Input::Deadline(first)));
    story.stage(back, Some(Vec::new()));
    let plan = story.asks(Input::Request(Command::Confirm { deploy: first, author: ana() }));
    assert!(matches!(plan.refusal, Some(Refusal::DeployOpen { deploy: DeployNo(2), .. })));
    assert!(plan.facts.is_empty());
    assert_eq!(story.switches(), DeployState::Confirmed);
    assert_eq!((story.state(first), story.stands("a")), (DeployState::RolledBack, Some(1)));
    assert_eq!(story.baseline("a"), Some(1));
}
