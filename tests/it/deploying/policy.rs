//! What a root says about deploys and edits in its configuration: what happens to edits that nobody deployed, how long a
//! deploy is on trial, what is run afterwards. And an AI that wants its edit accepted.

#![expect(clippy::assigning_clones, reason = "a world is made once")]

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::{baseline, deploy, made, on_disk, send, to, wait_state, with};
use crate::world::World;

/// A running daemon over these files, whose root has these keys.
fn with_keys(keys: &str, files: &[(&str, &str)]) -> World {
    let mut world = World::new();
    world.root_keys = keys.to_owned();
    for (path, text) in files {
        world.write(path, text);
    }
    world.start();
    world
}

fn wait_baseline(world: &World, after: u64, version: u64) {
    world.wait_event(after, |it| it["event"] == "baseline.moved" && it["version"] == version);
}

#[test]
fn an_edit_that_passes_verification_is_accepted_where_the_root_says_so() {
    let keys = "on_drift = \"accept\"\nedits_by = \"human:ana\"";
    let world = with_keys(keys, &[("x.py", "a = 1\n"), ("y.py", "b = 1\n")]);
    world.write("x.py", "a = 2\n");
    wait_baseline(&world, 0, 2);
    assert_eq!(world.sync()["in_sync"], true);
    let told = world.get("/v1/deploys").ok()["items"][0].clone();
    assert_eq!(
        (&told["kind"], &told["author"]["name"]),
        (&json!("accept"), &json!("ana")),
        "{told}"
    );
    // What does not compile stays drift, and is not tried again.
    world.write("x.py", "a = (\n");
    let refused = world.wait_event(0, |it| it["event"] == "deploy.rejected");
    assert_eq!(world.tool("tools/x.py")["sync"], "modified");
    world.post("/v1/rescan", &json!({})).ok();
    // A deletion is never accepted; a new tool is.
    fs::remove_file(world.path("y.py")).unwrap();
    world.write("z.py", "c = 1\n");
    wait_baseline(&world, refused["seq"].as_u64().unwrap(), 1);
    world.sync();
    let states: Vec<Value> = ["x", "y", "z"]
        .iter()
        .map(|it| world.tool(&format!("tools/{it}.py"))["sync"].clone())
        .collect();
    assert_eq!(states, ["modified", "missing", "in_sync"]);
    let rejected = world.get("/v1/deploys?state=rejected").ok();
    assert_eq!(rejected["items"].as_array().unwrap().len(), 1, "{rejected}");
}

#[test]
fn an_edit_is_examined_where_the_root_says_so() {
    let world = with_keys("on_drift = \"examine\"", &[("x.py", "a = 1\n")]);
    world.write("x.py", "a = (\n");
    let alert = world.wait_event(0, |it| it["event"] == "alert.raised");
    assert_eq!(
        (&alert["detail"]["kind"], &alert["tool"], &alert["version"]),
        (&json!("edit_rejected"), &json!("tools/x.py"), &json!(2)),
        "{alert}"
    );
    // It is told, and nothing else: the edit stands, and no deploy was made of it.
    assert_eq!(world.tool("tools/x.py")["sync"], "modified");
    assert_eq!(world.get("/v1/deploys").ok()["items"], json!([]));
}

#[test]
fn the_baseline_is_put_back_where_the_root_says_so() {
    let world = with_keys("on_drift = \"restore\"", &[("x.py", "a = 1\n"), ("y.py", "b = 1\n")]);
    world.write("x.py", "a = 2\n");
    world.wait_event(0, |it| it["event"] == "drift.cleared");
    assert_eq!(on_disk(&world, "x.py"), "a = 1\n");
    let versions = world.versions("tools/x.py");
    let reasons: Vec<&str> = versions.iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["initial", "edit", "restore"]);
    // Who insists is told, and left alone; who removes it gets it back.
    world.write("x.py", "a = 2\n");
    fs::remove_file(world.path("y.py")).unwrap();
    world.wait_event(0, |it| it["event"] == "drift.cleared" && it["tool"] == "tools/y.py");
    world.sync();
    assert_eq!(
        (on_disk(&world, "x.py").as_str(), on_disk(&world, "y.py").as_str()),
        ("a = 2\n", "b = 1\n")
    );
    assert_eq!(world.tool("tools/x.py")["sync"], "modified");
    // A deploy is no drift.
    let done = made(&world, &to("tools/x.py", "v4", "a = 3\n"));
    assert_eq!((&done["state"], baseline(&world, "tools/x.py")), (&json!("confirmed"), json!(5)));
    assert_eq!(on_disk(&world, "x.py"), "a = 3\n");
}

#[test]
fn a_root_may_put_every_deploy_on_trial() {
    let world = with_keys("confirm_within = \"1s\"", &[("x.ts", "one\n")]);
    let done = made(&world, &to("tools/x.ts", "v1", "two\n"));
    assert_eq!(done["state"], "activated");
    wait_state(&world, &done["deploy"], "rolled_back");
    let longer = with(to("tools/x.ts", "disk", "two\n"), &json!({"confirm_within": "1h"}));
    let done = made(&world, &longer);
    let number = &done["deploy"];
    world.post(&format!("/v1/deploys/{number}/confirm"), &json!({})).ok();
    assert_eq!(on_disk(&world, "x.ts"), "two\n");
}

fn git(root: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The command that the sample of the configuration shows.
const COMMIT: &str = r#"after = ["sh", "-c", "git add -A -- \"$@\" && git commit -qm \"$KNOWNGOOD_MESSAGE\" -- \"$@\"", "sh", "{tools}"]"#;

#[test]
fn a_deploy_into_a_checkout_is_committed_afterwards() {
    let mut world = World::new();
    world.root_keys = COMMIT.to_owned();
    for (path, text) in [("x.ts", "one\n"), ("y.ts", "one\n"), ("notes", "mine\n")] {
        world.write(path, text);
    }
    let root = world.root.clone();
    git(&root, &["init", "-q"]);
    for (key, value) in [("user.name", "Ana"), ("user.email", "ana@example.org")] {
        git(&root, &["config", key, value]);
    }
    git(&root, &["add", "x.ts", "y.ts"]);
    git(&root, &["commit", "-qm", "first"]);
    world.start();
    let say = |text: &str| json!({"message": text});
    let done = made(&world, &with(to("tools/x.ts", "v1", "two\n"), &say("two, \"$(id)\"")));
    let ran = world.daemon().wait_log(0, "after.done");
    assert_eq!(ran["deploy"], done["deploy"]);
    assert_eq!(
        git(&root, &["log", "-1", "--format=%s", "--name-status"]),
        "two, \"$(id)\"\n\nM\tx.ts\n"
    );
    let gone = json!({"changes": [{"tool": "tools/y.ts", "base": "v1", "delete": true}], "message": "old"});
    made(&world, &gone);
    world
        .daemon()
        .wait_line(0, "the second", |it| it["event"] == "after.done" && it["deploy"] == 2);
    assert_eq!(git(&root, &["log", "-1", "--format=%s", "--name-status"]), "old\n\nD\ty.ts\n");
    assert_eq!(git(&root, &["status", "--porcelain"]), "?? notes\n");
    // A rollback too; and where the command fails, the deploy stands.
    world.write(".git/index.lock", "");
    let back = json!({"tools": [{"tool": "tools/x.ts"}], "message": "back"});
    assert_eq!(world.post("/v1/rollback", &back).json()["state"], "confirmed");
    let failed = world.daemon().wait_log(0, "after.failed");
    assert_eq!((&failed["level"], &failed["deploy"]), (&json!("warn"), &json!(3)));
    assert_eq!(on_disk(&world, "x.ts"), "one\n");
}

/// By an AI, which the channel takes for one.
fn by_an_ai(root_keys: &str) -> World {
    let mut world = World::new();
    world.config = "[authors]\nhuman = [\"self\"]\nai = [\"self\"]".to_owned();
    world.root_keys = root_keys.to_owned();
    for name in ["x.py", "y.ts"] {
        world.write(name, "a = 1\n");
    }
    world.start();
    world
}

#[test]
fn an_ais_accept_is_verified() {
    let world = by_an_ai("policy.ai.pure = \"verify\"");
    let accept = |tool: &str| {
        world.post("/v1/accept", &json!({"tools": [{"tool": tool}], "author": {"kind": "human"}}))
    };
    world.write("x.py", "a = 2\n");
    let done = accept("tools/x.py");
    assert_eq!((done.status, baseline(&world, "tools/x.py")), (200, json!(2)), "{}", done.detail());
    assert_eq!(done.json()["accepted"][0]["baseline"], 2);
    world.write("x.py", "a = (\n");
    assert_eq!(accept("tools/x.py").refusal(), (422, "verification_failed".to_owned()));
    assert_eq!(
        (baseline(&world, "tools/x.py"), on_disk(&world, "x.py")),
        (json!(2), "a = (\n".to_owned())
    );
    // What nothing can check waits for somebody.
    world.write("y.ts", "b\n");
    let waits = accept("tools/y.ts");
    assert_eq!(waits.status, 202);
    let number = waits.json()["deploy"].clone();
    assert_eq!(deploy(&world, &number)["state"], "awaiting_approval");
    assert_eq!(baseline(&world, "tools/y.ts"), 1);
    let approved = world.post(&format!("/v1/deploys/{number}/approve"), &json!({}));
    assert_eq!(approved.refusal(), (403, "forbidden".to_owned()), "not by an ai");
    // What is so already is no deploy.
    world.write("y.ts", "a = 1\n");
    world.post(&format!("/v1/deploys/{number}/abort"), &json!({})).ok();
    let nothing = accept("tools/y.ts").ok();
    assert_eq!((&nothing["accepted"], &nothing["deploy"]), (&json!([]), &Value::Null));
}

#[test]
fn what_waits_for_approval_is_compared_again() {
    let world = by_an_ai("");
    let waits = send(&world, &to("tools/y.ts", "v1", "two\n"));
    assert_eq!((waits.status, &waits.json()["state"]), (202, &json!("awaiting_approval")));
    assert_eq!(on_disk(&world, "y.ts"), "a = 1\n");
}
