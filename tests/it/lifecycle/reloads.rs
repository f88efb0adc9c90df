//! Another configuration for a running daemon: all of it or none, and no event lost meanwhile.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::process::Signal;
use serde_json::json;

use crate::world::{World, stderr};

#[test]
fn a_signal_reloads_and_a_bad_configuration_changes_nothing() {
    let mut world = World::with(&[("x.py", "one\n")]);
    let lines = world.daemon().lines();
    world.daemon().signal(Signal::HUP);
    world.daemon().wait_log(lines, "config.reloaded");
    world.config = "[log]\nlevel = \"loud\"".to_owned();
    world.write_config();
    world.daemon().signal(Signal::HUP);
    let line = world.daemon().wait_log(lines, "config.rejected");
    assert_eq!(line["level"], "error");
    assert!(
        line["errors"].as_str().unwrap().contains("config.toml:4:9: \"loud\" is none of"),
        "{line}"
    );
    let refused = world.post("/v1/reload", &json!({}));
    assert_eq!(refused.refusal(), (400, "config_rejected".to_owned()));
    assert!(refused.json()["errors"][0].as_str().unwrap().contains("config.toml:4:9"));
    let refused = world.cli(&["reload"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(stderr(&refused).contains("config.toml:4:9"), "{}", stderr(&refused));
    world.write("x.py", "two\n");
    world.sync();
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"]);
    world.config = "[access]\naccept = [\"uid:12345\"]\n[log]\nlevel = \"warn\"".to_owned();
    world.write_config();
    let reloaded = world.post("/v1/reload", &json!({})).ok();
    let changed = json!(["access.accept", "log.level"]);
    assert_eq!(
        reloaded,
        json!({"reloaded": true, "roots": ["tools"], "changed": changed, "needs_restart": []})
    );
    assert_eq!(world.accept(&["tools/x.py"]).status, 403, "in force when the answer comes");
}

#[test]
fn a_root_more_and_other_globs_while_somebody_edits() {
    let mut world = World::with(&[("x.py", "one\n"), ("notes.md", "notes\n")]);
    let (other, stop) = (world.ground.path.join("other"), AtomicBool::new(false));
    fs::create_dir(&other).unwrap();
    fs::write(other.join("y.py"), "one\n").unwrap();
    let root = world.root.clone();
    let before = world.head();
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) && number < 20_000 {
                fs::write(root.join(format!("t{number}.py")), format!("{number}\n")).unwrap();
                number += 1;
            }
            number
        });
        world.config = format!("[[root]]\nname = \"other\"\npath = {other:?}");
        world.root_keys = "include = [\"**/*.py\", \"**/*.md\"]".to_owned();
        world.write_config();
        let reloaded = world.post("/v1/reload", &json!({})).ok();
        assert_eq!(reloaded["roots"], json!(["other", "tools"]));
        world.wait_event(before, |it| it["tool"] == "tools/notes.md");
        world
            .wait_event(before, |it| it["tool"] == "other/y.py" && it["event"] == "baseline.moved");
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    let status = world.sync();
    for number in 0..written {
        assert_eq!(world.contents(&format!("tools/t{number}.py")), [format!("{number}\n")]);
    }
    assert_eq!(status["summary"]["orphaned"], written + 1, "the notes were no tool before");
    assert_eq!(world.tool("other/y.py")["baseline"], 1, "a first scan is a baseline");
    fs::write(other.join("y.py"), "two\n").unwrap();
    world.write("notes.md", "more notes\n");
    world.sync();
    assert_eq!(world.contents("other/y.py"), ["one\n", "two\n"]);
    assert_eq!(world.contents("tools/notes.md"), ["notes\n", "more notes\n"]);
    assert!(world.daemon().logged("audit.missed").is_empty());
    // A root that goes takes its tools out of every list; what was recorded stays.
    world.config.clear();
    world.write_config();
    world.post("/v1/reload", &json!({})).ok();
    world.sync();
    assert!(!world.tools().iter().any(|it| it.starts_with("other/")));
    assert_eq!(world.contents("other/y.py"), ["one\n", "two\n"]);
    world.verify();
}

/// Roots, globs, limits and rights change again and again while one file is written, each time once it was recorded, and
/// many others are written without waiting. Nothing is lost, nothing is told twice, no walk has to find anything.
#[test]
fn nothing_is_lost_and_nothing_told_twice_while_everything_changes() {
    let mut world = World::with(&[("x.py", "start\n")]);
    let other = world.ground.path.join("other");
    fs::create_dir(&other).unwrap();
    let (root, stop, before) = (world.root.clone(), AtomicBool::new(false), world.head());
    let mut stream = world.follow(before);
    let mut all_changed = Vec::new();
    let (written, seen) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut number, mut seen) = (0, Vec::new());
            while !stop.load(Ordering::Relaxed) && number < 5_000 {
                fs::write(root.join("x.py"), format!("{number}\n")).unwrap();
                fs::write(root.join(format!("t{number}.py")), "once\n").unwrap();
                let recorded = |it: &serde_json::Value| {
                    seen.push(it["seq"].as_u64().unwrap());
                    it["event"] == "version.recorded" && it["tool"] == "tools/x.py"
                };
                stream.find(recorded).unwrap();
                number += 1;
            }
            (number, seen)
        });
        for turn in 0..30 {
            let more = format!("[[root]]\nname = \"other\"\npath = {other:?}\n");
            let limits =
                format!("limits.connections = {}\naudit.walk = \"{}s\"\n", 40 + turn, 61 + turn);
            let rights = format!("access.accept = [\"uid:{turn}\"]\n");
            world.config = limits + &rights + if turn % 2 == 0 { &more } else { "" };
            world.root_keys = format!("exclude = [\"**/never{turn}\"]");
            world.write_config();
            let reloaded = world.post("/v1/reload", &json!({})).json();
            all_changed.push(reloaded["changed"].to_string());
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert!(written > 0);
    for changed in all_changed {
        for key in ["limits.connections", "audit.walk", "access.accept", "root.tools.exclude"] {
            assert!(changed.contains(key), "{key} is not in {changed}");
        }
    }
    world.sync();
    let in_order: Vec<u64> = (before + 1..).take(seen.len()).collect();
    assert_eq!(seen, in_order, "every fact once, in order");
    let mut wanted = vec!["start\n".to_owned()];
    wanted.extend((0..written).map(|it| format!("{it}\n")));
    assert_eq!(world.contents("tools/x.py"), wanted);
    for number in 0..written {
        assert_eq!(world.contents(&format!("tools/t{number}.py")), ["once\n"], "{number}");
    }
    assert!(world.daemon().logged("audit.missed").is_empty());
    world.verify();
}

/// What is taken over at once, and what is said of what is not.
#[test]
fn limits_hold_at_once_and_what_waits_is_named() {
    let mut world = World::with(&[("x.py", "one\n")]);
    let long = json!({"tools": [{"tool": "x".repeat(2000)}]});
    assert_ne!(world.post("/v1/accept", &long).status, 413);
    let lines = world.daemon().lines();
    let state = world.home.join("elsewhere");
    world.config =
        "limits.body_size = \"1 KiB\"\nlimits.file_size = \"8 B\"\nlog.format = \"text\""
            .to_owned();
    let file = world.write_config();
    let text = fs::read_to_string(&file).unwrap();
    let moved = text.replace(world.state().to_str().unwrap(), state.to_str().unwrap());
    fs::write(&file, moved).unwrap();
    let reloaded = world.post("/v1/reload", &json!({})).ok();
    assert_eq!(reloaded["needs_restart"], json!(["log.format", "state_dir"]));
    let line =
        world.daemon().wait_line(lines, "needs_restart", |it| !it["needs_restart"].is_null());
    assert_eq!(
        (&line["level"], &line["needs_restart"]),
        (&json!("warn"), &json!("log.format state_dir"))
    );
    assert_eq!(world.post("/v1/accept", &long).status, 413);
    world.write("x.py", "far too long\n");
    world.sync();
    assert_eq!(world.tool("tools/x.py")["cause"], "too_large");
    // It is said again as long as it is so, and no more when it is taken back.
    assert_eq!(
        world.post("/v1/reload", &json!({})).ok()["needs_restart"],
        reloaded["needs_restart"]
    );
    world.config.clear();
    world.write_config();
    assert_eq!(world.post("/v1/reload", &json!({})).ok()["needs_restart"], json!([]));
}

#[test]
fn a_root_that_cannot_be_taken_leaves_the_old_ones() {
    let mut world = World::with(&[("x.py", "one\n")]);
    let inner = world.path("inner");
    world.config = format!("[[root]]\nname = \"inner\"\npath = {inner:?}");
    world.write_config();
    let refused = world.post("/v1/reload", &json!({}));
    assert_eq!(refused.refusal(), (400, "config_rejected".to_owned()));
    let other = World::with(&[("y.py", "one\n")]);
    world.config = format!("[[root]]\nname = \"taken\"\npath = {:?}", other.root);
    world.write_config();
    let refused = world.post("/v1/reload", &json!({}));
    assert_eq!(refused.refusal(), (400, "config_rejected".to_owned()));
    let error = refused.json()["errors"][0].to_string();
    assert!(error.contains("in use by another knowngood"), "{error}");
    world.write("x.py", "two\n");
    world.sync();
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"]);
}

/// A tool that the globs no longer name: in no list from the reload on, whatever becomes of it, and taken back as it was.
#[test]
fn a_file_that_is_no_tool_any_more() {
    let mut world = World::with(&[("x.py", "one\n"), ("y.sh", "one\n"), ("z.sh", "one\n")]);
    world.write("y.sh", "two\n");
    world.sync();
    let (all, before) = (std::mem::take(&mut world.root_keys), world.head());
    for keys in ["include = [\"**/*.py\"]", "exclude = [\"**/*.sh\"]"] {
        world.root_keys = keys.to_owned();
        world.write_config();
        world.post("/v1/reload", &json!({})).ok();
        let status = world.sync();
        assert_eq!((&status["issues"], &status["roots"][0]["tools"]), (&json!([]), &json!(1)));
        assert_eq!(world.tools(), ["tools/x.py"]);
    }
    world.write("y.sh", "three\n");
    fs::remove_file(world.path("z.sh")).unwrap();
    world.sync();
    world.post("/v1/rescan", &json!({})).ok();
    assert_eq!(world.head(), before, "no fact");
    assert_eq!(world.contents("tools/y.sh"), ["one\n", "two\n"]);
    assert_eq!(world.tool("tools/y.sh")["baseline"], 1);
    assert_eq!(world.accept(&["tools/z.sh"]).refusal(), (404, "no_such_tool".to_owned()));
    let diff = world.get("/v1/diff/tools/y.sh?from=v1&to=v2").ok()["diff"].clone();
    assert!(diff.as_str().unwrap().ends_with("-one\n+two\n"), "{diff}");
    world.restart();
    assert_eq!((world.tools(), world.head()), (vec!["tools/x.py".to_owned()], before));
    world.root_keys = all;
    world.write_config();
    world.post("/v1/reload", &json!({})).ok();
    world.wait_event(before, |it| it["tool"] == "tools/z.sh" && it["event"] == "tool.removed");
    let summary = world.sync()["summary"].clone();
    assert_eq!((&summary["modified"], &summary["missing"]), (&json!(1), &json!(1)));
    assert_eq!(world.contents("tools/y.sh"), ["one\n", "two\n", "three\n"]);
    assert!(world.daemon().logged("audit.missed").is_empty());
    world.verify();
}
