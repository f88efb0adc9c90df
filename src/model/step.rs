//! What happened to a deploy, one step at a time.

use super::{
    CheckRun, DeployNo, DeployState, Judgement, LiveChange, Marker, Proposal, RuntimeName, ToolId,
    author::Author,
};

/// What was found out about a deploy, and what was decided from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    pub checks: Vec<CheckRun>,
    /// `None`: nobody judged it; it goes back to what was there, or is older than gates are.
    pub judgement: Option<Box<Judgement>>,
}

/// What happened to a deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Accepted(Box<Proposal>),
    Staged(Vec<Marker>),
    Verified(Examination),
    /// `expires_ms`: how long it waits, from now.
    AwaitingApproval {
        why: String,
        expires_ms: Option<u64>,
    },
    /// The intent: from here on the disk may show it. `approved_by`: who let it go on, where somebody had to.
    Switching {
        markers: Vec<Marker>,
        approved_by: Option<Author>,
    },
    Activated {
        live: Vec<LiveChange>,
        witnesses: Vec<(RuntimeName, ToolId)>,
    },
    Confirmed {
        why: String,
    },
    NoOp(Box<Proposal>),
    Rejected(Examination),
    Conflicted {
        tools: Vec<ToolId>,
        why: String,
    },
    Aborted {
        why: String,
    },
    RolledBack {
        by: DeployNo,
        why: String,
    },
    Superseded {
        by: Option<DeployNo>,
        why: String,
    },
    /// The process ended before it was live.
    Abandoned {
        why: String,
    },
}

impl Step {
    pub fn state(&self) -> DeployState {
        match self {
            Self::Accepted(_) => DeployState::Accepted,
            Self::Staged(_) => DeployState::Staged,
            Self::Verified(_) => DeployState::Verified,
            Self::AwaitingApproval { .. } => DeployState::AwaitingApproval,
            Self::Switching { .. } => DeployState::Switching,
            Self::Activated { .. } => DeployState::Activated,
            Self::Confirmed { .. } => DeployState::Confirmed,
            Self::NoOp(_) => DeployState::NoOp,
            Self::Rejected(_) => DeployState::Rejected,
            Self::Conflicted { .. } => DeployState::Conflicted,
            Self::Aborted { .. } => DeployState::Aborted,
            Self::RolledBack { .. } => DeployState::RolledBack,
            Self::Superseded { .. } => DeployState::Superseded,
            Self::Abandoned { .. } => DeployState::Abandoned,
        }
    }

    /// Why it came to that, where that is said in words.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::AwaitingApproval { why, .. }
            | Self::Confirmed { why }
            | Self::Conflicted { why, .. }
            | Self::Aborted { why }
            | Self::RolledBack { why, .. }
            | Self::Superseded { why, .. }
            | Self::Abandoned { why } => Some(why.as_str()).filter(|it| !it.is_empty()),
            Self::Accepted(_)
            | Self::Staged(_)
            | Self::Verified(_)
            | Self::Switching { .. }
            | Self::Activated { .. }
            | Self::NoOp(_)
            | Self::Rejected(_) => None,
        }
    }

    /// The deploy that took its place, or took it back.
    pub fn by(&self) -> Option<DeployNo> {
        match self {
            Self::RolledBack { by, .. } => Some(*by),
            Self::Superseded { by, .. } => *by,
            Self::Accepted(_)
            | Self::Staged(_)
            | Self::Verified(_)
            | Self::AwaitingApproval { .. }
            | Self::Switching { .. }
            | Self::Activated { .. }
            | Self::Confirmed { .. }
            | Self::NoOp(_)
            | Self::Rejected(_)
            | Self::Conflicted { .. }
            | Self::Aborted { .. }
            | Self::Abandoned { .. } => None,
        }
    }
}
