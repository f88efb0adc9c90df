//! Watchman with a socket and a state of its own, asked over that socket; it ends with the measurement.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer;

pub(crate) struct Watchman {
    child: Child,
    socket: PathBuf,
    #[expect(dead_code, reason = "removed when dropped")]
    home: TempDir,
}

impl Watchman {
    /// `None`: it is not installed.
    pub(crate) fn start() -> Option<Self> {
        if !peer::is_installed("watchman") {
            return None;
        }
        let home = TempDir::new().unwrap();
        let socket = home.path().join("sock");
        let mut command = Command::new("watchman");
        command.args(["--foreground", "--no-save-state", "--sockname"]).arg(&socket);
        for (option, name) in [("--logfile", "log"), ("--pidfile", "pid"), ("--statefile", "state")]
        {
            command.arg(option).arg(home.path().join(name));
        }
        command.env("HOME", home.path()).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(&socket).is_err() {
            let said = fs::read_to_string(home.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "watchman does not answer: {said}");
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(Self { child, socket, home })
    }

    /// Names of files that changed, as it reports them, each batch with the moment it came.
    pub(crate) fn subscribe(
        &self,
        root: &Path,
    ) -> impl Iterator<Item = (Instant, Vec<String>)> + Send + use<> {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        tell(&mut stream, &mut lines, &json!(["watch", root]));
        let wish = json!({"fields": ["name"], "expression": ["type", "f"]});
        tell(&mut stream, &mut lines, &json!(["subscribe", root, "saves", wish]));
        lines.map_while(Result::ok).map(move |line| {
            // The connection lives as long as whoever listens.
            let (_, now) = (&stream, Instant::now());
            let report: Value = serde_json::from_str(&line).unwrap();
            let files = report["files"].as_array().cloned().unwrap_or_default();
            (now, files.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect())
        })
    }
}

fn tell(stream: &mut UnixStream, lines: &mut Lines<BufReader<UnixStream>>, command: &Value) {
    // At once: it goes by the first bytes that it reads.
    stream.write_all(format!("{command}\n").as_bytes()).unwrap();
    let answer = lines.next().unwrap().unwrap();
    assert!(!answer.contains("\"error\""), "{command}: {answer}");
}

impl Drop for Watchman {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
