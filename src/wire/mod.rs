//! What goes over the socket: the types of API v1, and conversions from and to the model. Inward they
//! can fail and name the field; outward they cannot. Nothing here knows HTTP, the loop or a store.

mod about;
mod author;
mod base64;
mod change;
mod class;
mod config;
mod conflict;
mod deploy;
mod diff;
mod event;
mod health;
mod judgement;
mod list;
mod object;
mod outcome;
mod problem;
mod proposal;
mod query;
mod runtime;
mod shadow;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod tool;
mod undo;
mod verified;
mod version;

pub use about::{
    Checked, Counters, Info, LogHead, Ready, Reloaded, Rescan, Rescanned, RootInfo, StoreInfo,
    Verified,
};
pub use author::{Author, Claim, Kind};
pub use base64::{base64, unbase64};
pub use change::{Accept, AcceptTool, Accepted, Chosen, NewBaseline};
pub use class::{
    Classification, Declared, Delta, Effective, Evidence, Mcp, Observed, WaiveRequest, Waived,
    Waiving, words,
};
pub use config::{Configuration, Setting};
pub use conflict::{
    Action, Conflict, Conflicts, Current, Merged, Part, Region, Resolution, ResolutionOption,
    ResolveReason, ResolveRequest, Resolving,
};
pub use deploy::{
    Deploy, DeployChange, DeployKind, DeployState, DeployStep, Deployed, DeployedChange,
};
pub use diff::{Changed, Check, CheckReason, Diff, Side, Stats, Unknown};
pub use event::{EVENTS, Event};
pub use health::{
    Blamed, Health, HealthBaseline, HealthSummary, Latency, Replay, VersionCalls, Wellness,
};
pub use judgement::{GateShown, Judgement, ProofShown, ShadowJudged, ToolJudged};
pub use list::List;
pub use object::Object;
pub use outcome::{
    CallStatus, Frame, MOST_OUTCOMES, Outcome, OutcomeError, OutcomesRequest, OutcomesTaken,
    RefusedOutcome,
};
pub use problem::Problem;
pub use proposal::{
    ChangeRequest, DeployRequest, Encoding, OnConflict, Proposed, ProposedChange, Unfit,
};
pub use query::{
    CheckQuery, ContentQuery, DeploysQuery, DiffQuery, EventsQuery, HistoryQuery, Nothing,
    PageQuery, StatusQuery, ToolsQuery, WaitQuery,
};
pub use runtime::{FailedLoad, Forgotten, Report, Reported, RuntimeState, StaleLoad};
pub use shadow::{
    Shadow, ShadowDifference, ShadowEffect, ShadowFinding, ShadowInputs, ShadowLatency, ShadowLine,
    ShadowRequest, ShadowSide, Shadowing,
};
pub use status::{Issue, IssueState, RootStatus, Status, Summary, WatchState};
pub use text::{duration, stamp, time};
pub use tool::{Loaded, OnDisk, Sync, Tool};
pub use undo::{
    ApproveRequest, Back, Decision, DecisionRequest, RestoreRequest, RestoreTool, RollbackRequest,
    RollbackTool, Undo, UndoTool,
};
pub use verified::{CheckShown, FindingShown, OutcomeShown, Rejection};
pub use version::Version;

/// Why a request cannot be understood: the field, and what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub field: String,
    pub why: String,
}

impl Invalid {
    fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}
