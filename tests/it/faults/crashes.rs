//! Daemons that are killed, and what happens while none runs.

use std::{
    collections::BTreeSet,
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::json;

use crate::world::World;

const FILES: usize = 6;

/// After how many events of the storm each life ends.
const LIVES: &[usize] = &[1, 2, 5, 9, 14, 30, 55, 80];

fn content(file: usize, number: usize) -> String {
    format!("{file} {number}\n").repeat(300)
}

/// Saves in both ways, without a pause, until told to stop.
fn storm(world: &World, first: usize, stop: &AtomicBool) -> usize {
    let mut number = first;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let file = number % FILES;
        let (path, text) = (world.path(&format!("t{file}.py")), content(file, number));
        if number.is_multiple_of(2) {
            fs::write(&path, text).unwrap();
        } else {
            let temporary = world.path(&format!("t{file}.py.tmp"));
            fs::write(&temporary, text).unwrap();
            fs::rename(&temporary, &path).unwrap();
        }
    }
    number
}

#[test]
fn killed_in_a_storm_it_comes_back_whole() {
    let mut world = World::new();
    for file in 0..FILES {
        world.write(&format!("t{file}.py"), &content(file, 0));
    }
    world.start();
    let (mut number, mut told) = (0, BTreeSet::new());
    for events in LIVES {
        let stop = AtomicBool::new(false);
        number = std::thread::scope(|scope| {
            let storming = scope.spawn(|| storm(&world, number, &stop));
            let head = world.head();
            for event in
                world.follow(head).filter(|it| it["event"] == "version.recorded").take(*events)
            {
                told.insert((
                    event["tool"].to_string(),
                    event["version"].as_u64(),
                    event["detail"]["sha256"].to_string(),
                ));
            }
            world.daemon().signal(rustix::process::Signal::KILL);
            stop.store(true, Ordering::Relaxed);
            storming.join().unwrap()
        });
        world.kill();
        world.start();
        world.sync();
        world.verify();
        for file in 0..FILES {
            let tool = format!("tools/t{file}.py");
            let stands = fs::read_to_string(world.path(&format!("t{file}.py"))).unwrap();
            let head = world.tool(&tool)["head"].clone();
            assert_eq!(world.content(&tool, &head), stands, "{tool} is what stands on disk");
        }
    }
    // Whatever a subscriber was told is still so.
    for file in 0..FILES {
        let tool = format!("tools/t{file}.py");
        let versions = world.versions(&tool);
        let numbers: Vec<_> = versions.iter().map(|it| it["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=versions.len() as u64).collect::<Vec<_>>());
        let name = json!(tool).to_string();
        for (_, version, sha256) in told.iter().filter(|it| it.0 == name) {
            let at = usize::try_from(version.unwrap()).unwrap() - 1;
            assert_eq!(versions[at]["sha256"].to_string(), *sha256);
        }
        for content in world.contents(&tool) {
            let mut lines = content.lines();
            let first = lines.next().unwrap();
            assert!(content.lines().count() == 300 && lines.all(|it| it == first), "torn: {first}");
        }
    }
    let seqs: Vec<_> = world.events().iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_changed_while_none_ran_is_recorded_at_the_start() {
    let mut world = World::with(&[
        ("same.py", "same\n"),
        ("edited.py", "one\n"),
        ("gone.py", "gone\n"),
        ("bit.py", "bit\n"),
        ("touched.py", "touched\n"),
        ("old.py", "renamed\n"),
    ]);
    let before = world.head();
    world.stop();
    world.sh("echo two > edited.py; echo three > edited.py; rm gone.py; chmod +x bit.py");
    world.sh("touch -d 2001-01-01 touched.py; mv old.py new.py; mkdir d; echo new > d/new.py");
    world.start();
    assert_eq!(world.contents("tools/edited.py"), ["one\n", "three\n"]);
    let recorded = world.events_of("version.recorded", before);
    let named: Vec<_> = recorded.iter().map(|it| it["tool"].as_str().unwrap()).collect();
    let named: BTreeSet<_> = named.into_iter().collect();
    let expected = ["tools/bit.py", "tools/d/new.py", "tools/edited.py", "tools/new.py"];
    assert_eq!(named, expected.into());
    for event in &recorded {
        assert_eq!(event["detail"]["origin"], "scan", "{event}");
        assert_eq!(event["author"], json!({"kind": "unknown", "name": null}), "{event}");
        assert_eq!(event["detail"]["reason"], "edit");
    }
    let removed: Vec<_> = world.events_of("tool.removed", before);
    assert_eq!(
        removed.iter().map(|it| &it["tool"]).collect::<Vec<_>>(),
        ["tools/gone.py", "tools/old.py"]
    );
    assert!(removed.iter().all(|it| it["detail"]["origin"] == "scan"));
    assert!(world.daemon().logged("audit.missed").is_empty(), "nobody could have told of it");
    world.verify();
}

/// `run DIR` keeps its state where `rm -rf` and `git clean -fdx` can reach it.
#[test]
fn without_its_state_directory_nothing_is_acknowledged() {
    let mut world = World::new();
    world.write("x.py", "one\n");
    world.start();
    fs::remove_dir_all(world.state()).unwrap();
    let answer = {
        world.write("x.py", "two\n");
        world.daemon().wait_log(0, "log.broken")
    };
    let told = answer["error"].as_str().unwrap();
    assert!(told.contains("was removed or unmounted under the running daemon"), "{told}");
    assert!(told.contains(world.state().to_str().unwrap()), "{told}");
    let (status, text) = world.end();
    assert_eq!(status.code(), Some(9), "{text}");
    assert!(text.contains("removed or unmounted"), "{text}");
}
