//! Starts that are refused: by the configuration (78, with file, line, column and caret), by another daemon, by what
//! stands in the way (9).

use std::{
    ffi::OsString,
    fs,
    os::unix::{fs::FileExt as _, net::UnixListener},
    path::Path,
};

use serde_json::json;

use crate::world::{Daemon, World, output, stderr};

/// Exit code and words of a start that must not succeed.
fn refused(world: &World) -> (i32, String) {
    refused_with(&world.arguments())
}

fn refused_with(arguments: &[OsString]) -> (i32, String) {
    let mut daemon = Daemon::start(&[], arguments);
    let (status, text) = daemon.end();
    (status.code().unwrap(), text)
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn a_second_daemon_on_one_state_directory() {
    let first = World::with(&[("x.py", "one\n")]);
    let second = World::new();
    let mut arguments = second.arguments();
    arguments.extend(["--state-dir".into(), first.state().into_os_string()]);
    let (code, text) = refused_with(&arguments);
    assert_eq!(code, 9);
    let state = first.state().display().to_string();
    says(&text, &[&state, "in use by another knowngood", "use another state_dir"]);
    assert!(!second.socket().exists());
    first.sync();
}

#[test]
fn a_second_daemon_on_one_writable_root() {
    let first = World::with(&[("x.py", "one\n")]);
    let mut second = World::new();
    second.root.clone_from(&first.root);
    let (code, text) = refused(&second);
    assert_eq!(code, 9);
    let root = first.root.display().to_string();
    says(
        &text,
        &[
            &format!("the root {root} is in use by another knowngood"),
            "root.lock",
            "watch another directory",
        ],
    );
    first.sync();
}

#[test]
fn the_socket_of_a_daemon_that_runs_and_of_one_that_died() {
    let mut first = World::with(&[("x.py", "one\n")]);
    let second = World::new();
    let mut arguments = second.arguments();
    arguments.extend(["--socket".into(), first.socket().into_os_string()]);
    let (code, text) = refused_with(&arguments);
    assert_eq!(code, 9);
    let socket = first.socket().display().to_string();
    says(&text, &[&format!("{socket} is the socket of a daemon that is running"), "--socket"]);
    assert_eq!(first.get("/v1/ready").status, 200, "it was left alone");
    first.kill();
    assert!(first.socket().exists());
    first.start();
    assert_eq!(first.contents("tools/x.py"), ["one\n"]);
    first.stop();
    assert!(!first.socket().exists(), "a daemon that stops takes its socket along");
    fs::write(first.socket(), "precious").unwrap();
    let (code, text) = refused(&first);
    assert_eq!(code, 9);
    says(&text, &[&format!("{socket} is there and is no socket"), "move it away"]);
    assert_eq!(fs::read_to_string(first.socket()).unwrap(), "precious");
    fs::remove_file(first.socket()).unwrap();
    drop(UnixListener::bind(first.socket()).unwrap());
    first.start();
}

#[test]
fn a_socket_path_that_the_kernel_does_not_take() {
    let mut world = World::new();
    let long = world.home.join("x".repeat(120));
    let mut arguments = world.arguments();
    arguments.extend(["--socket".into(), long.clone().into_os_string()]);
    let (code, text) = refused_with(&arguments);
    assert_eq!(code, 78);
    let bytes = long.as_os_str().len();
    says(
        &text,
        &[
            &format!("the path of the socket has {bytes} bytes, the kernel takes 107"),
            "try --socket /",
        ],
    );
    // The proposal is one that works.
    world.start();
}

/// Text to put in, and what is said: the place as `line:column`, and some words.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("colour = \"red\"", "3:1", &["unknown key \"colour\"", "^^^^^^"]),
    (
        "[limits]\nfile_size = 5",
        "4:13",
        &["limits.file_size takes a size in quotes", "this is a whole number", "^"],
    ),
    ("[limits]\nfile_size = \"5\"", "4:13", &["is not a size", "^^^"]),
    ("[limits]\nfile_size = \"2 GiB\"", "4:13", &["\"2 GiB\" is not within 1 B to 1 GiB"]),
    ("[limits]\nconnections = 0", "4:15", &["0 is not within 1 to 10000"]),
    ("[limits]\nbody_timeout = \"soon\"", "4:16", &["is not a duration"]),
    ("[audit]\nwalk = \"1\"", "4:8", &["is not a duration"]),
    ("[log]\nlevel = \"loud\"", "4:9", &["\"loud\" is none of"]),
    (
        "[access]\nread = [\"no-such-user-here\"]",
        "4:9",
        &["there is no user \"no-such-user-here\"", "uid:1001"],
    ),
    ("[access]\nread = [\"uid:65534\"]", "4:9", &["never has a right"]),
    (
        "[[root]]\nname = \"UP\"\npath = \"/nowhere/at/all\"",
        "4:8",
        &["is not a root's name", "^^^^"],
    ),
    ("[[root]]\npath = \"relative\"", "4:8", &["is not an absolute path"]),
    ("[[root]]\npath = \"/dev/null\"", "4:8", &["/dev/null is not a directory"]),
    ("[[root]]\npath = \"/nowhere/at/all\"\ninclude = [\"[\"]", "5:12", &["\"[\" is not a glob"]),
    (
        "[[root]]\npath = \"/nowhere/at/all\"\nedits_by = \"robot\"",
        "5:12",
        &["\"robot\" is not an author"],
    ),
    ("[[root]]\nname = \"other\"", "3:1", &["a root needs a `path`"]),
    ("x = ", "3:5", &["value"]),
];

#[test]
fn mistakes_in_the_configuration_are_pointed_at() {
    let mut world = World::new();
    for (text, place, words) in MISTAKES {
        (*text).clone_into(&mut world.config);
        let (code, said) = refused(&world);
        assert_eq!(code, 78, "{text}: {said}");
        says(&said, &[&format!("config.toml:{place}: ")]);
        says(&said, words);
        says(&said, &["^", " | "]);
    }
    assert!(!world.state().exists(), "nothing was made");
}

#[test]
fn all_mistakes_are_told_at_once_those_of_the_environment_too() {
    let mut world = World::new();
    world.config = "[audit]\nwalk = \"1\"\nrehash = \"2\"".to_owned();
    let (code, text) = refused(&world);
    assert_eq!((code, text.matches("is not a duration").count()), (78, 2), "{text}");
    world.config.clear();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_knowngood"))
        .args(world.arguments())
        .env("KNOWNGOOD__LOG__LEVEL", "loud")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    says(&stderr(&output), &["$KNOWNGOOD__LOG__LEVEL", "\"loud\" is none of"]);
}

#[test]
fn roots_that_overlap_or_share_a_name() {
    let mut world = World::new();
    let inner = world.path("inner");
    fs::create_dir(&inner).unwrap();
    world.config = format!("[[root]]\nname = \"inner\"\npath = {inner:?}");
    let (code, text) = refused(&world);
    assert_eq!(code, 78);
    says(
        &text,
        &["config.toml:7:8: the roots \"tools\"", "\"inner\"", "config.toml:4)", "overlap"],
    );
    world.config = "[[root]]\nname = \"tools\"\npath = \"/nowhere/at/all\"".to_owned();
    let (code, text) = refused(&world);
    assert_eq!(code, 78);
    says(&text, &["two roots are named \"tools\"", "config.toml:4", "give one another `name`"]);
    world.config.clear();
    let mut arguments = world.arguments();
    arguments.extend(["--state-dir".into(), world.path("state").into_os_string()]);
    let (code, text) = refused_with(&arguments);
    assert_eq!(code, 78);
    says(&text, &["the state directory", "overlap", ".knowngood"]);
}

#[test]
fn nothing_to_run() {
    let run = |arguments: &[&str]| {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let output = output(&arguments);
        (output.status.code().unwrap(), stderr(&output))
    };
    let (code, text) = run(&["run", "/nowhere/at/all"]);
    assert_eq!(code, 78);
    says(&text, &["/nowhere/at/all", "cannot watch this directory", "it does not exist"]);
    let (code, text) = run(&["run", "--config", "/nowhere/at/all.toml"]);
    assert_eq!(code, 78);
    says(&text, &["/nowhere/at/all.toml", "cannot read the configuration", "it does not exist"]);
    let (code, _) = run(&["walk"]);
    assert_eq!(code, 2);
    let (code, text) = run(&["status", "--socket", "/nowhere/at/all"]);
    assert_eq!(code, 3);
    says(&text, &["/nowhere/at/all", "there is no such socket", "knowngood run DIR"]);
}

/// The journal's only segment, and how much of it is written.
fn journal(state: &Path) -> (std::path::PathBuf, usize) {
    let mut segments = fs::read_dir(state.join("log")).unwrap().map(|it| it.unwrap().path());
    let path = segments.find(|it| it.extension().is_some_and(|it| it == "log")).unwrap();
    let used = fs::read(&path).unwrap().iter().rposition(|it| *it != 0).unwrap();
    (path, used)
}

#[test]
fn a_log_that_is_damaged() {
    let mut world = World::with(&[("x.py", "0\n")]);
    for number in 1..20 {
        world.write("x.py", &format!("{number}\n"));
        world.sync();
    }
    world.kill();
    let (path, used) = journal(&world.state());
    let whole = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let flip = |at: usize| file.write_all_at(&[whole[at] ^ 0x10], at as u64).unwrap();
    let mend = |at: usize| file.write_all_at(&whole[at..=at], at as u64).unwrap();
    for at in [used / 4, used / 2] {
        flip(at);
        let (code, text) = refused(&world);
        assert_eq!(code, 9, "{text}");
        says(&text, &[&format!("{} is damaged at byte ", path.display())]);
        says(&text, &["put a good copy of the state directory back, or move it away"]);
        let offset = text.split("at byte ").nth(1).unwrap();
        let offset: usize = offset[..offset.find(':').unwrap()].parse().unwrap();
        assert!(offset <= at && at - offset < 4096, "{offset} for {at}");
        mend(at);
    }
    world.start();
    assert_eq!(world.versions("tools/x.py").len(), 20);
    world.verify();
    // Damage that comes while it runs is found by a verify, and by the next start.
    flip(used / 2);
    let verified = world.post("/v1/verify", &json!({})).ok();
    assert_eq!(verified["ok"], false, "{verified}");
    let problem = verified["problems"][0].as_str().unwrap();
    says(problem, &[&path.display().to_string(), "byte"]);
    assert_eq!(world.cli(&["verify"]).status.code(), Some(9));
    world.stop();
    assert_eq!(refused(&world).0, 9);
}
