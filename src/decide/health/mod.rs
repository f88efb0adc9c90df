//! The regression monitor, as rules: what a reported call means, how a version is measured against the known good, and what
//! follows when it does worse. Counting (`fold`, `told`) happens where facts become true and knows no configuration;
//! judging (`states`) makes facts of what was counted; going back (`back`) is a deploy like any other.
//!
//! A version bakes from the moment it stands on disk. What it is measured against is fixed then, so that a count made again
//! from the log comes to the same.

mod back;
mod blame;
mod bucket;
mod fingerprint;
mod fold;
mod latency;
mod replay;
mod score;
mod states;
#[cfg(test)]
mod tests;
mod told;

pub(super) use back::taken_back;
pub(super) use states::{consequences, replayed, time_passed};

use std::collections::BTreeMap;

pub use blame::judged;
pub use replay::chance;

use super::{Plan, State};
use crate::model::{
    AuthorKind, Calls, DeployKind, Digest, Fact, Proposal, Refusal, RootName, Timestamp, ToolId,
};

/// What the configuration says about measuring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRules {
    /// So many calls, and so much time, with nothing raised prove a version.
    pub bake_calls: u32,
    pub bake_min_ms: u64,
    /// After this time so few calls are enough; with fewer one cannot tell.
    pub bake_max_ms: u64,
    pub bake_min: u32,
    pub auto_rollback: bool,
    /// Of a tool, in a day.
    pub max_rollbacks: u32,
    /// How long what was taken back is refused.
    pub quarantine_ms: u64,
    /// The longest arguments that are kept, in bytes.
    pub args_size: u64,
    /// What is kept of the arguments of calls, where that is not all.
    pub record_args: BTreeMap<RootName, RecordArgs>,
}

/// What is kept of the arguments of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordArgs {
    /// All of them but for secrets, to run calls again.
    #[default]
    Full,
    /// Enough to know that two calls had the same.
    Hash,
    Off,
}

pub(super) const DAY: i64 = 86_400_000_000;
/// Setbacks of an `ai` with a tool in a day, after which it has to wait.
const MOST_SETBACKS: usize = 3;

/// What the crew runs to tell a version from the world: the latest failing inputs, on both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayOrder {
    pub tool: ToolId,
    pub old: Digest,
    pub new: Digest,
}

impl Default for HealthRules {
    fn default() -> Self {
        Self {
            bake_calls: 50,
            bake_min_ms: 3_600_000,
            bake_max_ms: 7 * 86_400_000,
            bake_min: 20,
            auto_rollback: true,
            max_rollbacks: 2,
            quarantine_ms: 7 * 86_400_000,
            args_size: 16 << 10,
            record_args: BTreeMap::new(),
        }
    }
}

impl HealthRules {
    pub fn record_args(&self, root: &RootName) -> RecordArgs {
        self.record_args.get(root).copied().unwrap_or_default()
    }
}

/// Calls that were taken in become a fact, but for those that became one meanwhile.
pub(super) fn reported(state: &State, batch: Vec<Calls>) -> Plan {
    let mut new = Vec::new();
    for mut it in batch {
        let known = state.health(&it.tool);
        it.calls.retain(|call| known.is_none_or(|known| !known.recent.contains(&call.id)));
        if !it.calls.is_empty() {
            new.push(it);
        }
    }
    let mut tools: Vec<ToolId> = new.iter().map(|it| it.tool.clone()).collect();
    tools.sort_unstable();
    tools.dedup();
    if new.is_empty() {
        return Plan::default();
    }
    Plan::of(vec![Fact::OutcomesRecorded { tools, batch: new }])
}

/// Whether an `ai` has had enough tries with one of these tools for a day.
pub fn cool_down(state: &State, proposal: &Proposal, now: Timestamp) -> Result<(), Refusal> {
    let proposes = matches!(proposal.kind, DeployKind::Deploy | DeployKind::Accept);
    if proposal.author.kind != AuthorKind::Ai || !proposes {
        return Ok(());
    }
    for change in &proposal.changes {
        let Some(health) = state.health(&change.tool) else { continue };
        let lately = health.setbacks.iter().filter(|it| it.0 > now.0.saturating_sub(DAY));
        let lately: Vec<i64> = lately.map(|it| it.0).collect();
        if let Some(nth) = lately.len().checked_sub(MOST_SETBACKS)
            && let Some(first) = lately.get(nth)
        {
            let until = Timestamp(first.saturating_add(DAY));
            let after_ms = u64::try_from(until.0.saturating_sub(now.0) / 1000).unwrap_or_default();
            return Err(Refusal::CoolDown { tool: change.tool.clone(), after_ms });
        }
    }
    Ok(())
}
