//! A deploy: a proposal to put other contents in place of some tools, and its life. Plain data; the rules are in
//! `decide`, what happens on disk is behind `ports::Stage`.

use std::fmt;

use super::{
    Author, CheckRun, Decision, Digest, Judgement, Reason, RuntimeName, Seq, Timestamp, ToolId,
    VersionNo,
};

/// 1, 2, … in the one log of the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeployNo(pub u64);

/// So many of the latest are kept at hand, whatever became of them: an answer that is asked for again with its
/// `Idempotency-Key` is among them.
pub const RECENT_DEPLOYS: u64 = 500;

/// One tool's part of a deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub tool: ToolId,
    /// What has to stand on disk at the moment of the switch. `None`: nothing.
    pub base: Option<Base>,
    /// What is to stand there. `None`: nothing, the file goes.
    pub to: Option<Target>,
    /// What the new version is made from; by default what `base` names.
    pub parents: Vec<VersionNo>,
}

/// A content that was there, as its author knew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    pub digest: Digest,
    pub version: Option<VersionNo>,
}

/// A content that is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub digest: Digest,
    /// `None`: as the file's is now, or not executable where there is none.
    pub executable: Option<bool>,
}

/// Why something is to be put in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployKind {
    /// Somebody proposed a content.
    Deploy,
    /// Somebody asked for an earlier one.
    Rollback,
    /// Somebody asked for the baseline on disk.
    Restore,
    /// What stands on disk is proposed as the baseline: nothing is switched.
    Accept,
    /// The rules asked: the provisional deploy with this number was not confirmed, failed, or was given up.
    Automatic(DeployNo),
    /// The rules asked: what is live does worse than the known good, which is to stand there again.
    Regressed,
}

/// Everything that is asked for, checked as far as that goes without looking at the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub kind: DeployKind,
    /// Each tool at most once, in the order of their ids.
    pub changes: Vec<Change>,
    pub author: Author,
    /// What the request said of its author, where that is more than the channel allows.
    pub claimed: Option<Author>,
    pub reason: Reason,
    pub message: Option<String>,
    /// The author's own notes: a JSON object as text.
    pub metadata: Option<String>,
    /// Provisional for so long, in milliseconds, from its activation.
    pub confirm_within_ms: Option<u64>,
    /// A quarantined content is let through, and is quarantined no more.
    pub force: bool,
    /// A conflict with it stays listed until the tool is deployed again or the deploy given up.
    pub keeps_conflict: bool,
    /// So that the same request, asked again, is not done again: the client's key, its uid, and what was asked.
    pub key: Option<RequestKey>,
    /// The contents of these tools that it takes out of circulation when it is live (`rollback --quarantine`).
    pub quarantines: Vec<(ToolId, Digest)>,
    /// Where its author says that answers will differ: JSON pointers, `*` for any segment.
    pub expect_changes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    pub uid: u32,
    pub key: String,
    /// Of the request's body: the same key with another body is a mistake.
    pub request: Digest,
}

/// Where a deploy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeployState {
    Accepted,
    Staged,
    Verified,
    AwaitingApproval,
    /// The intent to switch is durable. Told as `deploy.switching`; to the outside it is still `verified`.
    Switching,
    Activated,
    Confirmed,
    NoOp,
    Rejected,
    Conflicted,
    Aborted,
    RolledBack,
    Superseded,
    Abandoned,
}

/// What the stage left of one change, by which a start can tell whether it was switched: the name under the stage,
/// and which file stands under it before the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// One path segment.
    pub name: String,
    /// Device and inode of the staged file; `None` where the file is to go: then nothing stands under the name.
    pub inode: Option<(u64, u64)>,
    /// The executable bit that the file was given; of one that is to go, the bit that it had.
    pub executable: bool,
    /// In bytes.
    pub size: u64,
}

/// A change that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveChange {
    pub tool: ToolId,
    /// None where the file went.
    pub version: Option<VersionNo>,
    /// What stood there before.
    pub displaced: Option<VersionNo>,
    /// What is to stand there if the deploy is taken back; none: nothing.
    pub returns: Option<Target>,
}

/// A deploy as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    pub number: DeployNo,
    pub proposal: Proposal,
    pub state: DeployState,
    pub markers: Vec<Marker>,
    pub checks: Vec<CheckRun>,
    pub judgement: Option<Box<Judgement>>,
    /// Each state with its moment, in order.
    pub steps: Vec<(DeployState, Timestamp)>,
    /// What each change came to, once it is live.
    pub live: Vec<LiveChange>,
    /// Who had which of its tools loaded when it became live: all of them reporting the new content confirm it.
    pub witnesses: Vec<(RuntimeName, ToolId)>,
    /// Until when it has to be confirmed, or approved, by the wall clock.
    pub deadline: Option<Timestamp>,
    pub approved_by: Option<Author>,
    /// Why it ended as it did, in words.
    pub why: Option<String>,
    /// The deploy that took its place, or took it back.
    pub by: Option<DeployNo>,
    pub as_of: Seq,
}

impl DeployState {
    /// Nothing happens to it any more.
    pub fn rests(self) -> bool {
        match self {
            Self::Accepted
            | Self::Staged
            | Self::Verified
            | Self::AwaitingApproval
            | Self::Switching
            | Self::Activated => false,
            Self::Confirmed
            | Self::NoOp
            | Self::Rejected
            | Self::Conflicted
            | Self::Aborted
            | Self::RolledBack
            | Self::Superseded
            | Self::Abandoned => true,
        }
    }

    /// Nobody else may deploy the tool meanwhile.
    pub fn is_before_activation(self) -> bool {
        !self.rests() && self != Self::Activated
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Staged => "staged",
            Self::Verified => "verified",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Switching => "switching",
            Self::Activated => "activated",
            Self::Confirmed => "confirmed",
            Self::NoOp => "no_op",
            Self::Rejected => "rejected",
            Self::Conflicted => "conflicted",
            Self::Aborted => "aborted",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Deploy {
    pub fn new(number: DeployNo, proposal: Proposal) -> Self {
        Self {
            number,
            proposal,
            state: DeployState::Accepted,
            markers: Vec::new(),
            checks: Vec::new(),
            judgement: None,
            steps: Vec::new(),
            live: Vec::new(),
            witnesses: Vec::new(),
            deadline: None,
            approved_by: None,
            why: None,
            by: None,
            as_of: Seq(0),
        }
    }

    /// The change of this tool.
    pub fn change(&self, tool: &ToolId) -> Option<&Change> {
        self.proposal.changes.iter().find(|it| it.tool == *tool)
    }

    pub fn tools(&self) -> impl Iterator<Item = &ToolId> {
        self.proposal.changes.iter().map(|it| &it.tool)
    }

    /// Whether something is still to come of it: it is on its way, or its conflict is to be decided.
    pub fn waits(&self) -> bool {
        !self.state.rests() || self.is_unresolved()
    }

    /// A conflict that waits for somebody.
    pub fn is_unresolved(&self) -> bool {
        self.state == DeployState::Conflicted && self.proposal.keeps_conflict
    }

    /// It waits for somebody to approve it.
    pub fn awaits_approval(&self) -> bool {
        self.state == DeployState::AwaitingApproval
    }

    /// It was judged, and that was what stopped it; `false`: verification did, or nothing.
    pub fn is_stopped_by_policy(&self) -> bool {
        let stopped = |it: &Judgement| it.decision == Decision::Reject && !it.failed_verification();
        self.state == DeployState::Rejected && self.judgement.as_deref().is_some_and(stopped)
    }

    /// Live, and not yet confirmed.
    pub fn is_provisional(&self) -> bool {
        self.state == DeployState::Activated
    }
}

impl DeployKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Restore => "restore",
            Self::Accept => "accept",
            Self::Automatic(_) | Self::Regressed => "automatic",
        }
    }
}

impl DeployNo {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for DeployNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
