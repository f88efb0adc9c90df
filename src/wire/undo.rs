//! Going back: rollback and restore as they are asked for, and what is said to a deploy that waits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Claim, Invalid,
    object::{maybe, maybe_list},
    proposal::{confirm_within, each_once, listed, message, metadata, reason, tool},
};
use crate::model::{Reason, Seq, ToolId, VersionNo};

/// Puts earlier contents back, as new versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// 1 to 256, each another one.
    #[serde(default, deserialize_with = "maybe_list", skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<RollbackTool>>,
    /// Default: `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// At most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
    /// The author's own notes, at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Roll back unless it is confirmed in this time, `1s` to `168h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<String>,
    /// What stood there may not come back. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<bool>,
    /// Check and verify, and change nothing. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackTool {
    pub tool: String,
    /// A version reference. Default: the baseline if the disk differs from it, else the baseline before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Take out this one version, such as `v7`, and keep what came after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

/// Writes the baseline back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// 1 to 256, each another one.
    #[serde(default, deserialize_with = "maybe_list", skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<RestoreTool>>,
    /// Default: `restore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// At most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
    /// The author's own notes, at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Check and verify, and change nothing. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreTool {
    pub tool: String,
    /// A version reference. Default: the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What is said with `confirm`, `approve` or `abort`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// At most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
}

/// Lets a deploy go on that waits for approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// At most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
    /// What was looked at: the deploy's own `as_of`. If it was judged anew since, it is not approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<u64>,
}

/// A rollback or restore, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// In the order of their ids.
    pub tools: Vec<UndoTool>,
    pub reason: Reason,
    pub message: Option<String>,
    pub author: Option<Claim>,
    /// A JSON object as text.
    pub metadata: Option<String>,
    pub confirm_within_ms: Option<u64>,
    pub quarantine: bool,
    pub dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoTool {
    /// Where it stood in the request.
    pub field: String,
    pub tool: ToolId,
    pub how: Back,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Back {
    Usual,
    /// To this version reference.
    To(String),
    /// Without what this version brought.
    Without(VersionNo),
}

/// A decision, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub message: Option<String>,
    pub author: Option<Claim>,
}

impl RollbackRequest {
    pub fn checked(self) -> Result<Undo, Invalid> {
        let mut tools = Vec::new();
        for (field, it) in listed("tools", self.tools)? {
            let how = match (it.to, it.only) {
                (None, None) => Back::Usual,
                (Some(to), None) => Back::To(to),
                (None, Some(only)) => Back::Without(number(&field, &only)?),
                (Some(_), Some(_)) => {
                    return Err(Invalid::new(format!("{field}.only"), "cannot stand beside `to`"));
                }
            };
            tools.push(UndoTool { tool: tool(&field, &it.tool)?, field, how });
        }
        Ok(Undo {
            tools: ordered(tools)?,
            reason: reason(self.reason.as_deref().unwrap_or("rollback"))?,
            message: message(self.message)?,
            author: self.author,
            metadata: metadata(self.metadata.as_ref())?,
            confirm_within_ms: confirm_within(self.confirm_within.as_deref())?,
            quarantine: self.quarantine.unwrap_or(false),
            dry_run: self.dry_run.unwrap_or(false),
        })
    }
}

impl RestoreRequest {
    pub fn checked(self) -> Result<Undo, Invalid> {
        let mut tools = Vec::new();
        for (field, it) in listed("tools", self.tools)? {
            let how = it.to.map_or(Back::Usual, Back::To);
            tools.push(UndoTool { tool: tool(&field, &it.tool)?, field, how });
        }
        Ok(Undo {
            tools: ordered(tools)?,
            reason: reason(self.reason.as_deref().unwrap_or("restore"))?,
            message: message(self.message)?,
            author: self.author,
            metadata: metadata(self.metadata.as_ref())?,
            confirm_within_ms: None,
            quarantine: false,
            dry_run: self.dry_run.unwrap_or(false),
        })
    }
}

impl ApproveRequest {
    pub fn checked(self) -> Result<(Decision, Option<Seq>), Invalid> {
        let decision = Decision { message: message(self.message)?, author: self.author };
        Ok((decision, self.as_of.map(Seq)))
    }
}

impl DecisionRequest {
    pub fn checked(self) -> Result<Decision, Invalid> {
        Ok(Decision { message: message(self.message)?, author: self.author })
    }
}

fn ordered(mut tools: Vec<UndoTool>) -> Result<Vec<UndoTool>, Invalid> {
    each_once(tools.iter().map(|it| (&it.field, &it.tool)))?;
    tools.sort_by(|a, b| a.tool.cmp(&b.tool));
    Ok(tools)
}

fn number(field: &str, text: &str) -> Result<VersionNo, Invalid> {
    let digits = text.strip_prefix('v').filter(|it| it.bytes().all(|it| it.is_ascii_digit()));
    let number = digits.and_then(|it| it.parse().ok()).filter(|it| *it > 0);
    let wrong = || Invalid::new(format!("{field}.only"), "must be a version's number: v7");
    number.map(VersionNo).ok_or_else(wrong)
}
