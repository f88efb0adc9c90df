//! The monitor as a story: calls come in, and what follows is compared with the specification. Time is told, never asked.

mod monte_carlo;

use std::collections::BTreeMap;

use crate::{
    decide::{
        Command, HealthRules, Input, Plan, RootRules, Rules, State, Task, consequences, cool_down,
        decide,
    },
    model::{
        AlertKind, Author, AuthorKind, Base, Blame, Call, CallStatus, Calls, Change, DeployKind,
        DeployNo, Digest, Fact, Failure, HealthState, Level, LiveChange, Note, Origin, Proposal,
        Reason, Record, ReplayTable, Replayed, RootName, Rule, RuntimeName, Seq, Step, Target,
        Timestamp, ToolId, Version, VersionNo,
    },
    roots::Globs,
};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

struct Story {
    state: State,
    rules: Rules,
    seq: u64,
    now: Timestamp,
    last_call: u64,
    log: Vec<Record>,
}

fn id() -> ToolId {
    "t/a.py".parse().unwrap()
}

fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

fn proposal(number: u8, kind: AuthorKind) -> Proposal {
    Proposal {
        kind: DeployKind::Deploy,
        changes: vec![Change {
            tool: id(),
            base: None,
            to: Some(Target { digest: digest(number), executable: None }),
            parents: Vec::new(),
        }],
        author: Author { kind, name: None },
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

impl Story {
    /// Version 1 is the baseline, and did so often fail in so many calls.
    fn new(failures: u32, calls: u32) -> Self {
        let globs = Globs::new(&["**".to_owned()], &[], false).unwrap();
        let root = RootRules::new(std::sync::Arc::new(globs));
        let rules = Rules {
            roots: BTreeMap::from([(RootName::new("t").unwrap(), root)]),
            ..Rules::default()
        };
        let (state, now) = (State::default(), Timestamp(0));
        let mut story = Self { state, rules, seq: 0, now, last_call: 0, log: Vec::new() };
        story.state.set_rules(&story.rules.clone());
        story.stands(1, None);
        story.fact(Fact::BaselineMoved {
            tool: id(),
            from: None,
            to: story.state.tool(&id()).unwrap().on_disk().map(crate::model::Baseline::of),
            author: Author::unknown(),
            reason: Reason::initial(),
        });
        for call in 0..calls {
            story.call(1, if call < failures { Some(Blame::Tool) } else { None });
            story.now.0 += 61 * SECOND;
        }
        story
    }

    fn care(&mut self, change: impl FnOnce(&mut HealthRules)) {
        change(&mut self.rules.health);
        self.state.set_rules(&self.rules.clone());
    }

    fn fact(&mut self, fact: Fact) -> Vec<Fact> {
        let (mut facts, mut all) = (vec![fact], Vec::new());
        while !facts.is_empty() {
            let records: Vec<Record> = facts
                .into_iter()
                .map(|fact| {
                    self.seq += 1;
                    Record { seq: Seq(self.seq), time: self.now, fact }
                })
                .collect();
            for it in &records {
                self.state.apply(it);
            }
            facts = consequences(&self.state, &records);
            self.log.extend(records.iter().cloned());
            all.extend(records.into_iter().map(|it| it.fact));
        }
        all
    }

    fn tell(&mut self, input: Input) -> Vec<Fact> {
        let plan = decide(&self.state, &self.rules, input);
        plan.facts.into_iter().flat_map(|it| self.fact(it)).collect()
    }

    fn stands(&mut self, number: u8, deploy: Option<u64>) {
        let head = self.state.tool(&id()).and_then(|it| it.head.as_ref()).map(|it| it.number);
        self.fact(Fact::VersionRecorded(Version {
            tool: id(),
            number: head.map_or(VersionNo(1), VersionNo::next),
            digest: digest(number),
            size: 1,
            executable: false,
            parents: Vec::new(),
            author: Author { kind: AuthorKind::Ai, name: None },
            reason: Reason::edit(),
            origin: if deploy.is_some() { Origin::Deploy } else { Origin::Watch },
            note: deploy.map(|it| {
                Box::new(Note {
                    deploy: DeployNo(it),
                    claimed: None,
                    message: None,
                    metadata: None,
                })
            }),
            mtime: Timestamp(0),
            time: self.now,
            seq: Seq(self.seq + 1),
        }));
    }

    /// Live and confirmed at once.
    fn deploy(&mut self, number: u8) -> u64 {
        let deploy = self.state.next_deploy();
        let of = |step| Fact::DeployMoved { deploy, tools: vec![id()], step };
        self.fact(of(Step::Accepted(Box::new(proposal(number, AuthorKind::Ai)))));
        self.stands(number, Some(deploy.0));
        let version = self.state.tool(&id()).unwrap().on_disk().map(|it| it.number);
        let live = vec![LiveChange { tool: id(), version, displaced: None, returns: None }];
        self.fact(of(Step::Activated { live, witnesses: Vec::new() }));
        self.accept();
        self.fact(of(Step::Confirmed { why: String::new() }));
        deploy.0
    }

    fn accept(&mut self) {
        let tool = self.state.tool(&id()).unwrap().clone();
        self.fact(Fact::BaselineMoved {
            tool: id(),
            from: tool.baseline.clone(),
            to: tool.on_disk().map(crate::model::Baseline::of),
            author: Author::unknown(),
            reason: Reason::accept(),
        });
    }

    fn call(&mut self, version: u8, blame: Option<Blame>) -> Vec<Fact> {
        self.call_with(version, blame, ("KeyError", false), None, 10)
    }

    fn call_with(
        &mut self,
        version: u8,
        blame: Option<Blame>,
        (kind, programming): (&str, bool),
        args: Option<u64>,
        duration_ms: u32,
    ) -> Vec<Fact> {
        self.last_call += 1;
        let number = self.last_call;
        let failure = blame.map(|_| Failure {
            call_id: format!("c{number}"),
            kind: kind.to_owned(),
            fingerprint: super::fingerprint::stand_in(kind),
            programming,
        });
        let status = if blame.is_some() { CallStatus::Error } else { CallStatus::Ok };
        let call = Call { id: number, status, blame, duration_ms, args, failure };
        let calls = vec![Calls { tool: id(), version: digest(version), calls: vec![call] }];
        self.tell(Input::Reported(calls))
    }

    fn health(&self) -> HealthState {
        self.state.health_state(&id())
    }

    fn watch(&self) -> &crate::model::Watch {
        self.state.health(&id()).unwrap().watch.as_ref().unwrap()
    }

    fn known_good(&self) -> Digest {
        self.state.known_good(&id()).unwrap()
    }

    fn replay(&mut self, runs: u32, new: u32, old: u32) -> Vec<Fact> {
        let order = self.state.to_replay().next().expect("a replay is wanted");
        let replayed = Replayed::Table(ReplayTable { runs, new, old });
        self.tell(Input::Replayed { tool: id(), version: order.new, replayed, now: self.now })
    }

    fn no_replay(&mut self) -> Vec<Fact> {
        let order = self.state.to_replay().next().expect("a replay is wanted");
        let replayed = Replayed::Cannot("no runner".to_owned());
        self.tell(Input::Replayed { tool: id(), version: order.new, replayed, now: self.now })
    }

    fn is_going_back(&self) -> bool {
        self.state.to_take_back().any(|it| *it == id())
    }

    fn waits(&mut self, term: i64) -> Vec<Fact> {
        self.now.0 += term;
        self.tell(Input::TimePassed(self.now))
    }
}

fn states(facts: &[Fact]) -> Vec<(HealthState, Rule)> {
    let each = facts.iter().filter_map(|it| {
        let Fact::HealthChanged { to, evidence, .. } = it else { return None };
        Some((*to, evidence.rule))
    });
    each.collect()
}

fn alerts(facts: &[Fact]) -> Vec<AlertKind> {
    let each = facts.iter().filter_map(|it| {
        let Fact::AlertRaised { kind, .. } = it else { return None };
        Some(*kind)
    });
    each.collect()
}

#[test]
fn the_known_good_is_healthy_once_somebody_calls_it() {
    let mut story = Story::new(0, 0);
    assert_eq!(story.health(), HealthState::Unknown);
    let facts = story.call(1, None);
    assert_eq!(states(&facts), [(HealthState::Healthy, Rule::Reported)]);
    assert_eq!(states(&story.call(1, None)), []);
    assert_eq!(story.known_good(), digest(1));
}

#[test]
fn a_deploy_that_does_well_becomes_the_known_good() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    assert_eq!((story.health(), story.known_good()), (HealthState::Baking, digest(1)));
    assert_eq!(story.watch().bar.percent, 5);
    for _ in 0..50 {
        story.call(2, None);
    }
    assert_eq!(story.health(), HealthState::Baking, "an hour has not passed");
    assert_eq!(story.state.next_health(story.now), Some(Timestamp(story.now.0 + HOUR)));
    let facts = story.waits(HOUR);
    assert_eq!(states(&facts), [(HealthState::Healthy, Rule::Proven)]);
    assert_eq!(story.known_good(), digest(2));
    assert!(story.state.tool(&id()).unwrap().rare.as_ref().is_none_or(|it| it.proven.is_none()));
}

#[test]
fn fewer_calls_are_enough_after_a_week_and_none_are_not() {
    for (calls, state, kinds) in [
        (20, HealthState::Healthy, vec![]),
        (19, HealthState::Inconclusive, vec![AlertKind::Inconclusive]),
    ] {
        let mut story = Story::new(0, 5);
        story.deploy(2);
        for _ in 0..calls {
            story.call(2, None);
        }
        let facts = story.waits(7 * 24 * HOUR);
        assert_eq!((story.health(), alerts(&facts)), (state, kinds), "{calls}");
    }
    let mut story = Story::new(0, 0);
    story.deploy(2);
    let facts = story.waits(7 * 24 * HOUR);
    assert_eq!(story.health(), HealthState::Inconclusive);
    assert_eq!(alerts(&facts), [], "nobody reports here");
    assert_eq!(story.known_good(), digest(1));
}

#[test]
fn one_that_always_fails_goes_back_and_its_content_is_named() {
    let mut story = Story::new(0, 20);
    let deploy = story.deploy(2);
    for call in 1..=4 {
        let facts = story.call(2, Some(Blame::Tool));
        let wanted =
            if call == 3 { vec![(HealthState::Suspect, Rule::FailureRate)] } else { vec![] };
        assert_eq!(states(&facts), wanted, "call {call}");
    }
    assert_eq!((story.watch().score, story.watch().passed), (24, Some(Level::High)));
    let facts = story.no_replay();
    assert_eq!(states(&facts), [(HealthState::Regressed, Rule::FailureRate)]);
    assert_eq!(alerts(&facts), []);
    assert!(story.is_going_back());
    let Plan { tasks, .. } = decide(&story.state, &story.rules, Input::Regressed(id()));
    let [Task::Stage(order)] = tasks.as_slice() else { panic!("{tasks:?}") };
    let proposal = &order.proposal;
    assert_eq!(proposal.kind, DeployKind::Regressed);
    assert_eq!(proposal.quarantines, [(id(), digest(2))]);
    assert_eq!(proposal.changes[0].to.unwrap().digest, digest(1));
    assert_eq!(
        proposal.changes[0].base,
        Some(Base { digest: digest(2), version: Some(VersionNo(2)) })
    );
    assert_eq!(
        (proposal.author.to_string(), proposal.reason.as_str()),
        ("unknown:knowngood".to_owned(), "rollback")
    );
    let message = proposal.message.as_deref().unwrap();
    assert_eq!(
        message,
        format!("v2 (deploy {deploy}) failed in 4 of 4 calls, the known good in 0 of 20")
    );
    let metadata = proposal.metadata.as_deref().unwrap();
    assert!(metadata.contains("\"failing\":[\"c21\",\"c22\",\"c23\",\"c24\"]"), "{metadata}");
    assert!(metadata.ends_with("\"replay\":{\"cannot\":\"no runner\"}}"), "{metadata}");
}

#[test]
fn without_a_runner_only_the_higher_limit_counts() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    for _ in 0..3 {
        story.call(2, Some(Blame::Tool));
    }
    let facts = story.no_replay();
    assert_eq!(states(&facts), [(HealthState::Suspect, Rule::FailureRate)]);
    assert!(story.state.to_replay().next().is_none(), "asked once");
    for _ in 0..10 {
        assert_eq!(states(&story.call(2, None)), []);
    }
    assert_eq!(states(&story.call(2, None)), [(HealthState::Baking, Rule::Noise)]);
}

#[test]
fn replays_tell_the_version_from_the_world() {
    use HealthState::{Baking, Environment, Regressed};
    for (new, old, state, rule, kinds) in [
        (10, 0, Regressed, Rule::Replay, vec![]),
        (10, 10, Environment, Rule::Replay, vec![AlertKind::Environment]),
        (2, 0, Baking, Rule::Noise, vec![]),
    ] {
        let mut story = Story::new(0, 20);
        story.deploy(2);
        for _ in 0..3 {
            story.call(2, Some(Blame::Tool));
        }
        let facts = story.replay(10, new, old);
        assert_eq!((states(&facts), alerts(&facts)), (vec![(state, rule)], kinds), "{new} {old}");
        assert_eq!(story.is_going_back(), state == Regressed);
        if state == Environment {
            assert_eq!(story.watch().score, 0);
            for _ in 0..4 {
                assert_eq!(states(&story.call(2, None)), []);
            }
            assert_eq!(states(&story.call(2, None)), [(Baking, Rule::Recovered)]);
        }
    }
    let mut story = Story::new(0, 20);
    story.deploy(2);
    for _ in 0..3 {
        story.call(2, Some(Blame::Tool));
    }
    story.replay(10, 10, 10);
    assert_eq!(states(&story.waits(HOUR / 2)), [(Baking, Rule::Recovered)], "or after a time");
}

#[test]
fn what_is_not_the_tools_fault_takes_nothing_back() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    let mut told = Vec::new();
    for _ in 0..100 {
        told.extend(story.call(2, Some(Blame::Env)));
        told.extend(story.call(2, Some(Blame::User)));
    }
    assert_eq!((states(&told), alerts(&told)), (vec![], vec![AlertKind::Environment]), "once");
    for _ in 0..100 {
        told.extend(story.call(2, Some(Blame::Caller)));
    }
    assert_eq!(alerts(&told), [AlertKind::Environment, AlertKind::InterfaceChanged]);
    assert_eq!((story.health(), story.watch().score), (HealthState::Baking, 0));
}

#[test]
fn a_new_programming_error_on_two_inputs_is_enough() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    let mut fails = |args| story.call_with(2, Some(Blame::Tool), ("NameError", true), args, 1);
    assert_eq!(states(&fails(Some(1))), [(HealthState::Suspect, Rule::NovelError)]);
    assert_eq!(states(&fails(Some(1))), [], "the same input, within a minute");
    let facts = fails(Some(2));
    assert_eq!(states(&facts), [(HealthState::Regressed, Rule::NovelError)]);
    assert!(story.is_going_back());
    let mut story = Story::new(0, 20);
    story.call_with(1, Some(Blame::Tool), ("NameError", true), Some(1), 1);
    story.deploy(2);
    story.call_with(2, Some(Blame::Tool), ("NameError", true), Some(2), 1);
    let facts = story.call_with(2, Some(Blame::Tool), ("NameError", true), Some(3), 1);
    assert_eq!(states(&facts), [], "the known good had it, too");
}

#[test]
fn the_same_failure_within_a_minute_counts_once() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    for _ in 0..10 {
        story.call_with(2, Some(Blame::Tool), ("KeyError", false), Some(7), 1);
    }
    assert_eq!((story.watch().score, story.watch().calls), (6, 1));
    story.now.0 += 61 * SECOND;
    story.call_with(2, Some(Blame::Tool), ("KeyError", false), Some(7), 1);
    assert_eq!((story.watch().score, story.watch().calls), (12, 2));
    let health = story.state.health(&id()).unwrap();
    assert_eq!(health.version(&digest(2)).unwrap().tally.repeats, 9);
}

#[test]
fn a_call_is_counted_once_and_for_its_own_version() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    story.call(2, Some(Blame::Tool));
    story.last_call -= 1;
    assert_eq!(story.call(2, Some(Blame::Tool)), [], "known");
    for _ in 0..50 {
        story.call(1, Some(Blame::Tool));
    }
    assert_eq!((story.health(), story.watch().score), (HealthState::Baking, 6));
    assert_eq!(story.state.health(&id()).unwrap().version(&digest(1)).unwrap().tally.tool, 50);
}

#[test]
fn slow_is_told_and_nothing_else() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    let mut told = Vec::new();
    for _ in 0..40 {
        told.extend(story.call_with(2, None, ("", false), None, 500));
    }
    assert_eq!((states(&told), alerts(&told)), (vec![], vec![AlertKind::Slow]));
    let latency = story.watch().latency.unwrap();
    assert_eq!((latency.calls, latency.ratio_percent), (40, 5000));
}

#[test]
fn edits_on_disk_are_told_of_and_left() {
    let mut story = Story::new(0, 20);
    story.stands(2, None);
    for _ in 0..4 {
        story.call(2, Some(Blame::Tool));
    }
    let facts = story.no_replay();
    assert_eq!(alerts(&facts), [AlertKind::Regressed]);
    assert!(!story.is_going_back());
    story.accept();
    assert_eq!((story.health(), story.known_good()), (HealthState::Regressed, digest(1)));
}

#[test]
fn where_nothing_is_to_be_done_somebody_is_told() {
    let fails = |story: &mut Story| {
        for _ in 0..60 {
            story.call(2, Some(Blame::Tool));
        }
        alerts(&story.no_replay())
    };
    let mut off = Story::new(0, 20);
    off.care(|it| it.auto_rollback = false);
    off.deploy(2);
    assert_eq!(fails(&mut off), [AlertKind::Regressed]);
    let mut weak = Story::new(8, 20);
    weak.deploy(2);
    assert!(weak.watch().bar.percent > 15);
    assert_eq!(fails(&mut weak), [AlertKind::Regressed], "it fails itself");
    let mut weak = Story::new(8, 20);
    weak.deploy(2);
    for _ in 0..60 {
        weak.call(2, Some(Blame::Tool));
    }
    weak.replay(10, 10, 0);
    assert!(weak.is_going_back(), "confirmed");
}

/// What the switch makes true.
fn goes_back(story: &mut Story) {
    let plan = decide(&story.state, &story.rules, Input::Regressed(id()));
    let [Task::Stage(order)] = plan.tasks.as_slice() else { panic!("{plan:?}") };
    let proposal = (*order.proposal).clone();
    let deploy = story.state.next_deploy();
    let of = |step| Fact::DeployMoved { deploy, tools: vec![id()], step };
    story.fact(of(Step::Accepted(Box::new(proposal))));
    story.stands(1, Some(deploy.0));
    story.fact(of(Step::Activated { live: Vec::new(), witnesses: Vec::new() }));
    story.accept();
    story.fact(of(Step::Confirmed { why: String::new() }));
    story.fact(Fact::ContentQuarantined {
        tool: id(),
        digest: digest(2),
        deploy: Some(deploy),
        author: crate::decide::deploy::keeper(),
    });
}

fn worsens(story: &mut Story, number: u8) -> Vec<Fact> {
    story.deploy(number);
    for _ in 0..60 {
        story.call(number, Some(Blame::Tool));
    }
    story.no_replay()
}

#[test]
fn after_a_return_there_is_a_pause_and_after_two_an_end() {
    let mut story = Story::new(0, 20);
    story.care(|it| it.quarantine_ms = 1000);
    worsens(&mut story, 2);
    goes_back(&mut story);
    assert_eq!(story.known_good(), digest(1));
    assert_eq!(story.health(), HealthState::Unknown);
    assert!(!story.is_going_back());
    story.deploy(3);
    for _ in 0..5 {
        story.call(3, Some(Blame::Tool));
    }
    story.no_replay();
    assert_eq!(story.health(), HealthState::Regressed);
    assert!(!story.is_going_back(), "twenty calls have to pass");
    for _ in 0..15 {
        story.call(3, None);
    }
    assert!(story.is_going_back());
    goes_back(&mut story);
    for _ in 0..20 {
        story.call(1, None);
    }
    let facts = worsens(&mut story, 4);
    assert_eq!(alerts(&facts), [AlertKind::Frozen]);
    assert!(!story.is_going_back());
    let mut of_ai = proposal(5, AuthorKind::Ai);
    let refused = cool_down(&story.state, &of_ai, story.now);
    assert!(refused.is_ok(), "two setbacks: {refused:?}");
    let rejected = story.state.next_deploy();
    let of = |step| Fact::DeployMoved { deploy: rejected, tools: vec![id()], step };
    story.fact(of(Step::Accepted(Box::new(proposal(5, AuthorKind::Ai)))));
    story.fact(of(Step::Rejected(crate::model::Examination::default())));
    assert!(cool_down(&story.state, &of_ai, story.now).is_err());
    assert!(cool_down(&story.state, &of_ai, Timestamp(story.now.0 + 25 * HOUR)).is_ok());
    of_ai.author.kind = AuthorKind::Human;
    assert!(cool_down(&story.state, &of_ai, story.now).is_ok());
    let released = story.waits(2 * SECOND);
    let is = |it: &Fact| matches!(it, Fact::ContentReleased { digest: it, .. } if *it == digest(2));
    assert!(released.iter().any(is), "{released:?}");
    assert!(!story.waits(SECOND).iter().any(is));
}

#[test]
fn what_cannot_be_loaded_goes_back_at_once() {
    let mut story = Story::new(0, 20);
    story.deploy(2);
    let runtime = RuntimeName::new("planner").unwrap();
    let failed = BTreeMap::from([(id(), "SyntaxError".to_owned())]);
    let report = Command::Report { runtime, loaded: BTreeMap::new(), failed, ttl_ms: 60_000 };
    let facts = story.tell(Input::Request(report));
    assert_eq!(states(&facts), [(HealthState::Regressed, Rule::Load)]);
    assert!(story.is_going_back());
    assert_eq!(story.watch().returns, Some(true));
}

#[test]
fn a_known_good_that_gets_worse_is_told_of() {
    let mut story = Story::new(0, 60);
    let mut told = Vec::new();
    for _ in 0..20 {
        told.extend(story.call(1, Some(Blame::Tool)));
    }
    assert_eq!(states(&told), [(HealthState::Suspect, Rule::FailureRate)]);
    assert_eq!(alerts(&told), [AlertKind::Failing]);
    assert!(!story.is_going_back() && story.state.to_replay().next().is_none());
    for _ in 0..200 {
        told.extend(story.call(1, None));
    }
    assert_eq!(story.health(), HealthState::Healthy);
}

#[test]
fn counts_made_again_from_the_log_are_the_same() {
    let mut story = Story::new(1, 30);
    worsens(&mut story, 2);
    goes_back(&mut story);
    story.deploy(3);
    for round in 0..40_u64 {
        let blame = (round % 3 == 0).then_some(Blame::Tool);
        story.call_with(3, blame, ("NameError", true), Some(round), 7);
    }
    story.waits(2 * HOUR);
    let mut again = State::default();
    again.set_rules(&story.rules);
    story.log.iter().for_each(|it| again.apply(it));
    assert!(again == story.state, "another state");
    story.log.iter().for_each(|it| again.apply(it));
    assert!(again == story.state, "facts that are known change something");
    let rows = story.state.healths().map(|it| (it.0.clone(), (**it.1).clone())).collect();
    assert!(State::default().with_health(rows).health(&id()) == story.state.health(&id()));
}
