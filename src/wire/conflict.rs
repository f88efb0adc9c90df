//! What stands in the way of a proposal: a change made meanwhile, how it differs, and whether both can be merged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Author, Encoding, Invalid, Side, Unfit,
    proposal::{bytes, given, tool},
};
use crate::model::ToolId;

/// What would come of a proposal, without proposing it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What the author started from: a version reference, or null for a tool that must not exist yet. It must be given.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub base: Option<Option<String>>,
    /// What the author would have there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Of `content`. Default: `utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

/// A resolve request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolving {
    pub tool: ToolId,
    /// A version reference. `None`: there must be nothing.
    pub base: Option<String>,
    pub content: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolution {
    pub tool: String,
    pub action: Action,
    pub reason: ResolveReason,
    /// Empty where there is nothing to resolve.
    pub resolution_options: Vec<ResolutionOption>,
    pub merge: Merged,
    /// What `base` meant; null: nothing.
    pub base: Option<Side>,
    /// What stands on disk; null: nothing, or something unreadable.
    pub current: Option<Side>,
    /// Why the disk is unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Somebody is writing it now: what it will be is not known yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    pub as_of: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    NoOp,
    SafeOverwrite,
    Conflict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolveReason {
    AlreadyInSync,
    NoConcurrentChanges,
    ConcurrentModification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionOption {
    AbortAndRefresh,
    OverwriteAnyway,
    ManualMerge,
}

/// Disk and proposal, merged line by line over their base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    pub clean: bool,
    /// What came out; absent where it is not clean, or goes without saying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Of `content`; absent: `utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    pub conflicts: Vec<Region>,
}

/// Lines that both sides changed, and not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    pub base: Part,
    pub current: Part,
    pub proposed: Part,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The first of them, from 1; where there are none, the line before which they would stand.
    pub line: usize,
    pub count: usize,
    /// Null: they are no text.
    pub text: Option<String>,
}

/// What a 409 `conflict` brings beside its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflicts {
    /// Null: it was refused before it became one.
    pub deploy: Option<u64>,
    pub conflicts: Vec<Conflict>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    pub tool: String,
    /// What the proposal started from; null: nothing.
    pub base: Option<Side>,
    /// What stands on disk; null: nothing, or something unreadable.
    pub current: Option<Current>,
    /// Why the disk is unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Unified; null where one side is binary or unknown.
    pub diff_base_current: Option<String>,
    pub diff_base_proposed: Option<String>,
    pub merge: Merged,
    pub resolution_options: Vec<ResolutionOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Current {
    pub version: u32,
    pub sha256: String,
    pub author: Author,
    /// When it was recorded.
    pub time: String,
}

impl ResolveRequest {
    /// `largest`: how many bytes a tool may have.
    pub fn checked(self, largest: usize) -> Result<Resolving, Unfit> {
        let text = self.tool.ok_or_else(|| Invalid::new("tool", "is missing"))?;
        let tool = tool("", &text)?;
        let Some(base) = self.base else {
            return Err(Unfit::BaseRequired { field: "base".to_owned(), tool: text });
        };
        let content = self.content.ok_or_else(|| Invalid::new("content", "is missing"))?;
        let content = bytes("", content, self.encoding.unwrap_or_default(), largest)?;
        Ok(Resolving { tool, base, content })
    }
}

impl ResolutionOption {
    pub fn all() -> Vec<Self> {
        vec![Self::AbortAndRefresh, Self::OverwriteAnyway, Self::ManualMerge]
    }
}

impl Part {
    pub fn new(line: usize, count: usize, bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok().filter(|it| !it.contains('\0'));
        Self { line, count, text: text.map(str::to_owned) }
    }
}
