//! A request that cannot be granted. A value, not an error: the world is fine.

use super::{
    Author, Cause, DeployNo, DeployState, Digest, RootName, RuntimeName, SafetyCause, ToolId,
};

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
    /// No file at this path would be a tool: its root is not configured, or its globs do not name it.
    NotATool(ToolId),
    /// What stands on disk is not what the proposals' authors started from.
    Conflict(Vec<NotBase>),
    /// Another deploy of the tool is on its way.
    DeployOpen {
        tool: ToolId,
        deploy: DeployNo,
    },
    /// This content was blamed before.
    Quarantined {
        tool: ToolId,
        digest: Digest,
    },
    /// Nothing is changed in this root before somebody has looked.
    SafetyStop {
        root: RootName,
        cause: SafetyCause,
    },
    RootReadOnly {
        root: RootName,
        why: String,
    },
    CannotKeepOwner {
        tool: ToolId,
        why: String,
    },
    /// Something that is no file, or leads elsewhere, stands in the way.
    Obstructed {
        tool: ToolId,
        why: String,
    },
    /// The disk of the root is full.
    StageFull(String),
    /// The disk failed while the content was written beside the live file.
    Stage(String),
    NoSuchDeploy(DeployNo),
    /// It is not in a state in which that can be done.
    NotInState {
        deploy: DeployNo,
        state: DeployState,
        wanted: &'static str,
    },
    /// An `ai` may not do this, whatever rights it has.
    NotByAi(Author),
    /// An `ai` had too many of its proposals for this tool rejected or rolled back within a day.
    CoolDown {
        tool: ToolId,
        after_ms: u64,
    },
    /// The key was used for another request.
    KeyReused {
        deploy: DeployNo,
    },
}

/// A tool whose disk is not what a proposal starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotBase {
    pub tool: ToolId,
    pub base: Option<Digest>,
    pub found: Option<Digest>,
}
