//! Telling: every durable fact gives one log line, by consequence at `info`, `warn` or `error`. What a first
//! scan finds shares the line `scan.completed`. Contents never appear here.

use tracing::{debug, error, info, warn};

use super::{lane::End, view::LogState, walks::ScanDone};
use crate::{
    decide::Counts,
    model::{Fact, Origin, Reason, Record, RootName},
    ports::{StoreError, Watching},
};

/// One line for one fact.
pub(super) fn tell(record: &Record) {
    let seq = record.seq.0;
    let event = record.fact.event();
    match &record.fact {
        fact if is_initial(fact) => {
            debug!(event, seq, tool = fact.tool().map(tracing::field::display));
        }
        Fact::VersionRecorded(it) => {
            let (tool, version, author) = (&it.tool, it.number.0, &it.author);
            let (sha256, size, origin) = (it.digest, it.size, it.origin.as_str());
            info!(event, seq, %tool, version, %author, %sha256, size, origin, reason = it.reason.as_str());
        }
        Fact::ToolRemoved { tool, origin } => warn!(event, seq, %tool, origin = origin.as_str()),
        Fact::DriftDetected { tool, sync, disk, expected } => {
            let version = disk.version().map(|it| it.0);
            let expected = expected.as_ref().and_then(|it| it.version).map(|it| it.0);
            warn!(event, seq, %tool, version, expected, sync = sync.as_str());
        }
        Fact::DriftCleared { tool, disk } => {
            info!(event, seq, %tool, version = disk.version().map(|it| it.0));
        }
        Fact::BaselineMoved { tool, to, author, reason, .. } => {
            let version = to.as_ref().and_then(|it| it.version).map(|it| it.0);
            info!(event, seq, %tool, version, %author, reason = reason.as_str());
        }
        Fact::BaselineAdopted { root, tools, reason, .. } => {
            info!(event, seq, %root, tools, reason = reason.as_str());
        }
        Fact::RuntimeLoaded { runtime, loaded, failed, .. } => {
            info!(event, seq, %runtime, loaded = loaded.len(), failed = failed.len());
        }
        Fact::RuntimeStale { runtime, tool, loaded, expected } => {
            warn!(event, seq, %runtime, %tool, %loaded, %expected);
        }
        Fact::RuntimeFailed { runtime, tool, message } => {
            warn!(event, seq, %runtime, %tool, error = %message);
        }
        Fact::RuntimeExpired { runtime, asked } => info!(event, seq, %runtime, asked),
        Fact::SafetyStopped { root, cause } => warn!(event, seq, %root, cause = cause.as_str()),
        Fact::SafetyCleared { root, accepted } => info!(event, seq, %root, accepted),
    }
    if record.fact.origin() == Some(Origin::Audit) {
        let tool = record.fact.tool().map(tracing::field::display);
        warn!(event = "audit.missed", tool, because_of = seq, "no event had told of this change");
    }
}

fn is_initial(fact: &Fact) -> bool {
    match fact {
        Fact::VersionRecorded(it) => it.reason == Reason::initial(),
        Fact::BaselineMoved { reason, .. } | Fact::BaselineAdopted { reason, .. } => {
            *reason == Reason::initial()
        }
        Fact::ToolRemoved { .. }
        | Fact::DriftDetected { .. }
        | Fact::DriftCleared { .. }
        | Fact::RuntimeLoaded { .. }
        | Fact::RuntimeStale { .. }
        | Fact::RuntimeFailed { .. }
        | Fact::RuntimeExpired { .. }
        | Fact::SafetyStopped { .. }
        | Fact::SafetyCleared { .. } => false,
    }
}

pub(super) fn tell_scan(done: &ScanDone, counts: Counts) {
    let (root, files, origin) = (&done.order.root, done.files, done.order.origin.as_str());
    let took_ms = u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
    let (drifted, rehash) = (counts.tools() - counts.in_sync, done.order.rehash);
    let event = "scan.completed";
    match done.end {
        // An audit that finds nothing is no news.
        End::Whole if done.order.origin == Origin::Audit => {
            debug!(event, %root, files, drifted, took_ms, origin, rehash);
        }
        End::Whole => info!(event, %root, files, drifted, took_ms, origin, rehash),
        End::RootLost => warn!(event, %root, origin, "the root's directory is not there"),
        End::Overtaken => debug!(event, %root, origin, "the configuration changed meanwhile"),
    }
}

/// How a root is watched, where that is not simply by events, and when it is so again.
pub(super) fn tell_watching(root: &RootName, before: Option<&Watching>, now: &Watching) {
    match now {
        Watching::Polling { why } => warn!(event = "watch.degraded", %root, why, "polled only"),
        Watching::Degraded { why } => warn!(event = "watch.degraded", %root, why, "polled in part"),
        Watching::Events if before.is_none_or(|it| *it == Watching::Events) => (),
        Watching::Events => info!(event = "watch.restored", %root, "watched by events"),
    }
}

/// That facts cannot be recorded, and that they can be again.
pub(super) fn tell_log(before: &LogState, now: Result<(), &StoreError>) {
    match (before, now) {
        (LogState::Writable, Err(error)) => {
            error!(event = "log.full", %error, "changes are not recorded until there is space; they are not forgotten");
        }
        (LogState::DiskFull(_), Ok(())) => {
            info!(event = "log.writable", "changes are recorded again");
        }
        (LogState::Writable | LogState::DiskFull(_) | LogState::Broken(_), _) => (),
    }
}
