//! A request that cannot be granted. A value, not an error: the world is fine.

use super::{Cause, Digest, RuntimeName, ToolId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoSuchTool(ToolId),
    NoSuchRuntime(RuntimeName),
    /// The disk content is not the one that the caller named.
    DiskIsNot {
        tool: ToolId,
        wanted: Digest,
        found: Option<Digest>,
    },
    /// There is something in the tool's place whose content cannot be known.
    CannotRead {
        tool: ToolId,
        cause: Cause,
    },
}
