//! The contents stand beside the live files: what follows, and what follows once they were verified. The facts of the
//! way from the request to the intent become durable together, where nothing has to be run in between.

use std::sync::Arc;

use super::{
    Exam, Prepared, Purpose, Rehearsal, StageOrder, Staged, Task, discard,
    exam::{Found, judged_anew, known_enough, powers, subjects},
    propose::{known_by_key, not_bases, possible},
    step,
    switched::accepted,
};
use crate::{
    decide::{
        Plan, Rules, State,
        policy::{is_back, judge},
    },
    model::{
        AlertKind, Author, Decision, Deploy, DeployKind, DeployNo, DeployState, Examination,
        Examined, Fact, GateResult, Judgement, Marker, Policy, Proposal, Refusal, Step,
        SwitchOrder, ToolId, Verdict,
    },
};

pub(in crate::decide) fn staged(state: &State, rules: &Rules, staged: Staged) -> Plan {
    let Staged { order, outcome } = staged;
    let prepared = match outcome {
        Ok(prepared) => prepared,
        Err(refusal) => return Plan::refused(refusal),
    };
    let StageOrder { proposal, purpose, contents: brought, .. } = order;
    // The world went on while the contents were written; the same request may have been quicker.
    let is_new = matches!(purpose, Purpose::Deploy | Purpose::Dispute);
    if let Some(plan) = known_by_key(state, &proposal).filter(|_| is_new) {
        return plan.task(discard(&proposal, &prepared.markers));
    }
    if purpose != Purpose::Dispute
        && let Err(refusal) = still_possible(state, rules, &proposal, &purpose)
    {
        return Plan::refused(refusal).task(discard(&proposal, &prepared.markers));
    }
    match purpose {
        Purpose::Deploy => begun(state, rules, &proposal, prepared),
        Purpose::Rehearsal => {
            let Prepared { markers, skipped, examined, .. } = prepared;
            match known_enough(state, rules, &proposal, skipped, examined) {
                Ok(known) => rehearsed(state, rules, &proposal, &markers, known),
                Err(exam) => {
                    let exam = Arc::new(Exam { contents: brought, ..exam });
                    Plan::default().task(Task::Rehearse(proposal, markers, exam))
                }
            }
        }
        Purpose::Dispute => disputed(state, &proposal, prepared),
        Purpose::Approved { deploy, by } => {
            let Prepared { markers, examined, .. } = prepared;
            let whole = Whole { deploy, proposal: &proposal, markers, by: Some(by) };
            approved(state, rules, whole, examined)
        }
    }
}

fn still_possible(
    state: &State,
    rules: &Rules,
    proposal: &Proposal,
    purpose: &Purpose,
) -> Result<(), Refusal> {
    if let Purpose::Approved { deploy, .. } = purpose {
        let now = state.deploy(*deploy).map_or(DeployState::Abandoned, |it| it.state);
        if now != DeployState::AwaitingApproval {
            let (deploy, wanted) = (*deploy, "awaiting_approval");
            return Err(Refusal::NotInState { deploy, state: now, wanted });
        }
        // A conflict is the end of it, and is told so.
        return possible(state, rules, proposal, Some(*deploy));
    }
    if let DeployKind::Automatic(of) = proposal.kind {
        still_provisional(state, of)?;
    }
    possible(state, rules, proposal, None)?;
    let wrong = not_bases(state, proposal);
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::Conflict(wrong)) }
}

/// It takes the place of what the same author proposed of these tools before and nobody decided.
fn disputed(state: &State, proposal: &Arc<Proposal>, prepared: Prepared) -> Plan {
    let wrong = not_bases(state, proposal);
    if wrong.is_empty() {
        return Plan::refused(Refusal::Conflict(wrong));
    }
    let deploy = state.next_deploy();
    let tools = wrong.into_iter().map(|it| it.tool).collect();
    let why = "the file was changed since its base, and both do not merge".to_owned();
    let mut plan = Plan::of(vec![
        step(deploy, proposal, Step::Accepted(Box::new((**proposal).clone()))),
        step(deploy, proposal, Step::Conflicted { tools, why }),
    ]);
    let all = |it: &Deploy| it.tools().all(|id| proposal.changes.iter().any(|it| it.tool == *id));
    let before = state.unresolved().filter(|it| it.proposal.author == proposal.author && all(it));
    plan.facts.extend(before.map(|it| {
        let why = "its author proposed another content".to_owned();
        step(it.number, &it.proposal, Step::Superseded { by: Some(deploy), why })
    }));
    plan.contents = prepared.contents;
    plan
}

/// It may have been confirmed while its way back was staged.
fn still_provisional(state: &State, of: DeployNo) -> Result<(), Refusal> {
    let now = state.deploy(of).map_or(DeployState::Abandoned, |it| it.state);
    if now == DeployState::Activated {
        return Ok(());
    }
    Err(Refusal::NotInState { deploy: of, state: now, wanted: "activated" })
}

fn begun(state: &State, rules: &Rules, proposal: &Arc<Proposal>, prepared: Prepared) -> Plan {
    let deploy = state.next_deploy();
    let Prepared { markers, contents, skipped, examined } = prepared;
    let mut plan = Plan::of(vec![
        step(deploy, proposal, Step::Accepted(Box::new((**proposal).clone()))),
        step(deploy, proposal, Step::Staged(markers.clone())),
    ]);
    plan.contents = contents;
    match known_enough(state, rules, proposal, skipped, examined) {
        Ok(known) => {
            let whole = Whole { deploy, proposal, markers, by: None };
            judged(state, rules, whole, known, plan)
        }
        Err(exam) => plan.task(Task::Verify(deploy, Arc::new(exam))),
    }
}

pub(in crate::decide) fn verified(
    state: &State,
    rules: &Rules,
    deploy: DeployNo,
    found: Found,
) -> Plan {
    // It may have been given up meanwhile.
    let Some(known) = state.deploy(deploy).filter(|it| it.state == DeployState::Staged) else {
        return Plan::default();
    };
    let whole =
        Whole { deploy, proposal: &known.proposal, markers: known.markers.clone(), by: None };
    judged(state, rules, whole, found, Plan::default())
}

/// A deploy with everything that a switch needs.
struct Whole<'a> {
    deploy: DeployNo,
    proposal: &'a Proposal,
    markers: Vec<Marker>,
    by: Option<Author>,
}

fn judged(
    state: &State,
    rules: &Rules,
    whole: Whole<'_>,
    (checks, examined): Found,
    mut plan: Plan,
) -> Plan {
    let Whole { deploy, proposal, markers, .. } = &whole;
    let judgement = judge(subjects(state, rules, proposal, &examined), proposal, &checks);
    let decision = judgement.decision;
    let why = why(&judgement);
    let alert = alert(state, *deploy, proposal, &judgement);
    let judgement = Some(Box::new(judgement)).filter(|_| !is_back(proposal.kind));
    let found = Examination { checks, judgement };
    match decision {
        Decision::Reject => {
            plan.facts.push(step(*deploy, proposal, Step::Rejected(found)));
            plan.facts.extend(alert);
            plan.task(discard(proposal, markers))
        }
        Decision::Pending => {
            plan.facts.push(step(*deploy, proposal, Step::Verified(found)));
            plan.facts.push(step(*deploy, proposal, waits(rules, proposal, why)));
            // It may wait for days: it is staged anew when it goes on.
            plan.task(discard(proposal, markers))
        }
        Decision::Activate => {
            plan.facts.push(step(*deploy, proposal, Step::Verified(found)));
            go_live(state, whole, plan)
        }
    }
}

/// As long as the most patient of its roots.
fn waits(rules: &Rules, proposal: &Proposal, why: String) -> Step {
    let roots = proposal.changes.iter().filter_map(|it| rules.roots.get(&it.tool.root()));
    let patience = roots.map(|it| it.policy.approval_ms).max();
    let expires_ms = Some(patience.unwrap_or(Policy::USUAL.approval_ms));
    Step::AwaitingApproval { why, expires_ms }
}

/// What somebody has to look at, or what stopped it, in words.
fn why(judgement: &Judgement) -> String {
    let result = match judgement.decision {
        Decision::Activate => return String::new(),
        Decision::Pending => GateResult::Waits,
        Decision::Reject => GateResult::Blocked,
    };
    let said = judgement.with_result(result).map(|(tool, gate)| format!("{tool}: {}", gate.why));
    said.collect::<Vec<_>>().join("; ")
}

/// Somebody should know that a content tried what the live version does not do.
fn alert(
    state: &State,
    deploy: DeployNo,
    proposal: &Proposal,
    judgement: &Judgement,
) -> Option<Fact> {
    let is_unsafe = |it: Verdict| it == Verdict::Unsafe;
    let tried = judgement.tools.iter().find(|it| {
        judgement.decision == Decision::Reject
            && it.shadow.as_ref().is_some_and(|it| is_unsafe(it.verdict))
    })?;
    let live = state.on_disk(&tried.tool)?;
    Some(Fact::AlertRaised {
        tool: tried.tool.clone(),
        version: live.digest,
        number: live.number,
        kind: AlertKind::UnsafeCandidate,
        why: format!("deploy {deploy} by {} was stopped: {}", proposal.author, why(judgement)),
    })
}

/// Approved was what was judged then: where that looks different now, somebody has to look again. Versions are run once;
/// what came of it is shown with it.
fn approved(state: &State, rules: &Rules, whole: Whole<'_>, mut examined: Vec<Examined>) -> Plan {
    let Whole { deploy, proposal, markers, .. } = &whole;
    let Some(known) = state.deploy(*deploy) else { return Plan::default() };
    let seen = known.judgement.as_deref();
    let ran = |it: &ToolId| seen?.tools.iter().find(|seen| seen.tool == *it)?.shadow.clone();
    for it in &mut examined {
        it.shadow = ran(&it.tool);
    }
    let mut now = judge(subjects(state, rules, proposal, &examined), proposal, &known.checks);
    let differs = |seen: &Judgement| {
        let both = seen.tools.iter().zip(&now.tools);
        both.filter(|it| powers(it.0) != powers(it.1)).map(|it| judged_anew(it.0, it.1)).collect()
    };
    let why: Vec<String> = seen.map(differs).unwrap_or_default();
    if why.is_empty() {
        return go_live(state, whole, Plan::default());
    }
    now.decision = Decision::Pending;
    let why = format!("not as it was when it was looked at: {}", why.join("; "));
    let found = Examination { checks: known.checks.clone(), judgement: Some(Box::new(now)) };
    let facts = vec![
        step(*deploy, proposal, Step::Verified(found)),
        // Its time goes on.
        step(*deploy, proposal, Step::AwaitingApproval { why, expires_ms: None }),
    ];
    Plan::of(facts).task(discard(proposal, markers))
}

/// The intent, unless the log knows already that it would fail.
fn go_live(state: &State, whole: Whole<'_>, mut plan: Plan) -> Plan {
    let Whole { deploy, proposal, markers, by } = whole;
    let wrong = not_bases(state, proposal);
    if !wrong.is_empty() {
        let tools = wrong.into_iter().map(|it| it.tool).collect();
        let why = "the file was changed while the deploy was on its way".to_owned();
        plan.facts.push(step(deploy, proposal, Step::Conflicted { tools, why }));
        return plan.task(discard(proposal, &markers));
    }
    if proposal.kind == DeployKind::Accept {
        plan.facts.extend(accepted(state, deploy, proposal));
        return plan.task(discard(proposal, &markers));
    }
    let switching = Step::Switching { markers: markers.clone(), approved_by: by };
    plan.facts.push(step(deploy, proposal, switching));
    let parts = proposal.changes.iter().cloned().zip(markers).collect();
    plan.task(Task::Switch(SwitchOrder { deploy, parts }))
}

/// What would have come of it.
pub(in crate::decide) fn rehearsed(
    state: &State,
    rules: &Rules,
    proposal: &Arc<Proposal>,
    markers: &[Marker],
    (checks, examined): Found,
) -> Plan {
    let live = if proposal.confirm_within_ms.is_some() {
        DeployState::Activated
    } else {
        DeployState::Confirmed
    };
    let judgement = judge(subjects(state, rules, proposal, &examined), proposal, &checks);
    let comes_to = match judgement.decision {
        Decision::Activate => live,
        Decision::Pending => DeployState::AwaitingApproval,
        Decision::Reject => DeployState::Rejected,
    };
    let why = Some(why(&judgement)).filter(|it| !it.is_empty());
    let alert = edit_rejected(state, proposal, comes_to, why.as_deref());
    let (proposal, judgement) = (Arc::clone(proposal), Some(Box::new(judgement)));
    let task = discard(&proposal, markers);
    let told = Rehearsal { proposal, state: comes_to, checks, judgement, why };
    let facts = alert.into_iter().collect();
    Plan { facts, rehearsal: Some(told), ..Plan::default() }.task(task)
}

/// Nobody asks for a rehearsal of an accept but a root that wants its edits examined: they stand there already, and somebody
/// has to know.
fn edit_rejected(
    state: &State,
    proposal: &Proposal,
    comes_to: DeployState,
    why: Option<&str>,
) -> Option<Fact> {
    let edit = proposal.kind == DeployKind::Accept && comes_to == DeployState::Rejected;
    let tool = &proposal.changes.first().filter(|_| edit)?.tool;
    let stands = state.on_disk(tool)?;
    Some(Fact::AlertRaised {
        tool: tool.clone(),
        version: stands.digest,
        number: stands.number,
        kind: AlertKind::EditRejected,
        why: why.unwrap_or_default().to_owned(),
    })
}
