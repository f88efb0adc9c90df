//! Commands that look: status, list, history, show, cat, diff, check.

use serde_json::{Value, json};

use super::{ask, ask_at, daemon};
use crate::cli::{
    Exit,
    fake::{Daemon, ok},
};

const STATUS: &str = r#"{"as_of":412,"in_sync":false,
  "roots":[{"root":"t","watch":"watching","tools":42,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null}],
  "summary":{"in_sync":39,"modified":1,"orphaned":1,"missing":0,"unreadable":0,"conflicted":0,"stale":1,"unsettled":1},
  "issues":[
   {"type":"file_modified","tool":"t/search.py","baseline":3,"disk":4,"author":{"kind":"unknown","name":null},"since":"2026-01-01T23:59:48Z",
    "stats":{"lines_added":4,"lines_removed":1,"lines_changed":1},"loaded_by":[{"runtime":"planner","version":3}]},
   {"type":"orphaned_file","tool":"t/new.py","disk":1,"since":"2026-01-01T23:56:00Z","loaded_by":[]},
   {"type":"stale_runtime","runtime":"planner","tool":"t/old.py","loaded":2,"loaded_sha256":"sha256:0","expected":3,"expected_sha256":"sha256:1"}],
  "unsettled":["t/held.py"]}"#;

#[test]
fn status_in_a_pipe_and_on_a_terminal() {
    let daemon = daemon("/v1/status", 200, STATUS);
    let done = ask(&daemon, &["status", "--sync", "--root", "t"]);
    assert_eq!(done.exit, Exit::Differs);
    assert_eq!(daemon.lines(), ["GET /v1/status?root=t&sync=true"]);
    assert_eq!(
        done.out,
        "\
t  42 tools  watching  scanned 2026-01-01T23:59:58Z

   STATE     TOOL         VERSION   LINES  AUTHOR   SINCE                 RUNTIMES, CAUSE
M  modified  t/search.py  v3 -> v4  +4 -1  unknown  2026-01-01T23:59:48Z  planner (v3)
?  orphaned  t/new.py     v1                        2026-01-01T23:56:00Z
S  stale     t/old.py     v2 -> v3                                        planner
~  unsettled, being written now: t/held.py

39 in sync, 1 modified, 1 orphaned, 1 stale, 1 unsettled  (as of 412)
"
    );
    let done = ask_at(daemon.socket(), true, &["status"]);
    for seen in [
        "scanned 2 s ago",
        "12 s ago",
        "4 min ago",
        "\nnext: knowngood diff t/search.py    what changed\n",
        "\n      knowngood accept t/search.py  if it is good\n",
    ] {
        assert!(done.out.contains(seen), "{}", done.out);
    }
    let done = ask(&daemon, &["status", "-q"]);
    assert_eq!((done.exit, done.out, done.err), (Exit::Differs, String::new(), String::new()));
    let done = ask(&daemon, &["status", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&done.out).unwrap(),
        serde_json::from_str::<Value>(STATUS).unwrap()
    );
    assert_eq!((done.exit, done.out.lines().count()), (Exit::Differs, 1));
}

#[test]
fn status_ends_with_1_for_any_difference_and_nothing_else() {
    for (body, line, exit) in [
        (r#"{"in_sync":true,"issues":[]}"#, &["status"][..], Exit::Ok),
        (r#"{"in_sync":true,"issues":[{"type":"stale_runtime"}]}"#, &["status"], Exit::Differs),
        (r#"{"in_sync":false,"issues":[]}"#, &["status"], Exit::Differs),
        (r#"{"in_sync":false,"issues":[]}"#, &["status", "--state", "stale"], Exit::Ok),
        (r#"{"in_sync":true,"issues":[],"unsettled":["t/a"]}"#, &["status"], Exit::Ok),
    ] {
        assert_eq!(ask(&daemon("/v1/status", 200, body), line).exit, exit, "{body} {line:?}");
    }
}

#[test]
fn list_is_a_table() {
    let done = ask(&daemon("-", 200, ""), &["list"]);
    assert_eq!(
        done.out,
        "\
TOOL            SYNC      HEAD  BASELINE  DISK          LOADED BY
t/web/fetch.py  modified  v4    v3        0123456789ab  planner (v3)
t/fetch.sh      in_sync   v1    v1        ffff456789ab
t/100%25 ü.py   missing   v1    v1        -
"
    );
    let quiet = ask(&daemon("-", 200, ""), &["list", "-q"]);
    assert!(!quiet.out.contains("TOOL") && quiet.out.lines().count() == 3);
}

#[test]
fn a_list_is_read_to_its_end_or_to_its_limit() {
    let daemon = Daemon::start(|line| match line {
        "GET /v1/history/t/a?limit=1000" | "GET /v1/history/t/a?limit=3" => {
            ok(r#"{"items":[{"number":3},{"number":2}],"next":"a&b","as_of":7}"#)
        }
        "GET /v1/history/t/a?limit=1000&cursor=a%26b"
        | "GET /v1/history/t/a?limit=1&cursor=a%26b" => {
            ok(r#"{"items":[{"number":1}],"next":null,"as_of":7}"#)
        }
        "GET /v1/tools/t/a" => ok("{}"),
        other => panic!("{other}"),
    });
    for line in [&["history", "t/a", "--json"][..], &["history", "t/a", "--json", "-n", "3"]] {
        let list: Value = serde_json::from_str(&ask(&daemon, line).out).unwrap();
        assert_eq!(
            list,
            json!({"items": [{"number": 3}, {"number": 2}, {"number": 1}], "next": null, "as_of": 7})
        );
    }
}

#[test]
fn a_tool_is_found_by_any_unique_end_of_its_id() {
    let versions = r#"{"items":[{"number":2,"time":"2026-01-01T00:00:00Z","author":{"kind":"human","name":"ana"},"reason":"edit","origin":"watch","size":12,"sha256":"sha256:0123456789abcdef"}],"next":null}"#;
    let asked = |name: &str| {
        let daemon = daemon("/v1/history", 200, versions);
        let done = ask(&daemon, &["history", name]);
        (daemon.lines().pop().unwrap(), done)
    };
    let (line, done) = asked("web/fetch");
    assert_eq!(line, "GET /v1/history/t/web/fetch.py?limit=1000");
    assert_eq!(
        done.out,
        "\
VERSION  RECORDED              AUTHOR     REASON  ORIGIN  BYTES  SHA256
v2       2026-01-01T00:00:00Z  human:ana  edit    watch   12     0123456789ab
"
    );
    assert_eq!(asked("100%25 ü").0, "GET /v1/history/t/100%2525%20%C3%BC.py?limit=1000");
    assert_eq!(
        asked("t/gone.py").0,
        "GET /v1/history/t/gone.py?limit=1000",
        "unlisted, but it has a history"
    );
    let (_, ambiguous) = asked("fetch");
    assert_eq!(ambiguous.exit, Exit::Usage);
    assert_eq!(
        ambiguous.err,
        "error: wrong usage: \"fetch\" may be 2 tools: t/web/fetch.py, t/fetch.sh\nhint: write more of its path\n"
    );
    let (_, none) = asked("nothing");
    assert_eq!(none.exit, Exit::NotFound);
    assert!(none.err.contains("no tool is called \"nothing\""), "{}", none.err);
}

#[test]
fn show_a_tool_and_a_version() {
    let history = r#"{"items":[
        {"tool":"t/a","number":3,"sha256":"sha256:aaaa000011","parents":["v2"],"time":"2026-01-03T00:00:00Z","author":{"kind":"ai","name":"bot"},"reason":"edit","size":5,"executable":true,"seq":9},
        {"tool":"t/a","number":2,"sha256":"sha256:bbbb000011","parents":[],"time":"2026-01-02T00:00:00Z","author":{"kind":"human","name":null}},
        {"tool":"t/a","number":1,"sha256":"sha256:bbbb000022","parents":[],"time":"2026-01-01T00:00:00Z"}],"next":null}"#;
    let daemon = Daemon::start(move |line| match line.split(['?', ' ']).nth(1).unwrap() {
        "/v1/tools/t/a" => ok(
            r#"{"tool":"t/a","sync":"modified","head":3,"baseline":2,"expected":2,"disk":{"version":3,"sha256":"sha256:aaaa000011","mtime":"2026-01-03T00:00:00Z"},"loaded_by":[]}"#,
        ),
        "/v1/history/t/a" => ok(history),
        "/v1/diff/t/a" => ok(r#"{"diff":"-x\n+y\n"}"#),
        other => panic!("{other}"),
    });
    let number = |reference: &str| {
        let done = ask(&daemon, &["show", &format!("t/a@{reference}"), "--json"]);
        let shown = serde_json::from_str::<Value>(&done.out).ok();
        shown.and_then(|it| it["number"].as_u64()).ok_or((done.exit, done.err))
    };
    for (reference, wanted) in [
        ("v1", 1),
        ("head", 3),
        ("baseline", 2),
        ("disk", 3),
        ("aaaa0000", 3),
        ("sha256:bbbb000022", 1),
        ("2026-01-02T12:00:00Z", 2),
    ] {
        assert_eq!(number(reference), Ok(wanted), "{reference}");
    }
    assert_eq!(number("v9").unwrap_err().0, Exit::NotFound);
    assert_eq!(number("2025-01-01T00:00:00Z").unwrap_err().0, Exit::NotFound);
    let (exit, message) = number("bbbb0000").unwrap_err();
    assert!(exit == Exit::Usage && message.contains("begins more than one hash"), "{message}");
    let done = ask(&daemon, &["show", "t/a@v3"]);
    assert_eq!(
        done.out,
        "\
t/a v3
  author      ai:bot
  reason      edit
  recorded    2026-01-03T00:00:00Z
  parents     v2
  size        5
  executable  true
  sha256      sha256:aaaa000011
  seq         9

-x
+y
"
    );
    assert_eq!(daemon.lines().pop().unwrap(), "GET /v1/diff/t/a?from=v2&to=v3");
    let done = ask(&daemon, &["show", "t/a"]);
    assert!(
        done.out.contains("  sync        modified\n")
            && done.out.contains("  disk        v3 sha256:aaaa000011\n")
    );
}

#[test]
fn cat_gives_the_bytes() {
    let text = daemon("/v1/content", 200, "a\u{1b}b");
    for line in [&["cat", "fetch.sh@v2"][..], &["cat", "fetch.sh", "--at", "v2"]] {
        let done = ask(&text, line);
        assert_eq!((done.exit, done.out.as_str()), (Exit::Ok, "a\u{1b}b"));
        assert_eq!(text.lines().pop().unwrap(), "GET /v1/content/t/fetch.sh?at=v2");
    }
    ask(&text, &["cat", "fetch.sh"]);
    assert_eq!(text.lines().pop().unwrap(), "GET /v1/content/t/fetch.sh");
    let done = ask(&text, &["cat", "fetch.sh", "--json"]);
    let document: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(document, json!({"tool": "t/fetch.sh", "at": "head", "content": "a\u{1b}b"}));
}

#[test]
fn diff_ends_with_1_when_the_sides_differ() {
    for (body, exit, out) in [
        (
            r#"{"from":{"sha256":"a"},"to":{"sha256":"b"},"diff":"-x\n+y\u001b\n","binary":false}"#,
            Exit::Differs,
            "-x\n+y\u{1b}\n",
        ),
        (r#"{"from":{"sha256":"a"},"to":{"sha256":"a"},"diff":"","binary":false}"#, Exit::Ok, ""),
        (
            r#"{"from":{"sha256":"a","executable":true},"to":{"sha256":"a","executable":false},"diff":""}"#,
            Exit::Differs,
            "",
        ),
        (r#"{"from":null,"to":{"sha256":"a","version":1},"diff":"+x\n"}"#, Exit::Differs, "+x\n"),
        (r#"{"from":null,"to":null,"diff":""}"#, Exit::Ok, ""),
        (
            r#"{"tool":"t/a","from":{"sha256":"a","version":1},"to":{"sha256":"b","version":2},"diff":null,"binary":true}"#,
            Exit::Differs,
            "binary contents v1 and v2 of t/a differ\n",
        ),
    ] {
        let daemon =
            Daemon::start(move |line| ok(if line.contains("/v1/diff") { body } else { "{}" }));
        let done = ask(&daemon, &["diff", "t/a", "v1", "disk", "-U", "0"]);
        assert_eq!((done.exit, done.out.as_str()), (exit, out), "{body}");
        assert_eq!(daemon.lines().pop().unwrap(), "GET /v1/diff/t/a?from=v1&to=disk&context=0");
        assert_eq!(ask(&daemon, &["diff", "-q", "t/a"]).exit, exit);
        assert_eq!(daemon.lines().pop().unwrap(), "GET /v1/diff/t/a");
    }
}

#[test]
fn check_says_whether_one_may_write() {
    for (body, exit, out) in [
        (
            r#"{"tool":"t/a","changed":false,"reason":"unchanged"}"#,
            Exit::Ok,
            "unchanged  t/a: it is what it was compared with\n",
        ),
        (
            r#"{"tool":"t/a","changed":true,"reason":"file_modified","diff":"-x\n"}"#,
            Exit::Differs,
            "changed  t/a: the file was modified\n-x\n",
        ),
        (
            r#"{"tool":"t/a","changed":true,"reason":"file_missing","unsettled":true}"#,
            Exit::Differs,
            "changed  t/a: the file is not there; somebody is writing it now\n",
        ),
        (
            r#"{"tool":"t/a","changed":"unknown","reason":"not_loaded"}"#,
            Exit::Other,
            "unknown  t/a: that runtime has not loaded it\n",
        ),
    ] {
        let daemon =
            Daemon::start(move |line| ok(if line.contains("/v1/check") { body } else { "{}" }));
        let done = ask(&daemon, &["check", "t/a", "--runtime", "r 1"]);
        assert_eq!((done.exit, done.out.as_str()), (exit, out), "{body}");
        assert_eq!(daemon.lines().pop().unwrap(), "GET /v1/check/t/a?runtime=r%201");
    }
}
