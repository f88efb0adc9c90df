//! The daemon about itself, and what its administrator may ask of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WatchState;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    pub ready: bool,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    pub version: String,
    pub api: String,
    /// What this daemon can do beyond the first version of the API.
    pub features: Vec<String>,
    pub pid: u32,
    pub uptime_ms: u64,
    pub ready: bool,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Absent until the log is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreInfo>,
    /// Absent until the log is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHead>,
    /// The rung of the ladder on which verification runs: `runner`, `bwrap`, `landlock` or `limits`. Absent while that is
    /// found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    pub roots: Vec<RootInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreInfo {
    pub backend: String,
    pub log_bytes: u64,
    pub index_bytes: u64,
    pub segments: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogHead {
    pub seq: u64,
    /// The hash that ends the chain of facts.
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootInfo {
    pub root: String,
    pub path: String,
    pub watch: WatchState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch_why: Option<String>,
    pub writable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_writable_why: Option<String>,
    /// How it is known that a file is settled, such as `lease` or `close_event`.
    pub settled_by: String,
    /// How a deploy puts a file in place: `exchange` where nothing is ever overwritten; `replace` where the file system
    /// has no exchange, so that what is saved by rename within that moment is lost; `none` where it cannot be written.
    /// Absent until the log is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_by: Option<String>,
    /// Why it is not `exchange`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_by_why: Option<String>,
}

/// Since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Changes that no event had told of.
    pub missed_by_events: u64,
    /// How often the kernel dropped events.
    pub overflows: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rescan {
    /// These roots only. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<Vec<String>>,
    /// Read every file, whatever its times say. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehash: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rescanned {
    pub as_of: u64,
    /// Files that were listed.
    pub files: u64,
    pub took_ms: u64,
    /// Tools whose change no event had told of. It is recorded now.
    pub missed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reloaded {
    pub reloaded: bool,
    pub roots: Vec<String>,
    /// Keys whose value differs from the one before.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Keys that are not as the daemon was started with, and take effect at its next start.
    #[serde(default)]
    pub needs_restart: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// No problems.
    pub ok: bool,
    pub checked: Checked,
    /// What is damaged, and where.
    pub problems: Vec<String>,
    /// Tools whose change on disk no event had told of. It is recorded now, and is no damage.
    pub missed: Vec<String>,
    pub as_of: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    pub facts: u64,
    pub contents: u64,
    pub files: u64,
}
