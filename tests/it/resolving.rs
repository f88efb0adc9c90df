//! Somebody else was faster: what a proposal meets on disk, from outside.

use knowngood::wire::base64;
use serde_json::{Value, json};

use crate::world::{World, stderr, stdout};

fn resolve(world: &World, base: &str, content: &str) -> Value {
    world.post("/v1/resolve", &json!({"tool": "tools/x.py", "base": base, "content": content})).ok()
}

#[test]
fn an_edit_made_before_the_call_is_seen_and_merged() {
    let world = World::with(&[("x.py", "1\n2\n3\n4\n")]);
    assert_eq!(resolve(&world, "v1", "1\n2\n3\nfour\n")["action"], "safe_overwrite");
    for round in 0..20 {
        world.write("x.py", &format!("one {round}\n2\n3\n4\n"));
        let merged = resolve(&world, "v1", "1\n2\n3\nfour\n");
        assert_eq!(merged["action"], "conflict");
        assert_eq!(merged["merge"]["content"], format!("one {round}\n2\n3\nfour\n"));
    }
    assert_eq!(resolve(&world, "v1", "one 19\n2\n3\n4\n")["reason"], "already_in_sync");
    assert_eq!(resolve(&world, "v1", "zwei\n2\n3\n4\n")["merge"]["clean"], false);
}

#[test]
fn the_largest_tool_fits_whatever_its_bytes() {
    let world = World::with(&[("x.py", "1\n")]);
    let content = base64(&vec![b'\xff'; 16 << 20]);
    let request =
        json!({"tool": "tools/x.py", "base": "v1", "content": content, "encoding": "base64"});
    assert_eq!(world.post("/v1/resolve", &request).ok()["action"], "safe_overwrite");
    let over = base64(&vec![b'\xff'; (16 << 20) + 1]);
    let request =
        json!({"tool": "tools/x.py", "base": "v1", "content": over, "encoding": "base64"});
    let answer = world.post("/v1/resolve", &request);
    assert_eq!(answer.refusal(), (413, "too_large".to_owned()));
    assert!(answer.detail().contains("content has 16777217 bytes"), "{}", answer.detail());
}

/// Nobody is there to settle it: the marks go to stdout, as `git merge-file -p` gives them, and nothing is changed.
#[test]
fn a_conflict_in_a_pipe() {
    let world = World::with(&[("x.py", "1\n2\n3\n")]);
    world.write("x.py", "1\ntwo\n3\n");
    world.sync();
    let mine = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&mine, "1\nzwei\n3\n").unwrap();
    let name = mine.path().to_str().unwrap();
    let done = world.cli(&["resolve", "x", name, "--base", "v1"]);
    assert_eq!(done.status.code(), Some(6), "{}", stderr(&done));
    let marked =
        format!("1\n<<<<<<< disk v2\ntwo\n||||||| v1\n2\n=======\nzwei\n>>>>>>> {name}\n3\n");
    assert_eq!(stdout(&done), marked);
    assert_eq!(world.versions("tools/x.py").len(), 2);
}
