//! The clock. Nothing is ordered by it, but people read times, and leases of runtimes are told in them.

use std::time::{Duration, SystemTime};

use super::{Finding, Patient};

const CHECK: &str = "clock";
/// Two programs ask one after the other.
const SLACK: Duration = Duration::from_mins(1);

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    let synchronized = patient.time.as_deref().and_then(|it| {
        it.lines().find_map(|it| it.strip_prefix("NTPSynchronized=")).map(|it| it == "yes")
    });
    if synchronized == Some(false) {
        let what = "it is not kept right by the network";
        findings.push(Finding::note(CHECK, what).mend("timedatectl set-ntp true"));
    }
    if let Some(ahead) = ahead(patient) {
        let what = format!("it was set back: the log was written {} s from now", ahead.as_secs());
        findings.push(Finding::note(CHECK, what).mend("timedatectl"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "it has not gone back since the log was last written"));
    }
    findings
}

/// How far in the future the log was last written.
fn ahead(patient: &Patient) -> Option<Duration> {
    let log = patient.config()?.state_dir.join("checkpoint");
    let written = std::fs::metadata(log).ok()?.modified().ok()?;
    let ahead = written.duration_since(now()).ok()?;
    (ahead > SLACK).then_some(ahead)
}

#[expect(clippy::disallowed_methods, reason = "it is the clock itself that is looked at")]
fn now() -> SystemTime {
    SystemTime::now()
}
