//! What a switch came to. Either all of it is live, and the versions, the drift and the baselines follow; or none of it
//! is, and what was met instead is recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::{Task, discard, provisional::drift_without, step, target};
use crate::{
    decide::{Plan, Rules, State, deploys, drift, observe, state::move_baseline},
    model::{
        Baseline, Change, Deploy, DeployKind, DeployNo, DeployState, Digest, Disk, Fact, Late,
        LiveChange, LivePart, MetFile, Note, Origin, Proposal, Reason, RuntimeName, Seq, Step,
        SwitchOrder, Switched, Target, Timestamp, Tool, ToolId, Undone, Version, VersionNo,
    },
};

pub(in crate::decide) fn switched(
    state: &State,
    rules: &Rules,
    deploy: DeployNo,
    outcome: Switched,
) -> Plan {
    let Some(known) = state.deploy(deploy).filter(|it| it.state == DeployState::Switching) else {
        return Plan::default();
    };
    let mut plan = match outcome {
        Switched::Live(parts) => live(state, known, &parts),
        Switched::Undone { why, seen } => undone(state, rules, known, why, seen),
        // The loop ends there; the next start settles it.
        Switched::Unknown { .. } => return Plan::default(),
    };
    for tool in known.tools() {
        plan.look_again(tool.clone());
    }
    // A small link of the stage stays otherwise.
    plan.task(discard(&known.proposal, &known.markers))
}

/// After a start: switches of which it is not known how far they came, and deploys that were not that far. A root that
/// is not configured any more waits until it is again.
pub(in crate::decide) fn interrupted(state: &State, rules: &Rules) -> Plan {
    let mut plan = Plan::default();
    let is_here = |it: &Deploy| it.tools().all(|id| rules.roots.contains_key(&id.root()));
    for it in state.open_deploys().filter(|it| is_here(it)) {
        if it.state == DeployState::Switching {
            let parts = it.proposal.changes.iter().cloned().zip(it.markers.iter().cloned());
            plan.tasks
                .push(Task::Settle(SwitchOrder { deploy: it.number, parts: parts.collect() }));
        } else if it.state.is_before_activation() && it.state != DeployState::AwaitingApproval {
            let why = "the daemon ended before it was live".to_owned();
            plan.facts.push(step(it.number, &it.proposal, Step::Abandoned { why }));
            plan.tasks.push(discard(&it.proposal, &it.markers));
        }
    }
    // What waits for approval is staged anew when it goes on.
    let open = state.open_deploys().filter(|it| it.state != DeployState::AwaitingApproval);
    let open = open.flat_map(|it| it.markers.iter().map(|it| it.name.clone()));
    let keep: Vec<String> = open.collect();
    let sweeps = rules.roots.keys().map(|root| Task::Sweep(root.clone(), keep.clone()));
    plan.tasks.extend(sweeps);
    plan
}

fn live(state: &State, deploy: &Deploy, parts: &[LivePart]) -> Plan {
    let mut after: BTreeMap<ToolId, Tool> = BTreeMap::new();
    let (mut facts, mut changes) = (Vec::new(), Vec::new());
    for (place, (change, part)) in deploy.proposal.changes.iter().zip(parts).enumerate() {
        let before = state.tool(&change.tool).cloned().unwrap_or_default();
        let size = deploy.markers.get(place).map_or(0, |it| it.size);
        let (fact, tool) = came_live(deploy, change, part, &before, size);
        // Where nothing stood, what was not confirmed may be gone: the log may not have heard of that yet, or not listened.
        let back = returns(state, &change.tool, &before, tool.baseline.as_ref());
        changes.push(LiveChange {
            tool: change.tool.clone(),
            version: tool.on_disk().map(|it| it.number),
            displaced: part.displaced.and(before.on_disk()).map(|it| it.number),
            returns: back.filter(|_| part.displaced.is_some() || before.provisional().is_some()),
        });
        facts.push(fact);
        after.insert(change.tool.clone(), tool);
    }
    let witnesses = witnesses(state, &deploy.proposal);
    facts.push(step(
        deploy.number,
        &deploy.proposal,
        Step::Activated { live: changes.clone(), witnesses },
    ));
    let mut deploy = deploy.clone();
    deploy.live = changes;
    settle_expectations(state, &deploy, &mut after, &mut facts);
    facts.extend(superseded(state, &deploy));
    facts.extend(left_alone(state, &deploy));
    facts.extend(quarantines(state, &deploy));
    Plan::of(facts)
}

/// The fact that a change is true on disk, and the tool as it is after it.
fn came_live(
    deploy: &Deploy,
    change: &Change,
    part: &LivePart,
    before: &Tool,
    size: u64,
) -> (Fact, Tool) {
    let tool = change.tool.clone();
    let (Some(to), Some(file)) = (change.to, part.live) else {
        let after = drift::with_disk(before, Disk::Absent);
        return (Fact::ToolRemoved { tool, origin: Origin::Deploy }, after);
    };
    let proposal = &deploy.proposal;
    let base = || before.on_disk().map(|it| it.number).into_iter().collect();
    let version = Version {
        tool,
        number: before.head.as_ref().map_or(VersionNo(1), |it| it.number.next()),
        digest: to.digest,
        size,
        executable: file.executable,
        parents: if change.parents.is_empty() { base() } else { change.parents.clone() },
        author: proposal.author.clone(),
        reason: proposal.reason.clone(),
        origin: Origin::Deploy,
        note: Some(Box::new(Note {
            deploy: deploy.number,
            claimed: proposal.claimed.clone(),
            message: proposal.message.clone(),
            metadata: proposal.metadata.clone(),
        })),
        mtime: file.mtime,
        time: Timestamp::default(),
        seq: Seq::default(),
    };
    let after = observe::standing(before, &version);
    (Fact::VersionRecorded(version), after)
}

/// Where a return leads: to what stood there, or to the baseline where that was itself not confirmed. `baseline`: as it is
/// known now, which the deploy's own content may have made it.
fn returns(
    state: &State,
    id: &ToolId,
    before: &Tool,
    baseline: Option<&Baseline>,
) -> Option<Target> {
    let Some(open) = before.provisional() else {
        return before.on_disk().map(Baseline::of).as_ref().map(target);
    };
    match baseline {
        // A manifest may name what was never seen: nobody could bring it. What the open deploy displaced stood there.
        Some(it) if it.version.is_none() => {
            let live = &state.deploy(open.deploy)?.live;
            live.iter().find(|it| it.tool == *id)?.returns
        }
        baseline => baseline.map(target),
    }
}

fn witnesses(state: &State, proposal: &Proposal) -> Vec<(RuntimeName, ToolId)> {
    let loaded = |tool: &ToolId| {
        let runtimes = state.runtimes().filter(|it| it.1.loaded.contains_key(tool));
        runtimes.map(|it| (it.0.clone(), tool.clone())).collect::<Vec<_>>()
    };
    proposal.changes.iter().flat_map(|it| loaded(&it.tool)).collect()
}

/// Baselines of what is confirmed at once, expectations of what is not, and the drift that follows.
fn settle_expectations(
    state: &State,
    deploy: &Deploy,
    after: &mut BTreeMap<ToolId, Tool>,
    facts: &mut Vec<Fact>,
) {
    let provisional = deploy.proposal.confirm_within_ms.is_some();
    for (id, tool) in after.iter_mut() {
        let expected = provisional.then(|| deploys::provisional(tool, id, deploy));
        if expected.is_some() || tool.provisional().is_some() {
            tool.change_rare(|it| it.provisional = expected);
        }
        if !provisional && moves_baseline(deploy.proposal.kind) {
            facts.extend(to_baseline(id, tool, &deploy.proposal));
        }
    }
    if !provisional {
        // At once: nobody asked for a time to confirm.
        let why = String::new();
        facts.push(step(deploy.number, &deploy.proposal, Step::Confirmed { why }));
    }
    let nothing = Tool::default();
    for (id, tool) in after.iter() {
        facts.extend(drift::moved(id, state.tool(id).unwrap_or(&nothing), tool));
    }
}

pub(super) fn moves_baseline(kind: DeployKind) -> bool {
    match kind {
        DeployKind::Deploy | DeployKind::Rollback | DeployKind::Accept | DeployKind::Regressed => {
            true
        }
        DeployKind::Restore | DeployKind::Automatic(_) => false,
    }
}

/// What stands on disk becomes the baseline.
pub(super) fn to_baseline(id: &ToolId, tool: &mut Tool, proposal: &Proposal) -> Option<Fact> {
    let to = tool.on_disk().map(Baseline::of);
    let fact = (to != tool.baseline).then(|| Fact::BaselineMoved {
        tool: id.clone(),
        from: tool.baseline.clone(),
        to: to.clone(),
        author: proposal.author.clone(),
        reason: proposal.reason.clone(),
    })?;
    move_baseline(tool, to.as_ref());
    Some(fact)
}

/// Deploys whose place this one took, and conflicts about tools that it decides.
fn superseded(state: &State, deploy: &Deploy) -> Vec<Fact> {
    let tools: BTreeSet<&ToolId> = deploy.tools().collect();
    let meets = |it: &Deploy| it.number != deploy.number && it.tools().any(|id| tools.contains(id));
    let provisional = state.open_deploys().filter(|it| it.is_provisional() && meets(it));
    let ended = provisional.map(|it| {
        let (by, kind) = (deploy.number, deploy.proposal.kind);
        let why = deploy.proposal.message.clone().unwrap_or_default();
        let goes_back = matches!(kind, DeployKind::Rollback | DeployKind::Regressed)
            || kind == DeployKind::Automatic(it.number);
        let ends = if goes_back {
            Step::RolledBack { by, why }
        } else {
            Step::Superseded { by: Some(by), why: "a newer deploy took its place".to_owned() }
        };
        step(it.number, &it.proposal, ends)
    });
    // What stood there when it was proposed does not any more: there is nothing left to approve.
    let waiting = state.open_deploys().filter(|it| it.awaits_approval() && meets(it)).map(|it| {
        let why = "another deploy took its place while it waited".to_owned();
        step(it.number, &it.proposal, Step::Superseded { by: Some(deploy.number), why })
    });
    let conflicts = state.unresolved().filter(|it| meets(it)).map(|it| {
        let why = "a newer deploy decided it".to_owned();
        step(it.number, &it.proposal, Step::Superseded { by: Some(deploy.number), why })
    });
    ended.chain(waiting).chain(conflicts).collect()
}

/// Drift of tools whose deploy ended because this one took the place of another of its tools: nothing is expected of them
/// any more but their baseline.
fn left_alone(state: &State, deploy: &Deploy) -> Vec<Fact> {
    let ours: BTreeSet<&ToolId> = deploy.tools().collect();
    let met = |it: &Deploy| it.is_provisional() && it.tools().any(|id| ours.contains(id));
    let ended = state.open_deploys().filter(|it| it.number != deploy.number && met(it));
    let all = ended.flat_map(|it| drift_without(state, it));
    all.filter(|it| it.tool().is_none_or(|id| !ours.contains(id))).collect()
}

/// Contents that this deploy takes out of circulation, and those that it lets in again.
fn quarantines(state: &State, deploy: &Deploy) -> Vec<Fact> {
    let proposal = &deploy.proposal;
    let author = || proposal.author.clone();
    let blamed = |tool: &ToolId, digest: &Digest| {
        state.tool(tool).is_some_and(|it| it.is_quarantined(digest))
    };
    let wanted = proposal.quarantines.iter().filter(|it| !blamed(&it.0, &it.1));
    let put = wanted.map(|(tool, digest)| Fact::ContentQuarantined {
        tool: tool.clone(),
        digest: *digest,
        deploy: Some(deploy.number),
        author: author(),
    });
    let forced = proposal.changes.iter().filter(|_| proposal.force).filter_map(|it| {
        let digest = it.to?.digest;
        let released = Fact::ContentReleased { tool: it.tool.clone(), digest, author: author() };
        blamed(&it.tool, &digest).then_some(released)
    });
    put.chain(forced).collect()
}

/// What stands on disk is accepted: nothing was switched.
pub(super) fn accepted(state: &State, number: DeployNo, proposal: &Proposal) -> Vec<Fact> {
    let mut after: BTreeMap<ToolId, Tool> = proposal
        .changes
        .iter()
        .map(|it| (it.tool.clone(), state.tool(&it.tool).cloned().unwrap_or_default()))
        .collect();
    let live = |(id, tool): (&ToolId, &Tool)| {
        let number = tool.on_disk().map(|it| it.number);
        let returns = returns(state, id, tool, tool.baseline.as_ref());
        LiveChange { tool: id.clone(), version: number, displaced: number, returns }
    };
    let mut deploy = Deploy::new(number, proposal.clone());
    deploy.live = after.iter().map(live).collect();
    let live = deploy.live.clone();
    let mut facts = vec![step(number, proposal, Step::Activated { live, witnesses: Vec::new() })];
    settle_expectations(state, &deploy, &mut after, &mut facts);
    facts.extend(superseded(state, &deploy));
    facts.extend(left_alone(state, &deploy));
    facts
}

fn undone(state: &State, rules: &Rules, deploy: &Deploy, why: Undone, seen: Vec<MetFile>) -> Plan {
    let mut plan = Plan::default();
    let mut met: BTreeMap<ToolId, Tool> = BTreeMap::new();
    for it in seen {
        observe::met(state, rules, &mut met, it, &mut plan);
    }
    let proposal = &deploy.proposal;
    let conflict = matches!(why, Undone::Conflict(_));
    let ends = match why {
        Undone::Conflict(tools) => Step::Conflicted {
            tools,
            why: "the file was changed while the deploy was on its way".to_owned(),
        },
        Undone::Interrupted => {
            Step::Abandoned { why: "the daemon ended while it was being switched".to_owned() }
        }
        Undone::Failed(why) => Step::Aborted { why },
    };
    plan.facts.push(step(deploy.number, proposal, ends));
    if let DeployKind::Automatic(of) = proposal.kind
        && let Some(of) = state.deploy(of).filter(|it| conflict && it.is_provisional())
    {
        let why = "the file was changed since: nothing is overwritten".to_owned();
        plan.facts.push(step(of.number, &of.proposal, Step::Superseded { by: None, why }));
        plan.facts.extend(of.tools().filter_map(|id| {
            let before = met.get(id).or_else(|| state.tool(id))?;
            let mut after = before.clone();
            after.change_rare(|it| it.provisional = None);
            drift::moved(id, before, &after)
        }));
    }
    plan
}

/// It is what the log had, or was to have, when the deploy began. What else came out was handed out once, and maybe to a
/// process that ended before it was durable.
fn is_known(state: &State, late: &Late, now: &Digest) -> bool {
    let Some(deploy) = state.deploy(late.deploy) else { return false };
    let ours = deploy.change(&late.tool).is_some_and(|it| {
        it.base.map(|it| it.digest) == Some(*now) || it.to.map(|it| it.digest) == Some(*now)
    });
    ours && late.displaced == Some(*now)
}

/// A displaced file is closed now. What was written into it since it was displaced is recorded; it never stood in the
/// tool's place.
pub(in crate::decide) fn late(state: &State, rules: &Rules, late: Late) -> Plan {
    let mut plan = Plan::default();
    // Of a tool that nobody has seen yet it is the first: it came out of a deploy that did not become live.
    let head = state.tool(&late.tool).and_then(|it| it.head.as_ref());
    if let Some(file) = late.now.clone().filter(|it| !is_known(state, &late, &it.digest))
        && head.is_none_or(|it| it.digest != file.digest)
    {
        let edits_by = rules.roots.get(&late.tool.root()).map(|it| it.edits_by.clone());
        plan.contents.extend(file.content);
        plan.facts.push(Fact::VersionRecorded(Version {
            tool: late.tool.clone(),
            number: head.map_or(VersionNo(1), |it| it.number.next()),
            digest: file.digest,
            size: file.size,
            executable: file.executable,
            parents: Vec::new(),
            author: edits_by.unwrap_or_else(crate::model::Author::unknown),
            reason: Reason::edit(),
            origin: Origin::Displaced,
            note: None,
            mtime: file.mtime,
            time: Timestamp::default(),
            seq: Seq::default(),
        }));
    }
    plan.task(Task::Release(late))
}
