//! The watched directories: whether the daemon can read them, who may write there, how they are watched, whether the
//! kernel tells of writers, and what a deploy would meet.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::{Finding, Patient, quoted, socket::name};
use crate::wire::{RootInfo, RootStatus, WatchState};

const CHECK: &str = "root";
/// The bits of capabilities among a process's.
const CAP_CHOWN: u32 = 0;
const CAP_LEASE: u32 = 28;

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (root, path) in patient.roots() {
        let before = findings.len();
        findings.extend(unreadable(patient, &root, &path));
        findings.extend(writable_by_all(&root, &path));
        if let Some(answers) = patient.answers() {
            let info = answers.info.roots.iter().find(|it| it.root == root);
            findings.extend(info.into_iter().flat_map(|it| told(patient, it, &path)));
            let status = answers.status.roots.iter().find(|it| it.root == root);
            findings.extend(status.and_then(stopped));
        }
        if findings.len() == before {
            findings.push(Finding::ok(CHECK, format!("{root}: {} can be watched", path.display())));
        }
    }
    findings
}

/// The daemon says what it could not read; without one, the rights are asked for as they are for whoever asks.
fn unreadable(patient: &Patient, root: &str, path: &Path) -> Option<Finding> {
    let error = match fs::metadata(path) {
        Ok(it) if !it.is_dir() => io::Error::from(io::ErrorKind::NotADirectory),
        Ok(_) if patient.daemon.is_ok() => return None,
        Ok(_) => fs::read_dir(path).err()?,
        Err(it) => it,
    };
    // Whoever asks may see less than the daemon.
    if patient.daemon.is_ok() && error.kind() == io::ErrorKind::PermissionDenied {
        return None;
    }
    let (path, user) = (quoted(path), name(patient.uid()));
    let what = format!("{root}: {path} cannot be read: {error}");
    let mend = if error.kind() == io::ErrorKind::NotFound {
        format!("mkdir -p {path}, or mount it")
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        format!("setfacl -R -m u:{user}:rX {path}")
    } else {
        "knowngood config show --origin".to_owned()
    };
    Some(Finding::broken(CHECK, what).mend(mend))
}

fn writable_by_all(root: &str, path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.mode();
    (mode & 0o002 != 0).then(|| {
        let what = format!("{root}: every user may put tools into {}", path.display());
        Finding::note(CHECK, what).mend(format!("chmod o-w {}", quoted(path)))
    })
}

fn told(patient: &Patient, info: &RootInfo, path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = &info.root;
    let why = info.watch_why.as_deref().unwrap_or("it does not say why");
    match info.watch {
        WatchState::Watching | WatchState::Starting => (),
        WatchState::Degraded => {
            let what = format!("{root}: polled in part: {why}");
            findings.push(Finding::note(CHECK, what));
        }
        WatchState::Polling => {
            findings.push(Finding::note(CHECK, format!("{root}: polled: {why}")));
        }
    }
    if let Some(why) = info.not_writable_why.as_deref().filter(|_| !info.writable) {
        let what =
            format!("{root}: the daemon may not write there ({why}); watching needs no more");
        let mend = format!("the drop-in writable-roots.conf, with ReadWritePaths={}", quoted(path));
        findings.push(Finding::note(CHECK, what).mend(mend));
    }
    if info.writable {
        findings.extend(switched(info, path).or_else(|| others(patient, info, path)));
    }
    if info.settled_by != "lease" {
        findings.extend(no_leases(patient, info));
    }
    findings
}

/// Anything but an exchange of files loses something, or cannot be done.
fn switched(info: &RootInfo, path: &Path) -> Option<Finding> {
    let why = info.switched_by_why.as_deref().unwrap_or("it does not say why");
    let root = &info.root;
    match info.switched_by.as_deref()? {
        "replace" => Some(Finding::note(
            CHECK,
            format!(
                "{root}: a deploy loses what an editor saves in the very moment of its switch: {why}"
            ),
        )),
        "none" => {
            let what = format!("{root}: nothing can be deployed there: {why}");
            let mend = format!("ls -ld {0} {0}/.knowngood/*", quoted(path));
            Some(Finding::note(CHECK, what).mend(mend))
        }
        _ => None,
    }
}

/// A deploy leaves a file its owner, or is refused. The files' owner is taken to be the root's.
fn others(patient: &Patient, info: &RootInfo, path: &Path) -> Option<Finding> {
    let pid = patient.answers()?.info.pid;
    let owner = fs::metadata(path).ok()?.uid();
    if owner == user_of(&patient.proc, pid)? || has(&patient.proc, pid, CAP_CHOWN)? {
        return None;
    }
    let what = format!(
        "{}: it is {}'s, and the daemon lacks CAP_CHOWN: a deploy over a file of another owner is refused",
        info.root,
        name(owner)
    );
    let mend = "under systemd, the drop-in other-owners.conf; watching needs no more";
    Some(Finding::note(CHECK, what).mend(mend))
}

/// Without leases a close event and 10 ms of quiet stand for "nobody is writing".
fn no_leases(patient: &Patient, info: &RootInfo) -> Option<Finding> {
    let pid = patient.answers()?.info.pid;
    if has(&patient.proc, pid, CAP_LEASE)? {
        let what = format!(
            "{}: its file system tells of no writers; close events stand for it",
            info.root
        );
        return Some(Finding::note(CHECK, what));
    }
    let what = format!(
        "{}: its files are not the daemon's own and it lacks CAP_LEASE, so close events tell when a file is settled",
        info.root
    );
    let mend = "systemctl edit knowngood, then [Service] AmbientCapabilities=CAP_LEASE";
    Some(Finding::note(CHECK, what).mend(mend))
}

fn has(proc: &Path, pid: u32, capability: u32) -> Option<bool> {
    let bits = told_of(proc, pid, "CapEff:")?;
    Some(u64::from_str_radix(&bits, 16).ok()? >> capability & 1 == 1)
}

/// As which it touches files: the last of real, effective, saved and file system's.
fn user_of(proc: &Path, pid: u32) -> Option<u32> {
    told_of(proc, pid, "Uid:")?.split_whitespace().last()?.parse().ok()
}

fn told_of(proc: &Path, pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(proc.join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

fn stopped(status: &RootStatus) -> Option<Finding> {
    let what = match status.safety_stop.as_deref()? {
        "root_missing" => format!("{}: its directory is gone or not mounted", status.root),
        "mass_removal" => format!("{}: more than half of its tools are gone", status.root),
        other => format!("{}: {other}", status.root),
    };
    let mend = format!(
        "bring the files back; or, if it is meant: knowngood accept --all (see knowngood status --root {})",
        status.root
    );
    Some(Finding::broken(CHECK, what).mend(mend))
}
