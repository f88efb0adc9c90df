//! What became true. A fact that stands in the log is a record; a record never changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AlertKind, Author, Baseline, Calls, Capability, Class, DeployNo, DeployState, Digest, Disk,
    Grounds, HealthState, Reason, RootName, RuntimeName, Seq, Step, Sync, Timestamp, ToolId,
    Version, VersionNo, Waiver,
};

/// How a content came to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The first scan after a start, or the first of a root: changed at an unknown moment before.
    Scan,
    /// A hint from the file system.
    Watch,
    /// No hint told of it; a walk or a rehash found it.
    Audit,
    /// A deploy put it there.
    Deploy,
    /// Written into a file after a deploy had displaced it: it never stood in the tool's place.
    Displaced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafetyCause {
    /// The root's directory is gone, unmounted, or not a directory any more.
    RootMissing,
    /// More than half of its tools, and at least five, disappeared in one look.
    MassRemoval,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `version.recorded`. `seq` and `time` inside are those of the record (set when it is stamped).
    VersionRecorded(Version),
    /// `tool.removed`: the file is not there any more.
    ToolRemoved { tool: ToolId, origin: Origin },
    /// `drift.detected`: disk differs from expected. `disk` is what stands there.
    DriftDetected { tool: ToolId, sync: Sync, disk: Disk, expected: Option<Baseline> },
    /// `drift.cleared`: disk is as expected again, or nothing is expected and nothing is there.
    DriftCleared { tool: ToolId, disk: Disk },
    /// `baseline.moved` of one tool. `to: None`: nothing is expected of it any more.
    BaselineMoved {
        tool: ToolId,
        from: Option<Baseline>,
        to: Option<Baseline>,
        author: Author,
        reason: Reason,
    },
    /// `baseline.moved` of a whole root: its first scan is complete (reason `initial`), or the manifest
    /// with these bytes was applied (reason `manifest`).
    BaselineAdopted { root: RootName, tools: u64, manifest: Option<Digest>, reason: Reason },
    /// `runtime.loaded`: a report that says something new. `ttl_ms` is the lease it asked for.
    RuntimeLoaded {
        runtime: RuntimeName,
        loaded: BTreeMap<ToolId, Digest>,
        failed: BTreeMap<ToolId, String>,
        ttl_ms: u64,
    },
    /// `runtime.stale`: it runs something other than expected. `expected: None`: a tool of which nothing is expected.
    RuntimeStale { runtime: RuntimeName, tool: ToolId, loaded: Digest, expected: Option<Digest> },
    /// `runtime.failed`: it could not load the tool.
    RuntimeFailed { runtime: RuntimeName, tool: ToolId, message: String },
    /// `runtime.expired`: its lease ran out, or (`asked`) it said goodbye.
    RuntimeExpired { runtime: RuntimeName, asked: bool },
    /// `safety.stopped`: nothing automatic happens in this root until it is cleared.
    SafetyStopped { root: RootName, cause: SafetyCause },
    /// `safety.cleared`: the files are back, or (`accepted`) somebody accepted their absence.
    SafetyCleared { root: RootName, accepted: bool },
    /// `deploy.` and the state that it came to.
    DeployMoved { deploy: DeployNo, tools: Vec<ToolId>, step: Step },
    /// `content.quarantined`: this content of the tool is refused from now on.
    ContentQuarantined { tool: ToolId, digest: Digest, deploy: Option<DeployNo>, author: Author },
    /// `content.released`: it is not any more.
    ContentReleased { tool: ToolId, digest: Digest, author: Author },
    /// `class.changed`: a version can do more, or less, than the one before it.
    ClassChanged {
        tool: ToolId,
        from: (VersionNo, Digest),
        to: (VersionNo, Digest),
        before: Class,
        after: Class,
        added: BTreeSet<Capability>,
        removed: BTreeSet<Capability>,
    },
    /// `class.waived`: a person signed for something that the tool can do, or (`withdrawn`) took that back. The time of
    /// the waiver is that of the record.
    ClassWaived { tool: ToolId, waiver: Waiver, withdrawn: bool },
    /// `outcomes.recorded`: all calls that were reported within a moment. They are kept one by one, not as what they come
    /// to: 30 to 60 bytes each, where the state after them has kilobytes, and replaying them counts them as they were.
    OutcomesRecorded { tools: Vec<ToolId>, batch: Vec<Calls> },
    /// `health.changed`: how this content of the tool does.
    HealthChanged {
        tool: ToolId,
        version: Digest,
        number: VersionNo,
        from: HealthState,
        to: HealthState,
        evidence: Box<Grounds>,
    },
    /// `alert.raised`: somebody should look.
    AlertRaised { tool: ToolId, version: Digest, number: VersionNo, kind: AlertKind, why: String },
}

/// A fact with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub seq: Seq,
    pub time: Timestamp,
    pub fact: Fact,
}

impl Fact {
    /// The name under which events and log lines tell it.
    pub fn event(&self) -> &'static str {
        match self {
            Self::VersionRecorded(_) => "version.recorded",
            Self::ToolRemoved { .. } => "tool.removed",
            Self::DriftDetected { .. } => "drift.detected",
            Self::DriftCleared { .. } => "drift.cleared",
            Self::BaselineMoved { .. } | Self::BaselineAdopted { .. } => "baseline.moved",
            Self::RuntimeLoaded { .. } => "runtime.loaded",
            Self::RuntimeStale { .. } => "runtime.stale",
            Self::RuntimeFailed { .. } => "runtime.failed",
            Self::RuntimeExpired { .. } => "runtime.expired",
            Self::SafetyStopped { .. } => "safety.stopped",
            Self::SafetyCleared { .. } => "safety.cleared",
            Self::DeployMoved { step, .. } => match step.state() {
                DeployState::Accepted => "deploy.accepted",
                DeployState::Staged => "deploy.staged",
                DeployState::Verified => "deploy.verified",
                DeployState::AwaitingApproval => "deploy.awaiting_approval",
                DeployState::Switching => "deploy.switching",
                DeployState::Activated => "deploy.activated",
                DeployState::Confirmed => "deploy.confirmed",
                DeployState::NoOp => "deploy.no_op",
                DeployState::Rejected => "deploy.rejected",
                DeployState::Conflicted => "deploy.conflicted",
                DeployState::Aborted => "deploy.aborted",
                DeployState::RolledBack => "deploy.rolled_back",
                DeployState::Superseded => "deploy.superseded",
                DeployState::Abandoned => "deploy.abandoned",
            },
            Self::ContentQuarantined { .. } => "content.quarantined",
            Self::ContentReleased { .. } => "content.released",
            Self::ClassChanged { .. } => "class.changed",
            Self::ClassWaived { .. } => "class.waived",
            Self::OutcomesRecorded { .. } => "outcomes.recorded",
            Self::HealthChanged { .. } => "health.changed",
            Self::AlertRaised { .. } => "alert.raised",
        }
    }

    /// Every tool that it is about.
    pub fn tools(&self) -> &[ToolId] {
        match self {
            Self::DeployMoved { tools, .. } | Self::OutcomesRecorded { tools, .. } => tools,
            Self::VersionRecorded(_)
            | Self::ToolRemoved { .. }
            | Self::DriftDetected { .. }
            | Self::DriftCleared { .. }
            | Self::BaselineMoved { .. }
            | Self::BaselineAdopted { .. }
            | Self::RuntimeLoaded { .. }
            | Self::RuntimeStale { .. }
            | Self::RuntimeFailed { .. }
            | Self::RuntimeExpired { .. }
            | Self::SafetyStopped { .. }
            | Self::SafetyCleared { .. }
            | Self::ContentQuarantined { .. }
            | Self::ContentReleased { .. }
            | Self::ClassChanged { .. }
            | Self::ClassWaived { .. }
            | Self::HealthChanged { .. }
            | Self::AlertRaised { .. } => self.tool().map_or(&[], std::slice::from_ref),
        }
    }

    /// The deploy that it is about, or that it is part of.
    pub fn deploy(&self) -> Option<DeployNo> {
        match self {
            Self::DeployMoved { deploy, .. } => Some(*deploy),
            Self::VersionRecorded(version) => version.note.as_ref().map(|it| it.deploy),
            Self::ContentQuarantined { deploy, .. } => *deploy,
            Self::ToolRemoved { .. }
            | Self::DriftDetected { .. }
            | Self::DriftCleared { .. }
            | Self::BaselineMoved { .. }
            | Self::BaselineAdopted { .. }
            | Self::RuntimeLoaded { .. }
            | Self::RuntimeStale { .. }
            | Self::RuntimeFailed { .. }
            | Self::RuntimeExpired { .. }
            | Self::SafetyStopped { .. }
            | Self::SafetyCleared { .. }
            | Self::ContentReleased { .. }
            | Self::ClassChanged { .. }
            | Self::ClassWaived { .. }
            | Self::OutcomesRecorded { .. }
            | Self::HealthChanged { .. }
            | Self::AlertRaised { .. } => None,
        }
    }

    pub fn tool(&self) -> Option<&ToolId> {
        match self {
            Self::VersionRecorded(version) => Some(&version.tool),
            Self::ToolRemoved { tool, .. }
            | Self::DriftDetected { tool, .. }
            | Self::DriftCleared { tool, .. }
            | Self::BaselineMoved { tool, .. }
            | Self::RuntimeStale { tool, .. }
            | Self::RuntimeFailed { tool, .. }
            | Self::ContentQuarantined { tool, .. }
            | Self::ContentReleased { tool, .. }
            | Self::ClassChanged { tool, .. }
            | Self::ClassWaived { tool, .. }
            | Self::HealthChanged { tool, .. }
            | Self::AlertRaised { tool, .. } => Some(tool),
            Self::DeployMoved { tools, .. } | Self::OutcomesRecorded { tools, .. } => {
                tools.first().filter(|_| tools.len() == 1)
            }
            Self::BaselineAdopted { .. }
            | Self::RuntimeLoaded { .. }
            | Self::RuntimeExpired { .. }
            | Self::SafetyStopped { .. }
            | Self::SafetyCleared { .. } => None,
        }
    }

    /// The root that the fact is about as a whole.
    pub fn root(&self) -> Option<&RootName> {
        match self {
            Self::BaselineAdopted { root, .. }
            | Self::SafetyStopped { root, .. }
            | Self::SafetyCleared { root, .. } => Some(root),
            Self::VersionRecorded(_)
            | Self::ToolRemoved { .. }
            | Self::DriftDetected { .. }
            | Self::DriftCleared { .. }
            | Self::BaselineMoved { .. }
            | Self::RuntimeLoaded { .. }
            | Self::RuntimeStale { .. }
            | Self::RuntimeFailed { .. }
            | Self::RuntimeExpired { .. }
            | Self::DeployMoved { .. }
            | Self::ContentQuarantined { .. }
            | Self::ContentReleased { .. }
            | Self::ClassChanged { .. }
            | Self::ClassWaived { .. }
            | Self::OutcomesRecorded { .. }
            | Self::HealthChanged { .. }
            | Self::AlertRaised { .. } => None,
        }
    }

    pub fn runtime(&self) -> Option<&RuntimeName> {
        match self {
            Self::RuntimeLoaded { runtime, .. }
            | Self::RuntimeStale { runtime, .. }
            | Self::RuntimeFailed { runtime, .. }
            | Self::RuntimeExpired { runtime, .. } => Some(runtime),
            Self::VersionRecorded(_)
            | Self::ToolRemoved { .. }
            | Self::DriftDetected { .. }
            | Self::DriftCleared { .. }
            | Self::BaselineMoved { .. }
            | Self::BaselineAdopted { .. }
            | Self::SafetyStopped { .. }
            | Self::SafetyCleared { .. }
            | Self::DeployMoved { .. }
            | Self::ContentQuarantined { .. }
            | Self::ContentReleased { .. }
            | Self::ClassChanged { .. }
            | Self::ClassWaived { .. }
            | Self::OutcomesRecorded { .. }
            | Self::HealthChanged { .. }
            | Self::AlertRaised { .. } => None,
        }
    }

    /// How a change on disk came to be seen; none where the fact is of another kind.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::VersionRecorded(version) => Some(version.origin),
            Self::ToolRemoved { origin, .. } => Some(*origin),
            Self::DriftDetected { .. }
            | Self::DriftCleared { .. }
            | Self::BaselineMoved { .. }
            | Self::BaselineAdopted { .. }
            | Self::RuntimeLoaded { .. }
            | Self::RuntimeStale { .. }
            | Self::RuntimeFailed { .. }
            | Self::RuntimeExpired { .. }
            | Self::SafetyStopped { .. }
            | Self::SafetyCleared { .. }
            | Self::DeployMoved { .. }
            | Self::ContentQuarantined { .. }
            | Self::ContentReleased { .. }
            | Self::ClassChanged { .. }
            | Self::ClassWaived { .. }
            | Self::OutcomesRecorded { .. }
            | Self::HealthChanged { .. }
            | Self::AlertRaised { .. } => None,
        }
    }

    /// The version that the fact is about, where there is one.
    pub fn version(&self) -> Option<VersionNo> {
        match self {
            Self::VersionRecorded(version) => Some(version.number),
            Self::DriftDetected { disk, .. } | Self::DriftCleared { disk, .. } => disk.version(),
            Self::BaselineMoved { to, .. } => to.as_ref().and_then(|it| it.version),
            Self::ClassChanged { to, .. } => Some(to.0),
            Self::HealthChanged { number, .. } | Self::AlertRaised { number, .. } => Some(*number),
            Self::ToolRemoved { .. }
            | Self::BaselineAdopted { .. }
            | Self::RuntimeLoaded { .. }
            | Self::RuntimeStale { .. }
            | Self::RuntimeFailed { .. }
            | Self::RuntimeExpired { .. }
            | Self::SafetyStopped { .. }
            | Self::SafetyCleared { .. }
            | Self::DeployMoved { .. }
            | Self::ContentQuarantined { .. }
            | Self::ContentReleased { .. }
            | Self::ClassWaived { .. }
            | Self::OutcomesRecorded { .. } => None,
        }
    }
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Watch => "watch",
            Self::Audit => "audit",
            Self::Deploy => "deploy",
            Self::Displaced => "displaced",
        }
    }
}

impl SafetyCause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RootMissing => "root_missing",
            Self::MassRemoval => "mass_removal",
        }
    }
}
