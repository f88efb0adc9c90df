//! The real program as a child: started until it is ready, asked, stopped. Waits on its log, so that waiting costs it
//! nothing.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(10);

/// A state directory, and the socket of whoever runs on it.
pub(crate) struct Place {
    arguments: Vec<OsString>,
    /// Apart, because the path of a socket is short.
    socket: TempDir,
}

pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
    scanned: Receiver<()>,
}

impl Place {
    /// An empty one.
    pub(crate) fn new(home: &Path, root: &Path) -> Self {
        Self::with(home, vec![root.into()])
    }

    /// An empty one, with a configuration.
    pub(crate) fn configured(home: &Path, config: &str) -> Self {
        let path = home.join("config.toml");
        fs::write(&path, config).unwrap();
        Self::with(home, vec!["--config".into(), path.into()])
    }

    fn with(home: &Path, mut arguments: Vec<OsString>) -> Self {
        let state = home.join("state");
        if state.exists() {
            fs::remove_dir_all(&state).unwrap();
        }
        arguments.extend(["--state-dir".into(), state.into()]);
        Self { arguments, socket: TempDir::new().unwrap() }
    }

    /// Starts it and waits until it is ready. Gives the time that it took.
    pub(crate) fn start(&self) -> (Daemon, Duration) {
        let socket = self.socket.path().join("socket");
        let mut command = Command::new(env!("CARGO_BIN_EXE_knowngood"));
        command.arg("run").args(&self.arguments);
        command.arg("--socket").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KNOWNGOOD") {
                command.env_remove(name);
            }
        }
        let began = Instant::now();
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let scanned = read_log(&mut child);
        let daemon = Daemon { child, socket, scanned };
        daemon.scanned.recv_timeout(PATIENCE).unwrap();
        while daemon.ask("/v1/ready").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        (daemon, began.elapsed())
    }
}

/// Reads all of it, and tells of each scan that ended.
fn read_log(child: &mut Child) -> Receiver<()> {
    let (scanned, told) = mpsc::channel();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).split(b'\n');
    std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            let text = String::from_utf8_lossy(&line);
            if text.contains("\"scan.completed\"") {
                // Nobody may be listening any more.
                scanned.send(()).unwrap_or_default();
            } else if text.contains("\"ERROR\"") || !text.starts_with('{') {
                println!("  knowngood says: {text}");
            }
        }
    });
    told
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The JSON of a success.
    pub(crate) fn ask(&self, target: &str) -> Option<Value> {
        let mut stream = self.connect(target, "application/json").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.split(' ').nth(1).filter(|it| *it == "200")?;
        serde_json::from_str(body).ok()
    }

    /// The events from now on, one a line.
    pub(crate) fn follow(&self) -> impl Iterator<Item = String> + Send + use<> {
        let after = self.ask("/v1/ready").unwrap()["as_of"].as_u64().unwrap();
        let target = format!("/v1/events?after={after}&types=version.recorded&follow=true");
        let stream = self.connect(&target, "application/x-ndjson").unwrap();
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let head: Vec<String> = lines.by_ref().take_while(|it| !it.is_empty()).collect();
        assert!(head[0].contains(" 200 "), "{head:?}");
        lines
    }

    /// In HTTP/1.0 an answer has no chunks: it ends when the connection does.
    fn connect(&self, target: &str, accept: &str) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(stream, "GET {target} HTTP/1.0\r\nHost: x\r\nAccept: {accept}\r\n\r\n")?;
        Ok(stream)
    }

    /// Waits until every change made so far is in the log. Gives as of when. Asks for issues that there are none of: a
    /// list of all that changed would be in the memory that is measured.
    pub(crate) fn sync(&self) -> u64 {
        let status = self.ask("/v1/status?sync=true&timeout=5m&state=unreadable").unwrap();
        assert_eq!(status["synced"], true, "not settled in five minutes");
        status["as_of"].as_u64().unwrap()
    }

    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
