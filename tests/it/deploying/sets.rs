//! Several tools at once: all of them or none.

use serde_json::{Value, json};

use super::{left_over, made, on_disk, send};
use crate::world::World;

fn pair(x: &str, y: &str) -> Value {
    json!({"changes": [
        {"tool": "tools/x.py", "base": x, "content": "x = 2\n"},
        {"tool": "tools/y.py", "base": y, "content": "y = 2\n"},
    ]})
}

#[test]
fn one_stale_base_stops_both() {
    let world = World::with(&[("x.py", "x = 1\n"), ("y.py", "y = 1\n")]);
    world.write("y.py", "y = 0\n");
    let answer = send(&world, &pair("v1", "v1"));
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
    let conflicts = answer.json()["conflicts"].clone();
    assert_eq!(
        (conflicts.as_array().unwrap().len(), &conflicts[0]["tool"]),
        (1, &json!("tools/y.py"))
    );
    assert_eq!(
        (on_disk(&world, "x.py"), on_disk(&world, "y.py")),
        ("x = 1\n".into(), "y = 0\n".into())
    );
    world.sync();
    assert_eq!(world.versions("tools/x.py").len(), 1);
    let done = made(&world, &pair("v1", "v2"));
    assert_eq!(done["changes"].as_array().unwrap().len(), 2);
    assert_eq!(
        (on_disk(&world, "x.py"), on_disk(&world, "y.py")),
        ("x = 2\n".into(), "y = 2\n".into())
    );
    let live = world.events_of("deploy.activated", 0);
    assert_eq!((live.len(), &live[0]["deploy"]), (1, &done["deploy"]), "live together");
    assert_eq!(left_over(&world), [""; 0]);
    world.verify();
}

#[test]
fn one_broken_file_stops_both() {
    let world = World::with(&[("x.py", "x = 1\n"), ("y.py", "y = 1\n")]);
    let mut request = pair("v1", "v1");
    request["changes"][1]["content"] = json!("y = (\n");
    let answer = send(&world, &request);
    assert_eq!(answer.refusal(), (422, "verification_failed".to_owned()));
    assert_eq!(answer.json()["findings"][0]["tool"], "tools/y.py");
    assert_eq!(
        (on_disk(&world, "x.py"), on_disk(&world, "y.py")),
        ("x = 1\n".into(), "y = 1\n".into())
    );
}

#[test]
fn a_set_makes_changes_and_removes() {
    let world = World::with(&[("x.ts", "1"), ("y.ts", "1")]);
    let request = json!({"changes": [
        {"tool": "tools/x.ts", "base": "v1", "content": "2"},
        {"tool": "tools/y.ts", "base": "v1", "delete": true},
        {"tool": "tools/deep/er/z.ts", "base": null, "content": "1"},
    ], "confirm_within": "1s"});
    let done = made(&world, &request);
    assert_eq!(
        (on_disk(&world, "x.ts"), on_disk(&world, "deep/er/z.ts")),
        ("2".into(), "1".into())
    );
    assert!(!world.path("y.ts").exists());
    super::wait_state(&world, &done["deploy"], "rolled_back");
    assert_eq!((on_disk(&world, "x.ts"), on_disk(&world, "y.ts")), ("1".into(), "1".into()));
    assert!(!world.path("deep/er/z.ts").exists());
    assert_eq!(world.sync()["in_sync"], true);
    world.verify();
}

/// As one deploy: an edit of one of them while it is live on trial leaves both alone.
#[test]
fn an_edit_of_one_keeps_both_from_going_back() {
    let world = World::with(&[("x.py", "x = 1\n"), ("y.py", "y = 1\n")]);
    let done = made(&world, &super::with(pair("v1", "v1"), &json!({"confirm_within": "1s"})));
    world.write("y.py", "y = 3\n");
    super::wait_state(&world, &done["deploy"], "superseded");
    assert_eq!(
        (on_disk(&world, "x.py"), on_disk(&world, "y.py")),
        ("x = 2\n".into(), "y = 3\n".into())
    );
    assert_eq!(world.summary()["modified"], 2);
}
