//! The real program as a child process: its log as it is written, its end as it comes. Killed at the latest when
//! the test ends.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::client::PATIENCE;

pub(crate) struct Daemon {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    events: Vec<Value>,
    /// What is no JSON: why it could not run, a panic.
    text: String,
    ended: bool,
}

/// `knowngood` with these arguments and nothing of this process's configuration.
pub(crate) fn command(wrapper: &[String], arguments: &[OsString]) -> Command {
    let program = env!("CARGO_BIN_EXE_knowngood");
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KNOWNGOOD") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to its end.
pub(crate) fn output(arguments: &[OsString]) -> Output {
    command(&[], arguments).output().unwrap()
}

impl Daemon {
    pub(crate) fn start(wrapper: &[String], arguments: &[OsString]) -> Self {
        let mut command = command(wrapper, arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let (stderr, told) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                told.add(&line);
            }
            told.lock().ended = true;
            told.more.notify_all();
        });
        Self { child, log, reader: Some(reader) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The first line with this event from line `from` on, waited for.
    pub(crate) fn wait_log(&self, from: usize, event: &str) -> Value {
        self.wait_line(from, event, |it| it["event"] == event)
    }

    pub(crate) fn wait_line(
        &self,
        from: usize,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.log.lock();
        loop {
            if let Some(found) = lines.events.iter().skip(from).find(|it| is_it(it)) {
                return found.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !lines.ended, "no line {what:?} in {lines:#?}");
            lines = self.log.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// The lines so far that tell this event.
    pub(crate) fn logged(&self, event: &str) -> Vec<Value> {
        let lines = self.log.lock();
        lines.events.iter().filter(|it| it["event"] == event).cloned().collect()
    }

    /// How many lines there are, to wait for later ones.
    pub(crate) fn lines(&self) -> usize {
        self.log.lock().events.len()
    }

    /// Waits for its end. Gives what it said that is no log line.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.log.lock();
        while !lines.ended {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end: {lines:#?}");
            lines = self.log.more.wait_timeout(lines, left).unwrap().0;
        }
        let text = lines.text.clone();
        drop(lines);
        (self.child.wait().unwrap(), text)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.reader.take().map(JoinHandle::join));
        let lines = self.log.lock();
        if std::thread::panicking() {
            // The test has failed: what the daemon said may tell why.
            for line in &lines.events {
                println!("{line}");
            }
        }
        if !lines.text.is_empty() {
            println!("{}", lines.text);
        }
    }
}

impl Log {
    /// A test that fails while it looks at the log leaves it as good as it was.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut lines = self.lock();
        match serde_json::from_slice(line) {
            Ok(event) => lines.events.push(event),
            Err(_) => lines.text += &(String::from_utf8_lossy(line).into_owned() + "\n"),
        }
        self.more.notify_all();
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.events.iter().try_for_each(|it| writeln!(f, "{it}"))?;
        f.write_str(&self.text)
    }
}
