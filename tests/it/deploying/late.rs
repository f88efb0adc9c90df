//! An editor that had the file open when it was switched: what it writes afterwards goes into a file that stands nowhere
//! any more, and is a version all the same.

use std::{fs::OpenOptions, io::Write as _};

use serde_json::json;

use super::{content_url, litter, made, on_disk, to};
use crate::world::World;

#[test]
fn bytes_written_after_the_switch_are_kept() {
    let world = World::with(&[("x.ts", "one\n")]);
    let mut editor = OpenOptions::new().append(true).open(world.path("x.ts")).unwrap();
    made(&world, &to("tools/x.ts", "v1", "two\n"));
    editor.write_all(b"late\n").unwrap();
    assert_eq!(on_disk(&world, "x.ts"), "two\n");
    drop(editor);
    let recorded =
        world.wait_event(0, |it| it["event"] == "version.recorded" && it["version"] == 3);
    assert_eq!(recorded["tool"], "tools/x.ts");
    let version = world.versions("tools/x.ts")[2].clone();
    assert_eq!(
        (&version["origin"], &version["author"]["kind"]),
        (&json!("displaced"), &json!("unknown"))
    );
    assert_eq!(world.content("tools/x.ts", &json!(3)), "one\nlate\n");
    let status = world.sync();
    assert_eq!((&status["in_sync"], on_disk(&world, "x.ts")), (&json!(true), "two\n".to_owned()));
    let tool = world.tool("tools/x.ts");
    assert_eq!((&tool["disk"]["version"], &tool["baseline"]), (&json!(2), &json!(2)), "{tool}");
    let at = |it: &str| world.get(&format!("{}?at={it}", content_url("tools/x.ts"))).body;
    assert_eq!(at("disk"), b"two\n");
    // A base of `disk` is still the file.
    made(&world, &to("tools/x.ts", "disk", "three\n"));
    assert_eq!(on_disk(&world, "x.ts"), "three\n");
    while !litter(&world).is_empty() {
        world.sync();
        std::thread::yield_now();
    }
    world.verify();
}

#[test]
fn so_are_they_where_nobody_runs_when_they_are_written() {
    let mut world = World::with(&[("x.ts", "one\n")]);
    let mut editor = OpenOptions::new().append(true).open(world.path("x.ts")).unwrap();
    made(&world, &to("tools/x.ts", "v1", "two\n"));
    world.kill();
    editor.write_all(b"late\n").unwrap();
    drop(editor);
    world.start();
    world.wait_event(0, |it| it["event"] == "version.recorded" && it["version"] == 3);
    assert_eq!(world.content("tools/x.ts", &json!(3)), "one\nlate\n");
    assert_eq!(
        (world.sync()["in_sync"].clone(), on_disk(&world, "x.ts")),
        (json!(true), "two\n".to_owned())
    );
}
