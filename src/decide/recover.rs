//! What follows from facts: the safety stop of a root, and runtimes that fell behind.

use std::collections::BTreeSet;

use super::{Plan, Rules, State, deploy, health};
use crate::model::{
    Digest, Fact, Reason, Record, RootName, RuntimeName, SafetyCause, Step, Tool, ToolId, VersionNo,
};

/// Below this many missing tools nothing is stopped: small roots are emptied on purpose.
const FEWEST_MISSING: u64 = 5;

pub(super) fn root_gone(state: &State, rules: &Rules, root: RootName) -> Plan {
    if !rules.roots.contains_key(&root) || state.is_root_missing(&root) {
        return Plan::default();
    }
    Plan::of(vec![Fact::SafetyStopped { root, cause: SafetyCause::RootMissing }])
}

/// The directory is there again, maybe with other files in it: look at all of it.
pub(super) fn root_back(state: &State, rules: &Rules, root: RootName) -> Plan {
    if !rules.roots.contains_key(&root) {
        return Plan::default();
    }
    let mut plan = Plan::default();
    if state.is_root_missing(&root) {
        plan.facts.push(Fact::SafetyCleared { root: root.clone(), accepted: false });
    }
    plan.scans.insert(root);
    plan
}

/// Facts that the last records bring with them. Asked after they were applied.
pub fn consequences(state: &State, records: &[Record]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = records.iter().flat_map(|it| fell_behind(state, &it.fact)).collect();
    for it in records {
        if let Fact::RuntimeLoaded { runtime, .. } = &it.fact {
            facts.extend(deploy::confirmed_by_runtimes(state, runtime));
        }
    }
    let accepted = records.iter().any(
        |it| matches!(&it.fact, Fact::BaselineMoved { reason, .. } if *reason == Reason::accept()),
    );
    let touched: BTreeSet<RootName> =
        records.iter().flat_map(|it| it.fact.tools()).map(ToolId::root).collect();
    facts.extend(touched.into_iter().filter_map(|root| safety(state, root, accepted)));
    facts.extend(health::consequences(state, records));
    facts
}

/// More than half of a root's tools, and at least five, are missing: nothing automatic happens there until
/// they return or somebody accepts it. (Judged by what is missing, however many looks it took to see it.)
pub(super) fn safety(state: &State, root: RootName, accepted: bool) -> Option<Fact> {
    let counts = state.counts(&root);
    let gone = counts.missing >= FEWEST_MISSING && counts.missing * 2 > counts.with_baseline;
    match (state.root(&root).safety, gone) {
        (None, true) => Some(Fact::SafetyStopped { root, cause: SafetyCause::MassRemoval }),
        (Some(SafetyCause::MassRemoval), false) => Some(Fact::SafetyCleared { root, accepted }),
        (None, false)
        | (Some(SafetyCause::MassRemoval), true)
        | (Some(SafetyCause::RootMissing), _) => None,
    }
}

/// Runtimes for which this fact means that they run something other than expected.
fn fell_behind(state: &State, fact: &Fact) -> Vec<Fact> {
    let expected = |tool| state.tool(tool).is_some_and(|it| it.expected().is_some());
    let tool = match fact {
        Fact::BaselineMoved { tool, .. } => tool,
        // What is expected of its tools moves with it, or back.
        Fact::DeployMoved { deploy, tools, step } => {
            let ended = matches!(step, Step::RolledBack { .. } | Step::Superseded { .. });
            let opens = state.deploy(*deploy).is_some_and(|it| it.is_provisional());
            let all =
                tools.iter().filter(|_| ended || opens && matches!(step, Step::Activated { .. }));
            return all.flat_map(|it| behind(state, it)).collect();
        }
        // They knew it before we did, and nothing of it is expected.
        Fact::VersionRecorded(it) if it.number == VersionNo(1) && !expected(&it.tool) => &it.tool,
        Fact::VersionRecorded(_)
        | Fact::ToolRemoved { .. }
        | Fact::DriftDetected { .. }
        | Fact::DriftCleared { .. }
        | Fact::BaselineAdopted { .. }
        | Fact::RuntimeLoaded { .. }
        | Fact::RuntimeStale { .. }
        | Fact::RuntimeFailed { .. }
        | Fact::RuntimeExpired { .. }
        | Fact::SafetyStopped { .. }
        | Fact::SafetyCleared { .. }
        | Fact::ContentQuarantined { .. }
        | Fact::ContentReleased { .. }
        | Fact::ClassChanged { .. }
        | Fact::ClassWaived { .. }
        | Fact::OutcomesRecorded { .. }
        | Fact::HealthChanged { .. }
        | Fact::AlertRaised { .. } => return Vec::new(),
    };
    behind(state, tool)
}

fn behind(state: &State, tool: &ToolId) -> Vec<Fact> {
    let runtimes = state.runtimes();
    runtimes.filter_map(|(name, it)| stale(state, name, tool, it.loaded.get(tool)?)).collect()
}

/// The fact that a runtime's content is not the expected one, where it is not.
pub(super) fn stale(
    state: &State,
    runtime: &RuntimeName,
    tool: &ToolId,
    loaded: &Digest,
) -> Option<Fact> {
    state.is_stale(tool, loaded).then(|| Fact::RuntimeStale {
        runtime: runtime.clone(),
        tool: tool.clone(),
        loaded: *loaded,
        expected: state.tool(tool).and_then(Tool::expected).map(|it| it.digest),
    })
}
