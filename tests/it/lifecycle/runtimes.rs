//! What agents have loaded, against what is known good; and their question whether they may write.

use serde_json::{Value, json};

use crate::world::World;

fn hash(world: &World, tool: &str, version: usize) -> Value {
    world.versions(tool)[version - 1]["sha256"].clone()
}

#[test]
fn a_runtime_falls_behind_catches_up_and_expires() {
    let world = World::with(&[("x.py", "one\n"), ("y.py", "one\n"), ("z.py", "one\n")]);
    let one = hash(&world, "tools/x.py", 1);
    let report = json!({
        "loaded": {"tools/x.py": one}, "failed": {"tools/y.py": "ImportError: no"}, "ttl": "1h"
    });
    let state = world.put("/v1/runtimes/planner", &report).ok();
    assert_eq!(
        (&state["stale"], &state["not_loaded"]),
        (&json!([]), &json!(["tools/y.py", "tools/z.py"]))
    );
    assert_eq!(state["failed"], json!([{"tool": "tools/y.py", "message": "ImportError: no"}]));
    assert_eq!(world.events_of("runtime.failed", 0).len(), 1);
    let renewed = world.head();
    world.put("/v1/runtimes/planner", &report).ok();
    assert_eq!(world.head(), renewed, "the same report again is no fact");
    let status = world.sync();
    assert_eq!(
        status["issues"],
        json!([{"type": "failed_load", "runtime": "planner", "tool": "tools/y.py", "message": "ImportError: no"}])
    );
    assert_eq!(status["in_sync"], true, "it speaks of the disk alone");
    world.write("x.py", "two\n");
    world.sync();
    assert!(
        world.events_of("runtime.stale", 0).is_empty(),
        "drift on disk is not what is expected"
    );
    let loaded_by = &world.tool("tools/x.py")["loaded_by"][0];
    assert_eq!((&loaded_by["runtime"], &loaded_by["version"]), (&json!("planner"), &json!(1)));
    world.accept(&["tools/x.py"]).ok();
    let behind = world.wait_kind(0, "runtime.stale");
    assert_eq!(
        (&behind["tool"], &behind["detail"]["runtime"]),
        (&json!("tools/x.py"), &json!("planner"))
    );
    let state = world.get("/v1/runtimes/planner").ok();
    assert_eq!(
        (&state["stale"][0]["loaded"], &state["stale"][0]["expected"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(world.summary()["stale"], 1);
    let two = hash(&world, "tools/x.py", 2);
    let last = json!({"loaded": {"tools/x.py": two}, "ttl": "1s"});
    assert_eq!(world.put("/v1/runtimes/planner", &last).ok()["stale"], json!([]));
    assert_eq!(world.summary()["stale"], 0);
    let expired = world.wait_kind(0, "runtime.expired");
    assert_eq!(
        (&expired["detail"]["runtime"], &expired["detail"]["asked"]),
        (&json!("planner"), &json!(false))
    );
    assert_eq!(world.get("/v1/runtimes/planner").refusal(), (404, "no_such_runtime".to_owned()));
    assert!(world.list("/v1/runtimes").is_empty());
    world.put("/v1/runtimes/planner", &last).ok();
    world.ask("DELETE", "/v1/runtimes/planner", b"").ok();
    assert!(world.list("/v1/runtimes").is_empty());
}

#[test]
fn what_was_removed_and_is_still_loaded_is_stale() {
    let world = World::with(&[("x.py", "one\n")]);
    let one = hash(&world, "tools/x.py", 1);
    world.put("/v1/runtimes/planner", &json!({"loaded": {"tools/x.py": one}, "ttl": "1h"})).ok();
    world.sh("rm x.py");
    world.sync();
    assert_eq!(world.summary()["stale"], 0, "it is missing, and expected");
    world.accept(&["tools/x.py"]).ok();
    let behind = world.wait_kind(0, "runtime.stale");
    assert_eq!(behind["detail"]["expected_sha256"], Value::Null);
    let status = world.sync();
    assert_eq!((&status["in_sync"], &status["summary"]["stale"]), (&json!(true), &json!(1)));
    let wanted = json!([{"type": "stale_runtime", "runtime": "planner", "tool": "tools/x.py",
        "loaded": 1, "loaded_sha256": one, "expected": null, "expected_sha256": null}]);
    assert_eq!(status["issues"], wanted);
    let stale = &world.get("/v1/runtimes/planner").ok()["stale"][0];
    assert_eq!((&stale["loaded"], &stale["expected"]), (&json!(1), &Value::Null));
}

#[test]
fn a_lease_outlives_a_restart_and_ends_after_it() {
    let mut world = World::with(&[("x.py", "one\n")]);
    world.put("/v1/runtimes/planner", &json!({"ttl": "2s"})).ok();
    world.restart();
    let before = world.head();
    world.wait_kind(before, "runtime.expired");
    assert!(world.list("/v1/runtimes").is_empty());
}

#[test]
fn may_i_write_now() {
    let world = World::with(&[("x.py", "one\n"), ("gone.py", "gone\n")]);
    let check = |query: &str| {
        let answer = world.get(&format!("/v1/check/tools/{query}")).ok();
        (answer["changed"].clone(), answer["reason"].as_str().unwrap().to_owned())
    };
    let is = |changed: Value, reason: &str| (changed, reason.to_owned());
    assert_eq!(check("x.py"), is(json!(false), "unchanged"));
    let one = hash(&world, "tools/x.py", 1);
    world.put("/v1/runtimes/planner", &json!({"loaded": {"tools/x.py": one}, "ttl": "1h"})).ok();
    assert_eq!(check("x.py?runtime=planner"), is(json!(false), "unchanged"));
    assert_eq!(check("gone.py?runtime=planner"), is(json!("unknown"), "not_loaded"));
    world.sh("echo two > x.py; rm gone.py; echo new > new.py");
    world.sync();
    assert_eq!(check("x.py"), is(json!(true), "file_modified"));
    assert_eq!(check("x.py?base=v2"), is(json!(false), "unchanged"));
    assert_eq!(check("x.py?base=v1"), is(json!(true), "file_modified"));
    assert_eq!(check("x.py?runtime=planner"), is(json!(true), "file_modified"));
    assert_eq!(check("gone.py"), is(json!(true), "file_missing"));
    assert_eq!(check("new.py"), is(json!("unknown"), "no_baseline"));
    assert_eq!(check("new.py?base=v1"), is(json!(false), "unchanged"));
    let never = format!("sha256:{}", "0".repeat(64));
    assert_eq!(check(&format!("x.py?base={never}")), is(json!(true), "file_modified"));
    let diff = world.get("/v1/check/tools/x.py").ok()["diff"].clone();
    assert!(diff.as_str().unwrap().ends_with("-one\n+two\n"), "{diff}");
    world.accept(&["tools/x.py"]).ok();
    assert_eq!(check("x.py"), is(json!(false), "unchanged"));
    world.sh("chmod +x x.py");
    world.sync();
    assert_eq!(check("x.py"), is(json!(true), "file_modified"));
}
