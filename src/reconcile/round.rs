//! What one round gathers, and what it leaves to be done by others.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;

use super::{
    Moment,
    barrier::Answers,
    group::Group,
    handle::{Answer, Rescanned, Synced},
    lane::{Order, WalkOrder},
    mailbox::Manifest,
    walks::{RescanReply, ScanDone},
};
use crate::{
    decide::Input,
    model::{Origin, Record, Refusal, ToolId},
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
    pub(super) synced: Vec<(oneshot::Sender<Synced>, Synced)>,
    pub(super) rescanned: Vec<(RescanReply, Rescanned)>,
    pub(super) pulses: Vec<oneshot::Sender<()>>,
}

/// What the rules said about one input, as far as the caller cares.
pub(super) struct Decided {
    /// Paths to be looked at (again), each with its question.
    pub(super) asked: BTreeMap<ToolId, u64>,
    pub(super) refusal: Option<Refusal>,
}

/// What one round gathers before it is durable.
#[derive(Default)]
pub(super) struct Round {
    pub(super) now: Moment,
    pub(super) group: Group,
    pub(super) answers: Answers,
    pub(super) looks: Vec<Order>,
    pub(super) walks: Vec<WalkOrder>,
    pub(super) scans: Vec<ScanDone>,
    pub(super) roots: Option<Vec<WatchedRoot>>,
    pub(super) manifests: Vec<Manifest>,
    pub(super) granted: Vec<(oneshot::Sender<Answer>, Answer)>,
    pub(super) pulses: Vec<oneshot::Sender<()>>,
}

/// How each path came to be seen: a second look inherits it.
pub(super) fn origins(input: &Input) -> BTreeMap<ToolId, Origin> {
    match input {
        Input::Looked(seen) => seen.iter().map(|(origin, it)| (it.tool.clone(), *origin)).collect(),
        Input::Dirty(_)
        | Input::Walked { .. }
        | Input::Scanned(_)
        | Input::RootGone(_)
        | Input::RootBack(_)
        | Input::Manifest { .. }
        | Input::Request(_)
        | Input::LeaseEnded(_) => BTreeMap::new(),
    }
}
