//! Calls as runtimes report them, read one by one: what is wrong with one of them stands in the way of no other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Invalid;
use crate::model::{self, CallError, CallFrame};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomesRequest {
    /// At most 1,000.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
}

/// One call of a tool, when it is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub tool: String,
    /// What was called: the sha256 that the loader saw, or `v3`.
    pub version: String,
    /// Names the call, at most 128 bytes: reported again it is a duplicate.
    pub call_id: String,
    pub status: CallStatus,
    pub duration_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OutcomeError>,
    /// What it was called with. Kept without what looks like a secret, to run it again; the key `root.record_args` says whether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// Of the arguments, where they themselves are not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_sha256: Option<String>,
    /// Taken, and not kept: a call counts from when it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// Taken, and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    Ok,
    Error,
    Timeout,
    Crash,
    Cancelled,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeError {
    /// `KeyError`, with its module or without.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The tool caught it and told of it itself. It counts like one that was not caught.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handled: bool,
    /// Outermost first, as a traceback tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomesTaken {
    /// They are durable within a second, not before this answer.
    pub accepted: u64,
    /// Calls that were known by their `call_id` already.
    pub duplicates: u64,
    pub refused: Vec<RefusedOutcome>,
    /// How long a power cut may still take them away, in milliseconds.
    pub durable_within_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedOutcome {
    /// Its place in the request, from 0.
    pub index: u64,
    pub code: String,
    pub detail: String,
}

pub const MOST_OUTCOMES: usize = 1000;
const LONGEST_ID: usize = 128;
const LONGEST_KIND: usize = 128;
const LONGEST_MESSAGE: usize = 8192;
const MOST_FRAMES: usize = 100;

impl Outcome {
    /// What is too long, or empty where it must not be.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.call_id.is_empty() || self.call_id.len() > LONGEST_ID {
            return Err(Invalid::new("call_id", format!("needs 1 to {LONGEST_ID} bytes")));
        }
        let Some(error) = &self.error else { return Ok(()) };
        if self.status == CallStatus::Ok {
            return Err(Invalid::new("error", "stands beside the status ok"));
        }
        if error.kind.len() > LONGEST_KIND {
            return Err(Invalid::new("error.type", format!("is over {LONGEST_KIND} bytes")));
        }
        if error.message.len() > LONGEST_MESSAGE {
            return Err(Invalid::new("error.message", format!("is over {LONGEST_MESSAGE} bytes")));
        }
        if error.frames.len() > MOST_FRAMES {
            return Err(Invalid::new("error.frames", format!("are over {MOST_FRAMES}")));
        }
        Ok(())
    }
}

impl From<&OutcomeError> for CallError {
    fn from(it: &OutcomeError) -> Self {
        let frame = |it: &Frame| CallFrame { file: it.file.clone(), function: it.function.clone() };
        Self {
            kind: it.kind.clone(),
            message: it.message.clone(),
            frames: it.frames.iter().map(frame).collect(),
        }
    }
}

impl From<CallStatus> for model::CallStatus {
    fn from(it: CallStatus) -> Self {
        match it {
            CallStatus::Ok => Self::Ok,
            CallStatus::Error => Self::Error,
            CallStatus::Timeout => Self::Timeout,
            CallStatus::Crash => Self::Crash,
            CallStatus::Cancelled => Self::Cancelled,
        }
    }
}
