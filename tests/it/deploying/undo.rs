//! Going back: to the baseline, to the one before, to a version, without one; and what may not come back.

use serde_json::{Value, json};

use super::{baseline, made, newest, on_disk, send, to, with};
use crate::world::{Answer, World};

fn rollback(world: &World, tool: &Value) -> Answer {
    world.post("/v1/rollback", &json!({"tools": [tool]}))
}

#[test]
fn to_the_baseline_and_to_the_one_before() {
    let world = World::with(&[("x.ts", "one\n")]);
    made(&world, &to("tools/x.ts", "v1", "two\n"));
    world.write("x.ts", "edit\n");
    let tool = json!({"tool": "tools/x.ts"});
    let answer = rollback(&world, &tool);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(on_disk(&world, "x.ts"), "two\n", "the disk differs: back to the baseline");
    assert_eq!(newest(&world, "tools/x.ts")["reason"], "rollback");
    assert_eq!(rollback(&world, &tool).status, 201);
    assert_eq!(on_disk(&world, "x.ts"), "one\n", "it did not: back to the one before");
    assert_eq!(world.contents("tools/x.ts"), ["one\n", "two\n", "edit\n", "two\n", "one\n"]);
    assert_eq!(baseline(&world, "tools/x.ts"), 5);
    world.verify();
}

#[test]
fn to_a_version_and_without_one() {
    let world = World::with(&[("x.py", "a = 1\n\n\n\nb = 1\n")]);
    made(&world, &to("tools/x.py", "v1", "a = 2\n\n\n\nb = 1\n"));
    made(&world, &to("tools/x.py", "v2", "a = 2\n\n\n\nb = 2\n"));
    let only = rollback(&world, &json!({"tool": "tools/x.py", "only": "v2"}));
    assert_eq!(only.status, 201, "{}", String::from_utf8_lossy(&only.body));
    assert_eq!(on_disk(&world, "x.py"), "a = 1\n\n\n\nb = 2\n");
    let whole = rollback(&world, &json!({"tool": "tools/x.py", "to": "v2"}));
    assert_eq!(whole.status, 201);
    assert_eq!(on_disk(&world, "x.py"), "a = 2\n\n\n\nb = 1\n");
    made(&world, &to("tools/x.py", "head", "a = 3\n\n\n\nb = 1\n"));
    let entangled = rollback(&world, &json!({"tool": "tools/x.py", "only": "v2"}));
    assert_eq!(entangled.refusal(), (409, "conflict".to_owned()));
    let missing = rollback(&world, &json!({"tool": "tools/x.py", "to": "v99"}));
    assert_eq!(missing.refusal(), (404, "no_such_version".to_owned()));
    assert_eq!(on_disk(&world, "x.py"), "a = 3\n\n\n\nb = 1\n");
}

#[test]
fn what_was_there_is_a_version_before_the_baseline_is_written_back() {
    let world = World::with(&[("x.ts", "one\n"), ("y.ts", "one\n")]);
    world.write("x.ts", "edit\n");
    world.sh("rm y.ts");
    let both = json!({"tools": [{"tool": "tools/x.ts"}, {"tool": "tools/y.ts"}]});
    let answer = world.post("/v1/restore", &both);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(
        (on_disk(&world, "x.ts"), on_disk(&world, "y.ts")),
        ("one\n".to_owned(), "one\n".to_owned())
    );
    assert_eq!(world.contents("tools/x.ts"), ["one\n", "edit\n", "one\n"]);
    assert_eq!(newest(&world, "tools/x.ts")["reason"], "restore");
    assert_eq!(world.sync()["in_sync"], true);
    world.write("orphan.ts", "mine\n");
    world.sync();
    let orphan = world.post("/v1/restore", &json!({"tools": [{"tool": "tools/orphan.ts"}]}));
    assert_eq!(orphan.status, 404, "{}", orphan.detail());
    assert_eq!(on_disk(&world, "orphan.ts"), "mine\n");
    world.post("/v1/restore", &json!({"tools": [{"tool": "tools/x.ts", "to": "v2"}]})).ok();
    assert_eq!(on_disk(&world, "x.ts"), "edit\n");
    world.verify();
}

#[test]
fn what_is_quarantined_stays_out_until_a_human_says_why() {
    let world = World::with(&[("x.ts", "one\n")]);
    made(&world, &to("tools/x.ts", "v1", "bad\n"));
    let request = json!({"tools": [{"tool": "tools/x.ts"}], "quarantine": true});
    assert_eq!(world.post("/v1/rollback", &request).status, 201);
    assert_eq!(on_disk(&world, "x.ts"), "one\n");
    world.wait_kind(0, "content.quarantined");
    let again = to("tools/x.ts", "head", "bad\n");
    assert_eq!(send(&world, &again).refusal(), (409, "quarantined".to_owned()));
    let ai = json!({"force": true, "message": "it is fine", "author": {"kind": "ai", "name": "a"}});
    assert_eq!(send(&world, &with(again.clone(), &ai)).refusal().0, 403);
    assert_eq!(send(&world, &with(again.clone(), &json!({"force": true}))).refusal().0, 400);
    assert_eq!(on_disk(&world, "x.ts"), "one\n");
    // By an editor it is flagged, and no plain accept makes it known good.
    world.write("x.ts", "bad\n");
    let issues = world.sync()["issues"].clone();
    let flagged = issues.as_array().unwrap().iter().any(|it| it["type"] == "quarantined_content");
    assert!(flagged, "{issues}");
    assert_eq!(world.accept(&["tools/x.ts"]).refusal(), (409, "quarantined".to_owned()));
    assert_eq!(world.post("/v1/restore", &json!({"tools": [{"tool": "tools/x.ts"}]})).status, 201);
    let human = json!({"force": true, "message": "the fault was elsewhere"});
    made(&world, &with(again, &human));
    world.wait_kind(0, "content.released");
    assert_eq!(
        (on_disk(&world, "x.ts"), world.sync()["issues"].clone()),
        ("bad\n".to_owned(), json!([]))
    );
}
