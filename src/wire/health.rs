//! How a tool does, as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{self, HealthState};

/// How the content does that stands on disk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Wellness {
    #[default]
    Unknown,
    Baking,
    Suspect,
    Regressed,
    Environment,
    Healthy,
    Inconclusive,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    pub tool: String,
    /// What is measured: the content on disk. Null: there is none.
    pub version: Option<u32>,
    pub sha256: Option<String>,
    pub state: Wellness,
    /// Since when.
    pub since: Option<String>,
    /// The deploy that brought it; null: it was found on disk, and is never taken back automatically.
    pub deploy: Option<u64>,
    /// Calls that count: neither the world's nor the callers' fault, nor the same failure again.
    pub calls: u32,
    pub failures: u32,
    /// Up by `w` with a failure, down by one without; from `L` on suspect, from `H` on regressed.
    pub score: u32,
    pub w: u32,
    #[serde(rename = "L")]
    pub low: u32,
    #[serde(rename = "H")]
    pub high: u32,
    pub baseline: HealthBaseline,
    /// All calls of this content, by whose fault their failure was.
    pub blamed: Blamed,
    pub replay: Option<Replay>,
    pub latency: Option<Latency>,
    /// The newest baseline that did well: what is measured against, and gone back to.
    pub known_good: Option<u32>,
    pub known_good_sha256: Option<String>,
    /// When it is proven at the earliest, and when it is given up to prove it.
    pub bake_ends: Option<String>,
    pub bake_gives_up: Option<String>,
    /// It is to be taken back.
    pub rollback: bool,
    /// Automatic rollbacks of the last day.
    pub rollbacks: u64,
    /// So many calls pass before the next automatic action.
    pub quiet_calls: u32,
    pub alerts: Vec<String>,
    /// Every version that was reported on lately, the latest last.
    pub versions: Vec<VersionCalls>,
    pub as_of: u64,
}

/// The known good, as it was when this content began to be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthBaseline {
    pub sha256: Option<String>,
    pub calls: u32,
    pub failures: u32,
    /// How often it is taken to fail, from 0 to 1.
    pub bucket: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blamed {
    pub tool: u64,
    pub env: u64,
    pub caller: u64,
    pub user: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Replay {
    /// Of `m` runs on each version so many failed; `p`: how likely that is if both are the same.
    Table {
        m: u32,
        new: u32,
        old: u32,
        p: f64,
    },
    Cannot {
        cannot: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    pub n: u32,
    /// Of the medians.
    pub ratio: f64,
    pub z: f64,
    pub slow: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionCalls {
    pub version: Option<u32>,
    pub sha256: String,
    pub calls: u64,
    pub blamed: Blamed,
    /// Failures with the same arguments within a minute: they count once.
    pub repeats: u64,
}

/// Tools that somebody should look at, by how they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthSummary {
    pub baking: u64,
    pub suspect: u64,
    pub regressed: u64,
    pub environment: u64,
    pub healthy: u64,
    pub inconclusive: u64,
}

impl HealthSummary {
    pub fn add(&mut self, state: HealthState) {
        match state {
            HealthState::Unknown => (),
            HealthState::Baking => self.baking += 1,
            HealthState::Suspect => self.suspect += 1,
            HealthState::Regressed => self.regressed += 1,
            HealthState::Environment => self.environment += 1,
            HealthState::Healthy => self.healthy += 1,
            HealthState::Inconclusive => self.inconclusive += 1,
        }
    }
}

impl From<HealthState> for Wellness {
    fn from(it: HealthState) -> Self {
        match it {
            HealthState::Unknown => Self::Unknown,
            HealthState::Baking => Self::Baking,
            HealthState::Suspect => Self::Suspect,
            HealthState::Regressed => Self::Regressed,
            HealthState::Environment => Self::Environment,
            HealthState::Healthy => Self::Healthy,
            HealthState::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<&model::Tally> for Blamed {
    fn from(it: &model::Tally) -> Self {
        Self { tool: it.tool, env: it.env, caller: it.caller, user: it.user }
    }
}

impl From<model::Latency> for Latency {
    fn from(it: model::Latency) -> Self {
        Self {
            n: it.calls,
            ratio: f64::from(it.ratio_percent) / 100.0,
            z: f64::from(it.z_milli) / 1000.0,
            slow: it.slow,
        }
    }
}
