//! A directory of tools with its daemon and a shell beside it, as a reader has them who tries what the README says.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use regex_lite::Regex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::world::{Daemon, PATIENCE, stdout};

const TOOL: &str =
    "def search(query):\n    \"\"\"Search the index.\"\"\"\n    return index.lookup(query)\n";

pub(super) struct Place {
    // Dropped first: the daemon ends before its directory goes.
    #[expect(dead_code, reason = "ends when dropped")]
    daemon: Daemon,
    folder: TempDir,
}

/// A command that a test knows, how it ends and a part of what it says.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) command: &'a str,
    pub(super) ends: Ends,
    pub(super) says: &'a str,
}

#[derive(Clone, Copy)]
pub(super) enum Ends {
    With(i32),
    /// It goes on until somebody stops it.
    Never,
}

impl<'a> From<(&'a str, Ends, &'a str)> for Known<'a> {
    fn from((command, ends, says): (&'a str, Ends, &'a str)) -> Self {
        Self { command, ends, says }
    }
}

impl Place {
    /// Where `knowngood run tools` was typed, before the first scan of the two tools of the README.
    pub(super) fn of_the_readme() -> Self {
        Self::start("run tools", &[("tools/search_tool.py", TOOL), ("tools/fetch.sh", "true\n")])
    }

    /// A daemon with these arguments in a folder with these files, ready.
    pub(super) fn start(arguments: &str, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let here = ["env", "-C", folder.path().to_str().unwrap()].map(str::to_owned);
        let arguments: Vec<_> = arguments.split(' ').map(Into::into).collect();
        let daemon = Daemon::start(&here, &arguments);
        daemon.wait_log(0, "daemon.started");
        let place = Self { daemon, folder };
        let root = place.path(arguments[1].to_str().unwrap());
        let until = Instant::now() + PATIENCE;
        while !bash(&root, "knowngood api GET /v1/ready").output().unwrap().status.success() {
            assert!(Instant::now() < until, "it is not ready");
        }
        place
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Another version of the tool.
    pub(super) fn edit(&self, line: &str) {
        let root = self.path("tools");
        fs::write(root.join("search_tool.py"), format!("{line}\n")).unwrap();
        bash(&root, "knowngood status --sync").output().unwrap();
    }
}

/// Runs each of them; one that nobody knows, and one that is known and not there, end the test.
pub(super) fn run_all(commands: &[String], known: &[Known<'_>], here: &Path) {
    for it in known {
        let is_there = commands.iter().any(|command| command == it.command);
        assert!(is_there, "README.md does not name `{}` any more", it.command);
    }
    for command in commands {
        let known = known.iter().find(|it| it.command == command);
        run(known.unwrap_or_else(|| panic!("no test knows `{command}`")), here);
    }
}

fn run(known: &Known<'_>, here: &Path) {
    let Known { command, ends, says } = *known;
    // What a command left behind says what it did.
    let after = match command.rsplit_once(" > ") {
        Some((_, file)) => format!("cat {file}"),
        None if command.starts_with("source ") => "complete -p knowngood".to_owned(),
        None => ":".to_owned(),
    };
    let script = format!("exec 2>&1\n{command}\ncode=$?\n{after}\nexit $code");
    let mut child = bash(here, &script).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told += &(line.unwrap() + "\n");
        if matches!(ends, Ends::Never) && told.contains(says) {
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            child.wait().unwrap();
            return;
        }
    }
    let status = child.wait().unwrap();
    let Ends::With(code) = ends else { panic!("`{command}` ended with {status}: {told}") };
    let is_said = told.contains(says);
    assert!(is_said && status.code() == Some(code), "`{command}` ended with {status}: {told}");
}

/// Where the sessions of the README say that they are.
const THERE: &str = "/srv/agents";

/// A session gives, word for word, what it gave when it was written down; the times and the directory are other ones.
pub(super) fn converse(turns: &[(String, String)], here: &Path) {
    let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").unwrap();
    let run = Regex::new(r"in \d+ ms, sandbox \w+").unwrap();
    let rung = Regex::new(r"\((runner|bwrap|landlock|limits)\)").unwrap();
    let folder = here.canonicalize().unwrap().display().to_string();
    assert!(!turns.is_empty());
    for (command, answer) in turns {
        if command.starts_with("curl ") && !has("curl") {
            println!("SKIPPED, with what follows it: {command} (apt-get install curl)");
            return;
        }
        let found = stdout(&bash(here, &format!("exec 2>&1\n{command}")).output().unwrap());
        let found = found.replace(&folder, THERE);
        let [found, wanted] = [&found, answer].map(|it| {
            let it = time.replace_all(it, "TIME");
            let it = run.replace_all(&it, "in TIME, sandbox RUNG");
            rung.replace_all(&it, "(RUNG)").into_owned()
        });
        assert_eq!(found.trim_end(), wanted.trim_end(), "$ {command}");
    }
}

/// What it prints, on both streams.
pub(super) fn said(here: &Path, command: &str) -> String {
    stdout(&bash(here, &format!("exec 2>&1\n{command}")).output().unwrap())
}

pub(super) fn has(program: &str) -> bool {
    let script = format!("command -v {program}");
    bash(Path::new("/"), &script).output().unwrap().status.success()
}

/// A shell that finds the program, nothing of this process's configuration, and an end.
fn bash(here: &Path, script: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_knowngood")).parent().unwrap();
    let script = format!("PATH={}:$PATH\n{script}", bin.display());
    let patience = PATIENCE.as_secs().to_string();
    let mut command = Command::new("timeout");
    command.args([&patience, "bash", "--norc", "-c", &script]).current_dir(here);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KNOWNGOOD") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}
