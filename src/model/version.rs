//! A version: a content that stood on disk, numbered, immutable.

use super::{Author, DeployNo, Digest, Origin, Reason, Seq, Timestamp, ToolId, VersionNo};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub tool: ToolId,
    pub number: VersionNo,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
    pub parents: Vec<VersionNo>,
    pub author: Author,
    pub reason: Reason,
    pub origin: Origin,
    /// Where it came by a deploy.
    pub note: Option<Box<Note>>,
    /// The file's own modification time when it was seen.
    pub mtime: Timestamp,
    /// When it was recorded, and where in the log.
    pub time: Timestamp,
    pub seq: Seq,
}

/// What a deploy says of the version that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub deploy: DeployNo,
    pub claimed: Option<Author>,
    pub message: Option<String>,
    /// A JSON object as text.
    pub metadata: Option<String>,
}
