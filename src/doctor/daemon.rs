//! Whether the daemon answers, what it says of itself, and whether it runs what is configured.

use super::{Answers, Away, Finding, Patient, quoted};

const CHECK: &str = "daemon";

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    match &patient.daemon {
        Ok(answers) => told(patient, answers),
        Err(away) => vec![gone(patient, away)],
    }
}

fn gone(patient: &Patient, away: &Away) -> Finding {
    let socket = patient.socket.display();
    match away {
        Away::NoSocket => Finding::note(
            CHECK,
            format!(
                "no daemon runs at {socket}; looked at is what one would find that is started now"
            ),
        )
        .mend("systemctl start knowngood, or knowngood run DIR"),
        Away::Refused(why) => Finding::note(CHECK, format!("it runs, and does not answer: {why}"))
            .mend("sudo knowngood doctor"),
        Away::Silent(why) => Finding::broken(CHECK, format!("{socket}: {why}"))
            .mend("systemctl restart knowngood, or start it again as it was started"),
    }
}

/// Waiting does not help with these.
fn is_in_the_way(why: &str) -> bool {
    why.starts_with("the log takes no facts") || why.starts_with("the disk that holds ")
}

fn told(patient: &Patient, answers: &Answers) -> Vec<Finding> {
    let info = &answers.info;
    let mut findings = Vec::new();
    findings.push(match &info.waiting_for {
        None => {
            Finding::ok(CHECK, format!("version {} runs as process {}", info.version, info.pid))
        }
        Some(why) if is_in_the_way(why) => {
            Finding::broken(CHECK, format!("nothing is recorded: {why}"))
                .mend("journalctl -u knowngood -p warning -n 50")
        }
        Some(why) => Finding::note(CHECK, format!("it is not ready yet: {why}")),
    });
    if info.version != patient.version {
        let what =
            format!("version {} runs, version {} is installed", info.version, patient.version);
        findings.push(Finding::note(CHECK, what).mend("systemctl restart knowngood"));
    }
    if let Some(it) = info.counters.filter(|it| it.overflows > 0) {
        let what = format!(
            "the kernel dropped events {} times; everything was looked at again",
            it.overflows
        );
        findings
            .push(Finding::note(CHECK, what).mend("sysctl -w fs.inotify.max_queued_events=65536"));
    }
    if let Some(it) = info.counters.filter(|it| it.missed_by_events > 0) {
        let what = format!("{} changes made no event; a walk found them", it.missed_by_events);
        findings.push(Finding::note(CHECK, what));
    }
    findings
}

pub(super) fn configuration(patient: &Patient) -> Vec<Finding> {
    let check = "config";
    let file = patient.request.config.as_deref().map(|it| format!(" {}", quoted(it)));
    let command = format!("knowngood config check{}", file.unwrap_or_default());
    let errors = match &patient.config {
        Ok(_) => return differs(patient),
        Err(errors) => &errors.0,
    };
    let first = errors.first().map(ToString::to_string).unwrap_or_default();
    let first = first.lines().next().unwrap_or_default();
    let what = match errors.len() {
        1 => first.to_owned(),
        count => format!("{count} errors, the first: {first}"),
    };
    vec![Finding::broken(check, what).mend(command)]
}

fn differs(patient: &Patient) -> Vec<Finding> {
    let changed = patient.answers().and_then(|it| it.changed.as_deref()).unwrap_or_default();
    if changed.is_empty() {
        return vec![Finding::ok("config", "it is valid")];
    }
    let what = format!("the daemon runs with other values of {}", changed.join(", "));
    vec![Finding::note("config", what).mend("knowngood reload")]
}
