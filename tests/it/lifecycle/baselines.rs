//! What is known good: the first scan, a manifest, an accept; and drift against it.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::world::World;

fn sha256(world: &World, tool: &str) -> Value {
    world.tool(tool)["disk"]["sha256"].clone()
}

#[test]
fn drift_is_detected_and_cleared() {
    let world = World::with(&[("x.py", "one\n")]);
    let before = world.head();
    world.write("x.py", "two\n");
    let detected = world.wait_kind(before, "drift.detected");
    assert_eq!((&detected["tool"], &detected["version"]), (&json!("tools/x.py"), &json!(2)));
    assert_eq!(
        (&detected["detail"]["sync"], &detected["detail"]["expected"]),
        (&json!("modified"), &json!(1))
    );
    let status = world.sync();
    let issue = &status["issues"][0];
    assert_eq!(
        (&issue["type"], &issue["baseline"], &issue["disk"]),
        (&json!("file_modified"), &json!(1), &json!(2))
    );
    assert_eq!(issue["stats"], json!({"lines_added": 1, "lines_removed": 1, "lines_changed": 1}));
    assert_eq!((&status["in_sync"], &issue["since"]), (&json!(false), &detected["time"]));
    world.write("x.py", "one\n");
    world.wait_kind(before, "drift.cleared");
    assert_eq!(world.sync()["in_sync"], true);
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n", "one\n"]);
    let before = world.head();
    world.write("new.py", "new\n");
    let orphan = world.wait_kind(before, "drift.detected");
    assert_eq!(
        (&orphan["detail"]["sync"], &orphan["detail"]["expected"]),
        (&json!("orphaned"), &json!(null))
    );
    fs::remove_file(world.path("new.py")).unwrap();
    fs::remove_file(world.path("x.py")).unwrap();
    let summary = world.summary();
    assert_eq!((&summary["missing"], &summary["orphaned"]), (&json!(1), &json!(0)));
    assert_eq!(world.tools(), ["tools/x.py"], "what has neither baseline nor file is in no list");
    assert_eq!(world.contents("tools/new.py"), ["new\n"]);
}

#[test]
fn accept_moves_the_baseline_and_nothing_else() {
    let world = World::with(&[("x.py", "one\n"), ("y.py", "one\n"), ("gone.py", "gone\n")]);
    world.sh("echo two > x.py; echo two > y.py; rm gone.py; echo new > new.py");
    world.sync();
    let at = |disk: &Value| {
        world.post("/v1/accept", &json!({"tools": [{"tool": "tools/x.py", "disk": disk}]}))
    };
    let old = world.versions("tools/x.py")[0]["sha256"].clone();
    let refused = at(&old);
    assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    let problem = refused.json();
    assert_eq!((&problem["wanted"], &problem["current"]), (&old, &sha256(&world, "tools/x.py")));
    let accepted = at(&sha256(&world, "tools/x.py")).ok();
    assert_eq!(accepted["accepted"][0]["baseline"], 2);
    assert_eq!(world.tool("tools/x.py")["sync"], "in_sync");
    let moved = world.events_of("baseline.moved", 0).pop().unwrap();
    assert_eq!(
        (&moved["author"]["kind"], &moved["detail"]["reason"]),
        (&json!("human"), &json!("accept"))
    );
    assert_eq!(at(&sha256(&world, "tools/x.py")).ok()["accepted"], json!([]), "it is so already");
    let both = json!({"tools": [{"tool": "tools/y.py"}, {"tool": "tools/x.py", "disk": old}]});
    assert_eq!(world.post("/v1/accept", &both).status, 409);
    assert_eq!(world.tool("tools/y.py")["baseline"], 1, "all that was named, or nothing");
    world.accept(&["tools/gone.py"]).ok();
    assert!(!world.tools().contains(&"tools/gone.py".to_owned()));
    assert_eq!(world.contents("tools/gone.py"), ["gone\n"]);
    world.post("/v1/accept", &json!({"all": true})).ok();
    let status = world.sync();
    assert_eq!((&status["in_sync"], &status["summary"]["in_sync"]), (&json!(true), &json!(3)));
    assert_eq!(world.tool("tools/new.py")["baseline"], 1);
}

/// As `sha256sum` writes it, the real one.
fn manifest(world: &World, files: &[(&str, &str)]) -> String {
    let directory = world.home.join("manifest");
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in files {
        fs::write(directory.join(name), text).unwrap();
    }
    let names = files.iter().map(|it| it.0);
    let output = Command::new("sha256sum").args(names).current_dir(&directory).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_manifest_says_what_is_known_good() {
    let mut world = World::new();
    for name in ["same.py", "other.py", "orphan.py"] {
        world.write(name, "one\n");
    }
    world.root_keys = "baseline = \"tools.sha256\"".to_owned();
    let first = manifest(
        &world,
        &[("same.py", "one\n"), ("other.py", "never seen\n"), ("missing.py", "x\n")],
    );
    world.write("tools.sha256", &first);
    world.start();
    let summary = world.summary();
    let counts =
        ["in_sync", "modified", "orphaned", "missing"].map(|it| summary[it].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1, 1], "{summary}");
    assert_eq!(world.tool("tools/same.py")["baseline"], 1);
    let other = world.tool("tools/other.py");
    assert_eq!(other["baseline"], json!(null));
    assert_eq!(
        other["baseline_sha256"].as_str().unwrap()[7..],
        first.lines().nth(1).unwrap()[..64]
    );
    let diff = world.get("/v1/diff/tools/other.py");
    assert_eq!(diff.refusal(), (404, "no_such_version".to_owned()));
    // What was never seen is recognised when it comes.
    world.write("missing.py", "x\n");
    world.sync();
    assert_eq!(
        (&world.tool("tools/missing.py")["baseline"], &world.tool("tools/missing.py")["sync"]),
        (&json!(1), &json!("in_sync"))
    );
    // An accept stands until the manifest itself is another one.
    world.accept(&["tools/other.py"]).ok();
    world.post("/v1/reload", &json!({})).ok();
    world.restart();
    assert_eq!(world.tool("tools/other.py")["baseline"], 1);
    world.write("same.py", "two\n");
    let second = manifest(&world, &[("same.py", "two\n"), ("other.py", "one\n")]);
    world.write("tools.sha256", &second);
    world.sync();
    assert_eq!(
        world.tool("tools/same.py")["sync"],
        "modified",
        "it is read at a start and a reload"
    );
    let before = world.head();
    world.post("/v1/reload", &json!({})).ok();
    world.wait_event(before, |it| it["event"] == "drift.cleared" && it["tool"] == "tools/same.py");
    let moved = world.events_of("baseline.moved", before);
    let moved: Vec<_> = moved
        .iter()
        .map(|it| (it["tool"].as_str().unwrap_or("the root"), &it["detail"]["reason"]))
        .collect();
    assert!(moved.contains(&("tools/same.py", &json!("manifest"))), "{moved:?}");
    assert!(moved.contains(&("tools/missing.py", &json!("manifest"))), "{moved:?}");
    assert_eq!(world.summary()["orphaned"], 2, "what it does not name is no baseline");
    world.write("tools.sha256", "nonsense\n");
    let refused = world.post("/v1/reload", &json!({}));
    assert_eq!(refused.refusal(), (400, "config_rejected".to_owned()));
    let error = refused.json()["errors"][0].to_string();
    assert!(error.contains("tools.sha256:1: too short"), "{error}");
    assert_eq!(world.tool("tools/same.py")["sync"], "in_sync");
}

/// Nobody waits between a save and the question, or the acceptance.
#[test]
fn a_check_and_an_accept_are_about_what_was_saved_just_now() {
    let mut world = World::with(&[("a.py", "0\n")]);
    world.start();
    for round in 1..=30 {
        world.write("a.py", &format!("{round}\n"));
        let check = world.get("/v1/check/tools/a.py").ok();
        assert_eq!((&check["changed"], &check["reason"]), (&json!(true), &json!("file_modified")));
        world.write("a.py", &format!("{round} again\n"));
        let accepted = world.post("/v1/accept", &json!({"tools": [{"tool": "tools/a.py"}]})).ok();
        assert_eq!(accepted["accepted"][0]["baseline"], 1 + 2 * round, "{accepted}");
    }
    assert_eq!(world.get("/v1/status").ok()["in_sync"], true);
}
