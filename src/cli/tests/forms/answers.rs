//! A daemon at one moment. Its answers are read as the API's own types first, so that they cannot go stale.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    cli::fake::{Daemon, answer, ok},
    wire,
};

pub(super) const NOW: &str = "2026-01-02T00:00:00Z";

const HASH: &str = "sha256:4b31b1e019ab5a0e1c5c0a4d3f2b1a09f8e7d6c5b4a3928170f6e5d4c3b2a190";

const STATUS: &str = r#"{"as_of":412,"in_sync":false,
  "roots":[{"root":"t","watch":"watching","tools":42,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null}],
  "summary":{"in_sync":37,"modified":2,"orphaned":1,"missing":1,"unreadable":1,"conflicted":0,"stale":3,"unsettled":1},
  "issues":[
   {"type":"file_modified","tool":"t/search.py","baseline":2,"disk":3,"author":{"kind":"unknown","name":null},"since":"2026-01-01T23:59:48Z",
    "stats":{"lines_added":2,"lines_removed":1,"lines_changed":1},
    "loaded_by":[{"runtime":"planner","version":2,"sha256":"sha256:0"},{"runtime":"coder","version":2,"sha256":"sha256:0"},{"runtime":"reviewer","version":3,"sha256":"sha256:1"}]},
   {"type":"file_modified","tool":"t/web/logo.py","baseline":1,"disk":2,"author":{"kind":"ai","name":"improver"},"since":"2026-01-01T21:00:00Z","loaded_by":[]},
   {"type":"orphaned_file","tool":"t/it's new.py","disk":1,"since":"2026-01-01T23:56:00Z","loaded_by":[]},
   {"type":"missing_file","tool":"t/gone.py","baseline":17,"since":"2025-12-30T00:00:00Z","loaded_by":[{"runtime":"planner","version":17,"sha256":"sha256:2"}]},
   {"type":"unreadable_file","tool":"t/link","cause":"symlink","since":"2026-01-01T23:00:00Z"},
   {"type":"stale_runtime","runtime":"planner","tool":"t/old.py","loaded":2,"loaded_sha256":"sha256:0","expected":3,"expected_sha256":"sha256:1"},
   {"type":"stale_runtime","runtime":"coder","tool":"t/old.py","loaded":2,"loaded_sha256":"sha256:0","expected":3,"expected_sha256":"sha256:1"},
   {"type":"stale_runtime","runtime":"reviewer","tool":"t/old.py","loaded":null,"loaded_sha256":"sha256:0","expected":3,"expected_sha256":"sha256:1"},
   {"type":"failed_load","runtime":"coder","tool":"t/sum.py","message":"SyntaxError: invalid syntax (line 12)\nin t/sum.py"}],
  "unsettled":["t/held.py"]}"#;

const STALE: &str = r#"{"as_of":412,"in_sync":false,
  "roots":[{"root":"t","watch":"watching","tools":42,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null}],
  "summary":{"in_sync":41,"modified":0,"orphaned":0,"missing":0,"unreadable":0,"conflicted":0,"stale":2,"unsettled":0},
  "issues":[{"type":"stale_runtime","runtime":"planner","tool":"t/gone.py","loaded":1,"loaded_sha256":"sha256:0","expected":null,"expected_sha256":null},
   {"type":"stale_runtime","runtime":"planner","tool":"t/old.py","loaded":2,"loaded_sha256":"sha256:0","expected":3,"expected_sha256":"sha256:1"}],
  "unsettled":[]}"#;

pub(super) const IN_SYNC: &str = r#"{"as_of":9,"in_sync":true,
  "roots":[{"root":"t","watch":"watching","tools":1,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null}],
  "summary":{"in_sync":1,"modified":0,"orphaned":0,"missing":0,"unreadable":0,"conflicted":0,"stale":0,"unsettled":0},"issues":[],"unsettled":[]}"#;

pub(super) const LATE: &str = r#"{"as_of":9,"in_sync":true,"synced":false,
  "roots":[{"root":"t","watch":"starting","tools":1,"last_scan":null,"safety_stop":null}],
  "summary":{"in_sync":0,"modified":0,"orphaned":0,"missing":0,"unreadable":0,"conflicted":0,"stale":0,"unsettled":1},"issues":[],"unsettled":["t/held.py"]}"#;

/// Names that no screen is wide enough for, and one that would steer it.
pub(super) const LONG_NAMES: &str = r#"{"as_of":9,"in_sync":false,
  "roots":[{"root":"t","watch":"watching","tools":2,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null}],
  "summary":{"in_sync":0,"modified":2,"orphaned":1,"missing":0,"unreadable":0,"conflicted":0,"stale":0,"unsettled":0},
  "issues":[
   {"type":"file_modified","tool":"t/agents/research/tools/web/search_and_summarise_tool.py","baseline":118,"disk":119,"author":{"kind":"ai","name":"night-shift-improver"},
    "since":"2026-01-01T12:00:00Z","stats":{"lines_added":1204,"lines_removed":998,"lines_changed":700},
    "loaded_by":[{"runtime":"planner-with-a-long-name-1","version":118,"sha256":"sha256:0"},{"runtime":"planner-with-a-long-name-2","version":118,"sha256":"sha256:0"},
     {"runtime":"planner-with-a-long-name-3","version":118,"sha256":"sha256:0"},{"runtime":"planner-with-a-long-name-4","version":118,"sha256":"sha256:0"},
     {"runtime":"planner-with-a-long-name-5","version":118,"sha256":"sha256:0"}]},
   {"type":"file_modified","tool":"t/a.py","baseline":null,"baseline_sha256":"sha256:0123456789abcdef","disk":1,"author":{"kind":"human","name":"ana"},"since":"2026-01-01T12:00:00Z","loaded_by":[]},
   {"type":"orphaned_file","tool":"t/\u001b[2J.py","disk":1,"since":"2026-01-01T23:56:00Z","loaded_by":[]}],
  "unsettled":[]}"#;

pub(super) const TROUBLED: &str = r#"{"as_of":9,"in_sync":true,
  "roots":[
   {"root":"away","watch":"polling","watch_why":"/srv/away does not exist","tools":5,"last_scan":"2026-01-01T23:59:58Z","safety_stop":"root_missing"},
   {"root":"half","watch":"watching","tools":9,"last_scan":"2026-01-01T23:59:58Z","safety_stop":"mass_removal"},
   {"root":"nfs","watch":"polling","watch_why":"nfs tells nobody what another machine does","tools":7,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null},
   {"root":"big","watch":"degraded","watch_why":"no inotify watches are left","tools":9000,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null},
   {"root":"a","watch":"watching","tools":1,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null},
   {"root":"b","watch":"watching","tools":2,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null},
   {"root":"c","watch":"watching","tools":3,"last_scan":"2026-01-01T23:59:58Z","safety_stop":null}],
  "summary":{"in_sync":9027,"modified":0,"orphaned":0,"missing":0,"unreadable":0,"conflicted":0,"stale":0,"unsettled":0},"issues":[],"unsettled":[]}"#;

/// 300 modified tools and 3 that are new.
pub(super) fn many_issues() -> String {
    let mut status: Value = serde_json::from_str(STATUS).unwrap();
    let first = status["issues"][0].clone();
    let new = status["issues"][2].clone();
    let numbered = |it: &Value, number| {
        let mut it = it.clone();
        it["tool"] = format!("t/tool_{number:03}.py").into();
        it
    };
    let modified = (0..300).map(|it| numbered(&first, it));
    let issues: Vec<Value> = modified.chain((300..303).map(|it| numbered(&new, it))).collect();
    status["summary"]["modified"] = 300.into();
    status["issues"] = issues.into();
    status.to_string()
}

const TOOLS: &str = r#"{"items":[
  {"tool":"t/fetch.sh","head":1,"baseline":1,"expected":1,"disk":{"version":1,"sha256":"sha256:ffff456789abcdef","mtime":"2026-01-01T00:00:00Z"},"sync":"in_sync","loaded_by":[]},
  {"tool":"t/gone.py","head":17,"baseline":17,"expected":17,"disk":null,"sync":"missing","loaded_by":[{"runtime":"planner","version":17,"sha256":"sha256:2"}]},
  {"tool":"t/link","head":null,"baseline":null,"expected":null,"disk":null,"sync":"unreadable","cause":"symlink","loaded_by":[]},
  {"tool":"t/search.py","head":3,"baseline":2,"expected":2,"disk":{"version":3,"sha256":"HASH","mtime":"2026-01-01T23:59:48Z"},"sync":"modified",
   "loaded_by":[{"runtime":"planner","version":2,"sha256":"sha256:0"},{"runtime":"coder","version":2,"sha256":"sha256:0"}]},
  {"tool":"t/web/fetch.py","head":1,"baseline":1,"expected":1,"disk":{"version":1,"sha256":"sha256:aaaa456789abcdef","mtime":"2026-01-01T00:00:00Z"},"sync":"in_sync","loaded_by":[]},
  {"tool":"t/web/logo.py","head":2,"baseline":1,"expected":1,"disk":{"version":2,"sha256":"sha256:bbbb456789abcdef","mtime":"2026-01-01T00:00:00Z"},"sync":"modified","loaded_by":[]}
 ],"next":null,"as_of":412}"#;

const HISTORY: &str = r#"{"items":[
  {"tool":"t/search.py","number":3,"sha256":"HASH","size":112,"executable":false,"author":{"kind":"unknown","name":null},"reason":"edit","parents":["v2"],"origin":"watch","mtime":"2026-01-01T23:59:48Z","time":"2026-01-01T23:59:48.100Z","seq":411},
  {"tool":"t/search.py","number":2,"sha256":"sha256:2222b1e019ab","size":86,"executable":false,"author":{"kind":"human","name":"ana"},"reason":"edit","parents":["v1"],"origin":"watch","mtime":"2026-01-01T22:00:00Z","time":"2026-01-01T22:00:00.100Z","seq":300},
  {"tool":"t/search.py","number":1,"sha256":"sha256:1111b1e019ab","size":40,"executable":true,"author":{"kind":"unknown","name":null},"reason":"initial","parents":[],"origin":"scan","mtime":"2025-11-01T00:00:00Z","time":"2025-12-01T00:00:00.000Z","seq":3}
 ],"next":null,"as_of":412}"#;

const CONTENT: &str = "def search(query):\n    return index.find(query)\n";

const ON_DISK: &str = "def search(query):\n    return index.find(query.strip())\n";

const DIFF: &str = r#"{"tool":"t/search.py","from":{"version":2,"sha256":"sha256:2222b1e019ab","executable":false},"to":{"version":3,"sha256":"HASH","executable":false},
  "diff":"--- a/t/search.py\t(v2)\n+++ b/t/search.py\t(v3)\n@@ -1,3 +1,4 @@\n def search(query):\n-    return index.lookup(query)\n+    query = query.strip()\n+    return index.lookup(query, limit=10)\n \n",
  "stats":{"lines_added":2,"lines_removed":1,"lines_changed":1},"significant":false,"binary":false,"as_of":412}"#;
const FIRST_DIFF: &str = r#"{"tool":"t/search.py","from":{"version":1,"sha256":"sha256:1111b1e019ab"},"to":{"version":2,"sha256":"sha256:2222b1e019ab"},
  "diff":"--- a/t/search.py\t(v1)\n+++ b/t/search.py\t(v2)\n@@ -1,2 +1,2 @@\n def search(query):\n-    return index.find(query)\n+    return index.lookup(query)\n",
  "stats":{"lines_added":1,"lines_removed":1,"lines_changed":1},"significant":false,"binary":false,"as_of":412}"#;
const BIT_DIFF: &str = r#"{"tool":"t/fetch.sh","from":{"version":1,"sha256":"sha256:ffff456789abcdef","executable":false},"to":{"version":2,"sha256":"sha256:ffff456789abcdef","executable":true},
  "diff":"","stats":{"lines_added":0,"lines_removed":0,"lines_changed":0},"significant":false,"binary":false,"as_of":412}"#;
const BINARY_DIFF: &str = r#"{"tool":"t/web/logo.py","from":{"version":1,"sha256":"sha256:aa"},"to":{"version":2,"sha256":"sha256:bb"},"diff":null,"stats":null,"significant":true,"binary":true,"as_of":412}"#;
const NEW_DIFF: &str = r#"{"tool":"t/it's new.py","from":null,"to":{"version":1,"sha256":"sha256:cc","executable":false},
  "diff":"--- /dev/null\n+++ b/t/it's new.py\t(v1)\n@@ -0,0 +1 @@\n+print(1)\n\\ No newline at end of file\n","stats":{"lines_added":1,"lines_removed":0,"lines_changed":0},"significant":false,"binary":false,"as_of":412}"#;
const GONE_DIFF: &str = r#"{"tool":"t/gone.py","from":{"version":17,"sha256":"sha256:dd","executable":false},"to":null,
  "diff":"--- a/t/gone.py\t(v17)\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-import os\n---os\n","stats":{"lines_added":0,"lines_removed":2,"lines_changed":0},"significant":false,"binary":false,"as_of":412}"#;

const CHANGED: &str = r#"{"tool":"t/search.py","changed":true,"reason":"file_modified","base":{"version":2,"sha256":"sha256:2222b1e019ab"},"disk":{"version":3,"sha256":"HASH"},"unsettled":true,
  "diff":"--- a/t/search.py\t(v2)\n+++ b/t/search.py\t(v3)\n@@ -1 +1 @@\n-a = 1\n+a = 2\n","as_of":412}"#;
const UNCHANGED: &str = r#"{"tool":"t/fetch.sh","changed":false,"reason":"unchanged","base":{"version":1,"sha256":"sha256:ff"},"disk":{"version":1,"sha256":"sha256:ff"},"as_of":412}"#;
const UNKNOWN: &str = r#"{"tool":"t/link","changed":"unknown","reason":"no_baseline","base":null,"disk":null,"cause":"symlink","as_of":412}"#;

const RUNTIMES: &str = r#"{"items":[
  {"runtime":"coder","loaded":40,"stale":[{"tool":"t/old.py","loaded":2,"loaded_sha256":"sha256:0","expected":3,"expected_sha256":"sha256:1"}],
   "failed":[{"tool":"t/sum.py","message":"SyntaxError: invalid syntax (line 12)"}],"not_loaded":["t/it's new.py"],"not_loaded_count":1,"reported":"2026-01-01T23:58:00Z","ttl_ms":60000,"as_of":412},
  {"runtime":"planner","loaded":42,"stale":[],"failed":[],"not_loaded":[],"not_loaded_count":0,"reported":"2026-01-01T23:59:55Z","ttl_ms":60000,"as_of":412}
 ],"next":null,"as_of":412}"#;

const INFO: &str = r#"{"version":"0.1.0","api":"v1","features":[],"pid":7,"uptime_ms":1000,"ready":true,"log":{"seq":8,"hash":"00"},"roots":[]}"#;
const CONFIG: &str = r#"{"items":[
  {"key":"socket","value":"\"/run/knowngood/knowngood.sock\"","origin":"default","needs_restart":true},
  {"key":"log.level","value":"\"debug\"","origin":"$KNOWNGOOD__LOG__LEVEL","needs_restart":false},
  {"key":"metrics.listen","value":null,"origin":"default","needs_restart":true,"after_restart":"\"127.0.0.1:9464\""},
  {"key":"limits.connections","value":"8","origin":"/etc/knowngood/conf.d/20-site.toml:1","needs_restart":false},
  {"key":"root.tools.name","value":"\"tools\"","origin":"/etc/knowngood/config.toml:2","needs_restart":false},
  {"key":"root.tools.path","value":"\"/srv/agents/tools\"","origin":"/etc/knowngood/config.toml:3","needs_restart":false}
 ]}"#;
const ACCEPTED: &str = r#"{"accepted":[{"tool":"t/search.py","baseline":3,"baseline_sha256":"HASH"},{"tool":"t/gone.py","baseline":null,"baseline_sha256":null}],"as_of":414}"#;
const RESCANNED: &str = r#"{"as_of":412,"files":42,"took_ms":12,"missed":["t/old.py"]}"#;
const RELOADED: &str = r#"{"reloaded":true,"roots":["t","u"]}"#;
const VERIFIED: &str = r#"{"ok":false,"checked":{"facts":412,"contents":88,"files":42},"problems":["000001.log at byte 912: the block does not have the hash it says"],"missed":[],"as_of":412}"#;
const NO_TOOL: &str = r#"{"type":"urn:knowngood:problem:no_such_tool","title":"There is no such tool","status":404,"code":"no_such_tool","detail":"there is no tool t/x"}"#;
const NO_VERSION: &str = r#"{"type":"urn:knowngood:problem:no_such_version","title":"There is no such version","status":404,"code":"no_such_version","detail":"t/search.py has no version v9","hint":"its newest is v3"}"#;
pub(super) const CONFLICT: &str = r#"{"type":"urn:knowngood:problem:conflict","title":"Somebody else was faster","status":409,"code":"conflict","detail":"t/search.py has other content on disk by now","hint":"look at it, and accept what you saw"}"#;
pub(super) const FORBIDDEN: &str = r#"{"type":"urn:knowngood:problem:forbidden","title":"The right is missing","status":403,"code":"forbidden","detail":"uid 7 (bob) lacks admin","hint":"[access] admin in the configuration names who has it"}"#;
pub(super) const REJECTED: &str = r#"{"type":"urn:knowngood:problem:config_rejected","title":"The configuration has errors","status":400,"code":"config_rejected","detail":"2 of them; the former one stays in force",
  "errors":["config.toml:3:1: unknown key `rot`\n  3 | rot = 1\n    | ^^^","$KNOWNGOOD__LOG__FORM: no such key"]}"#;
pub(super) const EXPIRED: &str = r#"{"type":"urn:knowngood:problem:cursor_expired","title":"That far back nothing is kept","status":410,"code":"cursor_expired","detail":"the oldest is 9"}"#;
pub(super) const STARTING: &str = r#"{"type":"urn:knowngood:problem:starting","title":"The daemon is starting","status":503,"code":"starting","detail":"the log is being read"}"#;

/// One of each kind, 10 s apart, the newest now.
fn events() -> Vec<Value> {
    let of = |event: &str, tool: Option<&str>, version: Option<u32>, detail: Value| json!({"event": event, "tool": tool, "version": version, "author": null, "detail": detail});
    let search = Some("t/search.py");
    let mut all = vec![
        of(
            "version.recorded",
            search,
            Some(3),
            json!({"sha256": HASH, "size": 112, "executable": false, "reason": "edit", "origin": "watch", "parents": ["v2"]}),
        ),
        of(
            "drift.detected",
            search,
            None,
            json!({"sync": "modified", "expected": 2, "expected_sha256": "sha256:2222b1e019ab2222", "cause": null}),
        ),
        of(
            "drift.detected",
            Some("t/link"),
            None,
            json!({"sync": "unreadable", "expected": null, "expected_sha256": null, "cause": "symlink"}),
        ),
        of(
            "baseline.moved",
            search,
            Some(3),
            json!({"from": 2, "from_sha256": "sha256:2222b1e019ab2222", "to": 3, "to_sha256": HASH, "reason": "accept"}),
        ),
        of(
            "runtime.loaded",
            None,
            None,
            json!({"runtime": "planner", "loaded": 42, "failed": 0, "ttl_ms": 60000}),
        ),
        of(
            "runtime.stale",
            search,
            None,
            json!({"runtime": "planner", "loaded_sha256": "sha256:2222b1e019ab2222", "expected_sha256": HASH}),
        ),
        of(
            "runtime.failed",
            Some("t/sum.py"),
            None,
            json!({"runtime": "coder", "message": "SyntaxError\nline 12"}),
        ),
        of("safety.stopped", None, None, json!({"root": "t", "cause": "root_missing"})),
    ];
    all[0]["author"] = json!({"kind": "human", "name": "ana"});
    for (place, event) in all.iter_mut().enumerate() {
        event["seq"] = (place + 1).into();
        event["time"] =
            format!("2026-01-01T23:{:02}:{:02}.000Z", 58 + (place + 4) / 6, (place + 4) % 6 * 10)
                .into();
    }
    all
}

pub(super) fn true_to<T: DeserializeOwned>(body: &str) -> Vec<u8> {
    let body = body.replace("HASH", HASH);
    serde_json::from_str::<T>(&body).unwrap_or_else(|it| panic!("{it}: {body}"));
    ok(&body)
}

pub(super) fn refusal(status: u16, body: &str) -> Vec<u8> {
    serde_json::from_str::<wire::Problem>(body).unwrap();
    answer(status, body)
}

/// A daemon that knows nothing but its status.
pub(super) fn only_status(body: &str) -> Daemon {
    let body = body.to_owned();
    Daemon::start(move |_| true_to::<wire::Status>(&body))
}

/// Refuses whatever begins so, and else is the world.
pub(super) fn refusing(begin: &'static str, status: u16, body: &'static str) -> Daemon {
    Daemon::start(
        move |line| if line.starts_with(begin) { refusal(status, body) } else { answered(line) },
    )
}

pub(super) fn world() -> Daemon {
    Daemon::start(answered)
}

/// The same, with this to one request.
pub(super) fn world_with(begin: &'static str, body: String) -> Daemon {
    Daemon::start(move |line| if line.starts_with(begin) { ok(&body) } else { answered(line) })
}

fn answered(line: &str) -> Vec<u8> {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    match path {
        "GET /v1/status" if query.contains("state=stale") => true_to::<wire::Status>(STALE),
        "GET /v1/status" => true_to::<wire::Status>(STATUS),
        "GET /v1/tools" => true_to::<wire::List<wire::Tool>>(TOOLS),
        "GET /v1/history/t/search.py" => history(query),
        "GET /v1/content/t/search.py" if query.contains("v9") => refusal(404, NO_VERSION),
        "GET /v1/content/t/search.py" if query.contains("sha256") => ok(ON_DISK),
        "GET /v1/content/t/search.py" => ok(CONTENT),
        "GET /v1/runtimes" => true_to::<wire::List<wire::RuntimeState>>(RUNTIMES),
        "GET /v1/info" => true_to::<wire::Info>(INFO),
        "GET /v1/config" => true_to::<wire::Configuration>(CONFIG),
        "GET /v1/events" => told(query),
        "POST /v1/accept" | "POST /v1/rescan" | "POST /v1/reload" | "POST /v1/verify" => done(path),
        _ if path.contains(" /v1/deploys") => told_of_deploys(path),
        "POST /v1/rollback" | "POST /v1/restore" => told_of_deploys(path),
        _ if path.starts_with("GET /v1/diff/") => diff(path, query),
        _ if path.starts_with("GET /v1/check/") => check(path),
        _ if path.contains(" /v1/class/") => super::classes::answered(path),
        _ => tool(path),
    }
}

fn told_of_deploys(path: &str) -> Vec<u8> {
    super::deploys::answered(path).unwrap_or_else(|| panic!("{path}"))
}

fn tool(path: &str) -> Vec<u8> {
    let list: Value = serde_json::from_str(&TOOLS.replace("HASH", HASH)).unwrap();
    let id = path.trim_start_matches("GET /v1/tools/");
    let tool = list["items"].as_array().unwrap().iter().find(|it| it["tool"] == id);
    tool.map_or_else(|| refusal(404, NO_TOOL), |it| true_to::<wire::Tool>(&it.to_string()))
}

fn history(query: &str) -> Vec<u8> {
    let mut list: Value = serde_json::from_str(HISTORY).unwrap();
    if query == "limit=1" {
        list["items"].as_array_mut().unwrap().truncate(1);
        list["next"] = "more".into();
    }
    true_to::<wire::List<wire::Version>>(&list.to_string())
}

fn diff(path: &str, query: &str) -> Vec<u8> {
    true_to::<wire::Diff>(match (path.trim_start_matches("GET /v1/diff/"), query) {
        ("t/search.py", "from=v1&to=v2") => FIRST_DIFF,
        ("t/search.py", _) => DIFF,
        ("t/fetch.sh", _) => BIT_DIFF,
        ("t/web/logo.py", _) => BINARY_DIFF,
        ("t/gone.py", _) => GONE_DIFF,
        _ => NEW_DIFF,
    })
}

fn check(path: &str) -> Vec<u8> {
    true_to::<wire::Check>(match path.trim_start_matches("GET /v1/check/") {
        "t/search.py" => CHANGED,
        "t/link" => UNKNOWN,
        _ => UNCHANGED,
    })
}

fn told(query: &str) -> Vec<u8> {
    let number = |key: &str| {
        let value = query.split('&').find_map(|it| it.strip_prefix(key));
        value.map(|it| it.parse::<usize>().unwrap())
    };
    let events = events();
    let after = events.iter().skip(number("after=").unwrap_or(0));
    match number("limit=") {
        Some(limit) => {
            let items: Vec<_> = after.take(limit).collect();
            true_to::<wire::List<wire::Event>>(
                &json!({"items": items, "next": "more", "as_of": 8}).to_string(),
            )
        }
        None => ok(&after.flat_map(|it| [it.to_string(), "\n".to_owned()]).collect::<String>()),
    }
}

/// What was asked with a body: the fake daemon sees the line alone, so that the first wish is granted.
fn done(path: &str) -> Vec<u8> {
    match path {
        "POST /v1/accept" => true_to::<wire::Accepted>(ACCEPTED),
        "POST /v1/rescan" => true_to::<wire::Rescanned>(RESCANNED),
        "POST /v1/reload" => true_to::<wire::Reloaded>(RELOADED),
        _ => true_to::<wire::Verified>(VERIFIED),
    }
}
