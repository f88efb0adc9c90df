//! What a tool can do, as it is told, and how a person signs for some of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Author, Claim, Invalid, object::maybe, stamp};
use crate::model::{self, Capability};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Classification {
    pub tool: String,
    /// The version that the reference led to; null: a content that was never recorded as one.
    pub version: Option<u32>,
    pub sha256: String,
    /// The method of the analysis and its version.
    pub analyzer: String,
    /// `ok`, `failed` (it is no valid source), or `none`: there is no reader for what it is written in.
    pub parse: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse_problem: Option<String>,
    /// What it says of itself; null: nothing.
    pub declared: Option<Declared>,
    pub inferred: Vec<Evidence>,
    /// Capabilities of which nothing better is known than that they are unknown.
    pub unresolved: Vec<String>,
    /// Seen while it ran.
    pub observed: Vec<Observed>,
    /// What people signed for, and what of it still covers something here.
    pub waived: Vec<Waived>,
    pub effective: Effective,
    /// The four hints of the Model Context Protocol, by what is known.
    pub mcp: Mcp,
    /// Against the live version; null: this is the live one, or there is none.
    pub delta: Option<Delta>,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    pub class: Option<String>,
    pub idempotent: Option<bool>,
    pub destructive: Option<bool>,
    pub file: String,
    pub line: Option<u32>,
    /// Why it could not be understood; the class is `unknown` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    pub cap: String,
    /// The detail to which a waiver binds.
    pub via: String,
    /// Relative to the root.
    pub file: String,
    pub line: Option<u32>,
    /// The functions through which it is reached, outermost first.
    pub path: Vec<String>,
    /// A person signed for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    pub cap: String,
    pub event: String,
    pub detail: Option<String>,
    pub n: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waived {
    pub cap: String,
    pub detail: String,
    pub reason: String,
    pub author: Author,
    pub time: String,
    /// It covers something in this content.
    pub applies: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effective {
    /// `pure` < `local_read` < `net_read` < `local_write` < `net_write` < `exec` < `unknown`
    pub class: String,
    /// At most `net_read`, nothing unresolved, and not more than it declares.
    pub safe: bool,
    /// Two runs may differ: it uses time or chance.
    pub nondeterministic: bool,
    /// What counts: inferred and observed, without what was waived.
    pub capabilities: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "that is how MCP has them")]
pub struct Mcp {
    pub read_only_hint: bool,
    pub destructive_hint: bool,
    pub idempotent_hint: bool,
    pub open_world_hint: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// The sha256 of the content that it was compared with.
    pub vs: String,
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// How many classes it goes up; below 0, down.
    pub class_change: i8,
}

/// Somebody has read it, and says that it does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiveRequest {
    /// A capability: `exec`, `opaque:numpy`, …
    #[serde(default)]
    pub cap: String,
    /// The `via` of its evidence, or the `event` of what was observed.
    #[serde(default)]
    pub detail: String,
    /// Why it does no harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Take the signature back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdraw: Option<bool>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
}

/// The same, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiving {
    pub cap: Capability,
    pub detail: String,
    pub reason: String,
    pub withdraw: bool,
}

const LONGEST_REASON: usize = 1000;

impl WaiveRequest {
    pub fn checked(&self) -> Result<Waiving, Invalid> {
        let cap = self.cap.parse().map_err(|_| {
            Invalid::new(
                "cap",
                format!("{:?} is no capability, such as exec or opaque:numpy", self.cap),
            )
        })?;
        let withdraw = self.withdraw.unwrap_or(false);
        let reason = self.reason.clone().unwrap_or_default().trim().to_owned();
        if reason.is_empty() && !withdraw {
            return Err(Invalid::new("reason", "a waiver needs a reason: why does it do no harm?"));
        }
        if reason.len() > LONGEST_REASON {
            return Err(Invalid::new("reason", format!("longer than {LONGEST_REASON} bytes")));
        }
        Ok(Waiving { cap, detail: self.detail.clone(), reason, withdraw })
    }
}

pub fn words(capabilities: &BTreeSet<Capability>) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}

impl From<&model::Declared> for Declared {
    fn from(it: &model::Declared) -> Self {
        Self {
            class: it.class.map(|it| it.as_str().to_owned()),
            idempotent: it.idempotent,
            destructive: it.destructive,
            file: it.file.clone(),
            line: it.line,
            problem: it.problem.clone(),
        }
    }
}

impl Evidence {
    pub fn of(it: &model::Evidence, waived: bool) -> Self {
        Self {
            cap: it.cap.to_string(),
            via: it.via.clone(),
            file: it.file.clone(),
            line: it.line,
            path: it.path.clone(),
            waived,
        }
    }
}

impl From<&model::Observed> for Observed {
    fn from(it: &model::Observed) -> Self {
        let (event, detail) = (it.event.clone(), it.detail.clone());
        Self { cap: it.cap.to_string(), event, detail, n: it.count }
    }
}

impl Waived {
    pub fn of(it: &model::Waiver, applies: bool) -> Self {
        Self {
            cap: it.cap.to_string(),
            detail: it.detail.clone(),
            reason: it.reason.clone(),
            author: (&it.author).into(),
            time: stamp(it.time),
            applies,
        }
    }
}

impl From<model::Mcp> for Mcp {
    fn from(it: model::Mcp) -> Self {
        Self {
            read_only_hint: it.read_only,
            destructive_hint: it.destructive,
            idempotent_hint: it.idempotent,
            open_world_hint: it.open_world,
        }
    }
}

impl Delta {
    pub fn of(it: &model::Delta, vs: &model::Digest) -> Self {
        Self {
            vs: vs.to_string(),
            added: words(&it.added),
            removed: words(&it.removed),
            class_change: it.class_change,
        }
    }
}
