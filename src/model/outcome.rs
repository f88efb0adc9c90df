//! Calls of tools, as runtimes report them and as the log keeps them. Plain data: who is to blame for a failure, and what
//! it means for the tool, is decided elsewhere.

use super::{Digest, ToolId};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallStatus {
    Ok,
    Error,
    Timeout,
    Crash,
    Cancelled,
}

/// Whose failure it was. Only the tool's own count against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blame {
    Tool,
    /// Network, disk, credentials: another content would fail as well.
    Env,
    /// It was called with the wrong arguments.
    Caller,
    /// Somebody did not want it any more.
    User,
}

/// What a runtime says of one call, of a version that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallReport {
    pub tool: ToolId,
    pub version: Digest,
    /// The runtime's own name for it: the same call reported again is known by it.
    pub call_id: String,
    pub status: CallStatus,
    pub duration_ms: u32,
    pub error: Option<CallError>,
    /// The beginning of the hash of what it was called with.
    pub args: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallError {
    /// `KeyError`, as the language calls it; with a module before it or without.
    pub kind: String,
    pub message: String,
    /// Outermost first, as a traceback tells them.
    pub frames: Vec<CallFrame>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFrame {
    pub file: String,
    pub function: Option<String>,
}

/// One call as the log keeps it: enough to count it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Stands for its `call_id`.
    pub id: u64,
    pub status: CallStatus,
    /// None: it did not fail.
    pub blame: Option<Blame>,
    pub duration_ms: u32,
    pub args: Option<u64>,
    pub failure: Option<Failure>,
}

/// What is kept of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub call_id: String,
    pub kind: String,
    /// Equal for failures that a person would call the same.
    pub fingerprint: u64,
    /// Of a kind that only a mistake in the program makes.
    pub programming: bool,
}

/// Calls of one version of a tool, in the order in which they were reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    pub tool: ToolId,
    pub version: Digest,
    pub calls: Vec<Call>,
}

impl CallStatus {
    pub const ALL: [Self; 5] = [Self::Ok, Self::Error, Self::Timeout, Self::Crash, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Crash => "crash",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Blame {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Env => "env",
            Self::Caller => "caller",
            Self::User => "user",
        }
    }
}
