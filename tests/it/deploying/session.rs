//! A client's day: it makes a tool, changes it, is refused, asks again, removes it.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use super::{baseline, deploy, made, newest, on_disk, send, to, wait_state, with};
use crate::world::World;

#[test]
fn a_tool_is_made_changed_and_removed() {
    let mut world = World::new();
    world.root_keys = "policy.ai.pure = \"verify\"".to_owned();
    world.write("y.py", "y = 1\n");
    world.start();
    let asked = with(
        to("tools/web/x.py", Value::Null, "x = 1\n"),
        &json!({"reason": "feature", "message": "first", "metadata": {"issue": 17},
            "author": {"kind": "ai", "name": "improver"}}),
    );
    let first = made(&world, &asked);
    assert_eq!((&first["deploy"], &first["state"]), (&json!(1), &json!("confirmed")));
    let change = &first["changes"][0];
    assert_eq!((&change["version"], &change["displaced"]), (&json!(1), &Value::Null));
    let steps: Vec<_> = first["steps"].as_array().unwrap().iter().map(|it| &it["step"]).collect();
    assert_eq!(steps[..3], ["accepted", "staged", "verified"], "{first}");
    assert_eq!(steps.last().unwrap().as_str(), Some("confirmed"), "{first}");
    let verified = first["steps"].as_array().unwrap().iter().find(|it| it["step"] == "verified");
    let verified = verified.unwrap();
    assert!(verified["sandbox"].is_string() && verified["took_ms"].is_u64(), "{verified}");
    assert_eq!(verified["output_tail"], "");
    assert_eq!(on_disk(&world, "web/x.py"), "x = 1\n");
    let version = newest(&world, "tools/web/x.py");
    assert_eq!(version["sha256"], change["sha256"]);
    assert_eq!(version["author"], json!({"kind": "ai", "name": "improver"}));
    assert_eq!((&version["reason"], &version["origin"]), (&json!("feature"), &json!("deploy")));
    assert_eq!((&version["deploy"], &version["message"]), (&json!(1), &json!("first")));
    assert_eq!(version["metadata"], json!({"issue": 17}));
    assert_eq!(baseline(&world, "tools/web/x.py"), 1);

    let hash = change["sha256"].as_str().unwrap().to_owned();
    for (number, base) in [(2, "v1"), (3, "head"), (4, "disk"), (5, "baseline")] {
        let done = made(&world, &to("tools/web/x.py", base, &format!("x = {number}\n")));
        assert_eq!(done["changes"][0]["version"], number, "{done}");
        assert_eq!(done["changes"][0]["displaced"], number - 1, "{done}");
        assert_eq!(on_disk(&world, "web/x.py"), format!("x = {number}\n"));
    }
    made(&world, &to("tools/web/x.py", "v5", "x = 1\n"));
    made(&world, &to("tools/web/x.py", hash[..15].to_owned(), "x = 7\n"));

    let delete = json!({"changes": [{"tool": "tools/web/x.py", "base": "v7", "delete": true}]});
    let gone = made(&world, &delete);
    assert_eq!(gone["changes"][0]["version"], Value::Null);
    assert_eq!(gone["changes"][0]["displaced"], 7);
    assert!(!world.path("web/x.py").exists());
    let status = world.sync();
    assert_eq!((&status["in_sync"], &status["issues"]), (&json!(true), &json!([])));
    assert_eq!(world.tools(), ["tools/y.py"]);
    assert_eq!(world.contents("tools/web/x.py")[6], "x = 7\n");
    let events = world.events_of("version.recorded", 0);
    let deploys: Vec<_> = events.iter().filter(|it| it["tool"] == "tools/web/x.py").collect();
    assert_eq!(deploys.len(), 7, "each content once: the watch saw nothing new");
    world.verify();
}

#[test]
fn the_new_file_is_a_second_younger_and_keeps_mode_and_owner() {
    let mut world = World::new();
    world.write("x.ts", "one\n");
    world.sh("chmod 750 x.ts; touch -d @4000000000.5 x.ts");
    world.start();
    let before = world.path("x.ts").metadata().unwrap();
    made(&world, &to("tools/x.ts", "v1", "two\n"));
    let after = world.path("x.ts").metadata().unwrap();
    assert_eq!(
        (after.mtime(), after.mode(), after.uid(), after.gid()),
        (4_000_000_001, before.mode(), before.uid(), before.gid())
    );
    assert_ne!(after.ino(), before.ino());
    assert_eq!(newest(&world, "tools/x.ts")["executable"], true);
    made(
        &world,
        &json!({"changes": [{"tool": "tools/n.ts", "base": null, "content": "1", "executable": true}]}),
    );
    assert_eq!(world.path("n.ts").metadata().unwrap().mode() & 0o7777, 0o755);
    made(&world, &to("tools/m.ts", Value::Null, "1"));
    assert_eq!(world.path("m.ts").metadata().unwrap().mode() & 0o7777, 0o644);
    world.verify();
}

#[test]
fn who_does_not_say_what_it_started_from_is_asked() {
    let world = World::with(&[("x.ts", "one\n")]);
    let answer = send(&world, &json!({"changes": [{"tool": "tools/x.ts", "content": "two\n"}]}));
    assert_eq!(answer.refusal(), (428, "base_required".to_owned()));
    assert_eq!(
        send(&world, &to("tools/x.ts", "v9", "two\n")).refusal(),
        (404, "no_such_version".to_owned())
    );
    assert_eq!(on_disk(&world, "x.ts"), "one\n");
    assert!(world.list("/v1/deploys").is_empty());
}

#[test]
fn what_is_there_already_is_no_operation() {
    let world = World::with(&[("x.ts", "one\n")]);
    let answer = send(&world, &to("tools/x.ts", "v1", "one\n"));
    assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("no_op")));
    world.write("x.ts", "two\n");
    let answer = send(&world, &to("tools/x.ts", "v1", "two\n"));
    assert_eq!(
        (answer.status, &answer.json()["state"]),
        (200, &json!("no_op")),
        "whatever the base"
    );
    assert_eq!(world.versions("tools/x.ts").len(), 2);
}

#[test]
fn broken_python_never_stands_there() {
    let world = World::with(&[("x.py", "x = 1\n")]);
    let before = world.path("x.py").metadata().unwrap();
    let answer = send(&world, &to("tools/x.py", "v1", "x = 1\ndef f():\n    return (1\n"));
    assert_eq!(answer.refusal(), (422, "verification_failed".to_owned()));
    let told = answer.json();
    assert_eq!(
        (&told["findings"][0]["tool"], &told["findings"][0]["line"]),
        (&json!("tools/x.py"), &json!(3)),
        "{told}"
    );
    assert!(
        told["hint"].is_string() && told["output_tail"].is_string() && told["deploy"] == 1,
        "{told}"
    );
    assert_eq!(deploy(&world, &json!(1))["state"], "rejected");
    let after = world.path("x.py").metadata().unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec(), before.ctime_nsec()),
        (after.ino(), after.mtime_nsec(), after.ctime_nsec())
    );
    world.sync();
    assert_eq!(world.versions("tools/x.py").len(), 1);
    assert_eq!(super::left_over(&world), [""; 0]);
    made(&world, &to("tools/x.py", "v1", "x = 2\n"));
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = World::with(&[("x.py", "x = 1\n")]);
    let head = world.head();
    let dry = json!({"dry_run": true});
    let answer = send(&world, &with(to("tools/x.py", "v1", "x = 2\n"), &dry));
    let told = answer.json();
    assert_eq!((answer.status, &told["deploy"]), (200, &Value::Null), "{told}");
    let broken = send(&world, &with(to("tools/x.py", "v1", "x = (\n"), &dry));
    assert_eq!(broken.refusal(), (422, "verification_failed".to_owned()));
    assert_eq!(broken.json()["deploy"], Value::Null);
    world.sync();
    assert_eq!((world.head(), on_disk(&world, "x.py")), (head, "x = 1\n".to_owned()));
    assert_eq!(super::left_over(&world), [""; 0]);
}

#[test]
fn a_request_that_is_sent_again_is_not_done_again() {
    let mut world = World::with(&[("x.ts", "one\n")]);
    let request = to("tools/x.ts", "v1", "two\n");
    let key = "Idempotency-Key: once\r\n";
    let first = world.post_with("/v1/deploys", key, &request).ok();
    assert_eq!(world.post_with("/v1/deploys", key, &request).ok(), first);
    world.restart();
    assert_eq!(world.post_with("/v1/deploys", key, &request).ok()["deploy"], first["deploy"]);
    let other = world.post_with("/v1/deploys", key, &to("tools/x.ts", "v2", "three\n"));
    assert!((400..500).contains(&other.status), "{}", other.detail());
    assert_eq!(on_disk(&world, "x.ts"), "two\n");
    // Whatever stands there by now.
    world.write("x.ts", "edited\n");
    world.sync();
    assert_eq!(world.post_with("/v1/deploys", key, &request).ok()["deploy"], first["deploy"]);
    assert_eq!(world.list("/v1/deploys").len(), 1);
}

#[test]
fn who_does_not_wait_can_look_later() {
    let world = World::with(&[("x.py", "x = 1\n")]);
    let answer = world.post("/v1/deploys?wait=0", &to("tools/x.py", "v1", "x = 2\n"));
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let number = answer.json()["deploy"].clone();
    wait_state(&world, &number, "confirmed");
    assert_eq!(on_disk(&world, "x.py"), "x = 2\n");
    assert_eq!(world.get("/v1/deploys/99").refusal(), (404, "no_such_deploy".to_owned()));
}

#[test]
fn the_command_line_deploys() {
    let world = World::with(&[("x.py", "x = 1\n")]);
    let mine = world.home.join("mine.py");
    std::fs::write(&mine, "x = 2\n").unwrap();
    let name = mine.to_str().unwrap();
    let done = world.cli(&["deploy", "x", name, "--base", "v1", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", crate::world::stderr(&done));
    assert_eq!(on_disk(&world, "x.py"), "x = 2\n");
    std::fs::write(&mine, "x = (\n").unwrap();
    assert_eq!(world.cli(&["deploy", "x", name, "--base", "v2"]).status.code(), Some(7));
    std::fs::write(&mine, "x = 3\n").unwrap();
    assert_eq!(world.cli(&["deploy", "x", name, "--base", "v1"]).status.code(), Some(6));
    assert_eq!(world.cli(&["rollback", "x"]).status.code(), Some(0));
    assert_eq!(on_disk(&world, "x.py"), "x = 1\n");
}
