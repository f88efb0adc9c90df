//! Somebody was faster: refused with everything that is needed to go on, merged, or overwritten as asked.

use serde_json::{Value, json};

use super::{deploy, made, newest, on_disk, send, to, with};
use crate::world::{World, stderr};

#[test]
fn a_stale_base_is_refused_with_all_there_is_to_know() {
    let world = World::with(&[("x.py", "1\n2\n3\n")]);
    world.write("x.py", "1\ntwo\n3\n");
    let answer = send(&world, &to("tools/x.py", "v1", "1\nzwei\n3\n"));
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
    let told = answer.json();
    let conflict = &told["conflicts"][0];
    let edit = newest(&world, "tools/x.py");
    assert_eq!(conflict["tool"], "tools/x.py");
    assert_eq!(conflict["base"]["version"], 1, "{conflict}");
    let current = &conflict["current"];
    assert_eq!((&current["version"], &current["sha256"]), (&json!(2), &edit["sha256"]));
    assert_eq!((&current["author"], &current["time"]), (&edit["author"], &edit["time"]));
    let text = |name: &str| conflict[name].as_str().unwrap().to_owned();
    assert!(text("diff_base_current").contains("-2\n+two\n"), "{conflict}");
    assert!(text("diff_base_proposed").contains("-2\n+zwei\n"), "{conflict}");
    assert_eq!(conflict["merge"]["clean"], false);
    assert_eq!(conflict["merge"]["conflicts"][0]["current"]["text"], "two\n", "{conflict}");
    assert_eq!(
        conflict["resolution_options"],
        json!(["abort_and_refresh", "overwrite_anyway", "manual_merge"])
    );
    let hint = told["hint"].as_str().unwrap();
    assert!(hint.contains(edit["sha256"].as_str().unwrap()), "the next base: {hint}");
    assert_eq!(on_disk(&world, "x.py"), "1\ntwo\n3\n");
    assert_eq!(world.versions("tools/x.py").len(), 2);
}

#[test]
fn a_tool_that_must_not_be_there_and_one_that_is_gone() {
    let world = World::with(&[("x.ts", "one\n"), ("y.ts", "one\n")]);
    world.write("n.ts", "there\n");
    world.sh("rm y.ts");
    let there = send(&world, &to("tools/n.ts", Value::Null, "mine\n"));
    assert_eq!(there.refusal(), (409, "conflict".to_owned()));
    let gone = send(&world, &to("tools/y.ts", "v1", "mine\n"));
    assert_eq!(gone.refusal(), (409, "conflict".to_owned()));
    assert_eq!(gone.json()["conflicts"][0]["current"], Value::Null);
    assert_eq!(on_disk(&world, "n.ts"), "there\n");
    assert!(!world.path("y.ts").exists());
}

#[test]
fn a_merge_has_both_parents() {
    let world = World::with(&[("x.py", "a = 1\n\n\n\nb = 1\n")]);
    world.write("x.py", "a = 2\n\n\n\nb = 1\n");
    let merge = json!({"on_conflict": "merge", "reason": "feature"});
    let done = made(&world, &with(to("tools/x.py", "v1", "a = 1\n\n\n\nb = 2\n"), &merge));
    assert_eq!(done["changes"][0]["version"], 3, "{done}");
    assert_eq!(on_disk(&world, "x.py"), "a = 2\n\n\n\nb = 2\n");
    let version = newest(&world, "tools/x.py");
    assert_eq!((&version["parents"], &version["reason"]), (&json!(["v1", "v2"]), &json!("merge")));
    // What cannot be merged.
    world.write("x.py", "a = 3\n\n\n\nb = 2\n");
    let answer = send(&world, &with(to("tools/x.py", "v3", "a = 4\n\n\n\nb = 2\n"), &merge));
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
    assert_eq!(on_disk(&world, "x.py"), "a = 3\n\n\n\nb = 2\n");
    world.verify();
}

/// A merge that nobody could make stays listed with its content, until somebody decides it.
#[test]
fn what_does_not_merge_waits_for_a_person() {
    let mut world = World::with(&[("x.py", "a = 1\n")]);
    world.write("x.py", "a = 2\n");
    let merge = json!({"on_conflict": "merge"});
    let ask = |world: &World, content: &str| {
        let answer = send(world, &with(to("tools/x.py", "v1", content), &merge));
        assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
        answer.json()["deploy"].clone()
    };
    let dry =
        with(to("tools/x.py", "v1", "a = 9\n"), &json!({"on_conflict": "merge", "dry_run": true}));
    assert_eq!(send(&world, &dry).json()["deploy"], json!(null), "a dry run leaves nothing");
    let first = ask(&world, "a = 3\n");
    let second = ask(&world, "a = 4\n");
    let listed = |world: &World| world.sync()["issues"].as_array().unwrap().clone();
    let conflict = |it: &Value| it["type"] == "unresolved_conflict";
    world.restart();
    assert_eq!(deploy(&world, &first)["state"], "superseded", "its author proposed another one");
    assert_eq!(deploy(&world, &second)["state"], "conflicted");
    let waits: Vec<Value> = listed(&world).into_iter().filter(conflict).collect();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert_eq!((&waits[0]["tool"], &waits[0]["deploy"]), (&json!("tools/x.py"), &second));
    // Its content can be read, and is no version.
    let hash = deploy(&world, &second)["changes"][0]["sha256"].as_str().unwrap().to_owned();
    let content = world.get(&format!("{}?at={hash}", super::content_url("tools/x.py")));
    assert_eq!((content.status, &content.body[..]), (200, &b"a = 4\n"[..]));
    assert_eq!(world.versions("tools/x.py").len(), 2);
    // By hand, with whatever program is named.
    let number = second.to_string();
    let settle = |tool: &str| world.cli(&["resolve", &number, "--tool", tool]);
    let lazy = settle("true");
    assert_ne!(lazy.status.code(), Some(0), "what still has marks is not deployed");
    let done = settle("sh -c 'echo \"a = 24\" > \"$3\"'");
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(on_disk(&world, "x.py"), "a = 24\n");
    assert_eq!(deploy(&world, &second)["state"], "superseded");
    assert!(!listed(&world).iter().any(conflict));
}

/// Each side is well-formed, both together are not.
#[test]
fn a_merge_is_verified_like_any_content() {
    let world = World::with(&[("x.py", "x = [\n1,\n2,\n3,\n]\n")]);
    world.write("x.py", "x = 0\n1,\n2,\n3,\n0\n");
    let answer = send(
        &world,
        &with(to("tools/x.py", "v1", "x = [\n1,\n[2],\n3,\n]\n"), &json!({"on_conflict": "merge"})),
    );
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    world.write("x.py", "x = [\n1,\n[2],\n3,\n]\ny = 1\n");
    world.sync();
    let broken = "x = [\n1,\n[2,\n3,\n]\n";
    let answer =
        send(&world, &with(to("tools/x.py", "v3", broken), &json!({"on_conflict": "merge"})));
    assert!([409, 422].contains(&answer.status), "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(on_disk(&world, "x.py"), "x = [\n1,\n[2],\n3,\n]\ny = 1\n");
}

#[test]
fn what_is_overwritten_is_a_version_first() {
    let world = World::with(&[("x.ts", "one\n")]);
    let overwrite = json!({"on_conflict": "overwrite"});
    for round in 0..10 {
        world.write("x.ts", &format!("edit {round}\n"));
        let mine = format!("mine {round}\n");
        let done = made(&world, &with(to("tools/x.ts", "v1", &mine), &overwrite));
        assert_eq!(on_disk(&world, "x.ts"), mine);
        let displaced = &done["changes"][0]["displaced"];
        assert_eq!(world.content("tools/x.ts", displaced), format!("edit {round}\n"));
    }
    assert_eq!(world.versions("tools/x.ts").len(), 21);
    world.verify();
}
