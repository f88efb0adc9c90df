//! Other programs that do a part of the work: run to their end and timed.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

/// What running something to its end took.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) time: Duration,
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

pub(crate) fn is_installed(program: &str) -> bool {
    let mut asked = Command::new(program);
    asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs it to its end and asks for success. What it says is thrown away.
pub(crate) fn run(command: &mut Command) -> Took {
    let before = children();
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = child.spawn().unwrap().wait_with_output().unwrap();
    let time = began.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
    let after = children();
    Took {
        time,
        user: after.0.checked_sub(before.0).unwrap(),
        system: after.1.checked_sub(before.1).unwrap(),
    }
}

/// User and system time of all children that ended.
fn children() -> (Duration, Duration) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = |it: nix::sys::time::TimeVal| {
        Duration::from_micros(u64::try_from(it.num_microseconds()).unwrap_or_default())
    };
    (time(usage.user_time()), time(usage.system_time()))
}

/// Reads every file once and waits until nothing is left to be written: all who are measured begin alike.
pub(crate) fn warm(root: &Path) {
    fn read(dir: &Path, into: &mut Vec<u8>) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                read(&entry.path(), into)?;
            } else {
                into.clear();
                fs::File::open(entry.path())?.read_to_end(into)?;
            }
        }
        Ok(())
    }
    read(root, &mut Vec::new()).unwrap();
    rustix::fs::sync();
}
