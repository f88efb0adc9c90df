//! The kernel's limits of watches and instances, against what the roots need and others hold already.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Finding, Patient};
use crate::{
    model::RelPath,
    roots::{Globs, WatchedRoot},
};

const CHECK: &str = "inotify";
/// One, and a second while everything is armed anew.
const INSTANCES: u64 = 2;
/// Fewer events than this that wait are soon lost in a `git checkout`.
const QUEUED: u64 = 16_384;
/// More directories than this are not counted: it would take long.
const MOST: u64 = 500_000;

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let uid = patient.uid();
    let own = patient.answers().map(|it| it.info.pid);
    let used = used(&patient.proc, uid, own);
    let needed = directories(patient) + 1;
    let mut findings = Vec::new();
    findings.extend(watches(patient, needed, used.watches));
    let limit = limit(&patient.proc, "max_user_instances", "max_inotify_instances");
    if let Some(limit) = limit.filter(|it| used.instances + INSTANCES > *it) {
        let what = format!(
            "other programs of this user hold {} of {limit} inotify instances, and {INSTANCES} are needed",
            used.instances
        );
        let wanted = (used.instances + INSTANCES).next_power_of_two().max(128);
        findings.push(Finding::broken(CHECK, what).mend(sysctl("max_user_instances", wanted)));
    }
    let queued = number(&patient.proc.join("sys/fs/inotify/max_queued_events"));
    if let Some(queued) = queued.filter(|it| *it < QUEUED) {
        let what = format!(
            "only {queued} events may wait; a burst of changes loses some, and all is looked at again"
        );
        findings.push(Finding::note(CHECK, what).mend(sysctl("max_queued_events", QUEUED)));
    }
    findings
}

fn watches(patient: &Patient, needed: u64, used: u64) -> Option<Finding> {
    let limit = limit(&patient.proc, "max_user_watches", "max_inotify_watches")?;
    let others = match used {
        0 => String::new(),
        used => format!(", other programs of this user hold {used}"),
    };
    let what = format!("the roots need {needed} of {limit} watches{others}");
    let mend = sysctl("max_user_watches", ((needed + used) * 2).next_power_of_two().max(65_536));
    Some(if needed + used > limit {
        Finding::broken(CHECK, format!("{what}: some directories are polled")).mend(mend)
    } else if (needed + used) * 5 > limit * 4 {
        Finding::note(CHECK, what).mend(mend)
    } else {
        Finding::ok(CHECK, what)
    })
}

/// For good, and now.
fn sysctl(name: &str, value: u64) -> String {
    format!(
        "echo fs.inotify.{name}={value} >> /etc/sysctl.d/60-knowngood.conf && sysctl -p /etc/sysctl.d/60-knowngood.conf"
    )
}

/// The lesser of the user's and the namespace's.
fn limit(proc: &Path, of_user: &str, of_namespace: &str) -> Option<u64> {
    let paths = [format!("sys/fs/inotify/{of_user}"), format!("sys/user/{of_namespace}")];
    paths.iter().filter_map(|it| number(&proc.join(it))).min()
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

struct Used {
    watches: u64,
    instances: u64,
}

/// What other processes of the user hold, as far as one may look.
fn used(proc: &Path, uid: u32, own: Option<u32>) -> Used {
    let mut used = Used { watches: 0, instances: 0 };
    for process in entries(proc) {
        let name = process.file_name().and_then(|it| it.to_str()?.parse::<u32>().ok());
        let is_theirs = fs::metadata(&process).is_ok_and(|it| it.uid() == uid);
        if name.is_none() || name == own || !is_theirs {
            continue;
        }
        for descriptor in entries(&process.join("fdinfo")) {
            let number = descriptor.file_name().unwrap_or_default();
            let link = fs::read_link(process.join("fd").join(number)).unwrap_or_default();
            if link.to_str() == Some("anon_inode:inotify") {
                let info = fs::read_to_string(&descriptor).unwrap_or_default();
                used.instances += 1;
                used.watches += info.lines().filter(|it| it.starts_with("inotify ")).count() as u64;
            }
        }
    }
    used
}

fn entries(path: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|it| it.path())
}

/// How many directories there are to be watched.
fn directories(patient: &Patient) -> u64 {
    let standard = Globs::standard().ok();
    let configured = patient.config().map(|it| &*it.roots).unwrap_or_default();
    let mut count = 0;
    for (_, path) in patient.roots() {
        let globs = configured.iter().map(|it| &it.watched).find(|it| it.path == path);
        let globs = globs.map(|it: &WatchedRoot| &*it.globs).or(standard.as_ref());
        let mut open = vec![path.clone()];
        while let Some(folder) = open.pop().filter(|_| count < MOST) {
            count += 1;
            let inside =
                entries(&folder).filter(|it| it.symlink_metadata().is_ok_and(|it| it.is_dir()));
            open.extend(inside.filter(|it| !is_excluded(globs, &path, it)));
        }
    }
    count
}

fn is_excluded(globs: Option<&Globs>, root: &Path, folder: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let inside = folder.strip_prefix(root).ok();
    let relative = inside.and_then(|it| RelPath::new(it.as_os_str().as_bytes()).ok());
    relative.is_none_or(|it| globs.is_some_and(|globs| globs.is_excluded(&it)))
}
