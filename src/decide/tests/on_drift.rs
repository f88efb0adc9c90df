//! What a root wants done about edits that nobody deployed.

use std::sync::Arc;

use super::{
    Story, all, ana,
    deploy::{self, change, proposal},
    digest, file, id,
};
use crate::{
    decide::{Input, OnDrift, Purpose, RootRules, Task, aftermath},
    model::{
        AlertKind, CheckFailure, CheckOutcome, CheckRun, DeployKind, DeployNo, DeployState, Fact,
        Sight,
    },
};

fn adopted(on_drift: OnDrift, files: &[(&str, u8)]) -> Story {
    let rules = RootRules { edits_by: ana(), on_drift, ..RootRules::new(all()) };
    let mut story = Story::with(rules);
    for (name, content) in files {
        story.sees(name, file(*content));
    }
    story.tell(Input::Scanned(super::root()));
    story
}

/// After which time the rules are to be asked about the tool, by what has just become true.
fn asked(story: &Story, from: usize) -> Vec<(String, u64)> {
    let tasks = aftermath(&story.state, &story.rules, &story.log[from..]);
    let asked = tasks.iter().filter_map(|it| {
        let Task::OnDrift { tool, after_ms } = it else { return None };
        Some((tool.shown_path().to_owned(), *after_ms))
    });
    let mut asked: Vec<_> = asked.collect();
    asked.dedup();
    asked
}

fn ask(story: &Story) -> crate::decide::Plan {
    story.asks(Input::OnDrift(id("a")))
}

fn edited(story: &mut Story, sight: Sight) -> Vec<(String, u64)> {
    let from = story.log.len();
    story.sees("a", sight);
    asked(story, from)
}

fn ran(outcome: CheckOutcome) -> Vec<CheckRun> {
    vec![CheckRun {
        tool: Some(id("a")),
        check: "compile".to_owned(),
        outcome,
        sandbox: "none".to_owned(),
        took_ms: 0,
        output_tail: String::new(),
    }]
}

#[test]
fn flagged_is_only_told() {
    let mut story = adopted(OnDrift::Flag, &[("a", 1)]);
    assert_eq!(edited(&mut story, file(2)), []);
    assert!(ask(&story).tasks.is_empty());
}

#[test]
fn an_edit_that_passes_becomes_the_baseline() {
    let mut story = adopted(OnDrift::Accept, &[("a", 1)]);
    assert_eq!(edited(&mut story, file(2)), [("a".to_owned(), 0)]);
    let order = deploy::order(&ask(&story));
    assert_eq!((order.proposal.kind, &order.proposal.author), (DeployKind::Accept, &ana()));
    assert_eq!(story.carries_out(order, ran(CheckOutcome::Passed)), DeployState::Confirmed);
    assert_eq!(story.sync("a"), "in_sync");
    assert!(ask(&story).tasks.is_empty(), "in sync");
    // One that fails stays drift, and is not asked about again; the next content is.
    edited(&mut story, file(3));
    let order = deploy::order(&ask(&story));
    let failed = ran(CheckOutcome::Failed(CheckFailure::default()));
    assert_eq!(story.carries_out(order, failed), DeployState::Rejected);
    assert_eq!(story.sync("a"), "modified");
    assert!(ask(&story).tasks.is_empty(), "it was refused");
    edited(&mut story, file(4));
    assert_eq!(ask(&story).tasks.len(), 1);
    // A deletion never.
    edited(&mut story, Sight::Gone);
    assert!(ask(&story).tasks.is_empty(), "gone");
}

#[test]
fn the_baseline_comes_back_but_not_twice_in_a_row_for_the_same_content() {
    let mut story = adopted(OnDrift::Restore, &[("a", 1)]);
    for (sight, after_ms) in [(file(2), 0), (Sight::Gone, 1000), (file(3), 2000)] {
        assert_eq!(edited(&mut story, sight.clone()), [("a".to_owned(), after_ms)], "{sight:?}");
        let order = deploy::order(&ask(&story));
        assert_eq!(order.proposal.kind, DeployKind::Restore);
        assert_eq!(story.carries_out(order, Vec::new()), DeployState::Confirmed, "{sight:?}");
        assert_eq!(story.sync("a"), "in_sync", "{sight:?}");
    }
    edited(&mut story, file(3));
    assert!(ask(&story).tasks.is_empty(), "somebody insists");
    edited(&mut story, file(2));
    assert_eq!(ask(&story).tasks.len(), 1, "another one is put back again");
    // An orphan is never deleted.
    story.sees("b", file(1));
    assert!(story.asks(Input::OnDrift(id("b"))).tasks.is_empty());
}

#[test]
fn what_a_deploy_is_at_and_what_is_stopped_is_left_alone() {
    let files: Vec<String> = (0..6).map(|it| format!("x{it}")).collect();
    let mut all: Vec<(&str, u8)> = files.iter().map(|it| (it.as_str(), 1)).collect();
    all.push(("a", 1));
    let mut story = adopted(OnDrift::Restore, &all);
    let asked_for = proposal(ana(), &[change("a", 1, 2)]);
    let provisional = crate::model::Proposal { confirm_within_ms: Some(1000), ..asked_for };
    story.deploys(provisional, ran(CheckOutcome::Passed));
    edited(&mut story, file(3));
    assert!(ask(&story).tasks.is_empty(), "provisional");
    let from = story.log.len();
    story.tell(Input::Deadline(DeployNo(1)));
    assert_eq!(
        asked(&story, from),
        [("a".to_owned(), 0)],
        "it ended, and the drift is still there"
    );
    assert_eq!(ask(&story).tasks.len(), 1);
    for name in &files {
        story.sees(name, Sight::Gone);
    }
    assert!(ask(&story).tasks.is_empty(), "the safety stop holds");
    let from = story.log.len();
    for name in &files {
        story.sees(name, file(1));
    }
    assert!(asked(&story, from).contains(&("a".to_owned(), 0)), "it ended");
    assert_eq!(story.state.on_disk(&id("a")).unwrap().digest, digest(3));
}

#[test]
fn an_edit_is_examined_where_the_root_wants_to_know() {
    let mut story = adopted(OnDrift::Examine, &[("a", 1)]);
    assert_eq!(edited(&mut story, file(2)), [("a".to_owned(), 0)]);
    let order = deploy::order(&ask(&story));
    assert_eq!((order.proposal.kind, order.purpose), (DeployKind::Accept, Purpose::Rehearsal));
    for (outcome, alerts) in
        [(CheckOutcome::Passed, 0), (CheckOutcome::Failed(CheckFailure::default()), 1)]
    {
        let (proposal, markers) = (Arc::clone(&order.proposal), Vec::new());
        let examined = order.proposal.changes.iter().map(deploy::harmless).collect();
        let checks = ran(outcome);
        let plan = story.asks(Input::Rehearsed { proposal, markers, checks, examined });
        let raised = plan.facts.iter().filter(|it| {
            matches!(it, Fact::AlertRaised { kind: AlertKind::EditRejected, number, .. } if number.0 == 2)
        });
        assert_eq!((raised.count(), plan.facts.len()), (alerts, alerts));
    }
    // It stands there all the same, and is no baseline.
    assert_eq!(story.sync("a"), "modified");
}
