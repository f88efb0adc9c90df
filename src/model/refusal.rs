//! A request that cannot be granted. A value, not an error: the world is fine.

use std::fmt;

use super::{
    Author, Capability, Cause, DeployNo, DeployState, Digest, RootName, RuntimeName, SafetyCause,
    Seq, ToolId,
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
    /// What is to be approved is not what was looked at.
    JudgedAnew {
        deploy: DeployNo,
        seen: Seq,
        now: Seq,
    },
    /// An `ai` may not do this, whatever rights it has.
    NotByAi(Author),
    /// Only a person may sign for this.
    OnlyByHuman(Author),
    /// There is no such signature to take back.
    NotWaived {
        tool: ToolId,
        cap: Capability,
        detail: String,
    },
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

/// In a sentence, for answers and log lines alike. What to do about it is said where it is answered.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTool(tool) => write!(f, "no tool has the id {tool}"),
            Self::NoSuchRuntime(name) => write!(f, "there is no runtime {name}"),
            Self::DiskIsNot { tool, wanted, found } => {
                let found = found.map_or_else(|| "nothing".to_owned(), |it| it.to_string());
                write!(f, "{tool} holds {found} on disk, not {wanted}")
            }
            Self::CannotRead { tool, cause } => {
                write!(f, "what stands at {tool} cannot be read: {}", cause.as_str())
            }
            Self::NotATool(tool) => write!(
                f,
                "{tool} would be no tool: its root is not configured, or its globs do not name it"
            ),
            Self::Conflict(bases) => {
                let tools: Vec<&str> = bases.iter().map(|it| it.tool.as_str()).collect();
                write!(f, "changed since its base: {}", tools.join(", "))
            }
            Self::DeployOpen { tool, deploy } => {
                write!(f, "deploy {deploy} of {tool} is on its way")
            }
            Self::Quarantined { tool, digest } => {
                write!(f, "{digest} of {tool} was taken out of circulation after it did harm")
            }
            Self::SafetyStop { root, cause } => write!(
                f,
                "the root {root} is stopped ({}): many of its tools are missing",
                cause.as_str()
            ),
            Self::RootReadOnly { root, why } => {
                write!(f, "the root {root} cannot be written: {why}")
            }
            Self::Obstructed { tool, why } => write!(f, "{tool}: {why}"),
            Self::CannotKeepOwner { why, .. } | Self::StageFull(why) | Self::Stage(why) => {
                f.write_str(why)
            }
            Self::NoSuchDeploy(deploy) => write!(f, "there is no deploy {deploy}"),
            Self::NotInState { deploy, state, wanted } => {
                write!(f, "deploy {deploy} is {}, not {wanted}", state.as_str())
            }
            Self::JudgedAnew { deploy, seen, now } => {
                write!(f, "deploy {deploy} was judged anew at {now}: what you saw was as of {seen}")
            }
            Self::NotByAi(author) => write!(f, "{author} is an ai: somebody else has to"),
            Self::OnlyByHuman(author) => {
                write!(f, "{author} is not known to be a person, and only a person signs for this")
            }
            Self::NotWaived { tool, cap, detail } => {
                write!(f, "{cap} by {detail:?} of {tool} was not waived")
            }
            Self::CoolDown { tool, .. } => write!(
                f,
                "{tool} had three proposals of an ai rejected or rolled back within a day"
            ),
            Self::KeyReused { deploy } => write!(
                f,
                "this Idempotency-Key belongs to another request, which led to deploy {deploy}"
            ),
        }
    }
}
