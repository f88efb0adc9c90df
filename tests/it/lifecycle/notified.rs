//! What systemd is told, seen by somebody who listens in its place.

use std::{fs, os::unix::net::UnixDatagram};

use rustix::process::Signal;
use serde_json::json;

use crate::world::{PATIENCE, World};

/// A daemon that is watched over by us; it is not ready before `Listener::wait`.
struct Listener {
    socket: UnixDatagram,
}

impl Listener {
    fn of(world: &mut World) -> Self {
        let path = world.home.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = format!("NOTIFY_SOCKET={}", path.display());
        world.wrapper = ["env", &path, "WATCHDOG_USEC=300000"].map(str::to_owned).into();
        Self { socket }
    }

    /// One message, which may say several things.
    fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect()
    }

    /// The first message that says this, and what came before it.
    fn wait(&self, what: &str) -> (Vec<String>, Vec<String>) {
        let mut before = Vec::new();
        loop {
            let message = self.next();
            if message.iter().any(|it| it.starts_with(what)) {
                return (message, before);
            }
            before.extend(message);
        }
    }
}

#[test]
fn ready_after_the_first_scan_alive_while_it_runs_and_a_line_that_says_how_it_is() {
    let mut world = World::new();
    world.write("x.py", "one\n");
    let listener = Listener::of(&mut world);
    world.spawn();
    let (ready, before) = listener.wait("READY=1");
    assert!(!before.contains(&"WATCHDOG=1".to_owned()), "{before:?}");
    assert_eq!(ready[1], "STATUS=roots 1, tools 1, drifted 0, log at 3");
    assert_eq!(world.get("/v1/ready").status, 200);
    for _ in 0..3 {
        listener.wait("WATCHDOG=1");
    }
    world.write("x.py", "two\n");
    listener.wait("STATUS=roots 1, tools 1, drifted 1, log at 5");
    world.daemon().signal(Signal::TERM);
    assert_eq!(listener.wait("STOPPING=1").0[1], "STATUS=stopping");
    world.end_with_log();
}

#[test]
fn a_reload_begins_with_its_time_and_ends_well_or_not() {
    let mut world = World::new();
    let listener = Listener::of(&mut world);
    world.start();
    listener.wait("READY=1");
    world.daemon().signal(Signal::HUP);
    let (began, _) = listener.wait("RELOADING=1");
    let time = began[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(time.parse::<u64>().unwrap() > 0, "{began:?}");
    assert_eq!(listener.wait("READY=1").0[1], "STATUS=reloaded");
    listener.wait("STATUS=roots 1");
    world.config = "[log]\nlevel = \"loud\"".to_owned();
    world.write_config();
    assert_eq!(world.post("/v1/reload", &json!({})).status, 400);
    listener.wait("RELOADING=1");
    let (ended, _) = listener.wait("READY=1");
    let rejected = "STATUS=the configuration was rejected, the former one is in force: ";
    assert!(ended[1].starts_with(rejected) && ended[1].contains("config.toml:4:9"), "{ended:?}");
    let (status, _) = listener.wait(rejected);
    assert!(status[0].ends_with("; roots 1, tools 0, drifted 0, log at 1"), "{status:?}");
    world.config.clear();
    world.write_config();
    world.daemon().signal(Signal::HUP);
    listener.wait("STATUS=roots 1");
}

#[test]
fn why_it_does_not_run_is_told() {
    let mut world = World::new();
    let listener = Listener::of(&mut world);
    fs::create_dir(world.socket()).unwrap();
    world.spawn();
    let (status, before) = listener.wait("STATUS=");
    assert!(status[0].contains("is no socket"), "{status:?}");
    assert!(!before.contains(&"READY=1".to_owned()));
    assert_eq!(world.end().0.code(), Some(9));
}
