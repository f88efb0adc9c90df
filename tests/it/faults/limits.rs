//! The kernel's limits: events that are dropped, watches and instances that are not to be had, descriptors that
//! are short.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{logs::is_whole, world::World};

#[test]
fn an_overflow_leaves_exactly_what_stands_on_disk() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let world = World::with(&[("x.py", "one\n"), ("gone.py", "gone\n"), ("d/t.py", "one\n")]);
    world.write("noise.txt", "");
    world.sync();
    world.daemon().signal(Signal::STOP);
    // Two events each: the queue is full long before what counts.
    for _ in 0..=limit / 2 {
        fs::rename(world.path("noise.txt"), world.path("other.txt")).unwrap();
        fs::rename(world.path("other.txt"), world.path("noise.txt")).unwrap();
    }
    for text in ["two\n", "three\n"] {
        world.write("x.py", text);
        world.write("new/deep/t.py", text);
    }
    fs::remove_file(world.path("gone.py")).unwrap();
    fs::rename(world.path("d"), world.path("moved")).unwrap();
    world.daemon().signal(Signal::CONT);
    is_whole(&world.daemon().wait_log(0, "watch.overflowed"));
    let summary = world.summary();
    assert_eq!(
        (&summary["modified"], &summary["orphaned"], &summary["missing"]),
        (&json!(1), &json!(2), &json!(2))
    );
    assert_eq!(world.contents("tools/x.py"), ["one\n", "three\n"]);
    assert_eq!(world.contents("tools/new/deep/t.py"), ["three\n"]);
    assert_eq!(world.contents("tools/moved/t.py"), ["one\n"]);
    assert!(world.get("/v1/info").ok()["counters"]["overflows"].as_u64().unwrap() >= 1);
    // What came to be meanwhile is watched: no barrier, an event by itself.
    for path in ["new/deep/t.py", "moved/t.py", "x.py"] {
        let before = world.head();
        world.write(path, "after\n");
        let event = world.wait_kind(before, "version.recorded");
        assert_eq!(
            (&event["tool"], &event["detail"]["origin"]),
            (&json!(format!("tools/{path}")), &json!("watch"))
        );
    }
    world.verify();
}

/// In a user namespace of its own the daemon has limits of its own.
fn limited(limits: &str) -> Option<World> {
    let mut world = World::new();
    let script = format!("{limits} && exec \"$@\"");
    let wrapper = ["unshare", "-Ur", "sh", "-c", &script, "sh"];
    let tried = std::process::Command::new("unshare").args(["-Ur", "sh", "-c", limits]).status();
    if !tried.is_ok_and(|it| it.success()) {
        println!("SKIPPED: user namespaces with limits of their own are not to be had here");
        return None;
    }
    world.wrapper = wrapper.map(str::to_owned).to_vec();
    Some(world)
}

/// `status`, `info` and the log say the same.
fn says(world: &World, state: &str, why: &str) {
    let status = &world.sync()["roots"][0];
    let info = &world.get("/v1/info").ok()["roots"][0];
    let line = world.daemon().wait_log(0, "watch.degraded");
    for (it, text) in [(status, &status["watch_why"]), (info, &info["watch_why"])] {
        assert_eq!(it["watch"], state, "{it}");
        assert!(text.as_str().unwrap().contains(why), "{it}");
    }
    is_whole(&line);
    assert_eq!(line["root"], "tools", "{line}");
    assert!(line["why"].as_str().unwrap().contains(why), "{line}");
}

fn found_without_asking(world: &World, path: &str) -> Value {
    let before = world.head();
    world.write(path, &format!("{path} {before}\n"));
    world.wait_event(before, |it| it["tool"] == format!("tools/{path}"))
}

#[test]
fn too_few_watches_degrade_a_root_and_nothing_is_lost() {
    let Some(mut world) = limited("echo 8 > /proc/sys/user/max_inotify_watches") else { return };
    for number in 0..20 {
        world.write(&format!("d{number:02}/t.py"), "one\n");
    }
    world.start();
    says(&world, "degraded", "limit of 8 inotify watches");
    for number in [0, 19] {
        found_without_asking(&world, &format!("d{number:02}/t.py"));
    }
    world.write("d07/t.py", "two\n");
    world.write("d07/new/t.py", "new\n");
    world.sync();
    assert_eq!(world.contents("tools/d07/t.py"), ["one\n", "two\n"], "a barrier reaches there");
    assert_eq!(world.contents("tools/d07/new/t.py"), ["new\n"]);
    // When there are watches again, they are used.
    let line = world.daemon().lines();
    world.sh("rm -r d0[2-9] d1*");
    is_whole(&world.daemon().wait_log(line, "watch.restored"));
    assert_eq!(world.sync()["roots"][0]["watch"], "watching");
    found_without_asking(&world, "d01/t.py");
    world.verify();
}

#[test]
fn without_an_instance_a_root_is_polled() {
    let Some(mut world) = limited("echo 0 > /proc/sys/user/max_inotify_instances") else { return };
    world.write("d/t.py", "one\n");
    world.start();
    says(&world, "polling", "no inotify instance");
    found_without_asking(&world, "d/t.py");
    found_without_asking(&world, "new.py");
    fs::remove_file(world.path("new.py")).unwrap();
    world.wait_kind(0, "tool.removed");
    world.write("d/t.py", "last\n");
    world.sync();
    assert_eq!(world.contents("tools/d/t.py").last().unwrap(), "last\n");
    world.verify();
}

#[test]
fn few_descriptors_delay_and_lose_nothing() {
    let mut world = World::new();
    world.wrapper = ["sh", "-c", "ulimit -n 48 && exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let fill = |world: &World, text: &str| {
        for number in 0..300 {
            world.write(&format!("d{}/t{number}.py", number % 60), &format!("{text} {number}\n"));
        }
    };
    fill(&world, "one");
    world.start();
    // Most of what is left goes to clients that say nothing.
    let idle: Vec<_> = (0..12).map(|_| crate::world::connect(&world.socket()).unwrap()).collect();
    fill(&world, "two");
    world.sync();
    drop(idle);
    for number in 0..300 {
        let path = format!("tools/d{}/t{number}.py", number % 60);
        assert_eq!(world.contents(&path), [format!("one {number}\n"), format!("two {number}\n")]);
    }
    assert_eq!(world.summary()["unreadable"], 0);
}
