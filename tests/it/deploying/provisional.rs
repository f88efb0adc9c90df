//! Live on trial: confirmed, given up, over at its deadline, displaced by others; through a crash as well.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{baseline, deploy, made, newest, on_disk, to, wait_state, with};
use crate::world::World;

/// `two` stands there for as long as that.
fn on_trial(world: &World, time: &str) -> Value {
    let done =
        made(world, &with(to("tools/x.ts", "v1", "two\n"), &json!({"confirm_within": time})));
    assert_eq!(done["state"], "activated");
    assert!(done["deadline"].is_string(), "{done}");
    assert_eq!(on_disk(world, "x.ts"), "two\n");
    assert_eq!(baseline(world, "tools/x.ts"), 1);
    let tool = world.tool("tools/x.ts");
    assert_eq!((&tool["expected"], &tool["sync"]), (&json!(2), &json!("in_sync")), "{tool}");
    done
}

/// As it was before, by a new version.
fn is_back(world: &World) {
    assert_eq!(on_disk(world, "x.ts"), "one\n");
    let version = newest(world, "tools/x.ts");
    assert_eq!((&version["number"], &version["reason"]), (&json!(3), &json!("rollback")));
    assert_eq!(world.sync()["in_sync"], true);
    let tool = world.tool("tools/x.ts");
    assert_eq!((&tool["expected"], &tool["deploy"]), (&tool["baseline"], &Value::Null), "{tool}");
    world.verify();
}

#[test]
fn nobody_confirms() {
    let world = World::with(&[("x.ts", "one\n")]);
    let done = on_trial(&world, "1s");
    let ended = wait_state(&world, &done["deploy"], "rolled_back");
    assert!(ended["by"].is_u64() && ended["why"].as_str().unwrap().contains("1000 ms"), "{ended}");
    assert_eq!(deploy(&world, &ended["by"])["kind"], "automatic");
    is_back(&world);
}

#[test]
fn confirmed_by_a_call_and_not_taken_back_later() {
    let world = World::with(&[("x.ts", "one\n"), ("y.ts", "one\n")]);
    let done = on_trial(&world, "2s");
    let number = &done["deploy"];
    let later =
        made(&world, &with(to("tools/y.ts", "v1", "two\n"), &json!({"confirm_within": "3s"})));
    let told = world.post(&format!("/v1/deploys/{number}/confirm"), &json!({})).ok();
    assert_eq!(told["state"], "confirmed");
    assert_eq!(baseline(&world, "tools/x.ts"), 2);
    world.post(&format!("/v1/deploys/{number}/confirm"), &json!({})).ok();
    let late = world.post(&format!("/v1/deploys/{number}/abort"), &json!({}));
    assert_eq!(late.status, 409);
    // The deadline of the second lies behind that of the first.
    wait_state(&world, &later["deploy"], "rolled_back");
    assert_eq!(
        (deploy(&world, number)["state"].clone(), on_disk(&world, "x.ts")),
        (json!("confirmed"), "two\n".to_owned())
    );
}

#[test]
fn given_up() {
    let world = World::with(&[("x.ts", "one\n")]);
    let done = on_trial(&world, "1h");
    world.post(&format!("/v1/deploys/{}/abort", done["deploy"]), &json!({})).ok();
    wait_state(&world, &done["deploy"], "rolled_back");
    is_back(&world);
}

#[test]
fn a_new_tool_goes_again() {
    let world = World::with(&[("x.ts", "one\n")]);
    let trial = json!({"confirm_within": "1s"});
    let done = made(&world, &with(to("tools/n.ts", Value::Null, "new\n"), &trial));
    wait_state(&world, &done["deploy"], "rolled_back");
    assert!(!world.path("n.ts").exists());
    let delete = json!({"changes": [{"tool": "tools/x.ts", "base": "v1", "delete": true}]});
    let done = made(&world, &with(delete, &trial));
    assert!(!world.path("x.ts").exists());
    wait_state(&world, &done["deploy"], "rolled_back");
    assert_eq!(on_disk(&world, "x.ts"), "one\n");
    assert_eq!(world.sync()["in_sync"], true);
    world.verify();
}

#[test]
fn an_edit_meanwhile_is_not_overwritten() {
    let world = World::with(&[("x.ts", "one\n")]);
    let done = on_trial(&world, "1s");
    world.write("x.ts", "edit\n");
    let ended = wait_state(&world, &done["deploy"], "superseded");
    assert!(ended["why"].is_string(), "{ended}");
    assert_eq!(on_disk(&world, "x.ts"), "edit\n");
    let status = world.sync();
    assert_eq!(status["issues"][0]["type"], "file_modified", "{status}");
    assert_eq!(world.contents("tools/x.ts"), ["one\n", "two\n", "edit\n"]);
}

#[test]
fn a_newer_deploy_takes_its_place_and_returns_to_the_baseline() {
    let world = World::with(&[("x.ts", "one\n")]);
    let first = on_trial(&world, "1h");
    let second =
        made(&world, &with(to("tools/x.ts", "v2", "three\n"), &json!({"confirm_within": "1s"})));
    wait_state(&world, &first["deploy"], "superseded");
    wait_state(&world, &second["deploy"], "rolled_back");
    assert_eq!(on_disk(&world, "x.ts"), "one\n");
    assert_eq!(world.sync()["in_sync"], true);
}

fn loads(world: &World, runtime: &str, version: usize, ttl: &str) {
    let hash = &world.versions("tools/x.ts")[version - 1]["sha256"];
    let report = json!({"loaded": {"tools/x.ts": hash}, "ttl": ttl});
    world.put(&format!("/v1/runtimes/{runtime}"), &report).ok();
}

#[test]
fn the_runtimes_that_had_it_confirm_it() {
    let world = World::with(&[("x.ts", "one\n")]);
    loads(&world, "planner", 1, "1h");
    loads(&world, "worker", 1, "1h");
    let done = on_trial(&world, "1h");
    loads(&world, "planner", 2, "1h");
    loads(&world, "stranger", 2, "1h");
    assert_eq!(deploy(&world, &done["deploy"])["state"], "activated", "one is still missing");
    loads(&world, "worker", 2, "1h");
    wait_state(&world, &done["deploy"], "confirmed");
    assert_eq!(baseline(&world, "tools/x.ts"), 2);
}

#[test]
fn an_expired_lease_confirms_nothing() {
    let world = World::with(&[("x.ts", "one\n")]);
    loads(&world, "planner", 1, "1s");
    let done = on_trial(&world, "3s");
    world.wait_kind(0, "runtime.expired");
    assert_eq!(deploy(&world, &done["deploy"])["state"], "activated");
    wait_state(&world, &done["deploy"], "rolled_back");
}

#[test]
fn who_cannot_load_it_takes_it_back_at_once() {
    let world = World::with(&[("x.ts", "one\n")]);
    loads(&world, "planner", 1, "1h");
    let done = on_trial(&world, "1h");
    let failed = json!({"loaded": {}, "failed": {"tools/x.ts": "SyntaxError"}, "ttl": "1h"});
    world.put("/v1/runtimes/planner", &failed).ok();
    let ended = wait_state(&world, &done["deploy"], "rolled_back");
    assert!(ended["why"].as_str().unwrap().contains("SyntaxError"), "{ended}");
    is_back(&world);
    // Contract, section 5: what was blamed for a `failed` rollback does not come back unforced.
    let again = super::send(&world, &to("tools/x.ts", "head", "two\n"));
    assert_eq!(again.refusal(), (409, "quarantined".to_owned()));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the deadline is a moment of the wall clock")]
fn the_deadline_passes_while_nobody_runs() {
    let mut world = World::with(&[("x.ts", "one\n"), ("y.ts", "one\n")]);
    let done = on_trial(&world, "1s");
    world.kill();
    // The clock has to pass it: a file's own time is what tells.
    let deadline = knowngood::wire::time(done["deadline"].as_str().unwrap()).unwrap().0;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    // The clock is the fact that is waited for.
    while now() <= u128::try_from(deadline).unwrap() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    world.start();
    wait_state(&world, &done["deploy"], "rolled_back");
    is_back(&world);
}

#[test]
fn a_restart_before_the_deadline_keeps_it() {
    let mut world = World::with(&[("x.ts", "one\n")]);
    let done = on_trial(&world, "1h");
    world.kill();
    world.start();
    assert_eq!(deploy(&world, &done["deploy"])["state"], "activated");
    assert_eq!(
        (on_disk(&world, "x.ts"), world.sync()["in_sync"].clone()),
        ("two\n".to_owned(), json!(true))
    );
    world.post(&format!("/v1/deploys/{}/confirm", done["deploy"]), &json!({})).ok();
    assert_eq!(baseline(&world, "tools/x.ts"), 2);
}
