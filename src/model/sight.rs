//! Looking: what is wished to be seen, and what was seen. The only source of truth about the disk.

use super::{Cause, Digest, Timestamp, ToolId};

/// A wish to look at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    pub tool: ToolId,
    /// Second look: an empty or vanished file is believed now.
    pub firm: bool,
    /// Read the bytes even if the stat says that nothing changed.
    pub fresh: bool,
}

/// What was seen at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub tool: ToolId,
    pub firm: bool,
    pub sight: Sight,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A whole content: nobody had it open for writing and it did not move while it was read.
    File(FileSeen),
    /// Nothing there, or a component above it is not there.
    Gone,
    /// Something is there that the globs do not take for a tool (a known tool is always taken).
    NotATool,
    /// Somebody has it open for writing, or it changed while it was read.
    Unsettled,
    Unreadable(Cause),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSeen {
    pub digest: Digest,
    pub size: u64,
    pub executable: bool,
    pub mtime: Timestamp,
    /// `None`: not read, because its stat is the one remembered with this digest.
    pub content: Option<Packed>,
    /// More than one name leads to this file (hard links): the others may have changed with it.
    pub links: u64,
}

/// A content as the log stores it. Made off the writer's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    pub digest: Digest,
    /// Bytes before packing.
    pub size: u64,
    /// The store's own mark for how `bytes` are packed.
    pub codec: u8,
    pub bytes: Vec<u8>,
}

impl Seen {
    /// Whether nobody was writing it.
    pub fn is_settled(&self) -> bool {
        self.sight != Sight::Unsettled
    }

    /// Whether other names may lead to the same file.
    pub fn has_links(&self) -> bool {
        matches!(&self.sight, Sight::File(file) if file.links > 1)
    }
}
