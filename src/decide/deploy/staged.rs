//! The contents stand beside the live files: what follows, and what follows once they were verified. The facts of the
//! way from the request to the intent become durable together, where nothing has to be run in between.

use std::sync::Arc;

use super::{
    Prepared, Purpose, Rehearsal, StageOrder, Staged, Task, discard,
    gate::{Gate, gate},
    propose::{known_by_key, not_bases, possible},
    step,
    switched::accepted,
};
use crate::{
    decide::{Plan, Rules, State},
    model::{
        Author, CheckRun, Deploy, DeployKind, DeployNo, DeployState, Marker, Proposal, Refusal,
        Step, SwitchOrder,
    },
};

pub(in crate::decide) fn staged(state: &State, rules: &Rules, staged: Staged) -> Plan {
    let Staged { order, outcome } = staged;
    let prepared = match outcome {
        Ok(prepared) => prepared,
        Err(refusal) => return Plan::refused(refusal),
    };
    let StageOrder { proposal, purpose, .. } = order;
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
        Purpose::Deploy => begun(state, &proposal, prepared),
        Purpose::Rehearsal => match &prepared.skipped {
            Some(checks) => rehearsed(&proposal, &prepared.markers, checks.clone()),
            None => Plan::default().task(Task::Rehearse(proposal, prepared.markers)),
        },
        Purpose::Dispute => disputed(state, &proposal, prepared),
        Purpose::Approved { deploy, by } => {
            let whole =
                Whole { deploy, proposal: &proposal, markers: prepared.markers, by: Some(by) };
            go_live(state, whole, Plan::default())
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

fn begun(state: &State, proposal: &Arc<Proposal>, prepared: Prepared) -> Plan {
    let deploy = state.next_deploy();
    let Prepared { markers, contents, skipped } = prepared;
    let mut plan = Plan::of(vec![
        step(deploy, proposal, Step::Accepted(Box::new((**proposal).clone()))),
        step(deploy, proposal, Step::Staged(markers.clone())),
    ]);
    plan.contents = contents;
    let goes_back = matches!(proposal.kind, DeployKind::Automatic(_) | DeployKind::Regressed);
    let Some(checks) = skipped.or(goes_back.then(Vec::new)) else {
        return plan.task(Task::Verify(deploy));
    };
    let whole = Whole { deploy, proposal, markers, by: None };
    judged(state, whole, checks, plan)
}

pub(in crate::decide) fn verified(state: &State, deploy: DeployNo, checks: Vec<CheckRun>) -> Plan {
    // It may have been given up meanwhile.
    let Some(known) = state.deploy(deploy).filter(|it| it.state == DeployState::Staged) else {
        return Plan::default();
    };
    let whole =
        Whole { deploy, proposal: &known.proposal, markers: known.markers.clone(), by: None };
    judged(state, whole, checks, Plan::default())
}

/// A deploy with everything that a switch needs.
struct Whole<'a> {
    deploy: DeployNo,
    proposal: &'a Proposal,
    markers: Vec<Marker>,
    by: Option<Author>,
}

fn judged(state: &State, whole: Whole<'_>, checks: Vec<CheckRun>, mut plan: Plan) -> Plan {
    let Whole { deploy, proposal, markers, .. } = &whole;
    match gate(proposal, &checks) {
        Gate::Shut => {
            plan.facts.push(step(*deploy, proposal, Step::Rejected(checks)));
            let task = discard(proposal, markers);
            plan.task(task)
        }
        Gate::Approval(why) => {
            plan.facts.push(step(*deploy, proposal, Step::Verified(checks)));
            plan.facts.push(step(*deploy, proposal, Step::AwaitingApproval { why }));
            // It may wait for days: it is staged anew when it goes on.
            let task = discard(proposal, markers);
            plan.task(task)
        }
        Gate::Open => {
            plan.facts.push(step(*deploy, proposal, Step::Verified(checks)));
            go_live(state, whole, plan)
        }
    }
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
    proposal: &Arc<Proposal>,
    markers: &[Marker],
    checks: Vec<CheckRun>,
) -> Plan {
    let live = if proposal.confirm_within_ms.is_some() {
        DeployState::Activated
    } else {
        DeployState::Confirmed
    };
    let (state, why) = match gate(proposal, &checks) {
        Gate::Open => (live, None),
        Gate::Approval(why) => (DeployState::AwaitingApproval, Some(why)),
        Gate::Shut => (DeployState::Rejected, None),
    };
    let told = Rehearsal { proposal: Arc::clone(proposal), state, checks, why };
    Plan { rehearsal: Some(told), ..Plan::default() }.task(discard(proposal, markers))
}
