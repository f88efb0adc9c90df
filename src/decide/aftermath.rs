//! What is to be done because facts became true. Asked once they are durable; nothing of it is a fact.

use super::{OnDrift, Rules, State, Task, on_drift};
use crate::model::{DeployKind, DeployNo, Fact, Record, RootName, Step, ToolId};

pub fn aftermath(state: &State, rules: &Rules, records: &[Record]) -> Vec<Task> {
    records.iter().flat_map(|it| of(state, rules, it)).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "few facts want something done")]
fn of(state: &State, rules: &Rules, record: &Record) -> Vec<Task> {
    let wish = |it: &RootName| rules.roots.get(it).map_or(OnDrift::Flag, |rules| rules.on_drift);
    let acts = |it: &RootName| matches!(wish(it), OnDrift::Accept | OnDrift::Restore);
    match &record.fact {
        Fact::DriftDetected { tool, .. } if wish(&tool.root()) != OnDrift::Flag => {
            on_drift::later(state, tool, record.time).into_iter().collect()
        }
        // Nothing was done meanwhile.
        Fact::SafetyCleared { root, .. } if acts(root) => drifted(state, root, record),
        Fact::DeployMoved { deploy, tools, step } => {
            let after = is_to_be_followed(state, *deploy, step).then_some(Task::After(*deploy));
            let left = tools.iter().filter(|it| step.state().rests() && acts(&it.root()));
            let left = left.filter_map(|it| on_drift::later(state, it, record.time));
            let calm = !matches!(step, Step::Conflicted { .. } | Step::Aborted { .. });
            let left = left.map(|it| if calm { it } else { on_drift::not_at_once(it) });
            after.into_iter().chain(left).collect()
        }
        _ => Vec::new(),
    }
}

/// An accept changed nothing on disk.
fn is_to_be_followed(state: &State, deploy: DeployNo, step: &Step) -> bool {
    matches!(step, Step::Confirmed { .. })
        && state.deploy(deploy).is_some_and(|it| it.proposal.kind != DeployKind::Accept)
}

fn drifted(state: &State, root: &RootName, record: &Record) -> Vec<Task> {
    let here: Vec<ToolId> =
        state.drifted().iter().map(|it| it.0).filter(|it| it.root() == *root).cloned().collect();
    here.iter().filter_map(|it| on_drift::later(state, it, record.time)).collect()
}
