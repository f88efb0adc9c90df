//! The commands against a daemon with prepared answers: what they ask, what they print, how they end.

mod acting;
mod deploying;
mod forms;
mod reading;

use clap::CommandFactory as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    fake::{Daemon, Shared, answer, ok},
    *,
};

const TOOLS: &str = r#"{"items":[
    {"tool":"t/web/fetch.py","head":4,"baseline":3,"expected":3,"disk":{"version":4,"sha256":"sha256:0123456789abcdef","mtime":"2026-01-01T00:00:00Z"},"sync":"modified","loaded_by":[{"runtime":"planner","version":3}]},
    {"tool":"t/fetch.sh","head":1,"baseline":1,"disk":{"version":1,"sha256":"sha256:ffff456789abcdef"},"sync":"in_sync","loaded_by":[]},
    {"tool":"t/100%25 ü.py","head":1,"baseline":1,"disk":null,"sync":"missing","loaded_by":[]}
  ],"next":null,"as_of":9}"#;

/// What came of a command.
struct Done {
    exit: Exit,
    out: String,
    err: String,
}

fn typed(line: &[&str]) -> Result<Invocation, Exit> {
    parse(["knowngood"].iter().chain(line).map(OsString::from))
}

fn command(line: &[&str]) -> ClientCommand {
    match typed(line).unwrap() {
        Invocation::Client(it) => it,
        it @ (Invocation::Daemon(_) | Invocation::Runner { .. }) => panic!("{it:?}"),
    }
}

fn ask_at(socket: PathBuf, terminal: bool, line: &[&str]) -> Done {
    let ClientCommand { global, command } = command(line);
    let (stdout, stderr) = (Shared::default(), Shared::default());
    let now = "2026-01-02T00:00:00Z".parse::<Timestamp>().unwrap();
    let mut out = print::Out::test(Box::new(stdout.clone()), Box::new(stderr.clone()), now);
    (out.json, out.quiet, out.terminal) = (global.json, global.quiet, terminal);
    let client = client::Client::new(socket).unwrap();
    let done = commands::run(&command, &client, &mut out);
    Done { exit: out.finish(done), out: stdout.text(), err: stderr.text() }
}

fn ask(daemon: &Daemon, line: &[&str]) -> Done {
    ask_at(daemon.socket(), false, line)
}

/// Knows the tools, and answers anything else that begins with `path` so.
fn daemon(path: &'static str, status: u16, body: &'static str) -> Daemon {
    Daemon::start(move |line| {
        if line.contains(path) {
            answer(status, body)
        } else if line.starts_with("GET /v1/tools?") {
            ok(TOOLS)
        } else {
            answer(404, r#"{"code":"no_such_tool","title":"There is no such tool","detail":"no"}"#)
        }
    })
}

#[test]
fn the_declared_command_line_is_sound() {
    Typed::command().debug_assert();
}

#[test]
fn run_is_handed_back() {
    let given = typed(&["run", "dir", "--config", "c", "--state-dir", "s", "--socket", "k"]);
    let Ok(Invocation::Daemon(daemon)) = given else { panic!("{given:?}") };
    let path = |it: &str| Some(PathBuf::from(it));
    let (directory, config, socket, state_dir) = (path("dir"), path("c"), path("k"), path("s"));
    assert_eq!(daemon, DaemonArgs { directory, config, socket, state_dir });
    let Ok(Invocation::Daemon(daemon)) = typed(&["run"]) else { panic!() };
    assert_eq!(daemon, DaemonArgs::default());
}

#[test]
fn wrong_usage_exits_2_and_help_0() {
    for line in [
        &["nonsense"][..],
        &[],
        &["history"],
        &["accept"],
        &["accept", "--all", "a"],
        &["accept", "--all", "--disk", "h"],
        &["history", "a", "-n", "0"],
        &["events", "--after", "-1"],
        &["check", "a", "--base", "v1", "--runtime", "r"],
        &["list", "--color", "sometimes"],
    ] {
        assert_eq!(typed(line).unwrap_err(), Exit::Usage, "{line:?}");
    }
    assert_eq!(typed(&["--help"]).unwrap_err(), Exit::Ok);
    assert_eq!(typed(&["status", "--help"]).unwrap_err(), Exit::Ok);
    assert_eq!(typed(&["--version"]).unwrap_err(), Exit::Ok);
}

#[test]
fn the_exit_codes() {
    let problem = |code: &str| json!({ "code": code });
    for (status, code, exit) in [
        (400, "invalid_request", 2),
        (400, "config_rejected", 78),
        (403, "forbidden", 4),
        (404, "no_such_tool", 5),
        (410, "cursor_expired", 5),
        (409, "conflict", 6),
        (422, "verification_failed", 7),
        (428, "base_required", 2),
        (413, "too_large", 9),
        (503, "starting", 9),
        (500, "internal", 9),
    ] {
        assert_eq!(Exit::of_problem(status, &problem(code)).code(), exit, "{status} {code}");
    }
    assert_eq!(Exit::PartlyDone.code(), 8);
}

#[test]
fn without_a_daemon() {
    let nowhere = tempfile::tempdir().unwrap();
    let socket = nowhere.path().join("s.sock");
    let done = ask_at(socket.clone(), false, &["status"]);
    assert_eq!((done.exit, done.out.as_str()), (Exit::Unreachable, ""));
    assert!(done.err.starts_with("error: cannot reach the daemon: "), "{}", done.err);
    assert!(
        done.err
            .contains("s.sock: there is no such socket\nhint: start it with `knowngood run DIR`")
    );
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let done = ask_at(socket, false, &["--json", "status"]);
    let problem: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!(problem["code"], "unreachable");
    assert!(problem["detail"].as_str().unwrap().ends_with("nobody listens there any more"));
}

#[test]
fn a_refusal_is_told_with_its_hint() {
    let body = r#"{"type":"urn:x","title":"The right is missing","status":403,"code":"forbidden","detail":"uid 7\u001b[2J lacks it","hint":"ask root"}"#;
    let daemon = daemon("/v1/rescan", 403, body);
    let done = ask(&daemon, &["rescan"]);
    assert_eq!(done.exit, Exit::Forbidden);
    assert_eq!(done.err, "error: The right is missing: uid 7\\u{1b}[2J lacks it\nhint: ask root\n");
    let done = ask(&daemon, &["rescan", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&done.err).unwrap(),
        serde_json::from_str::<Value>(body).unwrap()
    );
    assert_eq!((done.exit, done.out.as_str()), (Exit::Forbidden, ""));
}

#[test]
fn an_answer_that_makes_no_sense() {
    for (status, body, message) in [
        (500, "<html>", "error: the daemon refused: <html>\n"),
        (200, "<html>", "error: the daemon's answer is no JSON: "),
    ] {
        let done = ask(&daemon("/v1/status", status, body), &["status"]);
        assert_eq!(done.exit, Exit::Other);
        assert!(done.err.starts_with(message), "{}", done.err);
    }
}
