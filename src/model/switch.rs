//! What a switch on disk is asked for and what comes of it. The rules speak of it, the stage does it.

use super::{Change, DeployNo, Digest, FileSeen, Marker, Timestamp, ToolId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchOrder {
    pub deploy: DeployNo,
    pub parts: Vec<(Change, Marker)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switched {
    /// All of it is live, and that survives a power cut.
    Live(Vec<LivePart>),
    /// None of it is live.
    Undone { why: Undone, seen: Vec<MetFile> },
    /// Whether it would survive a power cut is not known: a sync failed. Nothing may be acknowledged any more.
    Unknown { doing: String },
}

/// A content of somebody else that a switch met in a tool's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetFile {
    pub tool: ToolId,
    pub file: FileSeen,
    /// It stays out, and does not stand there: somebody wrote into a file that was out already, or removed what had
    /// taken its place.
    pub is_out: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePart {
    pub tool: ToolId,
    /// Of the live file; none where it went.
    pub live: Option<LiveFile>,
    /// The content that came out, as it was then; none where nothing stood there.
    pub displaced: Option<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveFile {
    pub executable: bool,
    pub mtime: Timestamp,
}

/// Why nothing of it is live. Contents that were met on the way are handed out beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// In these tools' places stood something other than their base.
    Conflict(Vec<ToolId>),
    /// It was not switched, or not as a whole, when the process ended.
    Interrupted,
    /// The disk said no; in words, with the path and what was being done.
    Failed(String),
}

/// A displaced file as it is after its last writer closed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    pub tool: ToolId,
    pub deploy: DeployNo,
    /// What it was when it came out; none where that was being written, or could not be read.
    pub displaced: Option<Digest>,
    /// What it is now; none where it cannot be read any more.
    pub now: Option<FileSeen>,
    /// The stage's own name for it.
    pub name: String,
}
