//! Interpreters that keep what they compiled, by size and second of mtime: after a deploy or a rollback a new one runs
//! what is on disk, however short the time since the last change of the same size was.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests wait for a second of the wall clock to begin"
)]

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use crate::world::World;

const TOOL: &str = "tools/t.py";
const FILE: &str = "t.py";

#[test]
fn the_code_on_disk_is_what_runs() {
    change_and_import(40);
}

#[test]
#[ignore = "takes minutes"]
fn the_code_on_disk_is_what_runs_in_the_long_run() {
    change_and_import(1000);
}

/// What a deploy was given as its mtime lies ahead of the clock; a save by hand within that second goes back to it, and
/// the next deploy must not meet the second of the first again.
#[test]
fn a_save_in_between_brings_no_old_code_back() {
    let world = World::with(&[(FILE, &content(0))]);
    if imported(&world).is_none() {
        return;
    }
    for round in (10..60).step_by(10) {
        wait_for_a_new_second();
        fs::write(world.path(FILE), content(round)).unwrap();
        deploy(&world, round + 1);
        assert_eq!(imported(&world).unwrap(), content(round + 1));
        fs::write(world.path(FILE), content(round + 2)).unwrap();
        deploy(&world, round + 3);
        assert_eq!(imported(&world).unwrap(), content(round + 3));
    }
}

fn wait_for_a_new_second() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let left = Duration::from_secs(1)
        .checked_sub(Duration::from_nanos(since.subsec_nanos().into()))
        .unwrap();
    let until = Instant::now() + left;
    while Instant::now() < until {
        std::thread::park_timeout(until - Instant::now());
    }
}

/// Always as long as any other.
fn content(number: usize) -> String {
    format!("value = {number:06}\n").replace("= 0", "= 1")
}

/// Anything below `most`, the same in every run.
fn drawn(seed: usize, most: usize) -> usize {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % most as u64) as usize
}

/// What an interpreter finds that was started now, with its cache. `None`: there is none here.
fn imported(world: &World) -> Option<String> {
    let mut python = Command::new("python3");
    python.args(["-c", "import t; print(t.value)"]).current_dir(&world.root);
    python.env_remove("PYTHONDONTWRITEBYTECODE").env_remove("PYTHONPYCACHEPREFIX");
    let Ok(output) = python.output() else {
        println!("SKIPPED: python3 is missing");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(format!("value = {}", String::from_utf8(output.stdout).unwrap()))
}

fn change_and_import(count: usize) {
    let world = World::with(&[(FILE, &content(0))]);
    let Some(first) = imported(&world) else { return };
    assert_eq!(first, content(0));
    assert!(world.path("__pycache__").is_dir(), "nothing is kept: this test would see nothing");
    let (mut imports, mut kinds) = (0, BTreeMap::<&str, usize>::new());
    for number in 1..=count {
        let kind = change(&world, number);
        *kinds.entry(kind).or_default() += 1;
        // Whoever saves by hand within one second knows his interpreter; a save is not always run.
        let runs = kind != "save" || drawn(number * 3, 2) == 0;
        if !runs {
            continue;
        }
        imports += 1;
        let ran = imported(&world).unwrap();
        let stands = fs::read_to_string(world.path(FILE)).unwrap();
        assert!(
            kind == "save" || ran == stands,
            "{number}, {kind}: {ran:?} ran, {stands:?} stands"
        );
    }
    println!(
        "{count} changes {kinds:?}, {imports} imports: all ran what stood there after a deploy"
    );
    world.sync();
    world.verify();
}

/// By hand, by a deploy or by a rollback.
fn change(world: &World, number: usize) -> &'static str {
    let request = match drawn(number, 4) {
        0 => {
            fs::write(world.path(FILE), content(number)).unwrap();
            return "save";
        }
        1 if world.versions(TOOL).len() > 2 => {
            // What is on disk is known then.
            world.sync();
            let head = world.tool(TOOL)["disk"]["version"].as_u64().unwrap();
            let to = format!("v{}", 1 + drawn(number * 7, (head - 1).max(1) as usize));
            json!({"tools": [{"tool": TOOL, "to": to}]})
        }
        _ => {
            deploy(world, number);
            return "deploy";
        }
    };
    let told = world.post("/v1/rollback", &request).ok();
    assert!(["confirmed", "no_op"].contains(&told["state"].as_str().unwrap()), "{told}");
    "rollback"
}

fn deploy(world: &World, number: usize) {
    let change = json!({"tool": TOOL, "base": "disk", "content": content(number)});
    // The save before it may not be known yet.
    let request = json!({"changes": [change], "on_conflict": "overwrite"});
    assert_eq!(world.post("/v1/deploys", &request).ok()["state"], "confirmed");
}
