//! What a root wants done about edits that nobody deployed: nothing, make them the baseline, or put the baseline back.
//! Either is a deploy like any other. Nothing is done where a safety stop holds, and nothing for a tool that a deploy is at.

use super::{
    OnDrift, Plan, Rules, State,
    deploy::{Purpose, StageOrder, Task, keeper, target},
};
use crate::model::{
    Author, Base, Change, DeployKind, DeployState, Digest, Proposal, PutBack, Reason, Record, Sync,
    Target, Timestamp, Tool, ToolId,
};

/// How long to wait where a deploy met something else than the log knows of.
const AGAIN_MS: u64 = 30_000;
/// Whoever edits what was put back gets more time with each edit, up to this.
const LONGEST_BACKOFF_MS: u64 = 300_000;
/// After so much quiet it counts from the beginning again.
const QUIET_MICROS: i64 = 600_000_000;

/// Asked in a moment, or later where the baseline was put back just before.
pub(super) fn later(state: &State, tool: &ToolId, now: Timestamp) -> Option<Task> {
    let known = state.tool(tool)?;
    if state.sync(tool, known) == Sync::InSync {
        return None;
    }
    let before = known.rare.as_ref().and_then(|it| it.put_back.as_ref());
    let recent = before.filter(|it| now.0.saturating_sub(it.at.0) < QUIET_MICROS);
    let doubled = recent.map_or(0, |it| 500_u64 << it.times.min(16));
    Some(Task::OnDrift { tool: tool.clone(), after_ms: doubled.min(LONGEST_BACKOFF_MS) })
}

/// What could not be done now cannot be done a moment later either, unless something is seen: whoever holds the file open
/// would be met again and again, and each time would be a deploy in the log.
pub(super) fn not_at_once(task: Task) -> Task {
    if let Task::OnDrift { tool, after_ms } = task {
        return Task::OnDrift { tool, after_ms: after_ms.max(AGAIN_MS) };
    }
    task
}

pub(super) fn act(state: &State, rules: &Rules, id: &ToolId) -> Plan {
    let Some(root) = rules.roots.get(&id.root()) else { return Plan::default() };
    let Some(tool) = state.tool(id) else { return Plan::default() };
    let held = state.root(&id.root()).safety.is_some()
        || state.is_on_its_way(id)
        || tool.provisional().is_some();
    let proposal = match root.on_drift {
        _ if held => None,
        OnDrift::Flag => None,
        OnDrift::Examine | OnDrift::Accept => accepted(state, id, tool),
        OnDrift::Restore => put_back(state, id, tool),
    };
    let Some(proposal) = proposal else { return Plan::default() };
    // Whoever only wants to know is told what would come of it.
    let purpose = match root.on_drift {
        OnDrift::Examine => Purpose::Rehearsal,
        OnDrift::Flag | OnDrift::Accept | OnDrift::Restore => Purpose::Deploy,
    };
    let order = StageOrder::new(state, proposal, Vec::new(), purpose);
    Plan::default().task(Task::Stage(order))
}

/// What stands there, proposed as the baseline by whoever edited it. That it failed verification once is enough.
fn accepted(state: &State, id: &ToolId, tool: &Tool) -> Option<Proposal> {
    if !matches!(state.sync(id, tool), Sync::Modified | Sync::Orphaned) {
        return None;
    }
    let stands = state.on_disk(id)?;
    if tool.is_quarantined(&stands.digest) || was_refused(state, id, &stands.digest) {
        return None;
    }
    let base = Base { digest: stands.digest, version: Some(stands.number) };
    let to = Target { digest: stands.digest, executable: Some(stands.executable) };
    let author = stands.author.clone();
    Some(proposal(DeployKind::Accept, id, (Some(base), to), author, Reason::accept()))
}

fn was_refused(state: &State, id: &ToolId, digest: &Digest) -> bool {
    let asked = |it: &Change| it.tool == *id && it.to.is_some_and(|to| to.digest == *digest);
    let mut accepts = state.deploys().filter(|it| it.proposal.kind == DeployKind::Accept);
    accepts.any(|it| it.state == DeployState::Rejected && it.proposal.changes.iter().any(asked))
}

/// The baseline, where what stands there was not put back just before: whoever insists is told of, and left alone. What
/// is an orphan stays.
fn put_back(state: &State, id: &ToolId, tool: &Tool) -> Option<Proposal> {
    if !matches!(state.sync(id, tool), Sync::Modified | Sync::Missing) {
        return None;
    }
    let baseline = tool.baseline.as_ref().filter(|it| it.version.is_some())?;
    let stands = state.on_disk(id);
    let away = stands.map(|it| it.digest);
    let before = tool.rare.as_ref().and_then(|it| it.put_back.as_ref());
    if before.is_some_and(|it| it.away == away) {
        return None;
    }
    let base = stands.map(|it| Base { digest: it.digest, version: Some(it.number) });
    let change = (base, target(baseline));
    Some(proposal(DeployKind::Restore, id, change, keeper(), Reason::restore()))
}

fn proposal(
    kind: DeployKind,
    tool: &ToolId,
    (base, to): (Option<Base>, Target),
    author: Author,
    reason: Reason,
) -> Proposal {
    let change = Change { tool: tool.clone(), base, to: Some(to), parents: Vec::new() };
    let says = if kind == DeployKind::Accept { "accept" } else { "restore" };
    Proposal {
        kind,
        changes: vec![change],
        author,
        claimed: None,
        reason,
        message: Some(format!("the root says on_drift = \"{says}\"")),
        metadata: None,
        confirm_within_ms: None,
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: Vec::new(),
        expect_changes: Vec::new(),
    }
}

/// Remembered of a restore that nobody asked for.
pub(super) fn remembered(before: Option<&PutBack>, away: Option<Digest>, now: &Record) -> PutBack {
    let recent = before.filter(|it| now.time.0.saturating_sub(it.at.0) < QUIET_MICROS);
    PutBack { away, times: recent.map_or(0, |it| it.times).saturating_add(1), at: now.time }
}
