//! Every process that came from this one, and their end. Whoever loses its parent becomes our child (we are the
//! subreaper, or the first process of a namespace), so that nobody gets away by forking twice or by a session of its
//! own: what is left is found below us in `/proc`.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, getpid, kill_process, wait},
};

/// What they are and use now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) processes: u64,
    /// In bytes: what is private to each, and the largest share of what is common.
    pub(super) memory: u64,
}

/// Longer than any kernel takes to end processes that got their signal.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_micros(500);

pub(super) fn census() -> Census {
    let (mut census, mut shared) = (Census::default(), 0);
    for pid in descendants() {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kib = |name: &str| {
            let line = status.lines().find_map(|it| it.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        census.processes += 1;
        census.memory += kib("RssAnon:").unwrap_or(0) << 10;
        shared = shared.max(kib("RssShmem:").unwrap_or(0) << 10);
    }
    census.memory += shared;
    census
}

/// Ends all of them. Whether that was done: only a process that cannot be ended (it waits for a broken disk) or one
/// that begins others faster than they can be counted is left.
pub(super) fn end() -> bool {
    let until = Instant::now() + PATIENCE;
    loop {
        for pid in descendants().into_iter().filter_map(Pid::from_raw) {
            // It may have ended by itself.
            let _gone = kill_process(pid, Signal::KILL);
        }
        if nobody_is_left() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Takes note of those that ended; without a child there is no grandchild either.
fn nobody_is_left() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => (),
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

fn descendants() -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|it| it.parse().ok());
        let Some(pid) = pid else { continue };
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![getpid().as_raw_pid()];
    while let Some(pid) = next.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        found.extend(&below);
        next.extend(below);
    }
    found
}

/// `None`: it is gone, or has ended and only waits to be noted.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, brackets as well.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}

/// How many processes and threads a user has, as far as they can be seen.
pub(super) fn tasks_of(uid: u32) -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let statuses = entries.filter_map(|it| fs::read_to_string(it.path().join("status")).ok());
    let field = |status: &str, name: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let own = statuses.filter(|it| field(it, "Uid:") == Some(uid.into()));
    own.map(|it| field(&it, "Threads:").unwrap_or(1)).sum()
}
