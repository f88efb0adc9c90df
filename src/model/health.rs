//! What is known of how well a tool's versions do: counts, the score of the one that is measured, and how it stands. Plain
//! data; it is changed by `decide::State::apply` alone.

use std::collections::VecDeque;

use super::{Blame, DeployNo, Digest, Seq, Timestamp, VersionNo};

/// How the content that stands on disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthState {
    /// Nobody has reported a call of it.
    Unknown,
    /// Live, and not proven yet.
    Baking,
    Suspect,
    /// Worse than the known good.
    Regressed,
    /// The known good fails as well: the world is to blame.
    Environment,
    Healthy,
    /// Too few calls for too long.
    Inconclusive,
}

/// All that is kept of one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The content that is measured: what stands on disk.
    pub watch: Option<Watch>,
    /// The latest versions that were reported on, the newest last.
    pub versions: Vec<VersionHealth>,
    /// The latest calls, by what stands for their `call_id`.
    pub recent: VecDeque<u64>,
    /// The latest failures, by fingerprint, each with what stands for its version.
    pub errors: VecDeque<(u64, u64)>,
    /// Automatic rollbacks, the latest last.
    pub rollbacks: Vec<Timestamp>,
    /// So many calls must pass before the next automatic action.
    pub quiet: u32,
    /// When a proposal of an `ai` was rejected, or rolled back.
    pub setbacks: Vec<Timestamp>,
    /// Contents that the rules themselves took out of circulation, and until when.
    pub quarantines: Vec<(Digest, Timestamp)>,
    pub as_of: Seq,
}

/// What was reported of one version, whether it is measured now or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionHealth {
    pub version: Digest,
    pub tally: Tally,
    /// The latest calls that count, oldest first.
    pub window: VecDeque<Past>,
    /// What failed in the last minute, by its arguments.
    pub failed: Vec<(u64, Timestamp)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub calls: u64,
    pub tool: u64,
    pub env: u64,
    pub caller: u64,
    pub user: u64,
    /// Failures that were the same as one shortly before, and count as that one.
    pub repeats: u64,
}

/// A call that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    pub at: Timestamp,
    pub duration_ms: u32,
    /// None: it did not fail.
    pub blame: Option<Blame>,
}

/// How one content is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    pub version: Digest,
    pub number: VersionNo,
    /// The deploy that brought it; none: it was found on disk.
    pub deploy: Option<DeployNo>,
    pub by_ai: bool,
    pub state: HealthState,
    /// Since when it has been live, as far as anybody knows.
    pub began: Timestamp,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// What it is measured against, as it was when it began.
    pub base: Base,
    pub bar: Bar,
    /// Calls that count, and failures among them.
    pub calls: u32,
    pub failures: u32,
    pub score: u32,
    /// A limit was passed, and nobody has judged it yet.
    pub passed: Option<Level>,
    /// The lower limit counts again.
    pub armed: bool,
    pub caller: Gauge,
    pub env: Gauge,
    /// Programming errors that earlier versions did not have: fingerprint and arguments.
    pub novel: Vec<(u64, Option<u64>)>,
    /// One of them came with two inputs.
    pub is_broken: bool,
    /// The latest failures, by their `call_id`.
    pub failing: VecDeque<String>,
    /// How long the first calls took that did not fail.
    pub durations: Vec<u32>,
    pub latency: Option<Latency>,
    /// Calls without failure since the last failure.
    pub streak: u32,
    pub replay: Option<Replayed>,
    /// It is to be taken back. `Some(true)`: at once, however few calls there were.
    pub returns: Option<bool>,
    /// Alerts that were raised about it.
    pub told: Vec<AlertKind>,
}

/// The calls of the known good, as far as they count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    pub version: Option<Digest>,
    pub calls: u32,
    pub failures: u32,
    pub caller: u32,
    pub env: u32,
}

/// How much a failure weighs, and what is too much, for a version that fails in `percent` of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub percent: u8,
    pub weight: u32,
    /// Suspect from here on.
    pub low: u32,
    /// Regressed from here on.
    pub high: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Low,
    High,
}

/// Failures that are not the tool's, counted in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    pub bar: Bar,
    pub score: u32,
    /// It was too much once.
    pub over: bool,
}

/// How its durations compare with those of the known good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    pub calls: u32,
    /// Of the medians.
    pub ratio_percent: u32,
    /// The normal score of Mann and Whitney, in thousandths.
    pub z_milli: i32,
    pub slow: bool,
}

/// The failing inputs, run again on both versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    Table(ReplayTable),
    /// Why that was not possible.
    Cannot(String),
}

/// Of `runs` runs on each version so many failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayTable {
    pub runs: u32,
    pub new: u32,
    pub old: u32,
}

/// Why the health of a tool changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A runtime could not load it.
    Load,
    NovelError,
    FailureRate,
    Replay,
    /// Enough calls, long enough, and nothing raised.
    Proven,
    /// What was raised turned out to be chance.
    Noise,
    /// The world is well again.
    Recovered,
    /// Too few calls for too long.
    TooFewCalls,
    /// The known good is called.
    Reported,
}

/// What a change of health rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grounds {
    pub rule: Rule,
    pub calls: u32,
    pub failures: u32,
    pub score: u32,
    pub bar: Bar,
    pub base: Base,
    /// Calls that failed, the latest last.
    pub failing: Vec<String>,
    pub replay: Option<Replayed>,
    /// It is to be taken back. `Some(true)`: at once.
    pub returns: Option<bool>,
}

/// What somebody should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertKind {
    /// Worse than the known good, and nothing is done about it automatically.
    Regressed,
    /// Too many automatic rollbacks: there will be no more today.
    Frozen,
    /// The known good fails more often than it did.
    Failing,
    Environment,
    /// Callers send arguments that it does not take.
    InterfaceChanged,
    Slow,
    Inconclusive,
    /// What was proposed in its place tried what it does not do, and was stopped.
    UnsafeCandidate,
    /// An edit on disk would not have passed the gates.
    EditRejected,
}

impl Health {
    pub fn version(&self, version: &Digest) -> Option<&VersionHealth> {
        self.versions.iter().find(|it| it.version == *version)
    }
}

impl HealthState {
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Baking,
        Self::Suspect,
        Self::Regressed,
        Self::Environment,
        Self::Healthy,
        Self::Inconclusive,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Baking => "baking",
            Self::Suspect => "suspect",
            Self::Regressed => "regressed",
            Self::Environment => "environment",
            Self::Healthy => "healthy",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::NovelError => "novel_error",
            Self::FailureRate => "failure_rate",
            Self::Replay => "replay",
            Self::Proven => "proven",
            Self::Noise => "noise",
            Self::Recovered => "recovered",
            Self::TooFewCalls => "too_few_calls",
            Self::Reported => "reported",
        }
    }
}

impl AlertKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Frozen => "frozen",
            Self::Failing => "failing",
            Self::Environment => "environment",
            Self::InterfaceChanged => "interface_changed",
            Self::Slow => "slow",
            Self::Inconclusive => "inconclusive",
            Self::UnsafeCandidate => "unsafe_candidate",
            Self::EditRejected => "edit_rejected",
        }
    }
}
