//! A shadow run as it is asked for, and what came of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Encoding, Invalid, Unfit,
    proposal::{bytes, tool},
};
use crate::{model::ToolId, shadow::Pattern};

/// Runs a content beside the version that is live, on the same inputs, where it can change nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Of `content`. Default: `utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// What it is compared with: a version reference. Default: what stands on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Arguments to run both with, beside those that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<Value>>,
    /// At most so many inputs, 1 to 200. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// JSON pointers (`*` for any segment) to where answers are meant to differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_changes: Option<Vec<String>>,
}

/// A shadow request, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadowing {
    pub tool: ToolId,
    pub content: Vec<u8>,
    pub base: Option<String>,
    pub inputs: Vec<Value>,
    pub limit: Option<usize>,
    pub expect_changes: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shadow {
    pub tool: String,
    /// The hash of what it was compared with; null: there is no version of it.
    pub control: Option<String>,
    pub candidate: String,
    /// What the live version can do to the world.
    pub class: String,
    /// `equivalent`, `improved`, `changed`, `changed_as_declared`, `regressed`, `unsafe`, `inconclusive`, `error`.
    pub verdict: String,
    /// Where the counts do not say it: a word, a colon, and what it means here.
    pub why: Option<String>,
    /// At most this share of all inputs differs, with 95 % confidence; null where some were seen to.
    pub bound95: Option<f64>,
    pub sandbox: String,
    pub inputs: ShadowInputs,
    /// How often both were run, together.
    pub runs: usize,
    pub wall_ms: u64,
    /// What came of the inputs: `same`, `fixed`, `broken`, `new_error`, `changed`, `effect_changed`, `error_changed`,
    /// `new_effect`, `flaky`, `noise`, `skipped`.
    pub counts: BTreeMap<String, usize>,
    /// Places at which the live version disagrees with itself: only types are compared there.
    pub noisy_paths: Vec<String>,
    /// Differences in places that the manifest ignores.
    pub ignored: usize,
    /// The worst first.
    pub findings: Vec<ShadowFinding>,
    /// Null: no input was answered by both.
    pub latency: Option<ShadowLatency>,
    /// What the candidate was seen to use.
    pub observed: Vec<ShadowEffect>,
    /// From which the order of the runs was drawn.
    pub seed: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowInputs {
    pub total: usize,
    pub given: usize,
    pub recorded: usize,
    pub examples: usize,
    pub synthetic: usize,
    /// That say something of how the two compare.
    pub compared: usize,
    pub skipped: usize,
    /// For which there was no time left, or no need any more.
    pub left_out: usize,
}

/// An input on which the two differ, or that was skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowFinding {
    /// `i_3`; `load` for what happened when it was loaded.
    pub input: String,
    pub origin: String,
    pub kind: String,
    /// An example said what the answer must be, and it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expect_failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    pub args: Value,
    pub args_sha256: String,
    pub control: ShadowSide,
    pub candidate: ShadowSide,
    pub differences: Vec<ShadowDifference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_effects: Vec<String>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many of the candidate's runs ended like the first.
    pub repro: usize,
    pub runs: usize,
}

/// How one version took an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowSide {
    /// `ok`, `error`, `timeout`, `limit`, `crash`, `protocol`.
    pub status: String,
    /// As JSON, cut where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Innermost last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
}

/// Null on a side: there is nothing at this place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowDifference {
    pub path: String,
    pub control: Option<String>,
    pub candidate: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowLatency {
    pub control_p50_ms: f64,
    pub candidate_p50_ms: f64,
    pub ratio: f64,
    /// The score of Mann and Whitney over the times of all inputs that both answered: above 0 where the candidate is slower. Chance
    /// alone goes beyond 2.7, on either side, less than once in a hundred runs.
    pub mw_z: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowEffect {
    pub cap: String,
    pub place: String,
}

/// A line of a shadow run that is followed: how far it is, or what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShadowLine {
    Progress {
        done: usize,
        total: usize,
        /// What differed is run again.
        repeating: bool,
    },
    Report(Box<Shadow>),
}

const MOST_INPUTS: usize = 200;

impl ShadowRequest {
    /// `largest`: how many bytes a tool may have.
    pub fn checked(self, largest: usize) -> Result<Shadowing, Unfit> {
        let text = self.tool.ok_or_else(|| Invalid::new("tool", "is missing"))?;
        let tool = tool("", &text)?;
        let content = self.content.ok_or_else(|| Invalid::new("content", "is missing"))?;
        let content = bytes("", content, self.encoding.unwrap_or_default(), largest)?;
        let inputs = self.inputs.unwrap_or_default();
        let fits = |it: usize| (1..=MOST_INPUTS).contains(&it);
        if inputs.len() > MOST_INPUTS {
            return Err(Invalid::new("inputs", "are more than 200").into());
        }
        if !self.limit.is_none_or(fits) {
            return Err(Invalid::new("limit", "must be 1 to 200").into());
        }
        let mut expect_changes = Vec::new();
        for (at, it) in self.expect_changes.unwrap_or_default().iter().enumerate() {
            expect_changes.push(it.parse().map_err(|_| {
                let why = format!("{it:?} is no JSON pointer: /value/…");
                Invalid::new(format!("expect_changes[{at}]"), why)
            })?);
        }
        Ok(Shadowing { tool, content, base: self.base, inputs, limit: self.limit, expect_changes })
    }
}
