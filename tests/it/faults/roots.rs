//! Roots that go away, come back, are others now: the baseline holds, and nothing is recorded that did not happen.

use std::{fs, os::unix::fs as unix};

use serde_json::json;

use crate::world::{World, mount_memory, private, unmount};

const TOOLS: usize = 8;

fn filled() -> World {
    let mut world = World::new();
    for number in 0..TOOLS {
        world.write(&format!("d{}/t{number}.py", number % 3), &format!("{number}\n"));
    }
    world.start();
    world
}

/// The root is away: said, every tool missing, every baseline kept, none removed.
fn is_held(world: &World, before: u64, cause: &str) {
    let event = world.wait_kind(before, "safety.stopped");
    assert_eq!(
        (&event["detail"]["root"], &event["detail"]["cause"]),
        (&json!("tools"), &json!(cause))
    );
    let status = world.sync();
    assert_eq!(status["roots"][0]["safety_stop"], cause, "{status}");
    assert_eq!(status["summary"]["missing"], TOOLS, "{status}");
    assert!(world.tools().iter().all(|it| world.tool(it)["baseline"] == 1));
}

/// All is as it was, with no version more, and watched.
fn is_back(world: &World, before: u64) {
    world.wait_kind(before, "safety.cleared");
    let status = world.sync();
    assert_eq!(
        (&status["in_sync"], &status["roots"][0]["safety_stop"]),
        (&json!(true), &json!(null)),
        "{status}"
    );
    assert_eq!(status["summary"]["in_sync"], TOOLS);
    assert!(world.events_of("version.recorded", before).is_empty(), "no version came of it");
    assert!(world.events_of("baseline.moved", before).is_empty(), "no baseline moved");
    let before = world.head();
    world.write("d0/t0.py", "after\n");
    let event = world.wait_kind(before, "version.recorded");
    assert_eq!((&event["version"], &event["detail"]["origin"]), (&json!(2), &json!("watch")));
    world.write("d0/t0.py", "0\n");
    world.wait_kind(before, "drift.cleared");
    assert_eq!(world.versions("tools/d0/t0.py").len(), 3);
    world.verify();
}

#[test]
fn renamed_away_and_back() {
    let world = filled();
    let (before, away) = (world.head(), world.root.with_file_name("away"));
    fs::rename(&world.root, &away).unwrap();
    is_held(&world, before, "root_missing");
    assert!(world.events_of("tool.removed", before).is_empty());
    fs::rename(&away, &world.root).unwrap();
    is_back(&world, before);
}

#[test]
fn deleted_and_made_anew() {
    let world = filled();
    let before = world.head();
    // Its files can be seen to go before the root itself does: then it is many removals.
    fs::remove_dir_all(&world.root).unwrap();
    world.wait_kind(before, "safety.stopped");
    assert_eq!(world.summary()["missing"], TOOLS);
    assert!(world.events_of("baseline.moved", before).is_empty());
    for number in 0..TOOLS {
        world.write(&format!("d{}/t{number}.py", number % 3), &format!("{number}\n"));
    }
    is_back(&world, before);
}

#[test]
fn replaced_by_another_directory_and_put_back() {
    let world = filled();
    let (before, away) = (world.head(), world.root.with_file_name("away"));
    fs::rename(&world.root, &away).unwrap();
    fs::create_dir(&world.root).unwrap();
    world.write("other.py", "other\n");
    let stopped = world.wait_event(before, |it| {
        it["event"] == "safety.stopped" && it["detail"]["cause"] == "mass_removal"
    });
    let status = world.sync();
    assert_eq!(
        (&status["summary"]["missing"], &status["summary"]["orphaned"]),
        (&json!(TOOLS), &json!(1))
    );
    assert_eq!(status["roots"][0]["safety_stop"], "mass_removal");
    assert!(world.events_of("baseline.moved", before).is_empty(), "nothing leaves the baseline");
    fs::rename(&world.root, world.root.with_file_name("other")).unwrap();
    fs::rename(&away, &world.root).unwrap();
    is_back(&world, stopped["seq"].as_u64().unwrap());
    assert!(world.tools().iter().all(|it| !it.contains("other")));
}

/// A root is a directory, found once; what takes its place by a link is not followed.
#[test]
fn replaced_by_a_link_and_put_back() {
    let world = filled();
    let (before, away) = (world.head(), world.root.with_file_name("away"));
    fs::rename(&world.root, &away).unwrap();
    unix::symlink(&away, &world.root).unwrap();
    is_held(&world, before, "root_missing");
    fs::remove_file(&world.root).unwrap();
    fs::rename(&away, &world.root).unwrap();
    is_back(&world, before);
}

#[test]
fn unmounted_and_mounted_again() {
    private(|| {
        let mut world = World::new();
        let other = world.ground.path.join("other");
        fs::create_dir(&other).unwrap();
        mount_memory(&other, "size=4m");
        crate::world::bind(&other, &world.root);
        for number in 0..TOOLS {
            world.write(&format!("d{}/t{number}.py", number % 3), &format!("{number}\n"));
        }
        world.start();
        let before = world.head();
        unmount(&world.root);
        // The directory below the mount stands there now, and is empty.
        world.wait_kind(before, "safety.stopped");
        assert_eq!(world.summary()["missing"], TOOLS);
        assert!(world.events_of("baseline.moved", before).is_empty());
        crate::world::bind(&other, &world.root);
        is_back(&world, before);
    });
}

#[test]
fn absent_at_the_start_it_is_waited_for() {
    let mut world = World::new();
    fs::remove_dir(&world.root).unwrap();
    world.start();
    assert_eq!(world.sync()["roots"][0]["safety_stop"], "root_missing");
    let before = world.head();
    world.write("x.py", "one\n");
    world.wait_kind(before, "version.recorded");
    let status = world.sync();
    assert_eq!((&status["in_sync"], &status["summary"]["in_sync"]), (&json!(true), &json!(1)));
    assert_eq!(world.tool("tools/x.py")["baseline"], 1, "the first scan comes with the root");
    world.write("y.py", "one\n");
    assert_eq!(world.summary()["orphaned"], 1);
}

#[test]
fn away_at_a_restart_its_baseline_waits() {
    let mut world = filled();
    world.stop();
    let away = world.root.with_file_name("away");
    fs::rename(&world.root, &away).unwrap();
    world.start();
    let status = world.sync();
    assert_eq!(
        (&status["summary"]["missing"], &status["roots"][0]["safety_stop"]),
        (&json!(TOOLS), &json!("root_missing"))
    );
    let before = world.head();
    fs::rename(&away, &world.root).unwrap();
    is_back(&world, before);
}

#[test]
fn many_missing_tools_stop_and_are_accepted_on_purpose() {
    let world = filled();
    let before = world.head();
    world.sh("rm -r d0 d1");
    world.wait_kind(before, "safety.stopped");
    let status = world.sync();
    assert_eq!(status["roots"][0]["safety_stop"], "mass_removal", "{status}");
    assert_eq!(world.events_of("tool.removed", before).len(), 6);
    world.post("/v1/accept", &json!({"all": true})).ok();
    let cleared = world.wait_kind(before, "safety.cleared");
    assert_eq!(cleared["detail"]["accepted"], true);
    let status = world.sync();
    assert_eq!((&status["in_sync"], &status["summary"]["in_sync"]), (&json!(true), &json!(2)));
    assert_eq!(world.contents("tools/d0/t0.py"), ["0\n"], "its history stays");
}
