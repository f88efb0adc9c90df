//! Other programs that tell of changed files on their output, one a line: inotifywait and watchexec.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::peer;

pub(crate) struct Teller(Child);

/// Names that changed, below the root, each batch with the moment it came.
pub(crate) type Told = Box<dyn Iterator<Item = (Instant, Vec<String>)> + Send>;

impl Teller {
    /// `None`: it is not installed.
    pub(crate) fn inotifywait(root: &Path) -> Option<(Self, Told)> {
        let mut command = Command::new("inotifywait");
        command.args(["-m", "-r", "-q", "-e", "close_write,moved_to", "--format", "%w%f"]);
        let root = root.to_owned();
        Self::start(command.arg(&root), move |line| {
            Path::new(&line).strip_prefix(&root).ok().map(|it| it.display().to_string())
        })
    }

    /// `None`: it is not installed.
    pub(crate) fn watchexec(root: &Path) -> Option<(Self, Told)> {
        let mut command = Command::new("watchexec");
        command.args([
            "--only-emit-events",
            "--emit-events-to=json-stdio",
            "--no-vcs-ignore",
            "-w",
        ]);
        let root = root.canonicalize().unwrap();
        Self::start(command.arg(&root), move |line| {
            let event: Value = serde_json::from_str(&line).ok()?;
            let paths = event["tags"].as_array()?.iter().filter_map(|it| it["absolute"].as_str());
            let mut names = paths.filter_map(|it| Path::new(it).strip_prefix(&root).ok());
            names.next().map(|it| it.display().to_string())
        })
    }

    fn start(
        command: &mut Command,
        name: impl Fn(String) -> Option<String> + Send + 'static,
    ) -> Option<(Self, Told)> {
        if !peer::is_installed(&command.get_program().to_string_lossy()) {
            return None;
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told = lines.map(move |line| {
            let now = Instant::now();
            (now, name(line).into_iter().collect())
        });
        // Neither says when it is ready.
        std::thread::sleep(Duration::from_secs(2));
        Some((Self(child), Box::new(told)))
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
