//! How a run ended → what is said of it.

use std::time::Duration;

use super::sandbox::{Ended, How, Job};
use crate::model::{CheckFailure, CheckOutcome, Finding};

/// A line of ours in a check's output begins so; the rest of the mark is made up anew each time.
pub(super) const MARK: &str = "knowngood-";

/// By its exit status alone.
pub(super) fn exit(ended: &Ended, job: &Job) -> CheckOutcome {
    match failure(ended, job) {
        Some(failure) => CheckOutcome::Failed(failure),
        None => CheckOutcome::Passed,
    }
}

/// `None`: it ended well.
pub(super) fn failure(ended: &Ended, job: &Job) -> Option<CheckFailure> {
    let mut failure = CheckFailure::default();
    failure.why = match &ended.how {
        How::Exited(0) => return None,
        How::Exited(code) => {
            failure.exit_status = Some(*code);
            format!("exited with status {code}")
        }
        How::Signalled(number) => {
            failure.signal = Some(*number);
            format!("was ended by signal {number}{}", signal_name(*number))
        }
        How::TimedOut => {
            failure.timed_out = true;
            format!("did not end within {}", time(job.limits.time))
        }
        How::Over(what) => what.clone(),
        How::NotRun(why) => why.clone(),
        How::Stopped => "was given up before it ended".to_owned(),
    };
    Some(failure)
}

/// With a place that is known.
pub(super) fn found(mut failure: CheckFailure, finding: Finding) -> CheckOutcome {
    let line = finding.line.map_or(String::new(), |it| format!("line {it}: "));
    failure.why = format!("{line}{}", finding.message);
    failure.findings.push(finding);
    CheckOutcome::Failed(failure)
}

/// The end of what it printed, without what was meant for us.
pub(super) fn tail(ended: &Ended) -> String {
    let text = ended.tail_text();
    let own = text.rfind(&format!("\n{MARK}"));
    own.and_then(|it| text.get(..it)).unwrap_or(&text).to_owned()
}

fn signal_name(number: i32) -> &'static str {
    match number {
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGTERM => " (SIGTERM)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGFPE => " (SIGFPE)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGSYS => " (SIGSYS: a system call that is not allowed)",
        libc::SIGXCPU => " (SIGXCPU: too much time of the processor)",
        libc::SIGXFSZ => " (SIGXFSZ: a file larger than it may be)",
        _ => "",
    }
}

fn time(time: Duration) -> String {
    let millis = time.as_millis();
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
}
