//! Every cell of the policy, every verdict, and what binds an approval. A content is a string of capabilities here.

use std::collections::BTreeSet;

use super::{ana, deploy::proposal, digest, id};
use crate::{
    decide::policy::{Subject, judge, wants_shadow},
    model::{
        Analysis, Author, AuthorKind, Base, Baseline, Capability, Change, CheckFailure,
        CheckOutcome, CheckRun, Class, Column, Decision, Demand, DeployKind, Evidence, Examined,
        Gate, GateResult, Judgement, Observed, Parse, Policy, Proposal, ShadowSummary, Target,
        Tool, Verdict,
    },
};

fn analysis(words: &str) -> Analysis {
    let evidence = |cap: Capability| Evidence {
        cap,
        via: "it.does".to_owned(),
        file: "a.py".to_owned(),
        line: Some(4),
        path: Vec::new(),
        site: None,
    };
    Analysis {
        analyzer: "test",
        parse: Parse::Ok,
        declared: None,
        inferred: words.split_whitespace().map(|it| evidence(it.parse().unwrap())).collect(),
        observed: Vec::new(),
        followed: Vec::new(),
    }
}

/// A capability that makes the class.
fn of_class(class: Class) -> &'static str {
    match class {
        Class::Pure => "",
        Class::LocalRead => "fs_read",
        Class::NetRead => "net_read",
        Class::LocalWrite => "fs_write",
        Class::NetWrite => "net_write",
        Class::Exec => "exec",
        Class::Unknown => "reflect",
    }
}

pub(super) fn shadow(verdict: Verdict) -> ShadowSummary {
    ShadowSummary {
        verdict,
        why: None,
        sandbox: "bwrap".to_owned(),
        inputs: 30,
        compared: 30,
        runs: 60,
        took_ms: 1,
        differ_at_most: None,
        findings: Vec::new(),
    }
}

fn ai() -> Author {
    Author { kind: AuthorKind::Ai, name: None }
}

fn unknown() -> Author {
    Author::unknown()
}

/// One change of `t/a.py` from content 1 to 2.
struct Case {
    proposal: Proposal,
    examined: Examined,
    known: Tool,
    policy: Policy,
    checks: Vec<CheckRun>,
}

impl Case {
    fn new(author: Author, before: &str, after: &str) -> Self {
        let tool = id("a.py");
        let change = Change {
            tool: tool.clone(),
            base: Some(Base { digest: digest(1), version: None }),
            to: Some(Target { digest: digest(2), executable: None }),
            parents: Vec::new(),
        };
        let proposal = proposal(author, &[change]);
        let (proposed, live) = (Some(analysis(after)), Some(analysis(before)));
        let examined = Examined {
            tool: tool.clone(),
            proposed,
            live,
            rests_on: None,
            has_inputs: true,
            shadow: None,
        };
        let checks = vec![checked(CheckOutcome::Passed)];
        Self { proposal, examined, known: Tool::default(), policy: Policy::default(), checks }
    }

    fn of(author: Author, class: Class, verdict: Verdict) -> Self {
        let mut case = Self::new(author, of_class(class), of_class(class));
        case.examined.shadow = Some(shadow(verdict));
        case
    }

    fn subjects(&self) -> Vec<Subject<'_>> {
        let change = &self.proposal.changes[0];
        let (policy, known) = (&self.policy, Some(&self.known));
        vec![Subject::new(change, policy, Some(&self.examined), known, false)]
    }

    fn judged(&self) -> Judgement {
        judge(self.subjects(), &self.proposal, &self.checks)
    }

    fn decision(&self) -> Decision {
        self.judged().decision
    }

    fn runs(&self) -> bool {
        !wants_shadow(&self.subjects(), &self.proposal).is_empty()
    }

    fn result(&self, gate: Gate) -> Option<GateResult> {
        let judged = self.judged();
        judged.tools[0].gates.iter().find(|it| it.gate == gate).map(|it| it.result)
    }
}

fn checked(outcome: CheckOutcome) -> CheckRun {
    CheckRun {
        tool: Some(id("a.py")),
        check: "compile".to_owned(),
        outcome,
        sandbox: "bwrap".to_owned(),
        took_ms: 1,
        output_tail: String::new(),
    }
}

use Decision::{Activate, Pending, Reject};

/// The table of section 6 of the testing strategy, cell by cell: what comes of each verdict, for each class, for an
/// `ai` and for a person, where nothing is added. In the order of `Verdict::ALL`.
#[test]
fn every_cell_and_every_verdict() {
    let reads = [Pending, Reject, Reject, Pending, Activate, Pending, Activate, Activate];
    let writes = [Pending, Reject, Reject, Pending, Pending, Pending, Activate, Activate];
    let approve = [Pending, Reject, Reject, Pending, Pending, Pending, Pending, Pending];
    let advised = [Activate, Reject, Reject, Activate, Activate, Activate, Activate, Activate];
    for (class, by_ai, by_person) in [
        (Class::Pure, reads, None),
        (Class::LocalRead, reads, None),
        (Class::NetRead, reads, None),
        (Class::LocalWrite, writes, Some(advised)),
        (Class::NetWrite, approve, Some(advised)),
        (Class::Exec, approve, Some(advised)),
        (Class::Unknown, approve, Some(advised)),
    ] {
        for (at, verdict) in Verdict::ALL.into_iter().enumerate() {
            let case = Case::of(ai(), class, verdict);
            assert!(case.runs(), "{class}");
            assert_eq!(case.decision(), by_ai[at], "ai, {class}, {verdict:?}");
            for author in [ana(), unknown()] {
                let case = Case::of(author, class, verdict);
                assert_eq!(case.runs(), by_person.is_some(), "{class}");
                let expected = by_person.map_or(Activate, |it| it[at]);
                assert_eq!(case.decision(), expected, "a person, {class}, {verdict:?}");
            }
        }
    }
}

#[test]
fn what_nobody_ran_is_no_pass_for_an_ai_and_stops_no_person() {
    for class in Class::ALL {
        let words = of_class(class);
        assert_eq!(Case::new(ai(), words, words).decision(), Pending, "{class}");
        let mut person = Case::new(ana(), words, words);
        assert_eq!(person.decision(), Activate, "{class}");
        person.examined.has_inputs = false;
        assert!(!person.runs(), "nobody waits for a run that shows nothing");
        let mut unexamined = Case::new(ai(), words, words);
        unexamined.examined.tool = id("other.py");
        let change = &unexamined.proposal.changes[0];
        let subject = Subject::new(change, &unexamined.policy, None, None, false);
        let judged = judge(vec![subject], &unexamined.proposal, &unexamined.checks);
        assert_eq!(judged.decision, Pending, "what nobody looked at is not let through");
        let class = judged.tools[0].class.as_ref().map(|it| it.class);
        assert_eq!(class, Some(Class::Unknown), "and is no deletion");
    }
}

#[test]
fn what_can_do_more_waits_for_a_person_and_warns_one() {
    for (before, after) in [
        ("", "fs_read"),
        ("fs_read", "fs_read env_read"),
        ("net_read", "net_read fs_write"),
        ("exec", "exec net_write"),
        ("", "opaque:numpy"),
    ] {
        let mut case = Case::new(ai(), before, after);
        case.examined.shadow = Some(shadow(Verdict::Equivalent));
        assert_eq!(case.decision(), Pending, "{before} → {after}");
        assert_eq!(case.result(Gate::Class), Some(GateResult::Waits));
        let why = case.judged().tools[0].gates[1].why.clone();
        assert!(why.contains("can do more") && why.contains("a.py line 4"), "{why}");
        case.proposal.author = ana();
        assert_eq!(case.decision(), Activate, "{before} → {after}");
        assert_eq!(case.result(Gate::Class), Some(GateResult::Warned));
    }
    // Less, or chance and time, is no more.
    for (before, after) in [("fs_read net_read", "fs_read"), ("", "nondet")] {
        let mut case = Case::new(ai(), before, after);
        case.examined.shadow = Some(shadow(Verdict::Improved));
        assert_eq!(case.decision(), Activate, "{before} → {after}");
    }
}

#[test]
fn a_declaration_raises_and_never_lowers() {
    let declared = |class| crate::model::Declared {
        class: Some(class),
        idempotent: None,
        destructive: None,
        file: "a.py".to_owned(),
        line: Some(1),
        problem: None,
    };
    let mut case = Case::of(ai(), Class::Exec, Verdict::Equivalent);
    case.examined.proposed.as_mut().unwrap().declared = Some(declared(Class::Pure));
    assert_eq!(case.decision(), Pending);
    let mut case = Case::of(ai(), Class::Pure, Verdict::Equivalent);
    case.examined.proposed.as_mut().unwrap().declared = Some(declared(Class::Exec));
    assert_eq!(case.decision(), Pending);
    assert_eq!(case.judged().tools[0].class.as_ref().unwrap().class, Class::Exec);
}

/// A candidate that ran more often than what is live was seen to do more; that is no news of its text.
#[test]
fn what_was_seen_raises_the_class_and_is_no_delta() {
    let seen = |cap: &str| Observed {
        cap: cap.parse().unwrap(),
        event: "open".to_owned(),
        detail: None,
        count: 1,
    };
    let mut case = Case::of(ai(), Class::Pure, Verdict::Equivalent);
    case.examined.proposed.as_mut().unwrap().observed = vec![seen("fs_read")];
    assert_eq!(case.decision(), Activate);
    case.examined.proposed.as_mut().unwrap().observed = vec![seen("exec")];
    assert_eq!(case.decision(), Pending);
}

#[test]
fn verification_stops_everybody_and_its_absence_an_ai() {
    let failed =
        || CheckOutcome::Failed(CheckFailure { why: "no".to_owned(), ..CheckFailure::default() });
    for author in [ai(), ana(), unknown()] {
        let mut case = Case::of(author.clone(), Class::Pure, Verdict::Equivalent);
        case.checks = vec![checked(failed())];
        assert_eq!(case.decision(), Reject);
        assert!(case.judged().failed_verification());
        case.proposal.force = true;
        assert_eq!(case.decision(), Reject, "nothing forces a check");
        case.proposal.force = false;
        case.checks = vec![checked(CheckOutcome::Skipped("no checker".to_owned()))];
        let waits = author.kind == AuthorKind::Ai;
        assert_eq!(case.decision(), if waits { Pending } else { Activate });
    }
}

#[test]
fn force_is_a_persons_way_past_the_shadow_run_alone() {
    for verdict in [Verdict::Regressed, Verdict::Unsafe] {
        let mut case = Case::of(ana(), Class::Exec, verdict);
        assert_eq!(case.decision(), Reject);
        assert!(!case.judged().failed_verification());
        case.proposal.force = true;
        assert!(!case.runs(), "a person who forces does not wait for a run");
        assert_eq!(case.decision(), Activate);
    }
}

#[test]
fn what_was_accepted_before_needs_no_exam() {
    let mut case = Case::new(ai(), "", "exec");
    assert_eq!(case.decision(), Pending);
    let baseline = Baseline { digest: digest(2), version: None, executable: None };
    case.known.baseline = Some(baseline);
    for kind in [DeployKind::Deploy, DeployKind::Rollback, DeployKind::Restore] {
        case.proposal.kind = kind;
        assert!(!case.runs());
        assert_eq!(case.decision(), Activate);
    }
    // The bit that it had is a part of it.
    case.known.baseline.as_mut().unwrap().executable = Some(false);
    case.proposal.changes[0].to.as_mut().unwrap().executable = Some(true);
    assert!(case.runs());
    assert_eq!(case.decision(), Pending);
    // What stands there is no measure: an edit that nobody accepted, with its bit turned.
    let mut edited = Case::new(ai(), "", "exec");
    edited.proposal.changes[0].base = Some(Base { digest: digest(2), version: None });
    for kind in [DeployKind::Deploy, DeployKind::Accept] {
        edited.proposal.kind = kind;
        assert!(edited.runs());
        assert_eq!(edited.decision(), Pending);
    }
}

#[test]
fn a_way_back_is_asked_nothing() {
    for kind in [DeployKind::Automatic(crate::model::DeployNo(1)), DeployKind::Regressed] {
        let mut case = Case::of(ai(), Class::Exec, Verdict::Regressed);
        case.proposal.kind = kind;
        case.checks = vec![checked(CheckOutcome::Failed(CheckFailure::default()))];
        assert!(!case.runs());
        assert_eq!(case.decision(), Activate);
    }
}

#[test]
fn a_deletion_waits_where_an_ai_wants_it() {
    for (author, expected) in [(ai(), Pending), (ana(), Activate), (unknown(), Activate)] {
        let mut case = Case::new(author, "", "");
        case.proposal.changes[0].to = None;
        case.examined.proposed = None;
        assert!(!case.runs());
        assert_eq!(case.decision(), expected);
    }
}

#[test]
fn an_ai_does_not_change_its_own_exam() {
    let mut case = Case::of(ai(), Class::Pure, Verdict::Equivalent);
    case.policy.ai = Column { classes: [Demand::Verify; 7], ..Column::AI };
    case.proposal.changes[0].tool = id("web/fetch.toml");
    case.examined.tool = id("web/fetch.toml");
    let judged = |is_exam| {
        let (change, examined) = (&case.proposal.changes[0], Some(&case.examined));
        let subject = Subject::new(change, &case.policy, examined, None, is_exam);
        judge(vec![subject], &case.proposal, &[]).decision
    };
    assert_eq!(judged(false), Activate);
    assert_eq!(judged(true), Pending);
}

#[test]
fn a_root_may_say_otherwise() {
    let all = |demand| Column { classes: [demand; 7], widened: demand, deleted: demand };
    for (demand, author, verdict, expected) in [
        (Demand::Verify, ai(), Verdict::Regressed, Activate),
        (Demand::Advise, ai(), Verdict::Changed, Activate),
        (Demand::Advise, ai(), Verdict::Regressed, Reject),
        (Demand::Shadow, ana(), Verdict::Changed, Pending),
        (Demand::Shadow, ana(), Verdict::Equivalent, Activate),
        (Demand::Approve, ana(), Verdict::Equivalent, Pending),
    ] {
        let mut case = Case::of(author, Class::LocalWrite, verdict);
        (case.policy.ai, case.policy.human) = (all(demand), all(demand));
        assert_eq!(case.decision(), expected, "{demand:?} {verdict:?}");
        assert_eq!(case.runs(), demand > Demand::Verify);
    }
}

#[test]
fn what_a_person_signed_for_is_nothing_new() {
    let mut case = Case::new(ai(), "", "exec");
    case.examined.shadow = Some(shadow(Verdict::Equivalent));
    case.known.change_rare(|it| {
        it.waivers.push(crate::model::Waiver {
            cap: Capability::Exec,
            detail: "it.does".to_owned(),
            sites: BTreeSet::new(),
            reason: "runs git log only".to_owned(),
            author: ana(),
            content: None,
            time: crate::model::Timestamp(0),
        });
    });
    assert_eq!(case.decision(), Activate);
}
