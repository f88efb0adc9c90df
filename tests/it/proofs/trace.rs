//! strace on the threads of a running daemon that change something on disk: which calls they make, and one of them
//! prevented, by a kill before it or by an error in its place. strace counts each thread's calls for itself, which is
//! why threads are told apart by their names.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::World;

/// All that changes something on disk or makes it durable.
const CHANGES: &str = "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,syncfs,sync_file_range,rename,renameat,\
    renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,chmod,fchmod,fchmodat,chown,fchown,\
    fchownat,utimensat,truncate,ftruncate,fallocate,setxattr,fsetxattr,removexattr,fremovexattr";
/// Those that write to sockets, pipes and each other, and nothing else.
const OTHERS: [&str; 6] = ["knowngood", "log", "signals", "socket", "watch", "jemalloc_bg_thd"];

/// A thread of a pool may end while it is attached to.
const TRIES: usize = 10;

/// The nth call of its kind of a thread of this name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) threads: String,
    pub(super) call: String,
    pub(super) number: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.threads, self.call, self.number)
    }
}

impl Point {
    /// Without it, nothing that was written need be there after a power cut.
    pub(super) fn is_sync(&self) -> bool {
        ["fsync", "fdatasync", "syncfs"].contains(&&*self.call)
    }
}

/// strace while it is attached.
pub(super) struct Trace {
    strace: Child,
    told: PathBuf,
    threads: BTreeMap<u32, String>,
}

impl Trace {
    /// Only looks. `None`: there is no strace, or nobody may be traced.
    pub(super) fn look(world: &World) -> Option<Self> {
        Self::attach(world, |_| true, &[format!("trace={CHANGES}")])
    }

    /// `how`: `signal=KILL` or `error=EIO`. `None`: no such thread is there now, as of a pool that was idle.
    pub(super) fn prevent(world: &World, point: &Point, how: &str) -> Option<Self> {
        let Point { threads, call, number } = point;
        let filter = [format!("trace={call}"), format!("inject={call}:{how}:when={number}")];
        Self::attach(world, |it| it == threads, &filter)
    }

    fn attach(world: &World, wanted: impl Fn(&str) -> bool, filter: &[String]) -> Option<Self> {
        if !is_there() {
            return None;
        }
        for _ in 0..TRIES {
            let mut threads = threads(world);
            threads.retain(|_, name| wanted(name));
            if !threads.is_empty()
                && let Some(attached) = Self::attach_to(world, threads, filter)
            {
                return Some(attached);
            }
        }
        println!("SKIPPED: nobody may be traced here");
        None
    }

    /// `None`: not to all of them.
    fn attach_to(world: &World, threads: BTreeMap<u32, String>, filter: &[String]) -> Option<Self> {
        let told = world.home.join("strace");
        let mut strace = Command::new("strace");
        strace.arg("-y").arg("-o").arg(&told);
        strace.args(filter.iter().flat_map(|it| ["-e", it]));
        for id in threads.keys() {
            strace.args(["-p", &id.to_string()]);
        }
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut strace = strace.spawn().unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines().map_while(Result::ok);
        let told_of = said.by_ref().filter(|it| it.contains("attach")).take(threads.len());
        let attached = told_of.filter(|it| it.ends_with("attached")).count();
        let this = Self { strace, told, threads };
        if attached < this.threads.len() {
            return None;
        }
        // It goes on saying things, and must not wait for anybody to hear them.
        std::thread::spawn(move || said.for_each(drop));
        Some(this)
    }

    /// Whether what it was to do was done.
    pub(super) fn has_struck(&self) -> bool {
        let told = fs::read_to_string(&self.told).unwrap_or_default();
        told.contains("(INJECTED)") || told.contains("killed by SIGKILL")
    }

    /// Leaves the daemon alone again. Gives every call that was made.
    pub(super) fn end(mut self) -> Vec<Point> {
        // It may have ended with the daemon.
        kill_process(Pid::from_child(&self.strace), Signal::TERM).unwrap_or_default();
        drop(self.strace.wait());
        let told = fs::read_to_string(&self.told).unwrap_or_default();
        points(&told, &self.threads)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        drop(self.strace.kill());
        drop(self.strace.wait());
    }
}

/// Threads that work on disk, by their names; those of a pool have one.
fn threads(world: &World) -> BTreeMap<u32, String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", world.daemon().pid())).unwrap();
    let named = tasks.filter_map(|it| {
        let path = it.unwrap().path();
        let id = path.file_name()?.to_str()?.parse().ok()?;
        // A thread may have ended meanwhile.
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let name = name.trim().trim_end_matches(|it: char| it.is_ascii_digit() || it == '-');
        Some((id, name.to_owned()))
    });
    named.filter(|it| !OTHERS.contains(&&*it.1) && !it.1.starts_with("notify")).collect()
}

/// `PID call(…`, also of a call that another thread's line cut in two.
fn points(told: &str, threads: &BTreeMap<u32, String>) -> Vec<Point> {
    let mut counts: BTreeMap<(u32, &str), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for line in told.lines() {
        let Some((id, rest)) = line.split_once(' ') else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        let Some((id, name)) = id.parse().ok().and_then(|it| Some((it, threads.get(&it)?))) else {
            continue;
        };
        let number = counts.entry((id, call)).or_default();
        *number += 1;
        let is_change = match call {
            "openat" => arguments.contains("O_CREAT"),
            // Threads wake each other by these.
            "write" => !arguments.contains("<anon_inode:"),
            _ => true,
        };
        if !is_change {
            continue;
        }
        points.push(Point { threads: name.clone(), call: call.to_owned(), number: *number });
    }
    // In a pool, it may be one thread or several.
    points.sort();
    points.dedup();
    points
}

pub(super) fn is_there() -> bool {
    let have = Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !have {
        println!("SKIPPED: strace is missing");
    }
    have
}
