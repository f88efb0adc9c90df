//! A version: a content that stood on disk, numbered, immutable.

use super::{Author, Digest, Origin, Reason, Seq, Timestamp, ToolId, VersionNo};

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
    /// The file's own modification time when it was seen.
    pub mtime: Timestamp,
    /// When it was recorded, and where in the log.
    pub time: Timestamp,
    pub seq: Seq,
}
