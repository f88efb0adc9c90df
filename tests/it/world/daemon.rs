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
use serde_json::{Value, json};

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

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
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

    /// Waits for its end. Gives all lines.
    pub(crate) fn end_with_log(&mut self) -> Vec<Value> {
        let (status, text) = self.end();
        assert!(status.success(), "{status}: {text}");
        assert_eq!(text, "", "something else than log lines");
        self.log.lock().events.clone()
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
        let text = String::from_utf8_lossy(line);
        match serde_json::from_str(&text).ok().or_else(|| from_text(&text)) {
            Some(event) => lines.events.push(event),
            None => lines.text += &(text.into_owned() + "\n"),
        }
        self.more.notify_all();
    }
}

/// A line of text as the same in JSON, the message left out: `TIME LEVEL EVENT MESSAGE KEY=VALUE…`.
fn from_text(line: &str) -> Option<Value> {
    let (time, rest) = line.split_once(' ')?;
    let (level, rest) = rest.split_once(' ')?;
    let levels = ["error", "warn", "info", "debug", "trace"];
    if !time.ends_with('Z') || !levels.contains(&level) {
        return None;
    }
    let (event, mut rest) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
    let mut fields = json!({"ts": time, "level": level, "event": event});
    let is_name = |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    while !rest.is_empty() {
        let (word, later) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some((name, value)) = word.split_once('=').filter(|it| is_name(it.0)) else {
            // A word of the message.
            rest = later;
            continue;
        };
        let after = &rest[name.len() + 1..];
        let mut quoted = serde_json::Deserializer::from_str(after).into_iter::<String>();
        let (value, used) = match quoted.next() {
            Some(Ok(value)) => (value, quoted.byte_offset()),
            _ => (value.to_owned(), value.len()),
        };
        fields[name] = value.into();
        rest = after[used..].trim_start();
    }
    Some(fields)
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.events.iter().try_for_each(|it| writeln!(f, "{it}"))?;
        f.write_str(&self.text)
    }
}
