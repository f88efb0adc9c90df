//! A log that is damaged under the daemon: told once to its operator, with file and offset, and refused by the next start.

use std::{fs, fs::OpenOptions, os::unix::fs::FileExt as _};

use crate::{logs::is_whole, store_samples::digest, world::World};

#[test]
fn damage_is_told_once_and_refused_by_the_next_start() {
    let text = "what is asked for later\n";
    let mut world = World::with(&[("a.py", text)]);
    world.write("b.py", "another group\n");
    world.sync();
    let log = world.state().join("log/0000000001.log");
    let bytes = fs::read(&log).unwrap();
    // The name in the content's header; its body begins behind that and two checksums.
    let name = digest(text.as_bytes()).0;
    let frames: Vec<usize> = (0..bytes.len() - 32)
        .filter(|it| bytes[*it..].starts_with(&name) && bytes[it + 40..].starts_with(b"what"))
        .collect();
    let [at] = frames[..] else { panic!("{frames:?}") };
    let file = OpenOptions::new().write(true).open(&log).unwrap();
    file.write_all_at(b"?", at as u64 + 45).unwrap();
    for _ in 0..3 {
        let refused = world.get("/v1/content/tools/a.py?at=v1");
        assert_eq!(refused.refusal(), (500, "internal".to_owned()));
        assert!(refused.detail().contains("0000000001.log is damaged at byte"));
    }
    let told = world.daemon().wait_log(0, "log.damaged");
    is_whole(&told);
    assert_eq!(told["file"], log.to_str().unwrap());
    assert!(told["offset"].as_u64().unwrap() < at as u64, "{told}");
    assert_eq!(world.daemon().logged("log.damaged").len(), 1);
    world.stop();
    world.spawn();
    let (status, told) = world.end();
    assert!(!status.success());
    assert!(told.contains("0000000001.log is damaged at byte"), "{told}");
    assert!(told.contains("put a good copy of the state directory back"), "{told}");
}
