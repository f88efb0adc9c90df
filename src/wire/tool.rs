//! A tool as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Wellness;
use crate::model;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    pub tool: String,
    /// The newest version; null: none was ever recorded.
    pub head: Option<u32>,
    /// The version accepted as known good; null with a `baseline_sha256`: a manifest names a content that was
    /// never seen.
    pub baseline: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_sha256: Option<String>,
    /// What should stand on disk.
    pub expected: Option<u32>,
    /// What stands there; null: nothing, or something unreadable.
    pub disk: Option<OnDisk>,
    pub sync: Sync,
    /// Why it is unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Somebody is writing it now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// How what stands there does.
    #[serde(default)]
    pub health: Wellness,
    /// The newest baseline that did well.
    #[serde(default)]
    pub known_good: Option<u32>,
    pub loaded_by: Vec<Loaded>,
    /// What it can do; null: nobody asked yet (`GET /v1/class/{id}` does).
    pub class: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnDisk {
    pub version: u32,
    pub sha256: String,
    pub mtime: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loaded {
    pub runtime: String,
    /// Null: it loaded a content that was never recorded here.
    pub version: Option<u32>,
    pub sha256: String,
}

/// Disk against expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    InSync,
    Modified,
    Orphaned,
    Missing,
    Unreadable,
}

impl From<model::Sync> for Sync {
    fn from(sync: model::Sync) -> Self {
        match sync {
            model::Sync::InSync => Self::InSync,
            model::Sync::Modified => Self::Modified,
            model::Sync::Orphaned => Self::Orphaned,
            model::Sync::Missing => Self::Missing,
            model::Sync::Unreadable => Self::Unreadable,
        }
    }
}
