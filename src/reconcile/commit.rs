//! The moment at which a round becomes true, or, on a full disk, has not happened at all.

use std::{collections::BTreeMap, time::Duration};

use tracing::{error, info};

use super::{
    barrier::Answers, handle::Unavailable, job::Job, reconciler::Reconciler, round::Round,
    view::LogState,
};
use crate::{
    decide::{State, Task},
    model::{Origin, Record, ToolId},
    ports::StoreError,
};

/// How long to wait before trying again what a full disk refused.
const FULL_DISK_RETRY: Duration = Duration::from_secs(1);

impl Reconciler {
    /// Makes the group durable. Where the disk is full, nothing of it has happened, and all of it is tried again; also
    /// with nothing to record, to learn whether there is space.
    pub(super) fn commit(&mut self, durable: &State, round: &mut Round) -> Result<(), StoreError> {
        let batch = round.group.batch(&self.state);
        if batch.records.is_empty()
            && (self.log_state == LogState::Writable || self.retry.is_some())
        {
            return Ok(());
        }
        match self.log.append(&batch) {
            Ok(()) => {
                if std::mem::replace(&mut self.log_state, LogState::Writable) != LogState::Writable
                {
                    info!(event = "log.writable", "there is room again: the log takes facts");
                }
            }
            Err(full @ StoreError::Full { .. }) => self.undo(durable, round, &full.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn undo(&mut self, durable: &State, round: &mut Round, why: &str) {
        let full = LogState::DiskFull(why.to_owned());
        if std::mem::replace(&mut self.log_state, full) == LogState::Writable {
            error!(event = "log.disk_full", "{why}; tried again until then");
        }
        for reply in self.walks.give_up() {
            drop(reply.send(Err(Unavailable::DiskFull(why.to_owned()))));
        }
        self.state = durable.clone();
        let lost = std::mem::take(&mut round.group);
        let mut again = lost.dirty(&self.rules);
        let ask = |it: &ToolId| {
            (it.clone(), self.pending.ask(it, false, Origin::Watch, round.now).ticket)
        };
        let questions: BTreeMap<ToolId, u64> = again.paths.iter().map(ask).collect();
        self.unfinish(std::mem::take(&mut round.scans), &questions);
        if let Some((_, dirty)) = self.retry.take() {
            again.merge(dirty);
        }
        self.unapplied.append(&mut round.manifests);
        for (runtime, _) in durable.runtimes() {
            self.leases.end_again(runtime, round.now + FULL_DISK_RETRY);
        }
        self.retry = Some((round.now + FULL_DISK_RETRY, again));
        self.deploys.decide_later(std::mem::take(&mut round.lasting));
        // What is only being written beside the live files goes on: it is judged when it comes back.
        round.jobs.retain(|it| matches!(it.task, Task::Stage(_) | Task::Rehearse(..)));
        self.deploys.give_up_returns(&mut round.jobs, round.now + FULL_DISK_RETRY);
        round.jobs.extend(std::mem::take(&mut round.litter).into_iter().map(Job::of));
        round.answers = Answers::default();
        round.since.clear();
        for (_, answer) in &mut round.granted {
            if matches!(answer, Ok(Ok(granted)) if !granted.records.is_empty()) {
                *answer = Err(Unavailable::DiskFull(why.to_owned()));
            }
        }
    }

    pub(super) fn note_missed(&mut self, records: &[Record]) {
        let audited = records.iter().filter(|it| it.fact.origin() == Some(Origin::Audit));
        let missed: Vec<ToolId> = audited.filter_map(|it| it.fact.tool().cloned()).collect();
        self.figures.missed_by_events += u64::try_from(missed.len()).unwrap_or(u64::MAX);
        self.walks.missed(&missed);
    }
}
