//! How everybody else meets the loop: one moment of the truth to read, a stream of what becomes true,
//! and requests that wait for their answer. Reading never goes through the loop.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use tokio::sync::{broadcast, oneshot};

use super::{
    classes::Classes,
    crew::Crew,
    lane::Lane,
    mailbox::Mailbox,
    measures::{Measured, Measures},
    view::View,
    works::Works,
};
use crate::{
    decide::{Command, Rehearsal},
    model::{CallReport, DeployNo, Record, Refusal, RootName, Seq, ToolId},
    ports::{Ability, Archive, BarrierNo, Inputs},
};

/// Cheap to clone; every front end has one.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) view: RwLock<Arc<View>>,
    pub(super) archive: Arc<dyn Archive>,
    pub(super) inputs: Arc<dyn Inputs>,
    pub(super) records: broadcast::Sender<Arc<Record>>,
    pub(super) mailbox: Arc<Mailbox>,
    /// Asks the watcher to bring a barrier round.
    pub(super) raise: Box<dyn Fn(BarrierNo) + Send + Sync>,
    pub(super) lane: Arc<Lane>,
    pub(super) crew: Arc<Crew>,
    pub(super) works: Works,
    pub(super) measures: Measures,
}

/// What a granted request made true.
#[derive(Clone, Debug)]
pub struct Granted {
    pub as_of: Seq,
    /// The deploy that it began, or that the same request began before.
    pub deploy: Option<DeployNo>,
    /// What would have come of it, where nothing was to become true.
    pub rehearsal: Option<Rehearsal>,
    /// Empty where the request asked for what was so already.
    pub records: Vec<Record>,
}

/// Why a request has no answer now. None of these says anything about the request itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    #[error("too many requests are waiting")]
    Busy,
    #[error("{0}")]
    DiskFull(String),
    #[error("the log does not accept facts: {0}")]
    LogNotWritable(String),
    #[error("the daemon is stopping")]
    Stopping,
}

/// How far a barrier got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    pub as_of: Seq,
    /// Paths whose latest change could not be recorded: somebody is writing them, or time ran out.
    pub unsettled: Vec<ToolId>,
    pub timed_out: bool,
}

pub type Answer = Result<Result<Granted, Refusal>, Unavailable>;

/// Which of the calls that were reported were known already, by their place.
pub type Taking = Result<Vec<usize>, Unavailable>;

impl Handle {
    /// What is true now, as of `view.state.head`. Never changes; ask again for a later moment.
    pub fn view(&self) -> Arc<View> {
        let view = self.shared.view.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&view)
    }

    /// History, contents and facts.
    pub fn archive(&self) -> &Arc<dyn Archive> {
        &self.shared.archive
    }

    /// What the tools can do.
    pub fn classes(&self) -> &Classes {
        &self.shared.works.classes
    }

    /// Every record from now on, after it became durable. Who falls behind reads on in the archive.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Record>> {
        self.shared.records.subscribe()
    }

    /// What was counted and measured since the start.
    pub fn measured(&self) -> Measured {
        let Shared { measures, mailbox, lane, crew, records, .. } = &*self.shared;
        let [hints, answers, requests] = mailbox.lengths();
        let queues = vec![
            ("hints", hints),
            ("looks", lane.length()),
            ("answers", answers),
            ("requests", requests),
            ("deploys", crew.length()),
        ];
        measures.told(queues, records.receiver_count())
    }

    /// The rung of the sandbox ladder on which verification runs; none while that is found out.
    pub fn sandbox(&self) -> Option<&'static str> {
        self.shared.works.checks.sandbox()
    }

    /// How a root can be switched. May look at the disk.
    pub fn ability(&self, root: &RootName) -> Ability {
        self.shared.works.stage.ability(root)
    }

    pub async fn request(&self, command: Command) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.shared.mailbox.request(command, reply)?;
        answer.await.map_err(|_| Unavailable::Stopping)?
    }

    /// Hands in calls. The answer says what was taken in; it is durable within a second.
    pub async fn report(&self, calls: Vec<CallReport>) -> Taking {
        let (reply, answer) = oneshot::channel();
        self.shared.mailbox.report(calls, reply)?;
        answer.await.map_err(|_| Unavailable::Stopping)?
    }

    /// What calls were given, as far as it is kept.
    pub fn inputs(&self) -> &Arc<dyn Inputs> {
        &self.shared.inputs
    }

    /// Waits until every change made on disk before this call is recorded, or known not to be settled.
    pub async fn sync(&self, limit: Duration) -> Result<Synced, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let number = self.shared.mailbox.expect_barrier(reply, limit)?;
        (self.shared.raise)(number);
        answer.await.map_err(|_| Unavailable::Stopping)
    }

    /// Looks at the whole of these roots (all, where none is named) and waits until what was found is
    /// recorded. `rehash`: reads every file, whatever its stat says.
    pub async fn rescan(
        &self,
        roots: Vec<RootName>,
        rehash: bool,
    ) -> Result<Rescanned, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.shared.mailbox.rescan(roots, rehash, reply)?;
        answer.await.map_err(|_| Unavailable::Stopping)?
    }

    /// Goes through a round of the loop and through the look lane: who gets the answer knows that both get on.
    pub async fn pulse(&self) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.shared.mailbox.pulse(reply)?;
        answer.await.map_err(|_| Unavailable::Stopping)
    }
}

/// What a full look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rescanned {
    pub as_of: Seq,
    /// Files that were listed.
    pub files: u64,
    pub took_ms: u64,
    /// Tools whose change no event had told.
    pub missed: Vec<ToolId>,
}
