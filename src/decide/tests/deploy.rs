//! A deploy from the request to its rest, without disk: what the stage, the checks and the switch would answer is said
//! here.

use std::sync::Arc;

use super::{Story, ana, digest, file, id, planner, policy::shadow};
use crate::{
    decide::{Command, Input, Plan, Prepared, StageOrder, Staged, Task},
    model::{
        Analysis, Author, AuthorKind, Base, Change, CheckFailure, CheckOutcome, CheckRun,
        DeployKind, DeployNo, DeployState, Examined, Fact, LiveFile, LivePart, Marker, Parse,
        Proposal, Reason, Refusal, RequestKey, Switched, Target, Timestamp, ToolId, Verdict,
    },
};

pub(super) fn ai() -> Author {
    Author { kind: AuthorKind::Ai, name: Some("improver".to_owned()) }
}

/// From one content to another; 0 is none.
pub(super) fn change(name: &str, from: u8, to: u8) -> Change {
    let base = (from != 0).then(|| Base { digest: digest(from), version: None });
    let to = (to != 0).then(|| Target { digest: digest(to), executable: None });
    Change { tool: id(name), base, to, parents: Vec::new() }
}

pub(super) fn proposal(author: Author, changes: &[Change]) -> Proposal {
    Proposal {
        kind: DeployKind::Deploy,
        changes: changes.to_vec(),
        author,
        claimed: None,
        reason: Reason::edit(),
        message: None,
        metadata: None,
        confirm_within_ms: None,
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: Vec::new(),
        expect_changes: Vec::new(),
    }
}

pub(super) fn propose(proposal: Proposal) -> Input {
    let (proposal, contents) = (Box::new(proposal), Vec::new());
    Input::Request(Command::Propose { proposal, contents, rehearsal: false })
}

fn marker(change: &Change) -> Marker {
    let inode = change.to.map(|it| (1, u64::from(it.digest.0[0])));
    Marker { name: change.tool.to_string(), inode, executable: false, size: 1 }
}

pub(super) fn ran(tool: &str, check: &str, outcome: CheckOutcome) -> CheckRun {
    CheckRun {
        tool: Some(id(tool)),
        check: check.to_owned(),
        outcome,
        sandbox: "none".to_owned(),
        took_ms: 0,
        output_tail: String::new(),
    }
}

pub(super) fn skipped() -> CheckOutcome {
    CheckOutcome::Skipped("no checker is known".to_owned())
}

fn failed() -> CheckOutcome {
    CheckOutcome::Failed(CheckFailure::default())
}

pub(super) fn order(plan: &Plan) -> StageOrder {
    let stage = |it: &Task| if let Task::Stage(order) = it { Some(order.clone()) } else { None };
    plan.tasks.iter().find_map(stage).unwrap_or_else(|| panic!("nothing is staged: {plan:?}"))
}

/// It can do nothing, and does it as before.
pub(super) fn harmless(change: &Change) -> Examined {
    let mut analysis = Analysis::unanalyzed("test", Parse::Ok, "a.py", "");
    analysis.inferred.clear();
    Examined {
        tool: change.tool.clone(),
        proposed: change.to.map(|_| analysis.clone()),
        live: change.base.map(|_| analysis),
        rests_on: None,
        has_inputs: true,
        shadow: Some(shadow(Verdict::Equivalent)),
    }
}

impl Story {
    fn refusal(&self, proposal: Proposal) -> Refusal {
        self.asks(propose(proposal)).refusal.unwrap()
    }

    /// Stages it, with what is known without running anything.
    pub(super) fn stage(&mut self, order: StageOrder, skipped: Option<Vec<CheckRun>>) -> Vec<Fact> {
        let markers = order.proposal.changes.iter().map(marker).collect();
        let examined: Vec<Examined> = order.proposal.changes.iter().map(harmless).collect();
        let checks = skipped.clone().unwrap_or_default();
        let prepared =
            Prepared { markers, contents: Vec::new(), skipped, examined: examined.clone() };
        let facts = self.tell(Input::Staged(Staged { order, outcome: Ok(prepared) }));
        // What an `ai` proposes is run beside the live version.
        let last = self.state.deploys().next_back().map(|it| (it.number, it.state));
        match last {
            Some((deploy, DeployState::Staged)) => {
                self.tell(Input::Verified { deploy, checks, examined })
            }
            _ => facts,
        }
    }

    /// From the request to where it stops, if these checks come of it and the switch goes well.
    pub(super) fn deploys(&mut self, asked: Proposal, checks: Vec<CheckRun>) -> DeployState {
        let order = order(&self.asks(propose(asked)));
        self.carries_out(order, checks)
    }

    /// Up to the switch, which is under way then.
    pub(super) fn begins(&mut self, asked: Proposal) {
        let order = order(&self.asks(propose(asked)));
        self.stage(order, Some(Vec::new()));
    }

    pub(super) fn carries_out(&mut self, order: StageOrder, checks: Vec<CheckRun>) -> DeployState {
        self.stage(order, Some(checks));
        self.switches()
    }

    fn last(&self) -> DeployNo {
        self.state.deploys().next_back().unwrap().number
    }

    /// The switch of the newest deploy, where it is at that.
    pub(super) fn switches(&mut self) -> DeployState {
        let number = self.last();
        let deploy = Arc::clone(self.state.deploy(number).unwrap());
        if deploy.state == DeployState::Switching {
            let file = LiveFile { mtime: Timestamp(0), executable: false };
            let live = |it: &Change| LivePart {
                tool: it.tool.clone(),
                live: it.to.map(|_| file),
                displaced: it.base.map(|it| it.digest),
            };
            let parts = deploy.proposal.changes.iter().map(live).collect();
            self.tell(Input::Switched { deploy: number, outcome: Switched::Live(parts) });
        }
        self.state(number)
    }

    pub(super) fn state(&self, number: DeployNo) -> DeployState {
        self.state.deploy(number).unwrap().state
    }

    pub(super) fn stands(&self, name: &str) -> Option<u8> {
        self.state.on_disk(&id(name)).map(|it| it.digest.0[0])
    }

    pub(super) fn baseline(&self, name: &str) -> Option<u8> {
        let tool = self.state.tool(&id(name))?;
        tool.baseline.as_ref().map(|it| it.digest.0[0])
    }
}

pub(super) fn passed(tool: &str) -> Vec<CheckRun> {
    vec![ran(tool, "compile", CheckOutcome::Passed)]
}

#[test]
fn what_was_not_checked_waits_for_somebody_where_an_ai_proposed_it() {
    let [compile, load] = ["compile", "load"];
    let pass = || CheckOutcome::Passed;
    for (what, author, checks, rests) in [
        ("checked", ai(), passed("a"), DeployState::Confirmed),
        ("not checked", ai(), vec![ran("a", compile, skipped())], DeployState::AwaitingApproval),
        ("a person's", ana(), vec![ran("a", compile, skipped())], DeployState::Confirmed),
        (
            "of two checks one ran",
            ai(),
            vec![ran("a", compile, pass()), ran("a", load, skipped())],
            DeployState::Confirmed,
        ),
        (
            "another tool's check says nothing of this one",
            ai(),
            vec![ran("b", compile, pass()), ran("a", compile, skipped())],
            DeployState::AwaitingApproval,
        ),
        ("failed", ana(), vec![ran("a", compile, failed())], DeployState::Rejected),
        (
            "one of two failed",
            ai(),
            vec![ran("a", compile, pass()), ran("a", load, failed())],
            DeployState::Rejected,
        ),
        ("nothing to check", ai(), Vec::new(), DeployState::Confirmed),
    ] {
        let mut story = Story::adopted(&[("a", 1), ("b", 1)]);
        let changes = [change("a", 1, 2), change("b", 1, 2)];
        assert_eq!(story.deploys(proposal(author, &changes), checks), rests, "{what}");
        let live = rests == DeployState::Confirmed;
        assert_eq!(story.baseline("a"), Some(if live { 2 } else { 1 }), "{what}");
    }
}

#[test]
fn what_may_not_begin() {
    let mut story = Story::adopted(&[("a", 1), ("b", 1)]);
    let by_ai = |it: Proposal| Proposal { author: ai(), force: true, ..it };
    let stale = story.refusal(proposal(ana(), &[change("a", 9, 2)]));
    assert!(matches!(stale, Refusal::Conflict(it) if it[0].found == Some(digest(1))));
    let forced = story.refusal(by_ai(proposal(ana(), &[change("a", 1, 2)])));
    assert!(matches!(forced, Refusal::NotByAi(_)));
    let nowhere = Change { tool: "x/a".parse::<ToolId>().unwrap(), ..change("a", 0, 2) };
    assert!(matches!(story.refusal(proposal(ana(), &[nowhere])), Refusal::NotATool(_)));
    // One that waits holds its tool, and no other.
    let waits = story.deploys(proposal(ai(), &[change("a", 1, 2)]), vec![ran("a", "c", skipped())]);
    assert_eq!(waits, DeployState::AwaitingApproval);
    let open = story.refusal(proposal(ai(), &[change("a", 1, 3)]));
    assert!(matches!(open, Refusal::DeployOpen { .. }));
    let other = story.deploys(proposal(ana(), &[change("b", 1, 3)]), passed("b"));
    assert_eq!(other, DeployState::Confirmed);
    // A person does not wait for what an `ai` left waiting, and takes its place.
    let person = story.deploys(proposal(ana(), &[change("a", 1, 3)]), passed("a"));
    assert_eq!(person, DeployState::Confirmed);
    assert_eq!(story.state(DeployNo(1)), DeployState::Superseded);
}

#[test]
fn the_same_key_is_the_same_deploy() {
    let mut story = Story::adopted(&[("a", 1)]);
    let key = |request| Some(RequestKey { uid: 7, key: "k".to_owned(), request: digest(request) });
    let asked = Proposal { key: key(1), ..proposal(ana(), &[change("a", 1, 2)]) };
    assert_eq!(story.deploys(asked.clone(), passed("a")), DeployState::Confirmed);
    assert_eq!(story.asks(propose(asked.clone())).known, Some(DeployNo(1)));
    let other = Proposal { key: key(2), ..asked.clone() };
    assert!(matches!(story.refusal(other), Refusal::KeyReused { deploy: DeployNo(1) }));
    let whose = Some(RequestKey { uid: 8, ..key(1).unwrap() });
    let stranger = story.asks(propose(Proposal { key: whose, ..asked }));
    assert_eq!(stranger.known, None, "another user's key is another key");
}

/// A provisional deploy of content 2 over 1.
pub(super) fn provisional() -> Story {
    let mut story = Story::adopted(&[("a", 1), ("b", 1)]);
    let asked = proposal(ai(), &[change("a", 1, 2)]);
    let asked = Proposal { confirm_within_ms: Some(1000), ..asked };
    assert_eq!(story.deploys(asked, passed("a")), DeployState::Activated);
    assert_eq!(
        (story.stands("a"), story.baseline("a"), story.sync("a")),
        (Some(2), Some(1), "in_sync")
    );
    story
}

#[test]
fn a_provisional_deploy_ends_one_way_or_the_other() {
    let first = DeployNo(1);
    let mut story = provisional();
    story.requests(Command::Confirm { deploy: first, author: ana() });
    assert_eq!((story.state(first), story.baseline("a")), (DeployState::Confirmed, Some(2)));

    for end in
        [Input::Deadline(first), Input::Request(Command::Abort { deploy: first, author: ana() })]
    {
        let mut story = provisional();
        let order = order(&story.asks(end.clone()));
        assert_eq!(order.proposal.kind, DeployKind::Automatic(first));
        // Nothing is verified on the way back: whatever is said of it, it goes.
        let back = story.carries_out(order, vec![ran("a", "compile", failed())]);
        assert_eq!(back, DeployState::Confirmed, "{end:?}");
        assert_eq!((story.stands("a"), story.baseline("a")), (Some(1), Some(1)), "{end:?}");
        assert_eq!(story.state(first), DeployState::RolledBack, "{end:?}");
    }
}

#[test]
fn all_who_had_it_loaded_confirm_it_and_a_lease_that_ends_does_not() {
    let coder = || crate::model::RuntimeName::new("coder").unwrap();
    let report = |runtime, content| Command::Report {
        runtime,
        loaded: super::contents(&[("a", content)]),
        failed: std::collections::BTreeMap::new(),
        ttl_ms: 1000,
    };
    let mut story = Story::adopted(&[("a", 1)]);
    story.requests(report(super::planner(), 1));
    story.requests(report(coder(), 1));
    let asked = proposal(ai(), &[change("a", 1, 2)]);
    let asked = Proposal { confirm_within_ms: Some(1000), ..asked };
    assert_eq!(story.deploys(asked, passed("a")), DeployState::Activated);
    story.tell(Input::LeaseEnded(coder()));
    story.requests(report(super::planner(), 2));
    assert_eq!(story.state(DeployNo(1)), DeployState::Activated, "one is gone, and said nothing");
    story.requests(report(coder(), 2));
    assert_eq!(story.state(DeployNo(1)), DeployState::Confirmed);
}

#[test]
fn what_was_edited_since_is_not_taken_back() {
    for edited in [file(3), crate::model::Sight::Gone] {
        let mut story = provisional();
        story.sees("a", edited.clone());
        let plan = story.asks(Input::Deadline(DeployNo(1)));
        assert!(plan.tasks.is_empty(), "{edited:?}");
        story.tell(Input::Deadline(DeployNo(1)));
        assert_eq!(story.state(DeployNo(1)), DeployState::Superseded);
        assert_ne!(story.sync("a"), "in_sync", "measured against the baseline again");
    }
}

#[test]
fn a_content_that_cannot_be_loaded_goes_back_and_stays_out() {
    let mut story = provisional();
    let report = |failed: &[&str]| Command::Report {
        runtime: planner(),
        loaded: super::contents(&[("b", 1)]),
        failed: failed.iter().map(|it| (id(it), "SyntaxError".to_owned())).collect(),
        ttl_ms: 1000,
    };
    let order = order(&story.asks(Input::Request(report(&["a"]))));
    assert_eq!(story.carries_out(order, Vec::new()), DeployState::Confirmed);
    assert_eq!(story.stands("a"), Some(1));
    let again = story.refusal(proposal(ana(), &[change("a", 1, 2)]));
    assert!(matches!(again, Refusal::Quarantined { .. }));
    let forced = Proposal { force: true, ..proposal(ana(), &[change("a", 1, 2)]) };
    assert_eq!(story.deploys(forced, passed("a")), DeployState::Confirmed);
    assert!(!story.state.tool(&id("a")).unwrap().is_quarantined(&digest(2)));
    // Where the file was edited since, the deploy is over all the same.
    let mut story = provisional();
    story.sees("a", file(3));
    story.requests(report(&["a"]));
    assert_eq!(story.state(DeployNo(1)), DeployState::Superseded);
    assert_eq!(story.stands("a"), Some(3));
}

#[test]
fn an_approval_is_a_persons_and_compares_once_more() {
    let waiting = || {
        let mut story = Story::adopted(&[("a", 1)]);
        let asked = proposal(ai(), &[change("a", 1, 2)]);
        story.deploys(asked, vec![ran("a", "compile", skipped())]);
        story
    };
    let approve =
        |author| Input::Request(Command::Approve { deploy: DeployNo(1), author, as_of: None });
    assert!(matches!(waiting().asks(approve(ai())).refusal, Some(Refusal::NotByAi(_))));
    let mut story = waiting();
    let order = order(&story.asks(approve(ana())));
    assert_eq!(story.carries_out(order, Vec::new()), DeployState::Confirmed);
    assert_eq!(story.state.deploy(DeployNo(1)).unwrap().approved_by, Some(ana()));
    let mut story = waiting();
    story.sees("a", file(3));
    let order = super::deploy::order(&story.asks(approve(ana())));
    assert_eq!(story.carries_out(order, Vec::new()), DeployState::Conflicted);
    assert_eq!(story.stands("a"), Some(3));
}

#[test]
fn an_approval_is_of_exactly_what_was_judged() {
    let mut story = Story::adopted(&[("a", 1)]);
    let asked = proposal(ai(), &[change("a", 1, 2)]);
    story.deploys(asked, vec![ran("a", "compile", skipped())]);
    let seen = story.state.deploy(DeployNo(1)).unwrap().as_of;
    let approve = |as_of| {
        Input::Request(Command::Approve { deploy: DeployNo(1), author: ana(), as_of: Some(as_of) })
    };
    let other = story.asks(approve(crate::model::Seq(seen.0 - 1))).refusal;
    assert!(matches!(other, Some(Refusal::JudgedAnew { now, .. }) if now == seen));
    // What it imports was changed meanwhile: it can do more than was looked at.
    let order = order(&story.asks(approve(seen)));
    let markers = order.proposal.changes.iter().map(marker).collect();
    let mut wider = harmless(&order.proposal.changes[0]);
    wider.proposed = Some(Analysis::unanalyzed("test", Parse::Ok, "a.py", "import x"));
    let (contents, skipped, examined) = (Vec::new(), Some(Vec::new()), vec![wider]);
    let prepared = Prepared { markers, contents, skipped, examined };
    story.tell(Input::Staged(Staged { order, outcome: Ok(prepared) }));
    assert_eq!(story.state(DeployNo(1)), DeployState::AwaitingApproval);
    let now = story.state.deploy(DeployNo(1)).unwrap();
    assert!(
        now.as_of > seen && now.why.as_ref().unwrap().contains("not as it was"),
        "{:?}",
        now.why
    );
    assert!(!now.checks.is_empty(), "what verification said stands");
    assert!(story.asks(approve(seen)).refusal.is_some());
    assert_eq!(story.stands("a"), Some(1));
}

#[test]
fn nobody_approves_in_time() {
    let mut story = Story::adopted(&[("a", 1)]);
    story.deploys(proposal(ai(), &[change("a", 1, 2)]), vec![ran("a", "compile", skipped())]);
    let due: Vec<_> = story.state.deadlines().collect();
    assert_eq!(due, [(DeployNo(1), Timestamp(7 + 86_400_000_000))]);
    story.tell(Input::Deadline(DeployNo(1)));
    assert_eq!(story.state(DeployNo(1)), DeployState::Aborted);
    assert_eq!(story.state.deadlines().count(), 0);
    let unknown = Author::unknown();
    let by = Command::Approve { deploy: DeployNo(1), author: unknown, as_of: None };
    assert!(matches!(story.asks(Input::Request(by)).refusal, Some(Refusal::OnlyByHuman(_))));
}

#[test]
fn what_tries_more_than_the_live_version_raises_an_alert() {
    let mut story = Story::adopted(&[("a", 1)]);
    let order = order(&story.asks(propose(proposal(ai(), &[change("a", 1, 2)]))));
    let mut unsafe_one = harmless(&order.proposal.changes[0]);
    unsafe_one.shadow.as_mut().unwrap().verdict = Verdict::Unsafe;
    let markers = order.proposal.changes.iter().map(marker).collect();
    let (contents, examined) = (Vec::new(), vec![unsafe_one]);
    let prepared = Prepared { markers, contents, skipped: None, examined: examined.clone() };
    story.tell(Input::Staged(Staged { order, outcome: Ok(prepared) }));
    let verified = Input::Verified { deploy: DeployNo(1), checks: passed("a"), examined };
    let facts = story.tell(verified);
    assert_eq!(story.state(DeployNo(1)), DeployState::Rejected);
    assert!(story.state.deploy(DeployNo(1)).unwrap().is_stopped_by_policy());
    let alert = |it: &Fact| matches!(it, Fact::AlertRaised { why, .. } if why.contains("unsafe"));
    assert!(facts.iter().any(alert), "{facts:?}");
}

#[test]
fn an_approval_asks_all_of_it_once_more() {
    type Meanwhile = fn(&mut Story);
    let rows: [(&str, Meanwhile); 2] = [
        ("its root went", |it| drop(it.tell(Input::RootGone(super::root())))),
        ("the globs name it no more", |it| it.names(&["b"], &[], false)),
    ];
    for (name, meanwhile) in rows {
        let mut story = Story::adopted(&[("b", 1)]);
        let asked = proposal(ai(), &[change("a", 0, 2)]);
        let waits = story.deploys(asked, vec![ran("a", "compile", skipped())]);
        assert_eq!(waits, DeployState::AwaitingApproval, "{name}");
        let approve = Command::Approve { deploy: DeployNo(1), author: ana(), as_of: None };
        let order = order(&story.asks(Input::Request(approve)));
        meanwhile(&mut story);
        // Nothing stood there, so that its base fits still.
        assert_eq!(story.stage(order, Some(Vec::new())), [], "{name}");
        assert_eq!(story.state(DeployNo(1)), DeployState::AwaitingApproval, "{name}");
    }
}

#[test]
fn an_edit_is_no_measure_and_a_bit_is_no_ais_to_turn() {
    let mut story = Story::adopted(&[("a", 1)]);
    story.sees("a", file(3));
    let order = order(&story.asks(propose(proposal(ai(), &[change("a", 3, 2)]))));
    assert_eq!(order.against, [Some(digest(1))]);
    let mut turned = change("a", 1, 2);
    turned.to.as_mut().unwrap().executable = Some(true);
    for (author, rests) in [(ai(), DeployState::AwaitingApproval), (ana(), DeployState::Confirmed)]
    {
        let mut story = Story::adopted(&[("a", 1)]);
        let asked = proposal(author, std::slice::from_ref(&turned));
        assert_eq!(story.deploys(asked, passed("a")), rests);
    }
    // Also where the root asks for verification alone.
    let mut story = Story::adopted(&[("a", 1)]);
    let policy = &mut story.rules.roots.get_mut(&super::root()).unwrap().policy;
    policy.ai.classes = [crate::model::Demand::Verify; 7];
    let asked = proposal(ai(), &[turned]);
    assert_eq!(story.deploys(asked, passed("a")), DeployState::AwaitingApproval);
}
