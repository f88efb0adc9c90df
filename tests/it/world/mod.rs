//! A daemon, the directories that it watches and somebody who asks it: what the tests from outside stand on. They
//! wait for facts (a barrier, an event, a log line, an end), never for time to pass.

mod client;
mod daemon;
mod ground;
mod power;

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

pub(crate) use client::{Answer, Body, PATIENCE, answer, connect};
pub(crate) use daemon::{Daemon, output};
pub(crate) use ground::{Ground, Kind, bind, lay_over, mount_memory, private, unmount};
pub(crate) use power::cut_power;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Everything that a test needs. The root is named `tools`; state, socket and configuration lie in `home`.
pub(crate) struct World {
    // Dropped in this order: the daemon ends before its directories go.
    daemon: Option<Daemon>,
    pub(crate) root: PathBuf,
    /// Keys of the root, as they stand in its table.
    pub(crate) root_keys: String,
    /// The rest of the configuration.
    pub(crate) config: String,
    /// What the daemon is started through.
    pub(crate) wrapper: Vec<String>,
    pub(crate) ground: Ground,
    pub(crate) home: PathBuf,
    #[expect(dead_code, reason = "removed when dropped")]
    home_dir: TempDir,
}

/// The stream of events, as it comes.
pub(crate) struct Events(Lines<BufReader<Body>>);

impl World {
    /// An empty root; nothing runs yet.
    pub(crate) fn on(kind: Kind) -> Self {
        let home_dir = TempDir::new().unwrap();
        let home = home_dir.path().canonicalize().unwrap();
        let ground = Ground::new(kind);
        let root = ground.path.join("tools");
        fs::create_dir_all(&root).unwrap();
        let (root_keys, config, wrapper) = (String::new(), String::new(), Vec::new());
        Self { daemon: None, root, root_keys, config, wrapper, ground, home, home_dir }
    }

    pub(crate) fn new() -> Self {
        Self::on(Kind::Disk)
    }

    /// Root and home in places that outlast it.
    pub(crate) fn at(root: &Path, home: &Path) -> Self {
        let mut world = Self::new();
        for (own, given) in [(&mut world.root, root), (&mut world.home, home)] {
            fs::create_dir_all(given).unwrap();
            *own = given.canonicalize().unwrap();
        }
        world
    }

    /// With these files, and running.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let mut world = Self::new();
        for (path, text) in files {
            world.write(path, text);
        }
        world.start();
        world
    }

    // ------------------------------------------------------------------------------- the daemon

    pub(crate) fn state(&self) -> PathBuf {
        self.home.join("state")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.join("socket")
    }

    pub(crate) fn write_config(&self) -> PathBuf {
        let path = self.home.join("config.toml");
        let quoted = |it: &Path| format!("{:?}", it.to_str().unwrap());
        let text = format!(
            "state_dir = {}\nsocket = {}\n{}\n[[root]]\nname = \"tools\"\npath = {}\n{}\n",
            quoted(&self.state()),
            quoted(&self.socket()),
            self.config,
            quoted(&self.root),
            self.root_keys
        );
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn arguments(&self) -> Vec<OsString> {
        vec!["run".into(), "--config".into(), self.write_config().into()]
    }

    /// Starts it, and goes on at once.
    pub(crate) fn spawn(&mut self) {
        let daemon = Daemon::start(&self.wrapper, &self.arguments());
        self.daemon = Some(daemon);
    }

    /// Starts it, and waits until it is ready.
    pub(crate) fn start(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    pub(crate) fn wait_ready(&self) {
        self.daemon().wait_log(0, "daemon.started");
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.get("/v1/ready");
            if answer.status == 200 {
                return;
            }
            assert!(Instant::now() < until, "not ready: {}", answer.detail());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(&mut self) {
        self.daemon().signal(Signal::TERM);
        let (status, text) = self.end();
        assert!(status.success(), "{status}: {text}");
    }

    pub(crate) fn kill(&mut self) {
        self.daemon().signal(Signal::KILL);
        drop(self.daemon.take());
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> (std::process::ExitStatus, String) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.end()
    }

    /// Waits for its good end, and gives what it logged.
    pub(crate) fn end_with_log(&mut self) -> Vec<Value> {
        self.daemon.take().unwrap().end_with_log()
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// The command line, talking to this daemon.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Output {
        let socket = ["--socket".into(), self.socket().into_os_string()];
        let arguments = arguments.iter().map(|it| OsString::from(*it));
        output(&arguments.chain(socket).collect::<Vec<_>>())
    }

    // ---------------------------------------------------------------------------------- the disk

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes in place, with all directories that lead there.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn sh(&self, script: &str) {
        sh(script, &self.root);
    }

    // -------------------------------------------------------------------------------- the socket

    pub(crate) fn ask(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        client::ask(&self.socket(), method, target, "", body)
            .unwrap_or_else(|it| panic!("{method} {target}: {it}"))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, b"")
    }

    pub(crate) fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, body.to_string().as_bytes())
    }

    /// With header lines beside the usual ones, each ended by CR LF.
    pub(crate) fn post_with(&self, target: &str, lines: &str, body: &Value) -> Answer {
        client::ask(&self.socket(), "POST", target, lines, body.to_string().as_bytes()).unwrap()
    }

    /// As `post`, where the daemon may be gone.
    pub(crate) fn try_post(&self, target: &str, body: &Value) -> Option<Answer> {
        client::ask(&self.socket(), "POST", target, "", body.to_string().as_bytes()).ok()
    }

    pub(crate) fn put(&self, target: &str, body: &Value) -> Answer {
        self.ask("PUT", target, body.to_string().as_bytes())
    }

    /// The status once everything that was done on disk before is in it.
    pub(crate) fn sync(&self) -> Value {
        let status = self.get("/v1/status?sync=true&timeout=60s").ok();
        assert_eq!(status["synced"], true, "{status}");
        status
    }

    pub(crate) fn summary(&self) -> Value {
        self.sync()["summary"].clone()
    }

    pub(crate) fn list(&self, target: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let sign = if target.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{target}{sign}limit=1000{cursor}")).ok();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Ids of all tools that are listed.
    pub(crate) fn tools(&self) -> Vec<String> {
        let tools = self.list("/v1/tools");
        tools.iter().map(|it| it["tool"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn tool(&self, path: &str) -> Value {
        self.get(&format!("/v1/tools/{}", escaped(path))).ok()
    }

    /// Oldest first; none if the tool was never seen.
    pub(crate) fn versions(&self, path: &str) -> Vec<Value> {
        let target = format!("/v1/history/{}", escaped(path));
        if self.get(&target).status == 404 {
            return Vec::new();
        }
        let mut versions = self.list(&target);
        versions.reverse();
        versions
    }

    /// What stood there, one version after the other.
    pub(crate) fn contents(&self, path: &str) -> Vec<String> {
        let contents = self.versions(path).into_iter().map(|it| self.content(path, &it["number"]));
        contents.collect()
    }

    pub(crate) fn content(&self, path: &str, number: &Value) -> String {
        let answer = self.get(&format!("/v1/content/{}?at=v{number}", escaped(path)));
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.list("/v1/events")
    }

    /// Events with this name, `after` that seq.
    pub(crate) fn events_of(&self, kind: &str, after: u64) -> Vec<Value> {
        self.list(&format!("/v1/events?types={kind}&after={after}"))
    }

    pub(crate) fn head(&self) -> u64 {
        self.get("/v1/info").ok()["log"]["seq"].as_u64().unwrap()
    }

    pub(crate) fn follow(&self, after: u64) -> Events {
        let target = format!("/v1/events?follow=true&after={after}");
        let lines = "Accept: application/x-ndjson\r\n";
        let (answer, body) = client::begin(&self.socket(), "GET", &target, lines, b"").unwrap();
        assert_eq!(answer.status, 200);
        Events(BufReader::new(body).lines())
    }

    /// The first event after `after` that is the one.
    pub(crate) fn wait_event(&self, after: u64, is_it: impl Fn(&Value) -> bool) -> Value {
        self.follow(after).find(|it| is_it(it)).unwrap()
    }

    pub(crate) fn wait_kind(&self, after: u64, kind: &str) -> Value {
        self.wait_event(after, |it| it["event"] == kind)
    }

    pub(crate) fn accept(&self, tools: &[&str]) -> Answer {
        let tools: Vec<_> = tools.iter().map(|it| json!({"tool": it})).collect();
        self.post("/v1/accept", &json!({"tools": tools}))
    }

    /// Log, contents and disk are whole, and every head is what stands on disk.
    pub(crate) fn verify(&self) -> Value {
        let verified = self.post("/v1/verify", &json!({})).ok();
        assert_eq!((&verified["ok"], &verified["problems"]), (&json!(true), &json!([])));
        verified
    }
}

impl Iterator for Events {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        // A stream that says nothing for so long is one that has ended.
        let line = self.0.next()?.ok()?;
        Some(serde_json::from_str(&line).unwrap())
    }
}

/// Whether something isolates runs here. The rung is tried beside the start.
pub(crate) fn isolates(world: &World) -> bool {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(rung) = world.get("/v1/info").ok()["sandbox"].as_str() {
            return rung != "limits";
        }
        assert!(Instant::now() < until, "no rung is named");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// `tools/a b.py` as it stands in a URL.
pub(crate) fn escaped(id: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~/".contains(&it);
    let each =
        id.bytes().map(|it| if plain(it) { char::from(it).into() } else { format!("%{it:02X}") });
    each.collect()
}

pub(crate) fn sh(script: &str, here: &Path) {
    let output = Command::new("sh").args(["-ec", script]).current_dir(here).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
