//! A root whose baselines come from a manifest. It is applied when its bytes are others than last time.

use std::collections::BTreeMap;

use super::{Plan, State, drift};
use crate::model::{Author, Baseline, Digest, Fact, Reason, RootName, Tool, ToolId};

pub(super) fn applied(
    state: &State,
    root: &RootName,
    digest: Digest,
    entries: &BTreeMap<ToolId, Digest>,
) -> Plan {
    if state.root(root).manifest == Some(digest) {
        return Plan::default();
    }
    let known = state.in_root(root).map(|(id, tool)| (id.clone(), tool.clone()));
    let unseen = entries
        .keys()
        .filter(|id| state.tool(id).is_none())
        .map(|id| (id.clone(), Tool::default()));
    let mut facts: Vec<Fact> = known
        .chain(unseen)
        .flat_map(|(id, tool)| moved(state, &id, &tool, entries.get(&id)))
        .collect();
    facts.push(Fact::BaselineAdopted {
        root: root.clone(),
        tools: u64::try_from(entries.len()).unwrap_or(u64::MAX),
        manifest: Some(digest),
        reason: Reason::manifest(),
    });
    Plan::of(facts)
}

fn moved(state: &State, id: &ToolId, tool: &Tool, named: Option<&Digest>) -> Vec<Fact> {
    let to = named.map(|digest| baseline(tool, digest));
    if to.as_ref().map(|it| it.digest) == tool.baseline.as_ref().map(|it| it.digest) {
        return Vec::new();
    }
    let mut facts = vec![Fact::BaselineMoved {
        tool: id.clone(),
        from: tool.baseline.clone(),
        to: to.clone(),
        author: Author::unknown(),
        reason: Reason::manifest(),
    }];
    // A manifest may name what is no tool. It is a baseline in waiting, and no drift unless it was one before.
    if state.is_tool(id, tool) || tool.drift_since.is_some() {
        facts.extend(drift::moved(id, tool, &Tool { baseline: to, ..tool.clone() }));
    }
    facts
}

/// A manifest knows contents, not modes: the executable bit that stands there is part of what it means.
fn baseline(tool: &Tool, digest: &Digest) -> Baseline {
    match &tool.head {
        Some(head) if head.digest == *digest => Baseline::of(head),
        _ => Baseline { digest: *digest, version: None, executable: None },
    }
}
