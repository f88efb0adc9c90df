//! Commands that change what stands on disk: what they ask for, how they follow it, what they make of a refusal.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{TOOLS, ask, ask_at, typed};
use crate::cli::{
    Exit,
    fake::{Daemon, answer, ok},
};

const HASH: &str = "sha256:0123456789abcdef";

/// Knows the tools and what stands at `t/web/fetch.py`; gives `status` and `body` to what is posted.
fn daemon(status: u16, body: &str) -> Daemon {
    let body = body.to_owned();
    Daemon::start(move |line| match line.split('?').next().unwrap() {
        "GET /v1/tools" => ok(TOOLS),
        "GET /v1/tools/t/web/fetch.py" => {
            ok(&json!({"tool": "t/web/fetch.py", "disk": {"version": 4, "sha256": HASH}})
                .to_string())
        }
        "GET /v1/content/t/web/fetch.py" if line.ends_with("at=v3") => ok("1\n2\n3\n4\n"),
        "GET /v1/content/t/web/fetch.py" => ok("1\ntwo\n3\n4\n"),
        post if post.starts_with("POST") => answer(status, &body),
        _ => answer(404, r#"{"code":"no_such_tool","title":"There is no such tool"}"#),
    })
}

fn deployed(state: &str) -> String {
    let change = json!({"tool": "t/web/fetch.py", "version": 5, "sha256": HASH, "displaced": 4});
    json!({"deploy": 17, "state": state, "changes": [change], "steps": [], "as_of": 9}).to_string()
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, content).unwrap();
    file
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What was posted: where, and the body.
fn posted(daemon: &Daemon) -> Option<(String, Value)> {
    let asked = daemon.asked().into_iter().find(|it| it.line.starts_with("POST"))?;
    Some((asked.line, serde_json::from_str(&asked.body).unwrap()))
}

#[test]
fn deploy_says_all_that_was_typed() {
    let (new, daemon) = (file(b"new\n"), daemon(201, &deployed("confirmed")));
    let line = [
        "deploy",
        "web/fetch",
        text(new.path()),
        "--base",
        "v3",
        "--reason",
        "bug_fix",
        "-m",
        "why",
    ];
    let more = [
        "--author",
        "ai:improver",
        "--on-conflict",
        "merge",
        "--confirm-within",
        "10m",
        "--executable",
        "--force",
    ];
    let done = ask(&daemon, &[&line[..], &more].concat());
    assert_eq!((done.exit, &*done.err), (Exit::Ok, ""));
    assert_eq!(done.out, "confirmed  t/web/fetch.py v5, was v4  (deploy 17)\n");
    let (line, body) = posted(&daemon).unwrap();
    assert_eq!(line, "POST /v1/deploys?wait=60s");
    assert_eq!(
        body,
        json!({
            "changes": [{"tool": "t/web/fetch.py", "base": "v3", "content": "new\n", "executable": true}],
            "reason": "bug_fix", "message": "why", "author": {"kind": "ai", "name": "improver"},
            "on_conflict": "merge", "confirm_within": "10m", "force": true,
        })
    );
    let wrong =
        ask(&daemon, &["deploy", "web/fetch", text(new.path()), "--base", "v3", "--author", "bot"]);
    assert_eq!(wrong.exit, Exit::Usage);
}

#[test]
fn several_become_live_together() {
    let (new, binary) = (file(b"new\n"), file(b"\xff\0"));
    let daemon = daemon(201, &deployed("confirmed"));
    let changes = [
        "--change".to_owned(),
        format!("web/fetch@v3={}", text(new.path())),
        "--change".to_owned(),
        format!("t/new.bin@none={}", text(binary.path())),
        "--remove".to_owned(),
        "fetch.sh@head".to_owned(),
    ];
    let line: Vec<&str> =
        ["deploy"].into_iter().chain(changes.iter().map(String::as_str)).collect();
    assert_eq!(ask(&daemon, &line).exit, Exit::Ok);
    assert_eq!(
        posted(&daemon).unwrap().1["changes"],
        json!([
            {"tool": "t/web/fetch.py", "base": "v3", "content": "new\n"},
            {"tool": "t/new.bin", "base": null, "content": "/wA=", "encoding": "base64"},
            {"tool": "t/fetch.sh", "base": "head", "delete": true},
        ])
    );
    let empty = ask(&daemon, &["deploy", "--change", "web/fetch@v3="]);
    assert_eq!(empty.exit, Exit::Usage, "no file is not an empty one: {}", empty.err);
}

#[test]
fn a_script_has_to_say_its_base_and_a_person_is_told_it() {
    let (new, first) = (file(b"new\n"), daemon(201, &deployed("confirmed")));
    let line = ["deploy", "web/fetch", text(new.path())];
    let done = ask(&first, &line);
    assert_eq!((done.exit, posted(&first)), (Exit::Usage, None));
    assert!(done.err.contains("--base v3"), "{}", done.err);
    let done = ask_at(first.socket(), true, &line);
    assert_eq!(done.exit, Exit::Ok);
    assert!(done.err.starts_with("base: v4, which stands on disk now"), "{}", done.err);
    let (line, body) = posted(&first).unwrap();
    assert_eq!((&*line, &body["changes"][0]["base"]), ("POST /v1/deploys?wait=0", &json!(HASH)));
    let second = daemon(201, &deployed("confirmed"));
    let done = ask_at(second.socket(), true, &["deploy", "t/new.py", text(new.path())]);
    assert!(done.err.starts_with("base: nothing, t/new.py is not on disk"), "{}", done.err);
    assert_eq!(posted(&second).unwrap().1["changes"][0]["base"], Value::Null);
}

#[test]
fn wrong_usage_of_deploys() {
    for line in [
        &["deploy"][..],
        &["deploy", "a"],
        &["deploy", "a", "f", "--delete"],
        &["deploy", "a", "--delete", "--executable"],
        &["deploy", "a", "f", "--executable", "--no-executable"],
        &["deploy", "a", "f", "--change", "b=c"],
        &["deploy", "--change", "b=c", "--base", "v1"],
        &["deploy", "a", "f", "--on-conflict", "win"],
        &["rollback"],
        &["rollback", "a", "--to", "v1", "--only", "v2"],
        &["restore"],
        &["confirm"],
        &["approve", "x"],
        &["deploys", "1", "--tool", "a"],
        &["resolve"],
        &["resolve", "a", "f"],
        &["resolve", "a", "--base", "v1"],
    ] {
        assert_eq!(typed(line).unwrap_err(), Exit::Usage, "{line:?}");
    }
    assert!(typed(&["deploy", "a", "--delete"]).is_ok());
    assert!(typed(&["deploy", "--remove", "a@v1"]).is_ok());
}

#[test]
fn the_state_is_the_exit_code() {
    let new = file(b"new\n");
    for (state, exit) in [
        ("confirmed", 0),
        ("activated", 0),
        ("no_op", 0),
        ("conflicted", 6),
        ("rejected", 7),
        ("awaiting_approval", 8),
        ("accepted", 8),
        ("rolled_back", 9),
        ("superseded", 9),
        ("abandoned", 9),
    ] {
        let daemon = daemon(201, &deployed(state));
        let line = ["deploy", "web/fetch", text(new.path()), "--base", "v3", "--wait", "0"];
        let done = ask(&daemon, &line);
        assert_eq!(done.exit.code(), exit, "{state}: {}", done.err);
        assert_eq!(posted(&daemon).unwrap().0, "POST /v1/deploys?wait=0");
        let quiet = ask(&daemon, &[&line[..], &["-q"]].concat());
        assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""), "{state}");
    }
}

#[test]
fn a_person_sees_each_step_once() {
    let state = |state: &str, steps: &[&str]| {
        let steps: Vec<Value> = steps
            .iter()
            .map(|it| json!({"step": it, "at": "2026-01-01T00:00:00Z", "took_ms": 85}))
            .collect();
        let mut it: Value = serde_json::from_str(&deployed(state)).unwrap();
        it["steps"] = steps.into();
        ok(&it.to_string())
    };
    let asked = AtomicUsize::new(0);
    let daemon = Daemon::start(move |line| match line.split('?').next().unwrap() {
        "POST /v1/deploys" => state("accepted", &["accepted"]),
        "GET /v1/deploys/17" => match asked.fetch_add(1, Ordering::Relaxed) {
            0 => state("staged", &["accepted", "staged"]),
            1 => state("verified", &["accepted", "staged", "verified"]),
            _ => state("confirmed", &["accepted", "staged", "verified", "confirmed"]),
        },
        _ => ok(r#"{"disk": null}"#),
    });
    let new = file(b"new\n");
    let line = ["deploy", "t/web/fetch.py", text(new.path()), "--base", "v3"];
    let done = ask_at(daemon.socket(), true, &line);
    assert_eq!(done.out, "confirmed  t/web/fetch.py v5, was v4  (deploy 17)\n");
    let steps: Vec<&str> = done.err.lines().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(steps, ["accepted", "staged", "verified", "confirmed"]);
}

const CONFLICT: &str = r#"{"type":"urn:x","title":"The disk is not as the request says","status":409,"code":"conflict","detail":"on disk is not what …","hint":"POST /v1/…",
  "deploy":null,"conflicts":[{"tool":"t/web/fetch.py","base":{"version":3,"sha256":"sha256:0"},
  "current":{"version":4,"sha256":"sha256:1","author":{"kind":"human","name":"ana"},"time":"2026-01-01T23:58:00Z"},
  "diff_base_current":"--- a\n+++ b\n@@ -2 +2 @@\n-2\n+two\n","diff_base_proposed":null,
  "merge":{"clean":CLEAN,"conflicts":[{"base":{"line":2,"count":1,"text":"2\n"},"current":{"line":2,"count":1,"text":"two\n"},"proposed":{"line":2,"count":1,"text":"zwei\n"}}]},
  "resolution_options":["abort_and_refresh","overwrite_anyway","manual_merge"]}]}"#;

#[test]
fn a_conflict_is_told_with_the_next_command() {
    let new = file(b"1\nzwei\n3\n4\n");
    let line = ["deploy", "web/fetch", text(new.path()), "--base", "v3"];
    let done = ask(&daemon(409, &CONFLICT.replace("CLEAN", "false")), &line);
    assert_eq!((done.exit, &*done.out), (Exit::Conflict, "--- a\n+++ b\n@@ -2 +2 @@\n-2\n+two\n"));
    let first =
        "t/web/fetch.py: made from v3, but there stands v4 by human:ana, 2026-01-01T23:58:00Z\n";
    assert!(done.err.starts_with(first), "{}", done.err);
    assert!(done.err.contains("both changed the same, on disk at line 2\n"), "{}", done.err);
    let next =
        format!("hint: `knowngood resolve web/fetch {} --base v3` opens both;", text(new.path()));
    assert!(done.err.contains(&next), "{}", done.err);
    let done = ask(&daemon(409, &CONFLICT.replace("CLEAN", "true")), &line);
    assert!(done.err.contains("hint: `--on-conflict merge` merges them"), "{}", done.err);
    let done =
        ask(&daemon(409, &CONFLICT.replace("CLEAN", "true")), &[&line[..], &["--json"]].concat());
    let problem: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!((&problem["hint"], &*done.out), (&json!("POST /v1/…"), ""), "as the daemon told it");
}

#[test]
fn what_verification_found_is_told_by_line() {
    let check = json!({"tool": "t/web/fetch.py", "check": "compile", "outcome": "failed", "why": "exited with status 1", "sandbox": "bwrap", "took_ms": 80,
        "output_tail": "Traceback\nSyntaxError\u{1b}[2J", "findings": [{"tool": "t/web/fetch.py", "line": 12, "column": 3, "message": "invalid syntax"}]});
    let problem = json!({"title": "Verification says no", "status": 422, "code": "verification_failed", "detail": "t/web/fetch.py does not compile",
        "deploy": 17, "exit_status": 1, "output_tail": "", "findings": check["findings"], "checks": [check]});
    let new = file(b"new\n");
    let line = ["deploy", "web/fetch", text(new.path()), "--base", "v3"];
    let done = ask(&daemon(422, &problem.to_string()), &line);
    assert_eq!((done.exit, &*done.out), (Exit::Rejected, ""));
    assert_eq!(
        done.err,
        "compile exited with status 1 (bwrap)\n  Traceback\n  SyntaxError\\u{1b}[2J\nt/web/fetch.py:12:3: invalid syntax\n\
         error: Verification says no: t/web/fetch.py does not compile\n"
    );
    let required = r#"{"title":"…","status":428,"code":"base_required","detail":"…"}"#;
    assert_eq!(ask(&daemon(428, required), &line).exit, Exit::Usage);
}

#[test]
fn going_back() {
    let asked = |line: &[&str]| {
        let daemon = daemon(201, &deployed("confirmed"));
        let done = ask(&daemon, line);
        (done.exit, posted(&daemon))
    };
    let (tools, path) = (
        json!([{"tool": "t/web/fetch.py", "to": "v2"}, {"tool": "t/fetch.sh"}]),
        "/v1/rollback?wait=60s",
    );
    assert_eq!(
        asked(&["rollback", "web/fetch@v2", "fetch.sh", "--quarantine", "-m", "it loops"]),
        (
            Exit::Ok,
            Some((
                format!("POST {path}"),
                json!({"tools": tools, "quarantine": true, "message": "it loops"})
            ))
        )
    );
    assert_eq!(
        asked(&["rollback", "web/fetch", "--only", "v3", "--dry-run"]).1.unwrap().1,
        json!({"tools": [{"tool": "t/web/fetch.py", "only": "v3"}], "dry_run": true})
    );
    assert_eq!(asked(&["rollback", "web/fetch@v2", "--only", "v3"]), (Exit::Usage, None));
    assert_eq!(
        asked(&["restore", "web/fetch", "--dry-run"]).1.unwrap(),
        (
            "POST /v1/restore?wait=60s".to_owned(),
            json!({"tools": [{"tool": "t/web/fetch.py"}], "dry_run": true})
        )
    );
}

#[test]
fn what_is_said_to_a_deploy_that_waits() {
    for (word, state, exit) in [
        ("confirm", "confirmed", 0),
        ("approve", "confirmed", 0),
        ("abort", "aborted", 0),
        ("abort", "rolled_back", 0),
        ("confirm", "rolled_back", 9),
    ] {
        let daemon = daemon(200, &deployed(state));
        let done = ask(&daemon, &[word, "17", "-m", "seen"]);
        assert_eq!(done.exit.code(), exit, "{word} {state}");
        let line = format!("POST /v1/deploys/17/{word}");
        assert_eq!(posted(&daemon).unwrap(), (line, json!({"message": "seen"})));
    }
}

#[test]
fn what_can_be_merged_is_deployed_over_what_stands_there() {
    let (mine, daemon) = (file(b"1\n2\n3\nfour\n"), daemon(201, &deployed("confirmed")));
    let done = ask(&daemon, &["resolve", "web/fetch", text(mine.path()), "--base", "v3"]);
    assert_eq!(
        (done.exit, &*done.err),
        (Exit::Ok, "t/web/fetch.py: merged, both sides are kept\n")
    );
    assert_eq!(
        posted(&daemon).unwrap().1,
        json!({"changes": [{"tool": "t/web/fetch.py", "base": HASH, "content": "1\ntwo\n3\nfour\n"}], "reason": "merge"})
    );
}

#[test]
fn what_cannot_be_merged_is_settled_by_hand_or_not_at_all() {
    let mine = file(b"1\nzwei\n3\n4\n");
    let line = ["resolve", "web/fetch", text(mine.path()), "--base", "v3"];
    let alone = daemon(201, &deployed("confirmed"));
    let done = ask(&alone, &line);
    let name = text(mine.path());
    assert_eq!((done.exit, posted(&alone)), (Exit::Conflict, None));
    assert_eq!(
        done.out,
        format!("1\n<<<<<<< disk v4\ntwo\n||||||| v3\n2\n=======\nzwei\n>>>>>>> {name}\n3\n4\n")
    );
    let untouched = ask(&alone, &[&line[..], &["--tool", "true"]].concat());
    assert_eq!((untouched.exit, posted(&alone)), (Exit::Conflict, None));
    let (kept, _) = untouched.err.split_once("/result/fetch.py:2: there is a mark").unwrap();
    std::fs::remove_dir_all(kept.split_once(": ").unwrap().1.split_once(": ").unwrap().1).unwrap();
    let hand = r#"sh -c 'cat "$1" "$2" "$3" > "$4"' sh"#;
    let done = ask(&alone, &[&line[..], &["--tool", hand]].concat());
    assert_eq!((done.exit, &*done.err), (Exit::Ok, ""));
    let change = posted(&alone).unwrap().1["changes"][0].clone();
    assert_eq!(change["content"], "1\n2\n3\n4\n1\ntwo\n3\n4\n1\nzwei\n3\n4\n");
    assert_eq!(change["base"], HASH);
}

#[test]
fn the_conflict_of_a_deploy_is_opened_by_its_number() {
    let deploy = |state: &str| {
        json!({"deploy": 17, "state": state, "changes": [
            {"tool": "t/a.py", "base": 3, "base_sha256": "sha256:aa", "sha256": "sha256:cc", "executable": true}]})
        .to_string()
    };
    let fake = move |state: &str| {
        let deploy = deploy(state);
        Daemon::start(move |line| match line {
            "GET /v1/deploys/17" => ok(&deploy),
            "GET /v1/tools/t/a.py" => ok(r#"{"disk": {"version": 4, "sha256": "sha256:bb"}}"#),
            "GET /v1/content/t/a.py?at=sha256%3Aaa" => ok("1\n2\n3\n"),
            "GET /v1/content/t/a.py?at=sha256%3Abb" => ok("one\n2\n3\n"),
            "GET /v1/content/t/a.py?at=sha256%3Acc" => ok("1\n2\nthree\n"),
            _ => answer(201, &deployed("confirmed")),
        })
    };
    let daemon = fake("conflicted");
    assert_eq!(ask(&daemon, &["resolve", "17"]).exit, Exit::Ok);
    assert_eq!(
        posted(&daemon).unwrap().1["changes"],
        json!([{"tool": "t/a.py", "base": "sha256:bb", "content": "one\n2\nthree\n", "executable": true}])
    );
    let daemon = fake("confirmed");
    assert_eq!((ask(&daemon, &["resolve", "17"]).exit, posted(&daemon)), (Exit::Usage, None));
    assert_eq!(ask(&daemon, &["resolve", "web/fetch"]).exit, Exit::Usage);
}
