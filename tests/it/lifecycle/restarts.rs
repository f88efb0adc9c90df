//! Stopping, starting again, and the facts that go through it without a gap.

use std::{
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::world::{World, answer, connect, stdout};

#[test]
fn a_stop_waits_for_no_stream() {
    let mut world = World::with(&[("x.py", "one\n")]);
    let mut stream = connect(&world.socket()).unwrap();
    stream
        .write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        .unwrap();
    let (told, mut body) = answer(stream).unwrap();
    assert_eq!(told.header("content-type"), Some("text/event-stream"));
    let follow = world.follow(0);
    world.write("x.py", "two\n");
    world.sync();
    world.daemon().signal(Signal::TERM);
    let mut text = String::new();
    body.read_to_string(&mut text).unwrap();
    let seqs: Vec<_> = text.lines().filter_map(|it| it.strip_prefix("id: ")).collect();
    assert_eq!(seqs, ["1", "2", "3", "4", "5"], "{text}");
    assert_eq!(follow.count(), 5, "the other stream ended as well");
    world.daemon().wait_log(0, "daemon.stopping");
    world.daemon().wait_log(0, "log.head");
    let cut_off = |it: &Value| it["level"] == "warn" && it["msg"].to_string().contains("cut off");
    assert!(!world.daemon().logged("daemon.stopping").iter().any(cut_off));
    let (status, text) = world.end();
    assert!(status.success(), "{text}");
    assert!(!world.socket().exists());
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut world = World::with(&[("x.py", "one\n")]);
    // Somebody is in the middle of a request.
    let mut stream = connect(&world.socket()).unwrap();
    stream.write_all(b"POST /v1/accept HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").unwrap();
    world.sync();
    world.daemon().signal(Signal::TERM);
    world.daemon().wait_log(0, "daemon.stopping");
    // One that follows closely is taken for the same; it need not be the last.
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        world.daemon().signal(Signal::TERM);
        std::thread::yield_now();
    }
    let (status, _) = world.end();
    assert_eq!(status.code(), Some(130));
    world.start();
    world.verify();
}

/// Everything that is told about the tools.
fn told(world: &World) -> Value {
    let mut status = world.sync();
    status["roots"] = json!(null);
    let mut tools = world.list("/v1/tools");
    // What a tool can do is found out when it is asked for, and listed where it is known.
    for tool in &mut tools {
        tool["class"] = json!(null);
    }
    let histories: Vec<_> = world.tools().iter().map(|it| world.versions(it)).collect();
    json!({"status": status, "tools": tools, "histories": histories, "events": world.events()})
}

#[test]
fn a_restart_changes_nothing() {
    let mut world = World::with(&[("x.py", "one\n"), ("gone.py", "gone\n"), ("bit.sh", "one\n")]);
    world.sh("echo two > x.py; rm gone.py; chmod +x bit.sh; echo new > new.py");
    world.sync();
    world.accept(&["tools/bit.sh"]).ok();
    let loaded = json!({"tools/x.py": world.versions("tools/x.py")[0]["sha256"]});
    world.put("/v1/runtimes/planner", &json!({"loaded": loaded, "ttl": "1h"})).ok();
    let before = told(&world);
    world.restart();
    assert_eq!(told(&world), before);
    world.kill();
    world.start();
    assert_eq!(told(&world), before, "after a kill as well");
    assert!(world.daemon().logged("audit.missed").is_empty());
}

#[test]
fn events_go_on_where_a_client_left_off() {
    let mut world = World::with(&[("x.py", "0\n")]);
    let mut seen: Vec<Value> = Vec::new();
    for round in 1..=4 {
        let after = seen.last().map_or(0, |it| it["seq"].as_u64().unwrap());
        let mut follow = world.follow(after);
        world.write("x.py", &format!("{round} seen\n"));
        world.sync();
        let last = world.head() - 1;
        // It breaks off before the last fact that there is.
        seen.extend(follow.by_ref().take_while(|it| it["seq"] != last));
        let missed = last - 1 - seen.last().map_or(0, |it| it["seq"].as_u64().unwrap());
        assert_eq!(missed, 0);
        drop(follow);
        if round % 2 == 0 {
            world.kill();
            world.write("x.py", &format!("{round} while none ran\n"));
            world.start();
        } else {
            world.restart();
        }
        world.write("x.py", &format!("{round} unseen\n"));
        world.sync();
        world.accept(&["tools/x.py"]).ok();
    }
    let after = seen.last().unwrap()["seq"].as_u64().unwrap();
    let left = usize::try_from(world.head() - after).unwrap();
    seen.extend(world.follow(after).take(left));
    let seqs: Vec<_> = seen.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=world.head()).collect::<Vec<_>>(), "no gap and no duplicate");
    assert_eq!(seen, world.events());
}

#[test]
fn the_command_line_says_it_with_its_exit_code() {
    let mut world = World::with(&[("x.py", "one\n"), ("web/fetch_tool.py", "one\n")]);
    let code = |arguments: &[&str]| world.cli(arguments).status.code().unwrap();
    assert_eq!(code(&["status", "--sync"]), 0);
    assert_eq!(code(&["check", "x"]), 0);
    assert_eq!(code(&["diff", "x"]), 0);
    world.write("x.py", "two\n");
    assert_eq!(code(&["status", "--sync"]), 1);
    assert_eq!(code(&["check", "x"]), 1);
    assert_eq!(code(&["diff", "x"]), 1);
    assert_eq!(code(&["list"]), 0);
    assert_eq!(code(&["history", "fetch_tool"]), 0);
    assert_eq!(code(&["history", "nothing"]), 5);
    assert_eq!(code(&["cat", "x@v9"]), 5);
    assert_eq!(code(&["accept"]), 2);
    let status = world.cli(&["status", "--json"]);
    let document: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((status.status.code(), &document["summary"]["modified"]), (Some(1), &json!(1)));
    assert_eq!(stdout(&world.cli(&["cat", "x.py@baseline"])), "one\n");
    assert!(stdout(&world.cli(&["diff", "x"])).contains("\n-one\n+two\n"));
    let wrong = format!("sha256:{}", "0".repeat(64));
    assert_eq!(code(&["accept", "x", "--disk", &wrong]), 6);
    assert_eq!(code(&["accept", "x"]), 0);
    assert_eq!(code(&["status", "--sync"]), 0);
    assert_eq!((code(&["rescan"]), code(&["verify"]), code(&["reload"])), (0, 0, 0));
    let events = stdout(&world.cli(&["events", "--json"]));
    let seqs: Vec<_> = events
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=world.head()).collect::<Vec<_>>());
    world.stop();
    assert_eq!(world.cli(&["status"]).status.code(), Some(3));
}
