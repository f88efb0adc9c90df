//! What may stand in a tool's place, and names that no text editor makes.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::{ffi::OsStrExt as _, net::UnixListener},
    process::Command,
};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};

use crate::world::{World, escaped, stdout};

fn make(world: &World, name: &str, kind: FileType) -> bool {
    let mode = Mode::from_raw_mode(0o644);
    mknodat(CWD, world.path(name), kind, mode, makedev(1, 3)).is_ok()
}

#[test]
fn what_is_no_regular_file_is_named_and_never_waited_for() {
    let mut world = World::new();
    world.config = "[limits]\nfile_size = \"1 KiB\"".to_owned();
    world.write("before.py", "one\n");
    assert!(make(&world, "fifo.py", FileType::Fifo));
    let _socket = UnixListener::bind(world.path("socket.py")).unwrap();
    fs::create_dir(world.path("directory.py")).unwrap();
    let device = make(&world, "device.py", FileType::CharacterDevice);
    world.write("large.py", &"x".repeat(1025));
    world.write("limit.py", &"x".repeat(1024));
    File::create(world.path("sparse.py")).unwrap().set_len(10 << 30).unwrap();
    make(&world, "no_tool", FileType::Fifo);
    world.start();
    let causes = [
        ("directory.py", "directory"),
        ("fifo.py", "fifo"),
        ("large.py", "too_large"),
        ("socket.py", "socket"),
        ("sparse.py", "too_large"),
    ];
    let mut expected: Vec<_> = causes.iter().map(|it| (format!("tools/{}", it.0), it.1)).collect();
    if device {
        expected.insert(0, ("tools/device.py".to_owned(), "device"));
        expected.sort();
    }
    let status = world.sync();
    let issue = |it: &Value| {
        assert_eq!(it["type"], "unreadable_file", "{it}");
        (it["tool"].as_str().unwrap().to_owned(), it["cause"].as_str().unwrap().to_owned())
    };
    let issues: Vec<_> = status["issues"].as_array().unwrap().iter().map(issue).collect();
    let expected: Vec<_> = expected.into_iter().map(|it| (it.0, it.1.to_owned())).collect();
    assert_eq!(issues, expected);
    assert_eq!(status["summary"]["in_sync"], 2);
    // Nothing of it holds up anybody else, and a file that takes its place is a tool.
    world.write("before.py", "two\n");
    fs::remove_file(world.path("fifo.py")).unwrap();
    world.write("fifo.py", "a file\n");
    world.write("large.py", "small\n");
    assert!(make(&world, "later.py", FileType::Fifo));
    let status = world.sync();
    assert_eq!(world.contents("tools/before.py"), ["one\n", "two\n"]);
    assert_eq!(world.contents("tools/fifo.py"), ["a file\n"]);
    assert_eq!(world.contents("tools/large.py"), ["small\n"]);
    assert_eq!(world.tool("tools/later.py")["cause"], "fifo");
    assert!(world.versions("tools/sparse.py").is_empty());
    assert_eq!(status["unsettled"], json!([]));
    let answer = world.get("/v1/content/tools/sparse.py");
    assert_eq!(answer.refusal(), (404, "no_such_version".to_owned()));
    let answer = world.accept(&["tools/sparse.py"]);
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
    assert_eq!(world.cli(&["cat", "sparse"]).status.code(), Some(5));
}

/// Bytes on disk, and the id.
fn names() -> Vec<(Vec<u8>, String)> {
    let long = "l".repeat(252) + ".py";
    vec![
        (b"\xff\xfe.py".to_vec(), "%FF%FE.py".to_owned()),
        (b"a\nb.py".to_vec(), "a%0Ab.py".to_owned()),
        (b"100%.py".to_vec(), "100%25.py".to_owned()),
        (b"a b&c=d?e+#.py".to_vec(), "a b&c=d?e+#.py".to_owned()),
        ("größe.py".into(), "größe.py".to_owned()),
        (b"\x1b[31m.py".to_vec(), "%1B[31m.py".to_owned()),
        (b"-rf.py".to_vec(), "-rf.py".to_owned()),
        (long.clone().into_bytes(), long),
        (b"d\xff/x.py".to_vec(), "d%FF/x.py".to_owned()),
    ]
}

#[test]
fn any_name_has_an_id_that_works_everywhere() {
    let mut world = World::new();
    let write = |world: &World, name: &[u8], text: &str| {
        let path = world.root.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (name, id) in names() {
        write(&world, &name, &format!("{id}: one\n"));
    }
    world.start();
    for (name, id) in names() {
        write(&world, &name, &format!("{id}: two\n"));
    }
    let status = world.sync();
    let mut ids: Vec<_> = names().into_iter().map(|it| format!("tools/{}", it.1)).collect();
    ids.sort();
    assert_eq!(world.tools(), ids);
    let issues = status["issues"].as_array().unwrap();
    assert_eq!(issues.iter().map(|it| it["tool"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    for (_, id) in names() {
        let tool = format!("tools/{id}");
        assert_eq!(world.contents(&tool), [format!("{id}: one\n"), format!("{id}: two\n")]);
        let target = format!("/v1/diff/{}", escaped(&tool));
        assert_eq!(world.get(&target).ok()["stats"]["lines_changed"], 1);
        assert_eq!(world.accept(&[&tool]).status, 200);
        let cat = world.cli(&["cat", &format!("{tool}@v1")]);
        assert_eq!(stdout(&cat), format!("{id}: one\n"));
        let events =
            world.list(&format!("/v1/events?types=baseline.moved&tool={}", escaped(&tool)));
        assert_eq!(events.len(), 2, "{tool}");
    }
    let listed = world.cli(&["list"]);
    assert!(!stdout(&listed).contains('\x1b'), "no name speaks to the terminal");
    assert!(world.daemon().logged("version.recorded").len() >= ids.len());
    world.restart();
    assert_eq!(world.tools(), ids);
    assert_eq!(world.sync()["in_sync"], true);
}

#[test]
fn what_leads_out_of_a_root_is_no_id() {
    let world = World::with(&[("d/x.py", "one\n")]);
    let outside = world.home.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("far.py"), "far\n").unwrap();
    std::os::unix::fs::symlink(&outside, world.path("link")).unwrap();
    for id in [
        "tools/../etc/passwd",
        "tools/d/%2E%2E/x.py",
        "tools//etc/passwd",
        "%2Fetc/passwd",
        "tools/x%00.py",
        "tools/x%2500.py",
        "tools/./x.py",
        "tools/%zz",
        "Tools/x.py",
    ] {
        let answer = world.get(&format!("/v1/content/{id}"));
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{id}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    for id in
        ["tools/../x.py", "tools//x.py", "/etc/passwd", "tools/x%00.py", "tools/x\0.py", "x.py", ""]
    {
        let answer = world.accept(&[id]);
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{id}");
    }
    for id in ["tools/link/far.py", "tools/never.py", "elsewhere/x.py"] {
        let answer = world.get(&format!("/v1/content/{id}"));
        assert_eq!(answer.refusal(), (404, "no_such_tool".to_owned()), "{id}");
        assert!(answer.detail().contains(id), "{}", answer.detail());
    }
    let cli = Command::new(env!("CARGO_BIN_EXE_knowngood"))
        .args(["cat", "tools/../x.py", "--socket"])
        .arg(world.socket())
        .output()
        .unwrap();
    assert_eq!(cli.status.code(), Some(5));
}
