//! Disk becomes baseline. All that was named, or nothing. What an `ai` wants accepted is a deploy of what stands there, and
//! passes the same checks and gates.

use super::{Accept, Plan, Rules, State, deploy, drift};
use crate::model::{
    Author, AuthorKind, Base, Baseline, Change, DeployKind, DeployState, Digest, Disk, Fact,
    Origin, Proposal, Reason, Refusal, RootName, SafetyCause, Sync, Target, Tool, ToolId,
};

pub(super) fn accept(state: &State, rules: &Rules, what: &Accept, author: &Author) -> Plan {
    let tools = match chosen(state, what) {
        Ok(tools) => tools,
        Err(refusal) => return Plan::refused(refusal),
    };
    if author.kind == AuthorKind::Ai {
        return proposed(state, rules, &tools, author);
    }
    let mut plan = Plan::of(
        tools.into_iter().flat_map(|(id, tool)| accepted(state, &id, tool, author)).collect(),
    );
    if matches!(what, Accept::All) {
        plan.facts.extend(emptied_roots(state));
    }
    plan
}

/// The tools that are meant, each of them acceptable.
fn chosen<'a>(state: &'a State, what: &Accept) -> Result<Vec<(ToolId, &'a Tool)>, Refusal> {
    match what {
        Accept::All => Ok(state
            .drifted()
            .into_iter()
            // What cannot be read cannot be accepted, and what is quarantined must not be; it stays in the list of issues.
            .filter(|(id, tool)| state.sync(id, tool) != Sync::Unreadable)
            .filter(|(_, tool)| quarantined(tool).is_none())
            // What stands there is about to be known, and is the deploy's until then.
            .filter(|(id, _)| !state.is_switching(id))
            .map(|(id, tool)| (id.clone(), tool))
            .collect()),
        Accept::Tools(named) => {
            named.iter().map(|(id, wanted)| named_tool(state, id, *wanted)).collect()
        }
    }
}

fn named_tool<'a>(
    state: &'a State,
    id: &ToolId,
    wanted: Option<Digest>,
) -> Result<(ToolId, &'a Tool), Refusal> {
    let tool = state.tool(id).filter(|_| !state.is_outside(id));
    let tool = tool.ok_or_else(|| Refusal::NoSuchTool(id.clone()))?;
    if let Some(deploy) = state.switching(id) {
        return Err(Refusal::DeployOpen { tool: id.clone(), deploy: deploy.number });
    }
    let disk = state.disk(id, tool);
    if let Disk::Unreadable(cause) = disk {
        return Err(Refusal::CannotRead { tool: id.clone(), cause });
    }
    let found = disk.version().and(tool.on_disk()).map(|it| it.digest);
    match wanted {
        Some(wanted) if found != Some(wanted) => {
            Err(Refusal::DiskIsNot { tool: id.clone(), wanted, found })
        }
        _ => match quarantined(tool) {
            Some(digest) => Err(Refusal::Quarantined { tool: id.clone(), digest }),
            None => Ok((id.clone(), tool)),
        },
    }
}

/// What stands there was taken out of circulation: only a forced deploy lets it in again.
fn quarantined(tool: &Tool) -> Option<Digest> {
    tool.on_disk().map(|it| it.digest).filter(|it| tool.is_quarantined(it))
}

fn accepted(state: &State, id: &ToolId, tool: &Tool, author: &Author) -> Vec<Fact> {
    let disk = state.disk(id, tool);
    let to = disk.version().and(tool.on_disk()).map(Baseline::of);
    let mut facts = Vec::new();
    if disk != tool.disk {
        // The whole root is away, and its absence is being accepted.
        facts.push(Fact::ToolRemoved { tool: id.clone(), origin: Origin::Scan });
    }
    if to != tool.baseline {
        facts.push(Fact::BaselineMoved {
            tool: id.clone(),
            from: tool.baseline.clone(),
            to: to.clone(),
            author: author.clone(),
            reason: Reason::accept(),
        });
    }
    let after = Tool { baseline: to, ..drift::with_disk(tool, disk) };
    facts.extend(drift::moved(id, tool, &after));
    facts
}

/// Those that are the baseline already are left out.
fn proposed(state: &State, rules: &Rules, tools: &[(ToolId, &Tool)], author: &Author) -> Plan {
    let content = |it: Baseline| (it.digest, it.executable);
    let moves = tools.iter().filter(|(id, tool)| {
        state.on_disk(id).map(Baseline::of).map(content) != tool.baseline.clone().map(content)
    });
    let mut changes: Vec<Change> = moves.map(|it| as_it_stands(state, &it.0)).collect();
    if changes.is_empty() {
        return Plan::default();
    }
    changes.sort_by(|a, b| a.tool.cmp(&b.tool));
    let proposal = Proposal {
        kind: DeployKind::Accept,
        changes,
        author: author.clone(),
        claimed: None,
        reason: Reason::accept(),
        message: None,
        metadata: None,
        confirm_within_ms: None,
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: Vec::new(),
        expect_changes: Vec::new(),
    };
    deploy::propose(state, rules, proposal, Vec::new(), false)
}

fn as_it_stands(state: &State, tool: &ToolId) -> Change {
    let stands = state.on_disk(tool);
    Change {
        tool: tool.clone(),
        base: stands.map(|it| Base { digest: it.digest, version: Some(it.number) }),
        to: stands.map(|it| Target { digest: it.digest, executable: Some(it.executable) }),
        parents: Vec::new(),
    }
}

/// Everything in a missing root was accepted as gone: its safety stop has nothing left to hold. Where a deploy is at one of
/// its tools there is something left.
fn emptied_roots(state: &State) -> Vec<Fact> {
    let switching = |root: &RootName| {
        let mut open = state.open_deploys().filter(|it| it.state == DeployState::Switching);
        open.any(|it| it.tools().any(|it| it.root() == *root))
    };
    let away = state.roots().filter(|it| it.1.safety == Some(SafetyCause::RootMissing));
    let away = away.filter(|it| !switching(it.0));
    away.map(|it| Fact::SafetyCleared { root: it.0.clone(), accepted: true }).collect()
}
