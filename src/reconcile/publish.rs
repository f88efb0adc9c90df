//! Telling: every durable fact gives one log line, by consequence at `info`, `warn` or `error`. What a first
//! scan finds shares the line `scan.completed`. Contents never appear here.

use std::collections::BTreeSet;

use tracing::{debug, info, warn};

use super::{lane::End, walks::ScanDone};
use crate::{
    decide::Counts,
    model::{
        Capability, CheckOutcome, DeployNo, Fact, GateResult, HealthState, Origin, Reason, Record,
        RootName, Step, ToolId,
    },
    ports::Watching,
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
            let deploy = it.note.as_ref().map(|it| it.deploy.0);
            info!(event, seq, %tool, version, deploy, %author, %sha256, size, origin, reason = it.reason.as_str());
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
            let expected = expected.map(tracing::field::display);
            warn!(event, seq, %runtime, %tool, %loaded, expected);
        }
        Fact::RuntimeFailed { runtime, tool, message } => {
            warn!(event, seq, %runtime, %tool, error = %message);
        }
        Fact::RuntimeExpired { runtime, asked } => info!(event, seq, %runtime, asked),
        Fact::SafetyStopped { root, cause } => warn!(event, seq, %root, cause = cause.as_str()),
        Fact::SafetyCleared { root, accepted } => info!(event, seq, %root, accepted),
        Fact::DeployMoved { deploy, tools, step } => tell_deploy(record, *deploy, tools, step),
        Fact::ContentQuarantined { tool, digest, deploy, author } => {
            warn!(event, seq, %tool, sha256 = %digest, deploy = deploy.map(|it| it.0), %author);
        }
        Fact::ContentReleased { tool, digest, author } => {
            info!(event, seq, %tool, sha256 = %digest, %author);
        }
        Fact::ClassChanged { .. } | Fact::ClassWaived { .. } => tell_class(record),
        Fact::OutcomesRecorded { tools, batch } => {
            let calls: usize = batch.iter().map(|it| it.calls.len()).sum();
            let tool = tools.first().filter(|_| tools.len() == 1).map(tracing::field::display);
            debug!(event, seq, tool, tools = tools.len(), calls);
        }
        Fact::HealthChanged { .. } | Fact::AlertRaised { .. } => tell_health(record),
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
        | Fact::SafetyCleared { .. }
        | Fact::DeployMoved { .. }
        | Fact::ContentQuarantined { .. }
        | Fact::ContentReleased { .. }
        | Fact::ClassChanged { .. }
        | Fact::ClassWaived { .. }
        | Fact::OutcomesRecorded { .. }
        | Fact::HealthChanged { .. }
        | Fact::AlertRaised { .. } => false,
    }
}

/// What a tool can do more than before is for somebody to look at.
fn tell_class(record: &Record) {
    let (event, seq) = (record.fact.event(), record.seq.0);
    let words = |it: &BTreeSet<Capability>| {
        it.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "asked for two facts alone")]
    match &record.fact {
        Fact::ClassChanged { tool, to, before, after, added, removed, .. } => {
            let (version, added, removed) = (to.0.0, words(added), words(removed));
            if added.is_empty() {
                info!(event, seq, %tool, version, %before, class = %after, added, removed);
            } else {
                warn!(event, seq, %tool, version, %before, class = %after, added, removed);
            }
        }
        Fact::ClassWaived { tool, waiver: it, withdrawn } => {
            let (author, cap, detail, reason) = (&it.author, &it.cap, &it.detail, &it.reason);
            info!(event, seq, %tool, %author, %cap, via = detail, reason, withdrawn);
        }
        _ => (),
    }
}

/// By consequence, too.
fn tell_health(record: &Record) {
    let (event, seq) = (record.fact.event(), record.seq.0);
    if let Fact::HealthChanged { tool, number, from, to, evidence, .. } = &record.fact {
        let (version, from, rule) = (number.0, from.as_str(), evidence.rule.as_str());
        let (calls, failures, score) = (evidence.calls, evidence.failures, evidence.score);
        let (health, rollback) = (to.as_str(), evidence.returns.is_some());
        match to {
            HealthState::Suspect | HealthState::Regressed | HealthState::Environment => {
                warn!(event, seq, %tool, version, health, from, rule, calls, failures, score, rollback);
            }
            HealthState::Unknown
            | HealthState::Baking
            | HealthState::Healthy
            | HealthState::Inconclusive => {
                info!(event, seq, %tool, version, health, from, rule, calls, failures, score);
            }
        }
    }
    if let Fact::AlertRaised { tool, number, kind, why, .. } = &record.fact {
        warn!(event, seq, %tool, version = number.0, kind = kind.as_str(), why);
    }
}

/// By consequence: what somebody has to look at is a warning.
fn tell_deploy(record: &Record, deploy: DeployNo, tools: &[ToolId], step: &Step) {
    let (event, seq, deploy) = (record.fact.event(), record.seq.0, deploy.0);
    let tool = tools.first().filter(|_| tools.len() == 1).map(tracing::field::display);
    let (why, by) = (step.why(), step.by().map(|it| it.0));
    match step {
        Step::Accepted(it) | Step::NoOp(it) => {
            let (author, kind, reason) = (&it.author, it.kind.as_str(), it.reason.as_str());
            let tools = tools.len();
            info!(event, seq, deploy, tool, tools, %author, kind, reason, message = it.message.as_deref());
        }
        Step::Staged(_)
        | Step::Verified(_)
        | Step::Switching { .. }
        | Step::Activated { .. }
        | Step::Confirmed { .. } => info!(event, seq, deploy, tool, why),
        Step::Rejected(it) => {
            let failed = it.checks.iter().find_map(|it| match &it.outcome {
                CheckOutcome::Failed(failure) => Some(failure.why.as_str()),
                CheckOutcome::Passed | CheckOutcome::Skipped(_) => None,
            });
            let judgement = it.judgement.as_deref();
            let blocked = judgement.and_then(|it| it.with_result(GateResult::Blocked).next());
            let gate = blocked.map(|it| it.1.gate.as_str());
            warn!(event, seq, deploy, tool, gate, why = failed.or(blocked.map(|it| &*it.1.why)));
        }
        Step::AwaitingApproval { .. }
        | Step::Conflicted { .. }
        | Step::Aborted { .. }
        | Step::RolledBack { .. }
        | Step::Superseded { .. }
        | Step::Abandoned { .. } => warn!(event, seq, deploy, tool, why, by),
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
