//! One version of a tool in its sandbox: loaded once, called many times, begun again where a call took the whole session
//! with it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Beside,
    heard::{self, Hello},
    manifest::Manifest,
};
use crate::{
    checks::{
        programs, python,
        sandbox::{Heard, How, Job, JobFile, Ladder, Limits, Piece, Rung, Session},
    },
    model::{Language, ToolId, language_of},
    ports::{CheckRules, ShadowContent, StopFlag, json_of},
    shadow::{Input, RunSeen, Status},
};

const RUNNER: &str = concat!(include_str!("../overlay.py"), "\n\n", include_str!("runner.py"));
const LOADING: Duration = Duration::from_secs(30);
/// Beyond a call's own time: its workspace is made, and all that came of it is ended.
const GRACE: Duration = Duration::from_secs(10);
/// The whole session; the budget of a shadow run ends long before.
const SESSION: Duration = Duration::from_mins(5);
const SCRATCH: u64 = 160 << 20;
const LONGEST_LINE: usize = (8 << 20) + (2 << 20);
/// A version that takes its session along again and again is not begun for every input.
const MOST_STARTS: u32 = 8;

pub(super) struct Version<'a> {
    ladder: &'a Ladder,
    job: Job,
    entry: Option<String>,
    by_words: bool,
    timeout: Duration,
    stop: &'a StopFlag,
    session: Option<Session>,
    starts: u32,
    calls: u32,
    pub(super) rung: Option<Rung>,
}

/// Why there is no run to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoRun {
    Stopped,
    NoSandbox(String),
    /// No workspace.
    Unable(String),
}

/// Of a session that is ready.
pub(super) struct Loaded {
    pub(super) hello: Hello,
}

impl<'a> Version<'a> {
    pub(super) fn new(
        ladder: &'a Ladder,
        rules: &CheckRules,
        (tool, content, beside): (&ToolId, &ShadowContent, &Beside),
        manifest: &Manifest,
        stop: &'a StopFlag,
    ) -> Result<Self, String> {
        let job = job(rules, tool, content, beside, manifest)?;
        let timeout = manifest.timeout.unwrap_or(Duration::from_secs(10));
        let (entry, by_words) = (manifest.entry.clone(), manifest.by_words);
        let (session, starts, calls, rung) = (None, 0, 0, None);
        Ok(Self { ladder, job, entry, by_words, timeout, stop, session, starts, calls, rung })
    }

    /// Loads it; that it does not load is told in the answer.
    pub(super) fn load(&mut self) -> Result<Loaded, NoRun> {
        self.starts += 1;
        let mut session = self.ladder.open(&self.job, self.stop).map_err(|it| self.unable(it))?;
        self.rung = Some(session.rung);
        let shared: &[&str] = match session.rung {
            Rung::Bubblewrap | Rung::Runner => &["/tmp", "/var/tmp", "/dev/shm"],
            Rung::Landlock(_) | Rung::Limits => &[],
        };
        let entry = &self.entry;
        let hello = json!({"op": "hello", "proto": 1, "entry": entry, "shared": shared});
        let until = Instant::now() + LOADING;
        let line = match ask(&mut session, &hello, until, self.stop) {
            Heard::Line(line) => line,
            Heard::Stopped => return Err(NoRun::Stopped),
            other @ (Heard::Late | Heard::Ended | Heard::TooLong) => {
                let run = ended(session, &other, LOADING, self.stop);
                return Ok(Loaded { hello: not_loaded(&run) });
            }
        };
        let hello: Hello = serde_json::from_slice(&line).unwrap_or_default();
        if hello.ok {
            self.session = Some(session);
        }
        Ok(Loaded { hello })
    }

    pub(super) fn call(&mut self, input: &Input, fixture: Option<&Path>) -> Result<RunSeen, NoRun> {
        if self.session.is_none() {
            if self.starts >= MOST_STARTS {
                return Ok(heard::failed(Status::Crash, "Crash", "it crashed too often"));
            }
            let loaded = self.load()?;
            if self.session.is_none() {
                return Ok(loaded.hello.as_run());
            }
        }
        let Some(mut session) = self.session.take() else {
            return Err(NoRun::Unable("there is no session".to_owned()));
        };
        self.calls += 1;
        let request = json!({
            "op": "call",
            "id": format!("c{}", self.calls),
            "args": json_of(&input.args),
            "timeout_ms": u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            "input": if self.by_words || input.args.get("argv").is_some() { "argv" } else { "json-stdin" },
            "fixture": fixture,
        });
        let until = Instant::now() + self.timeout + GRACE;
        match ask(&mut session, &request, until, self.stop) {
            Heard::Line(line) => {
                self.session = Some(session);
                heard::answer(&line).map_err(NoRun::Unable)
            }
            Heard::Stopped => Err(NoRun::Stopped),
            other @ (Heard::Late | Heard::Ended | Heard::TooLong) => {
                Ok(ended(session, &other, self.timeout, self.stop))
            }
        }
    }

    fn unable(&self, why: String) -> NoRun {
        if self.stop.is_set() { NoRun::Stopped } else { NoRun::NoSandbox(why) }
    }
}

fn ask(
    session: &mut Session,
    request: &serde_json::Value,
    until: Instant,
    stop: &StopFlag,
) -> Heard {
    let line = format!("{request}\n");
    match session.say(line.as_bytes(), until, stop) {
        Ok(()) => session.hear(LONGEST_LINE, until, stop),
        Err(_) if stop.is_set() => Heard::Stopped,
        Err(_) => Heard::Ended,
    }
}

/// The session went with the call: how that came.
fn ended(session: Session, heard: &Heard, time: Duration, stop: &StopFlag) -> RunSeen {
    let end = session.end(stop);
    match (heard, &end.how) {
        (_, How::Over(what)) => heard::failed(Status::Limit, "Limit", what),
        (Heard::Late, _) => {
            let said = format!("did not end within {} ms", time.as_millis());
            heard::failed(Status::Timeout, "Timeout", said)
        }
        (Heard::TooLong, _) => {
            heard::failed(Status::Protocol, "TooLarge", "its answer is larger than 8 MiB")
        }
        (_, how) => {
            let said = match how {
                How::Exited(code) => format!("its session ended with status {code}"),
                How::Signalled(number) => format!("its session was ended by signal {number}"),
                How::NotRun(why) => why.clone(),
                How::TimedOut | How::Stopped | How::Over(_) => "its session ended".to_owned(),
            };
            let tail = end.tail_text();
            let last = tail.trim_end().lines().last().unwrap_or_default();
            heard::failed(Status::Crash, "Crash", format!("{said} {last}").trim_end())
        }
    }
}

fn not_loaded(run: &RunSeen) -> Hello {
    let error = run.error.clone().unwrap_or_default();
    let told = json!({"ok": false, "stage": "import", "error": {"type": error.kind, "message": error.message}});
    serde_json::from_value(told).unwrap_or_default()
}

fn job(
    rules: &CheckRules,
    tool: &ToolId,
    content: &ShadowContent,
    beside: &Beside,
    manifest: &Manifest,
) -> Result<Job, String> {
    let python = python::program(rules)?;
    let target = python::real_path(tool, rules);
    let name = target.file_name().unwrap_or_default().to_owned();
    let import_root = rules.import_root.clone().unwrap_or_else(|| rules.path.clone());
    let way = match language_of(&name, &content.bytes) {
        Language::Python if manifest.entry.as_deref() == Some("script") => "script",
        Language::Python if target.extension().is_some_and(|it| it == "py") => "module",
        Language::Python => "script",
        Language::Script(_) | Language::Other(_) => "program",
    };
    let module = python::module(&target, &import_root).unwrap_or_default();
    let mut arguments: Vec<_> = ["-s", "-B", "-c", RUNNER].map(Job::text).into();
    arguments.push(Job::text(&target));
    arguments.push(vec![Piece::File(0)]);
    arguments.extend([&rules.path, &import_root].map(|it: &PathBuf| Job::text(it)));
    arguments.extend([module.as_str(), way].map(Job::text));
    let mut readable = vec![rules.path.clone(), import_root];
    readable.extend(programs::homes(&python));
    let limits = Limits {
        isolated: true,
        time: SESSION,
        memory: rules.memory,
        scratch: SCRATCH,
        ..Limits::default()
    };
    let mut files =
        vec![JobFile { name, executable: content.executable, bytes: content.bytes.clone() }];
    // As the root will stand: pairs of a path and its copy, or nothing where the file goes.
    for (id, bytes) in beside {
        let path = python::real_path(id, rules);
        arguments.push(Job::text(&path));
        let Some(bytes) = bytes else {
            arguments.push(Job::text(""));
            continue;
        };
        arguments.push(vec![Piece::File(files.len())]);
        let name = path.file_name().unwrap_or_default().to_owned();
        files.push(JobFile { name, executable: false, bytes: bytes.clone() });
    }
    Ok(Job { program: Job::text(python), arguments, files, readable, limits, talks: true })
}
