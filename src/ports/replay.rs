//! What is asked of a shadow runner: the same inputs on two versions, where nothing they do can be seen outside. And of
//! whoever keeps the inputs of calls: no truth, only material; it may be lost at any time.

use super::StopFlag;
use crate::model::{Digest, Replayed, ToolId};

/// Runs versions of a tool on inputs, in a sandbox.
pub trait Shadow: Send + std::marker::Sync {
    /// Runs each input twice on both versions and counts what failed. `Cannot` says why it is not possible: the tool's
    /// effects, no sandbox, no time. `stop`: the daemon stops; the answer comes at once then.
    fn replay(&self, trial: &Trial, stop: &StopFlag) -> Replayed;
}

/// Failing inputs, and the contents that are to be run on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub tool: ToolId,
    /// The known good, and what is measured against it.
    pub old: (Digest, Vec<u8>),
    pub new: (Digest, Vec<u8>),
    /// At least one, at most five, all different.
    pub inputs: Vec<RecordedInput>,
}

/// What a call was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedInput {
    /// JSON with sorted keys. Secrets are replaced.
    pub args: String,
    /// Of the arguments before anything was replaced.
    pub digest: Digest,
    /// The call failed, by the tool's own fault as far as anybody knows, and on this version.
    pub failed: bool,
    pub version: Digest,
}

/// Keeps the inputs of the latest calls, two hundred different ones of each tool.
pub trait Inputs: Send + std::marker::Sync {
    /// In the order in which they came.
    fn record(&self, tool: &ToolId, inputs: Vec<RecordedInput>);

    /// At most so many different ones: those that failed lately (at most ten), the ten newest, and of the rest as many
    /// of each shape as there is room for.
    fn inputs(&self, tool: &ToolId, most: usize) -> Vec<RecordedInput>;

    /// The latest different ones that failed on this version, the newest first.
    fn failing(&self, tool: &ToolId, version: &Digest, most: usize) -> Vec<RecordedInput>;
}

/// There is nothing to run versions with.
pub struct NoShadow;

impl Shadow for NoShadow {
    fn replay(&self, _: &Trial, _: &StopFlag) -> Replayed {
        Replayed::Cannot("there is no runner".to_owned())
    }
}

/// Keeps nothing.
pub struct NoInputs;

impl Inputs for NoInputs {
    fn record(&self, _: &ToolId, _: Vec<RecordedInput>) {}

    fn inputs(&self, _: &ToolId, _: usize) -> Vec<RecordedInput> {
        Vec::new()
    }

    fn failing(&self, _: &ToolId, _: &Digest, _: usize) -> Vec<RecordedInput> {
        Vec::new()
    }
}
