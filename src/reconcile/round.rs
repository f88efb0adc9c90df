//! What one round gathers, and what it leaves to be done by others.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;

use super::{
    Moment,
    barrier::Answers,
    group::Group,
    handle::{Answer, Rescanned, Synced, Taking},
    job::Job,
    lane::{Order, WalkOrder},
    mailbox::Manifest,
    walks::{RescanReply, ScanDone},
};
use crate::{
    decide::{Input, Rehearsal, Task},
    model::{DeployNo, Origin, Record, Refusal, ToolId},
    roots::WatchedRoot,
};

/// What a round leaves to be done by others.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Arc<Record>>,
    pub(super) looks: Vec<Order>,
    pub(super) walks: Vec<WalkOrder>,
    pub(super) roots: Option<Vec<WatchedRoot>>,
    pub(super) scans: Vec<ScanDone>,
    pub(super) overflows: u64,
    pub(super) answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    pub(super) taken: Vec<(oneshot::Sender<Taking>, Taking)>,
    pub(super) synced: Vec<(oneshot::Sender<Synced>, Synced)>,
    pub(super) rescanned: Vec<(RescanReply, Rescanned)>,
    pub(super) pulses: Vec<oneshot::Sender<()>>,
    pub(super) jobs: Vec<Job>,
    /// Of each version that a hint led to, when the hint was heard.
    pub(super) heard: Vec<Moment>,
}

/// What the rules said about one input, as far as the caller cares.
pub(super) struct Decided {
    /// Paths to be looked at (again), each with its question.
    pub(super) asked: BTreeMap<ToolId, u64>,
    pub(super) refusal: Option<Refusal>,
    pub(super) known: Option<DeployNo>,
    pub(super) rehearsal: Option<Rehearsal>,
    /// Contents to be staged first: who asked for it waits for that.
    pub(super) stages: Vec<Task>,
}

/// What one round gathers before it is durable.
#[derive(Default)]
pub(super) struct Round {
    pub(super) now: Moment,
    /// When the oldest of the hints was heard that this round takes in.
    pub(super) heard: Moment,
    /// Of paths that were looked at, when one first heard that they may differ.
    pub(super) since: BTreeMap<ToolId, Moment>,
    pub(super) group: Group,
    pub(super) answers: Answers,
    pub(super) looks: Vec<Order>,
    pub(super) walks: Vec<WalkOrder>,
    pub(super) scans: Vec<ScanDone>,
    pub(super) roots: Option<Vec<WatchedRoot>>,
    pub(super) manifests: Vec<Manifest>,
    pub(super) granted: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// Who reported calls is told at once what was taken in: it is durable a little later.
    pub(super) taken: Vec<(oneshot::Sender<Taking>, Taking)>,
    pub(super) pulses: Vec<oneshot::Sender<()>>,
    pub(super) jobs: Vec<Job>,
    /// What has to be decided again if this round turns out not to have happened.
    pub(super) lasting: Vec<Input>,
    /// What was staged for nothing in that case.
    pub(super) litter: Vec<Task>,
}

/// How each path came to be seen: a second look inherits it.
pub(super) fn origins(input: &Input) -> BTreeMap<ToolId, Origin> {
    match input {
        Input::Looked { seen, .. } => {
            seen.iter().map(|(origin, it)| (it.tool.clone(), *origin)).collect()
        }
        Input::Dirty(_)
        | Input::Walked { .. }
        | Input::Scanned(_)
        | Input::RootGone(_)
        | Input::RootBack(_)
        | Input::Manifest { .. }
        | Input::Request(_)
        | Input::LeaseEnded(_)
        | Input::Started
        | Input::Staged(_)
        | Input::Verified { .. }
        | Input::Rehearsed { .. }
        | Input::Switched { .. }
        | Input::Deadline(_)
        | Input::OnDrift(_)
        | Input::Late(_)
        | Input::Compared(_)
        | Input::Reported(_)
        | Input::Replayed { .. }
        | Input::TimePassed(_)
        | Input::Regressed(_) => BTreeMap::new(),
    }
}
