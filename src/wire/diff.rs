//! What differs between two contents, and the answer to "may I write now?".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    pub tool: String,
    /// Null: nothing there (no baseline, or no file on disk).
    pub from: Option<Side>,
    pub to: Option<Side>,
    /// Unified; empty where the bytes are equal, null where one side is binary.
    pub diff: Option<String>,
    /// Null where one side is binary.
    pub stats: Option<Stats>,
    /// More than 10 lines were added or removed.
    pub significant: bool,
    /// One side holds a NUL byte or is not UTF-8.
    pub binary: bool,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Null: known by its hash alone.
    pub version: Option<u32>,
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    pub lines_added: u64,
    pub lines_removed: u64,
    /// Lines that a replacement pairs off: they count as added and as removed too.
    pub lines_changed: u64,
}

impl Stats {
    pub fn significant(&self) -> bool {
        self.lines_added + self.lines_removed > 10
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub tool: String,
    /// True, false, or `unknown`.
    pub changed: Changed,
    pub reason: CheckReason,
    /// What the disk was compared with; null: nothing.
    pub base: Option<Side>,
    /// What stands on disk; null: nothing, or something unreadable.
    pub disk: Option<Side>,
    /// Why the disk is unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Somebody is writing it now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// Unified, from `base` to disk, where the two differ and are text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    pub as_of: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Changed {
    Known(bool),
    Not(Unknown),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckReason {
    Unchanged,
    FileModified,
    FileMissing,
    NotLoaded,
    NoBaseline,
}

impl Changed {
    pub const YES: Self = Self::Known(true);
    pub const NO: Self = Self::Known(false);
    pub const UNKNOWN: Self = Self::Not(Unknown::Unknown);
}
