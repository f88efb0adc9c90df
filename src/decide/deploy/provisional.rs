//! Deploys that are live and not confirmed, and those that wait: how they go on, how they end. A return is a deploy like
//! any other, but for verification and gates: what it brings was live before.

use std::{collections::BTreeSet, sync::Arc};

use super::{Purpose, StageOrder, Task, discard, is_there, keeper, step, switched::moves_baseline};
use crate::{
    decide::{Plan, State, drift},
    model::{
        Author, AuthorKind, Base, Change, Deploy, DeployKind, DeployNo, DeployState, Digest, Fact,
        LiveChange, Proposal, Reason, Refusal, RuntimeName, Seq, Step, ToolId,
    },
};

fn open(state: &State, deploy: DeployNo) -> Result<&Arc<Deploy>, Refusal> {
    state.deploy(deploy).ok_or(Refusal::NoSuchDeploy(deploy))
}

pub(in crate::decide) fn confirm(state: &State, number: DeployNo, author: &Author) -> Plan {
    match open(state, number) {
        Err(refusal) => Plan::refused(refusal),
        Ok(it) if it.is_provisional() => {
            if let Some(refusal) = is_going_back(state, it) {
                return Plan::refused(refusal);
            }
            Plan::of(confirmed(state, it, format!("by {author}")))
        }
        // Said twice is said once.
        Ok(it) if it.state == DeployState::Confirmed => Plan::default(),
        Ok(it) => Plan::refused(not_in(it, "activated")),
    }
}

/// It is being taken back at this moment: nobody is told that it stays.
fn is_going_back(state: &State, deploy: &Deploy) -> Option<Refusal> {
    let back = DeployKind::Automatic(deploy.number);
    let by = state.open_deploys().find(|it| it.proposal.kind == back)?;
    let tool = by.tools().next()?.clone();
    Some(Refusal::DeployOpen { tool, deploy: by.number })
}

fn not_in(deploy: &Deploy, wanted: &'static str) -> Refusal {
    Refusal::NotInState { deploy: deploy.number, state: deploy.state, wanted }
}

fn confirmed(state: &State, deploy: &Deploy, why: String) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut after = Vec::new();
    for id in deploy.tools() {
        let Some(before) = state.tool(id) else { continue };
        let mut tool = before.clone();
        let expected = tool.provisional().and_then(|it| it.expected.clone());
        tool.change_rare(|it| it.provisional = None);
        if moves_baseline(deploy.proposal.kind) && expected != tool.baseline {
            facts.push(Fact::BaselineMoved {
                tool: id.clone(),
                from: tool.baseline.clone(),
                to: expected.clone(),
                author: deploy.proposal.author.clone(),
                reason: deploy.proposal.reason.clone(),
            });
            tool.baseline = expected;
        }
        after.push((id, before, tool));
    }
    facts.push(step(deploy.number, &deploy.proposal, Step::Confirmed { why }));
    facts.extend(after.iter().filter_map(|(id, before, tool)| drift::moved(id, before, tool)));
    facts
}

/// Provisional deploys whose witnesses have all reported the new content. An expired lease is no report.
pub(in crate::decide) fn confirmed_by_runtimes(state: &State, runtime: &RuntimeName) -> Vec<Fact> {
    let all_have_it = |deploy: &Deploy| {
        let mut witnesses = deploy.witnesses.iter();
        !deploy.witnesses.is_empty()
            && witnesses.all(|(name, tool)| has_it(state, deploy, name, tool))
    };
    let asked = |it: &Deploy| {
        it.is_provisional()
            && it.witnesses.iter().any(|it| it.0 == *runtime)
            && is_going_back(state, it).is_none()
    };
    let whole = state.open_deploys().filter(|it| asked(it) && all_have_it(it));
    whole
        .flat_map(|it| confirmed(state, it, "by the runtimes that had loaded it".to_owned()))
        .collect()
}

fn has_it(state: &State, deploy: &Deploy, name: &RuntimeName, tool: &ToolId) -> bool {
    let wanted = deploy.change(tool).and_then(|it| it.to).map(|it| it.digest);
    state.runtime(name).is_some_and(|it| it.loaded.get(tool).copied() == wanted)
}

/// The time to confirm is over, or the time to approve.
pub(in crate::decide) fn deadline(state: &State, number: DeployNo) -> Plan {
    let Some(deploy) = state.deploy(number).filter(|it| it.is_provisional()) else {
        let waits = state.deploy(number).filter(|it| it.awaits_approval());
        let why = || "nobody approved it in time".to_owned();
        let aborted = |it: &Arc<Deploy>| step(number, &it.proposal, Step::Aborted { why: why() });
        return Plan::of(waits.map(aborted).into_iter().collect());
    };
    let ms = deploy.proposal.confirm_within_ms.unwrap_or_default();
    let why = format!("deploy {number} was not confirmed within {ms} ms");
    take_back(state, deploy, &keeper(), why, Vec::new())
}

/// A runtime could not load what a provisional deploy brought: that is taken back at once, and does not come back unseen.
pub(in crate::decide) fn failed_loads<'a>(
    state: &State,
    runtime: &RuntimeName,
    failed: impl Iterator<Item = (&'a ToolId, &'a String)>,
) -> Plan {
    let mut plan = Plan::default();
    let mut taken = BTreeSet::new();
    for (tool, message) in failed {
        let number = state.tool(tool).and_then(|it| it.provisional()).map(|it| it.deploy);
        let Some(deploy) = number.and_then(|it| state.deploy(it)) else { continue };
        // Two tools of one deploy that fail take it back once.
        if !taken.insert(deploy.number) {
            continue;
        }
        let why = format!("{runtime} could not load {tool}: {message}");
        let blamed = deploy.change(tool).and_then(|it| it.to).map(|it| (tool.clone(), it.digest));
        let blamed = blamed.into_iter().collect();
        let back = take_back(state, deploy, &keeper(), why, blamed);
        plan.facts.extend(back.facts);
        plan.tasks.extend(back.tasks);
    }
    plan
}

pub(in crate::decide) fn abort(state: &State, number: DeployNo, author: &Author) -> Plan {
    let deploy = match open(state, number) {
        Ok(deploy) => deploy,
        Err(refusal) => return Plan::refused(refusal),
    };
    let why = format!("by {author}");
    match deploy.state {
        DeployState::Activated => {
            let why = format!("deploy {number} was given up {why}");
            take_back(state, deploy, author, why, Vec::new())
        }
        DeployState::Accepted
        | DeployState::Staged
        | DeployState::Verified
        | DeployState::AwaitingApproval => {
            let mut plan = Plan::of(vec![step(number, &deploy.proposal, Step::Aborted { why })]);
            plan.tasks.push(Task::Stop(number));
            plan.task(discard(&deploy.proposal, &deploy.markers))
        }
        // Nobody needs to decide it any more.
        DeployState::Conflicted if deploy.proposal.keeps_conflict => {
            Plan::of(vec![step(number, &deploy.proposal, Step::Aborted { why })])
        }
        DeployState::Aborted => Plan::default(),
        DeployState::Switching
        | DeployState::Confirmed
        | DeployState::NoOp
        | DeployState::Rejected
        | DeployState::Conflicted
        | DeployState::RolledBack
        | DeployState::Superseded
        | DeployState::Abandoned => Plan::refused(not_in(deploy, "open")),
    }
}

/// It goes on where it stopped to wait. Only a person signs, for what was decided at `as_of`: whatever was judged anew
/// since then was not looked at.
pub(in crate::decide) fn approve(
    state: &State,
    number: DeployNo,
    author: &Author,
    as_of: Option<Seq>,
) -> Plan {
    let deploy = match open(state, number) {
        Ok(deploy) => deploy,
        Err(refusal) => return Plan::refused(refusal),
    };
    match author.kind {
        AuthorKind::Ai => return Plan::refused(Refusal::NotByAi(author.clone())),
        AuthorKind::Unknown => return Plan::refused(Refusal::OnlyByHuman(author.clone())),
        AuthorKind::Human => (),
    }
    if !deploy.awaits_approval() {
        return Plan::refused(not_in(deploy, "awaiting_approval"));
    }
    if let Some(seen) = as_of.filter(|it| *it != deploy.as_of) {
        let now = deploy.as_of;
        return Plan::refused(Refusal::JudgedAnew { deploy: number, seen, now });
    }
    let purpose = Purpose::Approved { deploy: number, by: author.clone() };
    let order = StageOrder::new(state, deploy.proposal.clone(), Vec::new(), purpose);
    Plan::default().task(Task::Stage(order))
}

/// Back to what stood there before, if what stands there now is what the deploy brought; else it is over, and nothing is
/// overwritten. `blamed`: contents that are taken out of circulation with it.
fn take_back(
    state: &State,
    deploy: &Deploy,
    author: &Author,
    why: String,
    blamed: Vec<(ToolId, Digest)>,
) -> Plan {
    let stands = |it: &Change| is_there(state, &it.tool, it.to.as_ref());
    if !deploy.proposal.changes.iter().all(stands) {
        let why = format!("{why}; the file was changed since: nothing is overwritten");
        let ends = Step::Superseded { by: None, why };
        let mut facts = vec![step(deploy.number, &deploy.proposal, ends)];
        facts.extend(drift_without(state, deploy));
        return Plan::of(facts);
    }
    let proposal = Proposal {
        kind: DeployKind::Automatic(deploy.number),
        changes: deploy.live.iter().map(|it| back(deploy, it)).collect(),
        author: author.clone(),
        claimed: None,
        reason: Reason::rollback(),
        message: Some(why),
        metadata: None,
        confirm_within_ms: None,
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: blamed,
        expect_changes: Vec::new(),
    };
    let order = StageOrder::new(state, proposal, Vec::new(), Purpose::Deploy);
    Plan::default().task(Task::Stage(order))
}

fn back(deploy: &Deploy, live: &LiveChange) -> Change {
    let to = deploy.change(&live.tool).and_then(|it| it.to);
    Change {
        tool: live.tool.clone(),
        base: to.map(|it| Base { digest: it.digest, version: live.version }),
        to: live.returns,
        parents: live.version.into_iter().collect(),
    }
}

/// Drift as it is once nothing of the deploy is expected any more.
pub(super) fn drift_without<'a>(
    state: &'a State,
    deploy: &'a Deploy,
) -> impl Iterator<Item = Fact> + 'a {
    deploy.tools().filter_map(|id| {
        let before = state.tool(id)?;
        let mut after = before.clone();
        after.change_rare(|it| it.provisional = None);
        drift::moved(id, before, &after)
    })
}
