//! What may begin. A refusal here costs nobody anything: nothing was written yet.

use std::sync::Arc;

use super::{Purpose, Rehearsal, StageOrder, Task, is_there, step};
use crate::{
    decide::{Plan, Rules, State},
    model::{
        AuthorKind, Change, Deploy, DeployKind, DeployNo, DeployState, Digest, Disk, NotBase,
        Proposal, Refusal, SafetyCause, Step,
    },
};

pub(in crate::decide) fn propose(
    state: &State,
    rules: &Rules,
    mut proposal: Proposal,
    contents: Vec<(Digest, Vec<u8>)>,
    rehearsal: bool,
) -> Plan {
    if let Some(plan) = known_by_key(state, &proposal) {
        return plan;
    }
    if let Err(refusal) = possible(state, rules, &proposal, None) {
        return Plan::refused(refusal);
    }
    // What is there already is left alone. An accept is about exactly that.
    let moves = |it: &Change| !is_there(state, &it.tool, it.to.as_ref());
    if proposal.kind != DeployKind::Accept {
        if !proposal.changes.iter().any(moves) {
            return nothing_to_do(state, proposal, rehearsal);
        }
        proposal.changes.retain(moves);
    }
    let wrong = not_bases(state, &proposal);
    if !wrong.is_empty() {
        return Plan::refused(Refusal::Conflict(wrong));
    }
    by_policy(rules, &mut proposal);
    let purpose = if rehearsal { Purpose::Rehearsal } else { Purpose::Deploy };
    Plan::default().task(Task::Stage(StageOrder::new(state, proposal, contents, purpose)))
}

/// The same request was made before; or another one with its key.
pub(super) fn known_by_key(state: &State, proposal: &Proposal) -> Option<Plan> {
    let known = state.deploy_by_key(proposal.key.as_ref()?)?;
    if known.proposal.key != proposal.key {
        return Some(Plan::refused(Refusal::KeyReused { deploy: known.number }));
    }
    Some(Plan { known: Some(known.number), ..Plan::default() })
}

/// Kept as it was proposed, until somebody decides it. Where the disk fits by now, it may as well be proposed again.
pub(in crate::decide) fn dispute(
    state: &State,
    rules: &Rules,
    proposal: Proposal,
    contents: Vec<(Digest, Vec<u8>)>,
) -> Plan {
    if let Some(plan) = known_by_key(state, &proposal) {
        return plan;
    }
    if let Err(refusal) = possible(state, rules, &proposal, None) {
        return Plan::refused(refusal);
    }
    if not_bases(state, &proposal).is_empty() {
        return Plan::refused(Refusal::Conflict(Vec::new()));
    }
    let order = StageOrder::new(state, proposal, contents, Purpose::Dispute);
    Plan::default().task(Task::Stage(order))
}

fn nothing_to_do(state: &State, proposal: Proposal, rehearsal: bool) -> Plan {
    if rehearsal {
        let (proposal, checks) = (Arc::new(proposal), Vec::new());
        let (state, judgement, why) = (DeployState::NoOp, None, None);
        let told = Rehearsal { proposal, state, checks, judgement, why };
        return Plan { rehearsal: Some(told), ..Plan::default() };
    }
    let fact = step(state.next_deploy(), &proposal, Step::NoOp(Box::new(proposal.clone())));
    Plan::of(vec![fact])
}

/// The root's own wish for deploys to be provisional, where the request has none.
fn by_policy(rules: &Rules, proposal: &mut Proposal) {
    let wishes = |it: &Change| rules.roots.get(&it.tool.root())?.confirm_within_ms;
    if matches!(proposal.kind, DeployKind::Deploy) && proposal.confirm_within_ms.is_none() {
        proposal.confirm_within_ms = proposal.changes.iter().filter_map(wishes).max();
    }
    // Nothing watches over what was confirmed before it began.
    if !matches!(proposal.kind, DeployKind::Deploy | DeployKind::Rollback) {
        proposal.confirm_within_ms = None;
    }
}

/// Everything that can be known without looking. Asked again once the contents are staged. `own`: its number, where it has
/// one already.
pub(super) fn possible(
    state: &State,
    rules: &Rules,
    proposal: &Proposal,
    own: Option<DeployNo>,
) -> Result<(), Refusal> {
    match proposal.author.kind {
        AuthorKind::Ai if proposal.force => {
            return Err(Refusal::NotByAi(proposal.author.clone()));
        }
        AuthorKind::Unknown if proposal.force => {
            return Err(Refusal::OnlyByHuman(proposal.author.clone()));
        }
        AuthorKind::Ai | AuthorKind::Unknown | AuthorKind::Human => (),
    }
    proposal.changes.iter().try_for_each(|it| possible_change(state, rules, proposal, own, it))
}

fn possible_change(
    state: &State,
    rules: &Rules,
    proposal: &Proposal,
    own: Option<DeployNo>,
    change: &Change,
) -> Result<(), Refusal> {
    let (tool, root) = (&change.tool, change.tool.root());
    let bit = change.to.is_some_and(|it| it.executable == Some(true));
    let by_mode = bit || state.tool(tool).is_some_and(|it| it.by_mode && it.head.is_some());
    let globs = rules.roots.get(&root).map(|it| &it.globs);
    if !globs.is_some_and(|it| it.is_tool(&tool.path(), by_mode)) {
        return Err(Refusal::NotATool(tool.clone()));
    }
    if let Some(cause) = state.root(&root).safety
        && !puts_back(proposal.kind, cause)
    {
        return Err(Refusal::SafetyStop { root, cause });
    }
    // A way back does not wait until somebody has decided about something else, and a person not for what an `ai` proposed.
    let first = is_automatic(proposal.kind) || proposal.author.kind != AuthorKind::Ai;
    let waits = |it: &Deploy| {
        let is_of_ai = it.proposal.author.kind == AuthorKind::Ai || is_automatic(proposal.kind);
        first && is_of_ai && it.awaits_approval()
    };
    let mut before = state.before_activation(tool);
    if let Some(open) = before.find(|it| Some(it.number) != own && !waits(it)) {
        return Err(Refusal::DeployOpen { tool: tool.clone(), deploy: open.number });
    }
    if let Some(known) = state.tool(tool)
        && let Disk::Unreadable(cause) = state.disk(tool, known)
    {
        return Err(Refusal::CannotRead { tool: tool.clone(), cause });
    }
    let blamed = |it: &Digest| state.tool(tool).is_some_and(|known| known.is_quarantined(it));
    match change.to.map(|it| it.digest).filter(blamed) {
        Some(digest) if !proposal.force && !is_automatic(proposal.kind) => {
            Err(Refusal::Quarantined { tool: tool.clone(), digest })
        }
        _ => Ok(()),
    }
}

/// Files that are missing may be put back while nothing else happens in their root.
fn puts_back(kind: DeployKind, cause: SafetyCause) -> bool {
    cause == SafetyCause::MassRemoval && matches!(kind, DeployKind::Restore | DeployKind::Rollback)
}

fn is_automatic(kind: DeployKind) -> bool {
    matches!(kind, DeployKind::Automatic(_) | DeployKind::Regressed)
}

/// Tools whose disk, as far as the log knows it, is not what the proposal starts from.
pub(super) fn not_bases(state: &State, proposal: &Proposal) -> Vec<NotBase> {
    let compare = |it: &Change| {
        let (base, found) =
            (it.base.map(|it| it.digest), state.on_disk(&it.tool).map(|it| it.digest));
        (base != found).then(|| NotBase { tool: it.tool.clone(), base, found })
    };
    proposal.changes.iter().filter_map(compare).collect()
}
