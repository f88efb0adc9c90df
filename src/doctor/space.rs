//! The state directory: whether it is there, whose it is, whether the disk has room and the log all its parts.

use std::{io, path::Path};

use super::{Away, Finding, Patient, quoted, socket::name};
use crate::store::{self, Health};

const CHECK: &str = "store";
/// Enough for some days of edits: time to be told, and to make room.
const COMFORT: u64 = 256 << 20;

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let Some(config) = patient.config() else {
        return vec![Finding::note(
            CHECK,
            "not looked at: the configuration does not say where it is",
        )];
    };
    let dir = &config.state_dir;
    match store::health(dir, &patient.proc) {
        Ok(health) => told(patient, dir, &health),
        Err(error) => vec![unseen(patient, dir, &error)],
    }
}

fn unseen(patient: &Patient, dir: &Path, error: &io::Error) -> Finding {
    let what = format!("{}: {error}", dir.display());
    if error.kind() == io::ErrorKind::PermissionDenied {
        let what = format!("{what}; only its owner may look");
        return Finding::note(CHECK, what).mend("sudo knowngood doctor");
    }
    if error.kind() != io::ErrorKind::NotFound {
        return Finding::broken(CHECK, what).mend(format!("ls -la {}", quoted(dir)));
    }
    if patient.daemon.is_err() {
        return Finding::ok(CHECK, format!("{} is made at the first start", dir.display()));
    }
    let what = format!("{what}; the daemon keeps its log elsewhere, or it was removed under it");
    Finding::broken(CHECK, what).mend("knowngood config show --origin")
}

pub(super) fn told(patient: &Patient, dir: &Path, health: &Health) -> Vec<Finding> {
    let mut findings = vec![room(dir, health)];
    let shown = quoted(dir);
    if health.reserve_bytes.0 < health.reserve_bytes.1 {
        let what = format!(
            "no reserve of {} is set aside for a start on a full disk",
            size(health.reserve_bytes.1)
        );
        findings
            .push(Finding::note(CHECK, what).mend("make room, then systemctl restart knowngood"));
    }
    if health.mode & 0o077 != 0 {
        let what = format!(
            "others may look into {} (mode {:o}), which holds every content",
            dir.display(),
            health.mode
        );
        findings.push(Finding::note(CHECK, what).mend(format!("chmod 700 {shown}")));
    }
    if patient.daemon.is_ok() && health.uid != patient.uid() {
        let (owner, user) = (name(health.uid), name(patient.uid()));
        let what = format!("{} belongs to {owner}, the daemon runs as {user}", dir.display());
        findings.push(Finding::broken(CHECK, what).mend(format!("chown -R {user} {shown}")));
    }
    if let Some(path) = &health.missing_segment {
        let what = format!("a part of the log is gone: {}", path.display());
        let mend = format!("put a good copy of {shown} back, or move it away and start anew");
        findings.push(Finding::broken(CHECK, what).mend(mend));
    }
    if let Some(why) = health.lost_checkpoint {
        let what = format!("the checkpoint {why}; the next start reads the whole log");
        findings.push(Finding::note(CHECK, what).mend("knowngood verify"));
    }
    findings.extend(another(patient, dir, health));
    findings
}

fn room(dir: &Path, health: &Health) -> Finding {
    let (free, floor) = (health.free_bytes, health.floor_bytes);
    let what = format!("{} free for {}", size(free), dir.display());
    let mend = format!("make room: df -h {}", quoted(dir));
    if free < floor {
        let what = format!("{what}: under {} nothing is recorded any more", size(floor));
        Finding::broken(CHECK, what).mend(mend)
    } else if free < COMFORT {
        Finding::note(CHECK, format!("{what}: under {} nothing is recorded any more", size(floor)))
            .mend(mend)
    } else {
        Finding::ok(CHECK, what)
    }
}

/// A daemon holds the state directory, and it is not the one that answers.
fn another(patient: &Patient, dir: &Path, health: &Health) -> Option<Finding> {
    let pid = health.held_by?;
    let what = match &patient.daemon {
        Ok(it) if it.info.pid == pid => return None,
        Ok(it) => {
            format!("process {pid} holds {}, process {} answers here", dir.display(), it.info.pid)
        }
        Err(Away::Refused(_)) => return None,
        Err(Away::NoSocket | Away::Silent(_)) => {
            format!("process {pid} holds {}, and answers elsewhere or not at all", dir.display())
        }
    };
    Some(Finding::broken(CHECK, what).mend(format!("ps -fp {pid}; then stop it, or say --socket")))
}

fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.into_iter().find(|it| bytes >= it.1).unwrap_or(("B", 1));
    format!("{} {}", bytes / unit.1, unit.0)
}
