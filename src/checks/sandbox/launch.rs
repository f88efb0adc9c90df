//! Starts a runner on one rung of the ladder, with a socket to it.

use std::{
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{FdFlags, fcntl_setfd},
    process::{Signal, set_parent_process_death_signal},
};
use tempfile::TempDir;

use super::{bubblewrap, job::Job, place, rooms, runner::Walls};

/// From the best to the one that is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// A unit of systemd's, whose socket we open.
    Runner,
    Bubblewrap,
    Landlock(Namespaces),
    Limits,
}

/// Whether a run on the rung of Landlock has namespaces of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespaces {
    Own,
    Shared,
}

impl Rung {
    pub const ALL: [Self; 5] = [
        Self::Runner,
        Self::Bubblewrap,
        Self::Landlock(Namespaces::Own),
        Self::Landlock(Namespaces::Shared),
        Self::Limits,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Runner => "runner",
            Self::Bubblewrap => "bwrap",
            Self::Landlock(_) => "landlock",
            Self::Limits => "limits",
        }
    }

    /// Whether code that nobody has vouched for may run on it: it cannot write to anybody's files.
    pub fn isolates(self) -> bool {
        self != Self::Limits
    }
}

/// Where things are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This very program.
    pub program: PathBuf,
    /// Where directories are made for a time.
    pub scratch: PathBuf,
    pub runner_socket: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Holds even after an upgrade has put another program in its place.
            program: PathBuf::from("/proc/self/exe"),
            scratch: PathBuf::from("/tmp"),
            runner_socket: PathBuf::from("/run/knowngood/runner.sock"),
        }
    }
}

/// A runner that waits for its job. Nothing of it outlives this value.
pub(super) struct Launched {
    pub(super) connection: UnixStream,
    /// None of ours where systemd started it.
    child: Option<Child>,
    scratch: Option<TempDir>,
}

pub(super) fn launch(rung: Rung, settings: &Settings, job: &Job) -> io::Result<Launched> {
    match rung {
        Rung::Runner => {
            let connection = UnixStream::connect(&settings.runner_socket)?;
            Ok(Launched { connection, child: None, scratch: None })
        }
        Rung::Bubblewrap => bubblewrapped(settings, job),
        Rung::Landlock(Namespaces::Own) => alone(settings, Walls::Rooms),
        Rung::Landlock(Namespaces::Shared) => alone(settings, Walls::Landlock),
        Rung::Limits => alone(settings, Walls::Limits),
    }
}

fn bubblewrapped(settings: &Settings, job: &Job) -> io::Result<Launched> {
    // By descriptor: the program need not be visible inside, nor be there any more.
    let program = File::open(&settings.program)?;
    let inside = format!("/proc/self/fd/{}", program.as_raw_fd());
    let mut command = Command::new("bwrap");
    command.args(bubblewrap::arguments(job)).arg("--").arg(inside);
    command.args(runner_arguments(Path::new(bubblewrap::SCRATCH), Walls::Outer));
    before_exec(&mut command, move || Ok(fcntl_setfd(&program, FdFlags::empty())?));
    start(command, None)
}

fn alone(settings: &Settings, walls: Walls) -> io::Result<Launched> {
    let scratch = scratch(settings)?;
    let mut command = Command::new(&settings.program);
    command.args(runner_arguments(scratch.path(), walls));
    before_exec(&mut command, || Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    if walls == Walls::Rooms {
        rooms::enter_with(&mut command);
    }
    start(command, Some(scratch))
}

/// Where there is one that may be written to.
fn scratch(settings: &Settings) -> io::Result<TempDir> {
    let make = |it: &Path| tempfile::Builder::new().prefix("knowngood-check-").tempdir_in(it);
    make(&settings.scratch).or_else(|error| make(Path::new("/var/tmp")).map_err(|_| error))
}

fn runner_arguments(scratch: &Path, walls: Walls) -> Vec<std::ffi::OsString> {
    ["runner".into(), "--scratch".into(), scratch.into(), "--walls".into(), walls.as_str().into()]
        .into()
}

fn before_exec(
    command: &mut Command,
    step: impl FnMut() -> io::Result<()> + Send + std::marker::Sync + 'static,
) {
    #[expect(
        unsafe_code,
        reason = "a descriptor and a signal are handed over between fork and exec"
    )]
    // SAFETY: each of the closures makes one system call.
    unsafe {
        command.pre_exec(step);
    }
}

fn start(mut command: Command, scratch: Option<TempDir>) -> io::Result<Launched> {
    let (connection, theirs) = UnixStream::pair()?;
    let child = command
        .env_clear()
        .env("PATH", super::job::SEARCH_PATH)
        // A terminal's signals are for the daemon.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(Launched { connection, child: Some(child), scratch })
}

impl Launched {
    /// What it said of why it gives no answer, once it has ended.
    pub(super) fn complaint(mut self) -> Option<String> {
        let mut child = self.child.take()?;
        // It has closed its socket: it is ending, or is to.
        drop(child.kill());
        let status = child.wait().ok();
        let said = child.stderr.take().map(said).unwrap_or_default();
        if said.is_empty() { status.map(|it| it.to_string()) } else { Some(said) }
    }
}

impl Drop for Launched {
    /// An answered runner has ended all that it began, and ends; one that is still busy is ended, with its namespace.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(self.connection.shutdown(std::net::Shutdown::Both));
            end(&mut child);
        }
        if let Some(scratch) = self.scratch.take() {
            place::remove(&scratch.keep());
        }
    }
}

/// Lets it end what it has begun, for as long as that may take.
fn end(child: &mut Child) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    const GRACE: Timespec = Timespec { tv_sec: 3, tv_nsec: 0 };
    let handle = rustix::process::Pid::from_raw(child.id().cast_signed())
        .and_then(|it| rustix::process::pidfd_open(it, rustix::process::PidfdFlags::empty()).ok());
    if let Some(handle) = handle {
        let _in_time = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&GRACE));
    }
    drop(child.kill());
    drop(child.wait());
}

/// Whoever inherited the pipe may hold it open: what is there is all.
fn said(mut from: std::process::ChildStderr) -> String {
    let mut text = [0; 1024];
    let set = fcntl_getfl(&from).and_then(|it| fcntl_setfl(&from, it | OFlags::NONBLOCK));
    let count = set.map_or(0, |()| from.read(&mut text).unwrap_or(0));
    String::from_utf8_lossy(text.get(..count).unwrap_or_default()).trim().to_owned()
}
