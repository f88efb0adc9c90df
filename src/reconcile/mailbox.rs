//! What waits for the loop. Nothing is dropped and nothing grows without bound: hints merge into one
//! dirty set (bounded by the tools there are), answers of the lane wait at a full box (8 batches), requests
//! are refused when 64 wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    Moment,
    handle::{Answer, Rescanned, Synced, Taking, Unavailable},
    job::Done,
    lane::Found,
    walks::Audit,
};
use crate::{
    decide::{Command, Rules},
    model::{CallReport, Digest, Dirty, RootName, ToolId},
    ports::{BarrierNo, Notice, Watching},
    roots::WatchedRoot,
};

const FULL_OF_ANSWERS: usize = 8;
const FULL_OF_REQUESTS: usize = 64;

/// A root's manifest as it was read.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub root: RootName,
    pub digest: Digest,
    pub entries: BTreeMap<ToolId, Digest>,
}

/// What a (re)load of the configuration means for the loop.
#[derive(Clone, Debug)]
pub struct Setup {
    pub rules: Rules,
    pub roots: Vec<WatchedRoot>,
    pub manifests: Vec<Manifest>,
    /// `None`: as it was.
    pub audit: Option<Audit>,
}

pub(super) struct Request {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// Calls that a runtime reports.
pub(super) struct Report {
    pub(super) calls: Vec<CallReport>,
    pub(super) reply: oneshot::Sender<Taking>,
}

pub(super) struct Barrier {
    pub(super) number: BarrierNo,
    pub(super) reply: oneshot::Sender<Synced>,
    pub(super) limit: Duration,
}

pub(super) struct Rescan {
    pub(super) roots: Vec<RootName>,
    pub(super) rehash: bool,
    pub(super) reply: oneshot::Sender<Result<Rescanned, Unavailable>>,
}

/// Everything that waited, taken at once.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) found: Vec<Found>,
    pub(super) setup: Option<Setup>,
    /// Roots whose directory went (`false`) or came (`true`), the latest only.
    pub(super) roots: BTreeMap<RootName, bool>,
    pub(super) watching: BTreeMap<RootName, Watching>,
    pub(super) overflows: u64,
    pub(super) dirty: Dirty,
    /// Barriers that were asked for, and those whose hints are all in `dirty` or came before.
    pub(super) expected: Vec<Barrier>,
    pub(super) raised: BTreeSet<BarrierNo>,
    /// When the oldest hint behind `dirty` was heard.
    pub(super) heard: Option<Instant>,
    pub(super) requests: Vec<Request>,
    pub(super) reports: Vec<Report>,
    /// What those who work for deploys have to say.
    pub(super) done: Vec<Done>,
    pub(super) rescans: Vec<Rescan>,
    /// Who asks whether loop and lane get on.
    pub(super) pulses: Vec<oneshot::Sender<()>>,
    pub(super) stop: bool,
}

impl Mail {
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
            && self.setup.is_none()
            && self.roots.is_empty()
            && self.watching.is_empty()
            && self.overflows == 0
            && self.dirty.is_empty()
            && self.expected.is_empty()
            && self.raised.is_empty()
            && self.requests.is_empty()
            && self.reports.is_empty()
            && self.done.is_empty()
            && self.rescans.is_empty()
            && self.pulses.is_empty()
            && !self.stop
    }
}

#[derive(Default)]
pub(crate) struct Mailbox {
    mail: Mutex<Waiting>,
    arrived: Condvar,
    taken: Condvar,
}

#[derive(Default)]
struct Waiting {
    mail: Mail,
    next_barrier: BarrierNo,
    closed: bool,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, change: impl FnOnce(&mut Mail)) {
        change(&mut self.lock().mail);
        self.arrived.notify_one();
    }

    /// Waits for mail, at most `limit`, and takes all of it.
    pub(super) fn take(&self, limit: Option<Moment>) -> Mail {
        let waiting = self.lock();
        let mut waiting = if let Some(limit) = limit {
            let empty = |it: &mut Waiting| it.mail.is_empty();
            self.arrived
                .wait_timeout_while(waiting, limit, empty)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        } else {
            let empty = |it: &mut Waiting| it.mail.is_empty();
            self.arrived.wait_while(waiting, empty).unwrap_or_else(PoisonError::into_inner)
        };
        self.taken.notify_all();
        std::mem::take(&mut waiting.mail)
    }

    /// From the lane: waits while the box is full, so that a scan is no faster than the log.
    pub(super) fn found(&self, found: Found) {
        let full = |it: &mut Waiting| it.mail.found.len() >= FULL_OF_ANSWERS && !it.closed;
        let mut waiting =
            self.taken.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        waiting.mail.found.push(found);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// At most as many wait as there are deploys that somebody waits for.
    pub(super) fn done(&self, done: Done) {
        self.put(|mail| mail.done.push(done));
    }

    pub(super) fn request(
        &self,
        command: Command,
        reply: oneshot::Sender<Answer>,
    ) -> Result<(), Unavailable> {
        let mut waiting = self.open()?;
        if waiting.mail.requests.len() >= FULL_OF_REQUESTS {
            return Err(Unavailable::Busy);
        }
        waiting.mail.requests.push(Request { command, reply });
        self.arrived.notify_one();
        Ok(())
    }

    pub(super) fn report(
        &self,
        calls: Vec<CallReport>,
        reply: oneshot::Sender<Taking>,
    ) -> Result<(), Unavailable> {
        let mut waiting = self.open()?;
        if waiting.mail.reports.len() >= FULL_OF_REQUESTS {
            return Err(Unavailable::Busy);
        }
        waiting.mail.reports.push(Report { calls, reply });
        self.arrived.notify_one();
        Ok(())
    }

    pub(super) fn expect_barrier(
        &self,
        reply: oneshot::Sender<Synced>,
        limit: Duration,
    ) -> Result<BarrierNo, Unavailable> {
        let mut waiting = self.open()?;
        if waiting.mail.expected.len() >= FULL_OF_REQUESTS {
            return Err(Unavailable::Busy);
        }
        waiting.next_barrier += 1;
        let number = waiting.next_barrier;
        waiting.mail.expected.push(Barrier { number, reply, limit });
        self.arrived.notify_one();
        Ok(number)
    }

    pub(super) fn rescan(
        &self,
        roots: Vec<RootName>,
        rehash: bool,
        reply: oneshot::Sender<Result<Rescanned, Unavailable>>,
    ) -> Result<(), Unavailable> {
        let mut waiting = self.open()?;
        if waiting.mail.rescans.len() >= FULL_OF_REQUESTS {
            return Err(Unavailable::Busy);
        }
        waiting.mail.rescans.push(Rescan { roots, rehash, reply });
        self.arrived.notify_one();
        Ok(())
    }

    /// At most one waits at a time: who asks waits for the answer before asking again.
    pub(super) fn pulse(&self, reply: oneshot::Sender<()>) -> Result<(), Unavailable> {
        self.open()?.mail.pulses.push(reply);
        self.arrived.notify_one();
        Ok(())
    }

    /// How many hints, answers of the lane and requests wait.
    pub(super) fn lengths(&self) -> [usize; 3] {
        let Mail { dirty, found, requests, reports, rescans, expected, .. } = &self.lock().mail;
        let hints = dirty.paths.len() + dirty.roots.len();
        [hints, found.len(), requests.len() + reports.len() + rescans.len() + expected.len()]
    }

    pub(super) fn configure(&self, setup: Setup) {
        self.put(|mail| mail.setup = Some(setup));
    }

    pub(super) fn stop(&self) {
        self.put(|mail| mail.stop = true);
    }

    /// Nobody reads any more: who waits is told so, at once.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.mail = Mail::default();
        drop(waiting);
        self.taken.notify_all();
    }

    fn open(&self) -> Result<MutexGuard<'_, Waiting>, Unavailable> {
        let waiting = self.lock();
        if waiting.closed { Err(Unavailable::Stopping) } else { Ok(waiting) }
    }
}

impl Notice for Mailbox {
    fn dirty(&self, dirty: Dirty, barriers: Vec<BarrierNo>) {
        self.put(|mail| {
            mail.dirty.merge(dirty);
            mail.raised.extend(barriers);
        });
    }

    fn dirty_since(&self, dirty: Dirty, barriers: Vec<BarrierNo>, ago: Duration) {
        let heard = Instant::now().checked_sub(ago);
        self.put(|mail| {
            mail.dirty.merge(dirty);
            mail.raised.extend(barriers);
            mail.heard = [mail.heard, heard].into_iter().flatten().min();
        });
    }

    fn watching(&self, root: &RootName, state: Watching) {
        self.put(|mail| drop(mail.watching.insert(root.clone(), state)));
    }

    fn overflowed(&self) {
        self.put(|mail| mail.overflows += 1);
    }

    fn root_changed(&self, root: &RootName, there: bool) {
        self.put(|mail| {
            mail.roots.insert(root.clone(), there);
        });
    }
}
