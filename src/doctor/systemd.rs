//! The unit: whether it is there, how it fares, and whether its settings let the daemon stop in order.

use super::{Finding, Patient};

const CHECK: &str = "systemd";
/// Who is asked for them, `systemctl show` and this file agree on the names.
pub const PROPERTIES: &str =
    "LoadState,ActiveState,SubState,Result,KillMode,UnitFileState,NeedDaemonReload,MainPID";

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let Some(unit) = &patient.unit else {
        return vec![Finding::note(
            CHECK,
            "systemd does not run here; nothing starts the daemon again",
        )];
    };
    let property = |name: &str| {
        let mut lines = unit.lines().filter_map(|it| it.split_once('='));
        lines.find(|it| it.0 == name).map_or("", |it| it.1)
    };
    if property("LoadState") != "loaded" {
        let what = format!("there is no unit knowngood.service ({})", property("LoadState"));
        return vec![Finding::note(CHECK, what).mend("install the package, or knowngood run DIR")];
    }
    let mut findings = vec![state(patient, &property)];
    findings.extend(kill_mode(property("KillMode")));
    if property("NeedDaemonReload") == "yes" {
        let what = "the unit's file changed since systemd read it";
        findings.push(Finding::note(CHECK, what).mend("systemctl daemon-reload"));
    }
    findings
}

fn state<'a>(patient: &Patient, property: &impl Fn(&str) -> &'a str) -> Finding {
    let (state, sub) = (property("ActiveState"), property("SubState"));
    let what = format!("knowngood.service is {state} ({sub}), {}", property("UnitFileState"));
    match state {
        "active" | "reloading" => {
            let (main, ours) = (property("MainPID"), patient.answers().map(|it| it.info.pid));
            match ours {
                Some(pid) if main != pid.to_string() => Finding::note(
                    CHECK,
                    format!("{what}; the daemon that answers here is another one, process {pid}"),
                ),
                _ => Finding::ok(CHECK, what),
            }
        }
        "failed" => Finding::broken(CHECK, format!("{what}: {}", property("Result")))
            .mend("journalctl -u knowngood -n 50; systemctl restart knowngood"),
        _ if patient.daemon.is_ok() => Finding::note(CHECK, what),
        _ => Finding::note(CHECK, what).mend("systemctl enable --now knowngood"),
    }
}

/// A stop sends SIGTERM and waits; with these the daemon, or what it started, is left behind.
fn kill_mode(mode: &str) -> Option<Finding> {
    let left = match mode {
        "none" => "the daemon itself",
        "process" => "what the daemon started",
        _ => return None,
    };
    let what = format!("KillMode={mode}: a stop leaves {left} running");
    let mend = "systemctl edit knowngood, then [Service] KillMode=mixed";
    Some(
        if mode == "none" { Finding::broken(CHECK, what) } else { Finding::note(CHECK, what) }
            .mend(mend),
    )
}
