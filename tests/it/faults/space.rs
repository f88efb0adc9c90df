//! A full disk under the log: nothing is acknowledged that is not durable, nothing is lost, and it goes on by itself.

use std::{
    fs::{self, File},
    io::{self, Write as _},
};

use serde_json::json;

use crate::world::{World, mount_memory, private};

/// Takes what is left, to the last byte.
fn fill(world: &World) {
    let mut file = File::create(world.state().join("ballast")).unwrap();
    let mut size = 1 << 20;
    while size > 0 {
        match file.write(&vec![1; size]) {
            Ok(_) => (),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => size /= 2,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Bytes that nothing can make shorter.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed;
    let step = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'!' + u8::try_from((state >> 33) % 90).unwrap()
    };
    (0..size).map(step).collect()
}

#[test]
fn edits_on_a_full_disk_are_recorded_when_there_is_room() {
    private(|| {
        let mut world = World::new();
        fs::create_dir(world.state()).unwrap();
        mount_memory(&world.state(), "size=64m");
        for name in ["a.py", "b.py", "c.py"] {
            world.write(name, "one\n");
        }
        world.start();
        fill(&world);
        // Until the log's own reserve is used up as well.
        let mut number = 0;
        while world.get("/v1/ready").status == 200 {
            number += 1;
            fs::write(world.path("a.py"), noise(number, 1 << 20)).unwrap();
            world.get("/v1/status?sync=true&timeout=200ms").ok();
        }
        assert_eq!(world.get("/v1/ready").refusal(), (503, "disk_full".to_owned()));
        let before = world.head();
        fs::write(world.path("a.py"), "last\n").unwrap();
        fs::write(world.path("b.py"), "two\n").unwrap();
        fs::remove_file(world.path("c.py")).unwrap();
        let status = world.get("/v1/status?sync=true&timeout=200ms").ok();
        assert_eq!(status["synced"], false, "{status}");
        let refused = world.post("/v1/accept", &json!({"all": true}));
        if refused.status != 200 {
            assert_eq!(refused.refusal(), (503, "disk_full".to_owned()));
            assert!(refused.header("retry-after").is_some());
        }
        assert_eq!(world.head(), before, "nothing was acknowledged");
        assert_eq!(world.content("tools/b.py", &json!(1)), "one\n", "reading goes on");
        fs::remove_file(world.state().join("ballast")).unwrap();
        world.wait_event(before, |it| it["tool"] == "tools/c.py");
        let summary = world.summary();
        assert_eq!((&summary["missing"], world.get("/v1/ready").status), (&json!(1), 200));
        assert_eq!(world.contents("tools/a.py").last().unwrap(), "last\n");
        assert_eq!(world.contents("tools/b.py"), ["one\n", "two\n"]);
        world.verify();
        world.restart();
        world.verify();
        assert_eq!(world.contents("tools/b.py"), ["one\n", "two\n"]);
    });
}
