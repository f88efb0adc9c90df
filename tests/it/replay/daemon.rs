//! The real daemon on a directory of its own, and a client that knows one request a connection.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use serde_json::Value;

use super::expected::Change;

pub(super) const ROOT: &str = "tools";
/// Asked again at most so often for what was not settled; git has closed everything, so that once is usual.
const PATIENCE: usize = 100;
const KEPT_LINES: usize = 20;

/// A directory with a root, a configuration and a place for the log.
pub(super) struct Place {
    home: tempfile::TempDir,
    pub(super) root: PathBuf,
}

pub(super) struct Daemon {
    child: Child,
    socket: PathBuf,
    /// Reads what the daemon says, so that it never waits for a reader, and keeps the end of it.
    listener: Option<JoinHandle<VecDeque<String>>>,
}

impl Place {
    pub(super) fn new(endings: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join(ROOT);
        fs::create_dir(&root).unwrap();
        let globs: Vec<String> = endings.iter().map(|it| format!("**/*{it}")).collect();
        let text = |it: &std::path::Path| it.to_str().unwrap().to_owned();
        // No audits: what no event tells must show.
        let config = format!(
            "state_dir = {:?}\nsocket = {:?}\naudit.walk = \"7d\"\naudit.rehash = \"7d\"\n\
             log.format = \"json\"\n[[root]]\npath = {:?}\ninclude = {globs:?}\nexclude = [\"**/.git\"]\n",
            text(&home.path().join("state")),
            text(&home.path().join("socket")),
            text(&root)
        );
        fs::write(home.path().join("config.toml"), config).unwrap();
        Self { home, root }
    }
}

impl Daemon {
    /// Started, and done with its first scan.
    pub(super) fn start(place: &Place) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_knowngood"))
            .args(["run", "--config"])
            .arg(place.home.path().join("config.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = VecDeque::new();
        while told.back().is_none_or(|it: &String| !it.contains("\"scan.completed\"")) {
            let line = lines.next().transpose().unwrap();
            assert!(line.is_some(), "the daemon did not come up: {told:#?}");
            told.extend(line);
        }
        let listener = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                told.truncate(KEPT_LINES);
                told.push_front(line);
            }
            told
        });
        let socket = place.home.path().join("socket");
        let mut daemon = Self { child, socket, listener: Some(listener) };
        assert!(daemon.ask("GET", "/v1/ready").0 == 200, "not ready after its first scan");
        daemon
    }

    /// Waits until all that git wrote is known; what is unreadable, with its cause.
    pub(super) fn sync(&mut self) -> BTreeSet<(String, String)> {
        let path = "/v1/status?sync=true&timeout=60s&state=unreadable";
        let settled = (0..PATIENCE).map(|_| self.json("GET", path)).find(|status| {
            status["synced"] == true && status["unsettled"].as_array().unwrap().is_empty()
        });
        assert!(settled.is_some(), "it does not settle: {}", self.json("GET", path));
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let issues = settled.unwrap()["issues"].as_array().unwrap().clone();
        issues.iter().map(|it| (text(&it["tool"]), text(&it["cause"]))).collect()
    }

    /// What was recorded and removed after `seq`, in order, and where the log ends now.
    #[expect(clippy::type_complexity, reason = "a tool's id and what became of it; said once")]
    pub(super) fn changes(&mut self, after: u64) -> (Vec<(String, Change<(String, bool)>)>, u64) {
        let path = format!("/v1/events?types=version.recorded,tool.removed&after={after}");
        let (items, as_of) = self.list(&path);
        let change = |it: &Value| {
            let detail = &it["detail"];
            if it["event"] == "tool.removed" { Change::Removed } else { recorded(detail) }
        };
        let told = items.iter().map(|it| (it["tool"].as_str().unwrap().to_owned(), change(it)));
        (told.collect(), as_of)
    }

    /// Digest and executable bit of every version, oldest first.
    pub(super) fn history(&mut self, id: &str) -> Vec<(String, bool)> {
        let (items, _) = self.list(&format!("/v1/history/{}?", escaped(id)));
        items.iter().rev().map(version).collect()
    }

    pub(super) fn content(&mut self, id: &str, number: usize) -> Vec<u8> {
        let path = format!("/v1/content/{}?at=v{number}", escaped(id));
        let (status, body) = self.ask("GET", &path);
        assert!(status == 200, "{path}: {status} {}", String::from_utf8_lossy(&body));
        body
    }

    pub(super) fn tools(&mut self) -> BTreeSet<String> {
        let (items, _) = self.list("/v1/tools?");
        items.iter().map(|it| it["tool"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn verify(&mut self) -> Value {
        self.json("POST", "/v1/verify")
    }

    /// Without a warning.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
    }

    /// Gently; whether it ended well.
    pub(super) fn stop(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().success()
    }

    /// All pages of a list, and as of when the last one was.
    fn list(&mut self, path: &str) -> (Vec<Value>, u64) {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.json("GET", &format!("{path}&limit=1000{cursor}"));
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return (items, page["as_of"].as_u64().unwrap()),
            }
        }
    }

    fn json(&mut self, method: &str, path: &str) -> Value {
        let (status, body) = self.ask(method, path);
        assert!(status == 200, "{path}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// It does not answer any more: how did it end, and what was the last that it said?
    fn last_words(&mut self) -> String {
        drop(self.child.kill());
        let said = self.listener.take().map(JoinHandle::join);
        format!("the daemon is gone: {:?}; newest first it said {said:#?}", self.child.wait())
    }

    fn ask(&mut self, method: &str, path: &str) -> (u16, Vec<u8>) {
        let stream = UnixStream::connect(&self.socket);
        assert!(stream.is_ok(), "{path}: {}", self.last_words());
        let mut stream = stream.unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: knowngood\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
        assert!(!head.contains("transfer-encoding"), "{path} is answered in chunks");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap();
        (status, answer[end + 4..].to_vec())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.listener.take().map(JoinHandle::join));
    }
}

fn recorded(detail: &Value) -> Change<(String, bool)> {
    Change::Recorded(version(detail))
}

fn version(it: &Value) -> (String, bool) {
    (it["sha256"].as_str().unwrap().to_owned(), it["executable"].as_bool().unwrap())
}

/// Each segment percent-encoded; slashes stay.
fn escaped(id: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~/".contains(&it);
    id.bytes().fold(String::new(), |text, it| {
        if plain(it) {
            text + char::from(it).encode_utf8(&mut [0])
        } else {
            format!("{text}%{it:02X}")
        }
    })
}
