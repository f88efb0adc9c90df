//! Changes that no event tells of: the audit finds them, and counts them.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::world::{Kind, World, private};

/// Looks at every stat as often as may be.
const OFTEN: &str = "[audit]\nwalk = \"50ms\"";

/// The version came by the audit, was said to have been missed, and counted.
fn was_missed(world: &World, before: u64, tool: &str) -> Value {
    let event =
        world.wait_event(before, |it| it["event"] == "version.recorded" && it["tool"] == tool);
    assert_eq!(event["detail"]["origin"], "audit", "{event}");
    let line = world
        .daemon()
        .wait_line(0, "audit.missed", |it| it["event"] == "audit.missed" && it["tool"] == tool);
    assert_eq!(line["level"], "warn");
    assert_eq!(world.get("/v1/info").ok()["counters"]["missed_by_events"], 1);
    event
}

#[test]
fn written_through_a_hard_link_from_outside() {
    let mut world = World::new();
    world.config = OFTEN.to_owned();
    world.write("x.py", "one\n");
    let alias = world.ground.path.join("alias");
    fs::hard_link(world.path("x.py"), &alias).unwrap();
    world.start();
    let before = world.head();
    fs::write(&alias, "two\n").unwrap();
    was_missed(&world, before, "tools/x.py");
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"]);
    assert_eq!(world.summary()["modified"], 1);
}

#[test]
fn written_into_the_upper_layer_of_an_overlay() {
    private(|| {
        let mut world = World::on(Kind::Overlay);
        world.config = OFTEN.to_owned();
        world.write("x.py", "one\n");
        world.start();
        let before = world.head();
        fs::write(world.ground.layer("upper").join("tools/x.py"), "two\n").unwrap();
        was_missed(&world, before, "tools/x.py");
        assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"]);
    });
}

const MAPPING: &str = "
import mmap, sys
f = open('x.py', 'r+b')
m = mmap.mmap(f.fileno(), 0)
m[0:4] = b'two\\n'
m.flush()
print('stored', flush=True)
sys.stdin.read()
";

/// A full look on request names it too; while the mapping stays, the file is unsettled.
#[test]
fn written_through_a_mapping_that_stays() {
    let mut world = World::new();
    world.write("x.py", "one\n");
    world.start();
    let mut python = Command::new("python3")
        .args(["-c", MAPPING])
        .current_dir(&world.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(python.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "stored");
    assert_eq!(world.sync()["unsettled"], json!([]), "no event told of it");
    let rescanned = world.post("/v1/rescan", &json!({})).ok();
    assert_eq!(rescanned["missed"], json!([]), "{rescanned}");
    assert_eq!(world.sync()["unsettled"], json!(["tools/x.py"]));
    let before = world.head();
    drop(python.stdin.take());
    world.wait_kind(before, "version.recorded");
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"]);
    python.wait().unwrap();
}

#[test]
fn a_rescan_names_what_it_found_and_a_verify_too() {
    let mut world = World::new();
    let alias = world.ground.path.join("alias");
    world.write("x.py", "one\n");
    fs::hard_link(world.path("x.py"), &alias).unwrap();
    world.start();
    assert_eq!(world.post("/v1/rescan", &json!({})).ok()["missed"], json!([]));
    fs::write(&alias, "two\n").unwrap();
    let rescanned = world.post("/v1/rescan", &json!({})).ok();
    assert_eq!((&rescanned["missed"], &rescanned["files"]), (&json!(["tools/x.py"]), &json!(1)));
    fs::write(&alias, "three\n").unwrap();
    let verified = world.verify();
    assert_eq!(verified["missed"], json!(["tools/x.py"]));
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n", "three\n"]);
}
