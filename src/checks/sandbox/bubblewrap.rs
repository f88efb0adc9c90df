//! The command line of bubblewrap: an empty machine without a network, in which the system's programs and what the job
//! names can be read, and two small file systems in memory can be written.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{confine::SYSTEM, hidden::hidden, job::Job};

pub(super) const SCRATCH: &str = "/scratch";
const NAMESPACES: &[&str] = &[
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-uts",
    "--unshare-cgroup-try",
    // No further ones inside.
    "--disable-userns",
    "--die-with-parent",
    // The runner is whom orphans come to, and nobody inside can end it.
    "--as-pid-1",
    "--new-session",
    "--clearenv",
    "--cap-drop",
    "ALL",
    "--hostname",
    "sandbox",
    "--uid",
    "65534",
    "--gid",
    "65534",
];
const SMALL: &str = "16777216";

pub(super) fn arguments(job: &Job) -> Vec<OsString> {
    let mut all: Vec<OsString> = NAMESPACES.iter().map(Into::into).collect();
    let mut add = |words: &[&str]| all.extend(words.iter().map(OsString::from));
    add(&["--proc", "/proc", "--dev", "/dev", "--size", SMALL, "--tmpfs", "/dev/shm"]);
    add(&["--remount-ro", "/dev", "--size", SMALL, "--tmpfs", "/tmp"]);
    for path in SYSTEM.iter().map(Path::new) {
        match fs::read_link(path) {
            Ok(target) => all.extend(["--symlink".into(), target.into(), path.into()]),
            Err(_) => all.extend(["--ro-bind-try".into(), path.into(), path.into()]),
        }
    }
    for path in readable(job) {
        all.extend(["--ro-bind-try".into(), path.clone().into(), path.into()]);
    }
    for path in hidden(&job.readable) {
        all.extend(["--size".into(), "4096".into(), "--tmpfs".into(), path.clone().into()]);
        all.extend(["--remount-ro".into(), path.into()]);
    }
    let size = (job.limits.scratch + job.files_bytes()).to_string();
    let mut add = |words: &[&str]| all.extend(words.iter().map(OsString::from));
    add(&["--size", &size, "--perms", "0700", "--tmpfs", SCRATCH]);
    add(&["--remount-ro", "/", "--chdir", SCRATCH]);
    all
}

/// What lies in another, or is there already, need not be shown twice; and nothing may be laid over what holds the
/// sandbox together.
fn readable(job: &Job) -> Vec<PathBuf> {
    let ours = ["/proc", "/dev", "/sys", SCRATCH];
    let mut wanted: Vec<_> = job.readable.iter().filter(|it| it.is_absolute()).cloned().collect();
    wanted.sort();
    let mut shown: Vec<PathBuf> = Vec::new();
    for path in wanted {
        let held = shown.iter().any(|it| path.starts_with(it))
            || SYSTEM.iter().chain(&ours).any(|it| path.starts_with(it))
            || path == Path::new("/")
            || path == Path::new("/tmp");
        if !held {
            shown.push(path);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sandbox::job::Limits;

    #[test]
    fn nothing_is_shown_twice_and_nothing_hides_the_sandbox_itself() {
        let paths = ["/srv/a/b", "/srv/a", "/usr/lib/x", "/", "/proc/1", "/tmp", "/tmp/x", "rel"];
        let job = Job {
            program: Vec::new(),
            arguments: Vec::new(),
            files: Vec::new(),
            readable: paths.iter().map(PathBuf::from).collect(),
            limits: Limits::default(),
            talks: false,
        };
        assert_eq!(readable(&job), [Path::new("/srv/a"), Path::new("/tmp/x")]);
    }
}
