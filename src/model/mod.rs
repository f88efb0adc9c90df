//! Words: values that cannot be wrong. Nothing here knows a file, a clock or a socket; nothing
//! derives `Serialize`, because the log and the API each keep versioned twins of their own.

mod author;
mod check;
mod class;
mod deploy;
mod digest;
mod dirty;
mod fact;
mod gate;
mod health;
mod id;
mod language;
mod outcome;
mod policy;
mod ranks;
mod refusal;
mod runtime;
mod sight;
mod stamp;
mod step;
mod switch;
mod tool;
mod version;

pub use author::{Author, AuthorKind, BadReason, Reason};
pub use check::{CheckFailure, CheckOutcome, CheckRun, Finding};
pub use class::{
    Analysis, BadWord, Capability, Class, Classification, Declared, Delta, Evidence, Followed, Mcp,
    Observed, Parse, Waiver, Waivers,
};
pub use deploy::{
    Base, Change, Deploy, DeployKind, DeployNo, DeployState, LiveChange, Marker, Proposal,
    RECENT_DEPLOYS, RequestKey, Target,
};
pub use digest::{BadDigest, Digest};
pub use dirty::Dirty;
pub use fact::{Fact, Origin, Record, SafetyCause};
pub use gate::{
    ClassSummary, Decision, Demand, Examined, Gate, GateResult, GateRun, Judgement, ShadowOutcome,
    ShadowProof, ShadowSummary, ToolJudged, Verdict,
};
pub use health::{
    AlertKind, Bar, Base as HealthBase, Gauge, Grounds, Health, HealthState, Latency, Level, Past,
    ReplayTable, Replayed, Rule, Tally, VersionHealth, Watch,
};
pub use id::{BadId, BadPath, BadRoot, RelPath, RootName, ToolId};
pub use language::{Language, language_of};
pub use outcome::{Blame, Call, CallError, CallFrame, CallReport, CallStatus, Calls, Failure};
pub use policy::{Column, Policy};
pub use ranks::rank_score_milli;
pub use refusal::{NotBase, Refusal};
pub use runtime::{BadRuntime, Runtime, RuntimeName};
pub use sight::{FileSeen, Glance, Packed, Seen, Sight};
pub use stamp::{ChainHash, Seq, Timestamp, VersionNo};
pub use step::{Examination, Step};
pub use switch::{Late, LiveFile, LivePart, MetFile, SwitchOrder, Switched, Undone};
pub use tool::{Baseline, Cause, Disk, Head, Provisional, PutBack, Rare, Root, Sync, Tool};
pub use version::{Note, Version};
