//! The answer to "is all as it should be?".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Author, HealthSummary, Loaded, Stats};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The seq of the last fact that this answer knows.
    pub as_of: u64,
    /// Disk against expected only.
    pub in_sync: bool,
    /// With `sync=true`: every change made on disk before the call is in here, or named in `unsettled`. False:
    /// time ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced: Option<bool>,
    /// Absent while facts can be recorded. Else why they cannot: what happens on disk is not in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_not_writable: Option<String>,
    pub roots: Vec<RootStatus>,
    pub summary: Summary,
    /// Of tools on which somebody reports, or that were deployed.
    #[serde(default)]
    pub health: HealthSummary,
    pub issues: Vec<Issue>,
    /// Tools that somebody is writing, or whose last change is not recorded yet.
    pub unsettled: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootStatus {
    pub root: String,
    pub watch: WatchState,
    /// Why it is not simply watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch_why: Option<String>,
    pub tools: u64,
    /// When the last walk through all of it ended.
    pub last_scan: Option<String>,
    /// `root_missing` or `mass_removal`: nothing automatic happens there.
    pub safety_stop: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchState {
    Watching,
    /// Looked at every few seconds instead.
    Polling,
    /// Part of it is polled.
    Degraded,
    /// The watches are not set up yet.
    Starting,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub in_sync: u64,
    pub modified: u64,
    pub orphaned: u64,
    pub missing: u64,
    pub unreadable: u64,
    pub conflicted: u64,
    /// Pairs of a runtime and a tool that it has loaded other than expected.
    pub stale: u64,
    pub unsettled: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Issue {
    FileModified {
        tool: String,
        baseline: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        baseline_sha256: Option<String>,
        disk: u32,
        author: Author,
        since: Option<String>,
        /// Absent where the contents are binary, unknown, or too long to compare in passing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stats: Option<Stats>,
        loaded_by: Vec<Loaded>,
    },
    OrphanedFile {
        tool: String,
        disk: u32,
        since: Option<String>,
        loaded_by: Vec<Loaded>,
    },
    MissingFile {
        tool: String,
        baseline: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        baseline_sha256: Option<String>,
        since: Option<String>,
        loaded_by: Vec<Loaded>,
    },
    UnreadableFile {
        tool: String,
        cause: String,
        since: Option<String>,
    },
    StaleRuntime {
        runtime: String,
        tool: String,
        /// Null: a content that was never recorded here.
        loaded: Option<u32>,
        loaded_sha256: String,
        /// Null without a hash: nothing is expected of the tool, it was removed or never accepted.
        expected: Option<u32>,
        expected_sha256: Option<String>,
    },
    FailedLoad {
        runtime: String,
        tool: String,
        message: String,
    },
    UnresolvedConflict {
        tool: String,
        /// The deploy that could not be merged.
        deploy: u64,
    },
    /// A content that was taken out of circulation came back without a deploy.
    QuarantinedContent {
        tool: String,
        disk: u32,
        sha256: String,
    },
}

/// Which issues to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueState {
    InSync,
    Modified,
    Orphaned,
    Missing,
    Unreadable,
    Stale,
    Failed,
    Conflicted,
    Quarantined,
    Unsettled,
}

impl Issue {
    pub fn state(&self) -> IssueState {
        match self {
            Self::FileModified { .. } => IssueState::Modified,
            Self::OrphanedFile { .. } => IssueState::Orphaned,
            Self::MissingFile { .. } => IssueState::Missing,
            Self::UnreadableFile { .. } => IssueState::Unreadable,
            Self::StaleRuntime { .. } => IssueState::Stale,
            Self::FailedLoad { .. } => IssueState::Failed,
            Self::UnresolvedConflict { .. } => IssueState::Conflicted,
            Self::QuarantinedContent { .. } => IssueState::Quarantined,
        }
    }

    pub fn tool(&self) -> &str {
        match self {
            Self::FileModified { tool, .. }
            | Self::OrphanedFile { tool, .. }
            | Self::MissingFile { tool, .. }
            | Self::UnreadableFile { tool, .. }
            | Self::StaleRuntime { tool, .. }
            | Self::FailedLoad { tool, .. }
            | Self::UnresolvedConflict { tool, .. }
            | Self::QuarantinedContent { tool, .. } => tool,
        }
    }
}
