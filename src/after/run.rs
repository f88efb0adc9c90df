//! Runs one command to its end: by itself, by its time, or because the daemon stops. Keeps the end of its output.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, Read as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use crate::ports::StopFlag;

const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How soon a stop is noticed.
const TICK: Duration = Duration::from_millis(200);
/// Of the output so much is told.
const TAIL: usize = 2048;

pub(super) struct Order {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) folder: PathBuf,
}

pub(super) struct Ended {
    /// In words; none where it went well.
    pub(super) failed: Option<String>,
    pub(super) took_ms: u64,
    pub(super) output: String,
}

pub(super) fn run(order: &Order, time: Duration, stop: &StopFlag) -> Ended {
    let began = Instant::now();
    let mut tail = Tail::default();
    let failed = match begin(order) {
        Ok((mut child, mut pipe)) => {
            let early = watch(&child, &mut pipe, &mut tail, began + time, stop);
            if early.is_some() {
                end(&child);
            }
            let status = child.wait();
            tail.take(&mut pipe);
            early.map(str::to_owned).or_else(|| said(status))
        }
        Err(error) => {
            Some(format!("{} could not be run: {error}", order.program.to_string_lossy()))
        }
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ended { failed, took_ms, output: tail.text() }
}

fn begin(order: &Order) -> io::Result<(Child, io::PipeReader)> {
    let (reader, writer) = io::pipe()?;
    fcntl_setfl(&reader, fcntl_getfl(&reader)? | OFlags::NONBLOCK)?;
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LANG", "C.UTF-8")
        .envs(home())
        .envs(order.variables.iter().map(|it| (it.0, &it.1)))
        .current_dir(&order.folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(writer.try_clone()?)
        .stdout(writer);
    Ok((command.spawn()?, reader))
}

/// Where git and others look for what they are told of their user.
fn home() -> Option<(&'static str, PathBuf)> {
    std::env::home_dir().filter(|it| it.is_absolute()).map(|it| ("HOME", it))
}

/// Why it has to be ended; none where it ended by itself.
fn watch(
    child: &Child,
    pipe: &mut io::PipeReader,
    tail: &mut Tail,
    until: Instant,
    stop: &StopFlag,
) -> Option<&'static str> {
    let handle = pid(child).and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok());
    loop {
        if stop.is_set() {
            return Some("was ended because the daemon stops");
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Some("was ended after 60 s");
        }
        let mut all: Vec<PollFd<'_>> =
            handle.iter().map(|it| PollFd::new(it, PollFlags::IN)).collect();
        if !tail.ended {
            all.push(PollFd::new(&*pipe, PollFlags::IN));
        }
        // Woken early or for nothing, it is looked and waited again.
        let _woken = poll(&mut all, Timespec::try_from(left.min(TICK)).ok().as_ref());
        let gone = handle.is_some() && all.first().is_some_and(|it| !it.revents().is_empty());
        tail.take(pipe);
        if gone {
            return None;
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(child.id().cast_signed())
}

/// With all that it began in its group. Not waited for yet, so the number is still its own.
fn end(child: &Child) {
    // It may have ended just now.
    let _gone = pid(child).map(|it| kill_process_group(it, Signal::KILL));
}

fn said(status: io::Result<ExitStatus>) -> Option<String> {
    match status {
        Ok(it) if it.success() => None,
        Ok(it) => Some(match (it.code(), it.signal()) {
            (Some(code), _) => format!("exited with status {code}"),
            (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
        }),
        Err(error) => Some(format!("its end was not told: {error}")),
    }
}

#[derive(Default)]
struct Tail {
    bytes: VecDeque<u8>,
    ended: bool,
}

impl Tail {
    /// All that is there now. Whoever prints without end is read a piece at a time.
    fn take(&mut self, pipe: &mut io::PipeReader) {
        let mut piece = [0; 4096];
        for _ in 0..64 {
            match pipe.read(&mut piece) {
                Ok(0) => {
                    self.ended = true;
                    return;
                }
                Ok(length) => {
                    self.bytes.extend(piece.iter().take(length));
                    let over = self.bytes.len().saturating_sub(TAIL);
                    self.bytes.drain(..over);
                }
                Err(_) => return,
            }
        }
    }

    /// One line, without what would move a terminal's cursor.
    fn text(self) -> String {
        let bytes: Vec<u8> = self.bytes.into();
        let text = String::from_utf8_lossy(&bytes);
        let plain = |it: char| if it.is_control() { ' ' } else { it };
        text.trim().chars().map(plain).collect()
    }
}
