//! What is told about tools: status, tools, history, content, diff, check.

use serde_json::{Value, json};

use super::{memory::digest, rig::Rig};
use crate::model::Cause;

const A: &str = "tools/a.py";

/// In sync, modified, orphaned, missing, unreadable.
async fn five() -> Rig {
    let rig = Rig::with(&[
        (A, "1\n2\n3\n"),
        ("tools/b.py", "b\n"),
        ("tools/gone.py", "gone\n"),
        ("tools/odd.py", "odd\n"),
    ])
    .await;
    rig.save(A, "1\ntwo\nzwei\n3\n").await;
    rig.save("tools/sub/new.py", "new\n").await;
    rig.remove("tools/gone.py").await;
    rig.place("tools/odd.py", Cause::Fifo).await;
    rig
}

fn tools(list: &Value, field: &str) -> Vec<String> {
    let items = list[field].as_array().unwrap().iter();
    items.map(|it| it["tool"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn status_tells_every_kind_of_drift() {
    let rig = five().await;
    let status = rig.json("/v1/status").await;
    assert_eq!(status["as_of"], rig.handle.view().as_of().0);
    assert_eq!(status["in_sync"], false);
    assert_eq!(
        status["summary"],
        json!({"in_sync": 1, "modified": 1, "orphaned": 1, "missing": 1, "unreadable": 1,
               "conflicted": 0, "stale": 0, "unsettled": 0})
    );
    assert_eq!(status["roots"][0]["root"], "tools");
    assert_eq!(status["roots"][0]["tools"], 5);
    assert_eq!(status["roots"][0]["safety_stop"], Value::Null);
    let issues = status["issues"].as_array().unwrap();
    let kinds: Vec<_> = issues.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["file_modified", "missing_file", "unreadable_file", "orphaned_file"]);
    let modified = &issues[0];
    assert_eq!(modified["tool"], A);
    assert_eq!(modified["baseline"], 1);
    assert_eq!(modified["disk"], 2);
    assert_eq!(modified["author"], json!({"kind": "unknown", "name": null}));
    assert_eq!(
        modified["stats"],
        json!({"lines_added": 2, "lines_removed": 1, "lines_changed": 1})
    );
    assert!(modified["since"].as_str().unwrap().ends_with('Z'));
    assert_eq!(issues[2]["cause"], "fifo");
}

#[tokio::test]
async fn status_can_be_asked_for_one_state_or_root() {
    let rig = five().await;
    let missing = rig.json("/v1/status?state=missing").await;
    assert_eq!(tools(&missing, "issues"), ["tools/gone.py"]);
    assert_eq!(missing["summary"]["modified"], 1, "the summary stays whole");
    assert_eq!(rig.json("/v1/status?root=tools").await["issues"].as_array().unwrap().len(), 4);
    let reply = rig.get("/v1/status?root=elsewhere").await;
    assert_eq!(reply.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(reply.json()["roots"], json!(["tools"]));
}

#[tokio::test]
async fn sync_names_what_did_not_settle() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let quiet = rig.json("/v1/status?sync=true").await;
    assert_eq!(quiet["synced"], true);
    assert_eq!(quiet["unsettled"], json!([]));
    rig.begin_writing(A);
    let busy = rig.json("/v1/status?sync=true&timeout=200ms").await;
    assert_eq!(busy["unsettled"], json!([A]));
    assert_eq!(busy["summary"]["unsettled"], 1);
    let check = rig.json("/v1/check/tools/a.py").await;
    assert_eq!(check["changed"], "unknown");
    assert_eq!(check["unsettled"], true);
}

#[tokio::test]
async fn tools_come_in_pages_and_by_state() {
    let rig = five().await;
    let all = rig.json("/v1/tools").await;
    assert_eq!(
        tools(&all, "items"),
        [A, "tools/b.py", "tools/gone.py", "tools/odd.py", "tools/sub/new.py"]
    );
    assert_eq!(all["next"], Value::Null);
    let first = rig.json("/v1/tools?limit=2").await;
    let second =
        rig.json(&format!("/v1/tools?limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    let third =
        rig.json(&format!("/v1/tools?limit=2&cursor={}", second["next"].as_str().unwrap())).await;
    assert_eq!(tools(&second, "items"), ["tools/gone.py", "tools/odd.py"]);
    assert_eq!(tools(&third, "items"), ["tools/sub/new.py"]);
    assert_eq!(third["next"], Value::Null);
    for (state, names) in
        [("in_sync", ["tools/b.py"]), ("modified", [A]), ("orphaned", ["tools/sub/new.py"])]
    {
        assert_eq!(tools(&rig.json(&format!("/v1/tools?state={state}")).await, "items"), names);
    }
}

#[tokio::test]
async fn one_tool_has_the_shape_of_the_contract() {
    let rig = five().await;
    let report = json!({"loaded": {A: digest(b"1\n2\n3\n").to_string()}}).to_string();
    assert_eq!(rig.send("PUT", "/v1/runtimes/planner", report.as_bytes()).await.status, 200);
    let tool = rig.json("/v1/tools/tools/a.py").await;
    let old = digest(b"1\n2\n3\n").to_string();
    assert_eq!(
        tool,
        json!({
            "tool": A, "head": 2, "baseline": 1, "baseline_sha256": old, "expected": 1,
            "disk": {"version": 2, "sha256": digest(b"1\ntwo\nzwei\n3\n").to_string(), "mtime": "2023-11-14T22:13:20.000Z"},
            "class": "pure",
            "sync": "modified", "health": "baking", "known_good": 1, "loaded_by": [{"runtime": "planner", "version": 1, "sha256": old}],
        })
    );
    let gone = rig.json("/v1/tools/tools%2Fgone.py").await;
    assert_eq!((&gone["sync"], &gone["disk"]), (&json!("missing"), &Value::Null));
    assert_eq!(rig.json("/v1/tools/tools/odd.py").await["cause"], "fifo");
}

#[tokio::test]
async fn history_is_newest_first_and_pages() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    for text in ["2\n", "3\n", "1\n"] {
        rig.save(A, text).await;
    }
    let all = rig.json("/v1/history/tools/a.py").await;
    let numbers = |it: &Value| -> Vec<u64> {
        it["items"].as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&all), [4, 3, 2, 1]);
    let first = &all["items"][3];
    assert_eq!(first["reason"], "initial");
    assert_eq!(first["parents"], json!([]));
    assert_eq!(all["items"][0]["parents"], json!(["v3"]));
    assert_eq!(all["items"][0]["origin"], "watch");
    let page = rig.json("/v1/history/tools/a.py?limit=3").await;
    let rest = rig
        .json(&format!("/v1/history/tools/a.py?cursor={}", page["next"].as_str().unwrap()))
        .await;
    assert_eq!((numbers(&page), numbers(&rest)), (vec![4, 3, 2], vec![1]));
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn contents_are_told_by_any_reference() {
    let rig = Rig::with(&[(A, "one\n")]).await;
    rig.save(A, "two\n").await;
    let time = rig.json("/v1/history/tools/a.py").await["items"][1]["time"].clone();
    let hash = digest(b"one\n").hex();
    for (at, text) in [
        ("", "two\n"),
        ("?at=head", "two\n"),
        ("?at=disk", "two\n"),
        ("?at=v1", "one\n"),
        ("?at=baseline", "one\n"),
        (&format!("?at={}", &hash[..8]), "one\n"),
        (&format!("?at=sha256:{hash}"), "one\n"),
        (&format!("?at={}", time.as_str().unwrap()), "one\n"),
        ("?at=2999-01-01T00:00:00Z", "two\n"),
    ] {
        let reply = rig.get(&format!("/v1/content/tools/a.py{at}")).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, text), "{at}");
        assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    for (at, code) in [
        ("v9", (404, "no_such_version")),
        ("deadbeef", (404, "no_such_version")),
        ("1999-01-01T00:00:00Z", (404, "no_such_version")),
        ("v0", (400, "invalid_request")),
        ("dead", (400, "invalid_request")),
        ("latest", (400, "invalid_request")),
    ] {
        let problem = rig.get(&format!("/v1/content/tools/a.py?at={at}")).await.problem();
        assert_eq!(problem, (code.0, code.1.to_owned()), "{at}");
    }
}

#[tokio::test]
async fn contents_can_be_revalidated_and_checked() {
    let rig = Rig::with(&[(A, "one\n")]).await;
    let reply = rig.get("/v1/content/tools/a.py").await;
    let tag = reply.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"v1-{}\"", &digest(b"one\n").hex()[..8]));
    // printf 'one\n' | sha256sum | xxd -r -p | base64
    let base64 = "LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=";
    assert_eq!(reply.header("repr-digest"), Some(format!("sha-256=:{base64}:").as_str()));
    for known in [tag.clone(), format!("W/\"x\", {tag}"), "*".to_owned()] {
        let reply = rig.get_with("/v1/content/tools/a.py", "if-none-match", &known).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (304, 0), "{known}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()));
    }
    assert_eq!(
        rig.get_with("/v1/content/tools/a.py", "if-none-match", "\"v2-00000000\"").await.status,
        200
    );
    rig.save(A, b"\xff\0").await;
    let binary = rig.get("/v1/content/tools/a.py").await;
    assert_eq!(binary.header("content-type"), Some("application/octet-stream"));
    assert_eq!(binary.body.as_ref(), b"\xff\0");
    let head = rig.send("HEAD", "/v1/content/tools/a.py?at=v1", b"").await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-length"), head.body.len()),
        (200, Some("4"), 0)
    );
}

#[tokio::test]
async fn a_diff_as_json_and_alone() {
    let rig = five().await;
    let diff = rig.json("/v1/diff/tools/a.py").await;
    assert_eq!(
        diff["diff"],
        "--- a/tools/a.py\t(v1)\n+++ b/tools/a.py\t(v2)\n@@ -1,3 +1,4 @@\n 1\n-2\n+two\n+zwei\n 3\n"
    );
    assert_eq!(diff["stats"], json!({"lines_added": 2, "lines_removed": 1, "lines_changed": 1}));
    assert_eq!((&diff["significant"], &diff["binary"]), (&json!(false), &json!(false)));
    assert_eq!((&diff["from"]["version"], &diff["to"]["version"]), (&json!(1), &json!(2)));
    let alone = rig.get_with("/v1/diff/tools/a.py", "accept", "text/x-diff").await;
    assert_eq!(alone.header("content-type"), Some("text/x-diff; charset=utf-8"));
    assert_eq!(alone.text(), diff["diff"]);
    let tight = rig.json("/v1/diff/tools/a.py?context=0").await;
    assert!(tight["diff"].as_str().unwrap().contains("@@ -2 +2,2 @@\n-2\n+two\n+zwei\n"));
    let same = rig.json("/v1/diff/tools/a.py?from=v1&to=baseline").await;
    assert_eq!(same["diff"], "");
}

#[tokio::test]
async fn a_diff_where_one_side_is_nothing_or_binary() {
    let rig = five().await;
    let orphan = rig.json("/v1/diff/tools/sub/new.py").await;
    assert_eq!(orphan["from"], Value::Null);
    assert_eq!(
        orphan["diff"],
        "--- /dev/null\n+++ b/tools/sub/new.py\t(v1)\n@@ -0,0 +1 @@\n+new\n"
    );
    let gone = rig.json("/v1/diff/tools/gone.py").await;
    assert_eq!(gone["to"], Value::Null);
    assert_eq!(rig.get("/v1/diff/tools/odd.py").await.problem().1, "no_such_version");
    rig.save("tools/b.py", b"\0").await;
    let binary = rig.json("/v1/diff/tools/b.py").await;
    assert_eq!((&binary["binary"], &binary["diff"]), (&json!(true), &Value::Null));
    let long = "line\n".repeat(11);
    rig.save("tools/b.py", format!("b\n{long}")).await;
    assert_eq!(rig.json("/v1/diff/tools/b.py").await["significant"], true);
}

#[tokio::test]
async fn check_answers_may_i_write() {
    let rig = five().await;
    let loaded = digest(b"b\n").to_string();
    let report =
        json!({"loaded": {"tools/b.py": loaded, A: digest(b"never seen").to_string()}}).to_string();
    assert_eq!(rig.send("PUT", "/v1/runtimes/planner", report.as_bytes()).await.status, 200);
    let (yes, no, unknown) = (json!(true), json!(false), json!("unknown"));
    let unseen = digest(b"unseen").to_string();
    for (path, changed, reason) in [
        ("tools/b.py", &no, "unchanged"),
        ("tools/b.py?base=v1", &no, "unchanged"),
        ("tools/b.py?runtime=planner", &no, "unchanged"),
        (&format!("tools/b.py?base={unseen}"), &yes, "file_modified"),
        (A, &yes, "file_modified"),
        ("tools/a.py?base=head", &no, "unchanged"),
        ("tools/a.py?runtime=planner", &yes, "file_modified"),
        ("tools/gone.py", &yes, "file_missing"),
        ("tools/odd.py", &yes, "file_modified"),
        ("tools/sub/new.py", &unknown, "no_baseline"),
        ("tools/sub/new.py?runtime=planner", &unknown, "not_loaded"),
    ] {
        let check = rig.json(&format!("/v1/check/{path}")).await;
        assert_eq!((&check["changed"], &check["reason"]), (changed, &json!(reason)), "{path}");
    }
    let check = rig.json("/v1/check/tools/a.py").await;
    assert!(check["diff"].as_str().unwrap().contains("-2\n+two\n"));
    for (path, code) in [
        ("tools/a.py?base=v1&runtime=planner", (400, "invalid_request")),
        ("tools/a.py?base=v7", (404, "no_such_version")),
        ("tools/a.py?runtime=nobody", (404, "no_such_runtime")),
        ("tools/never.py", (404, "no_such_tool")),
    ] {
        let problem = rig.get(&format!("/v1/check/{path}")).await.problem();
        assert_eq!(problem, (code.0, code.1.to_owned()), "{path}");
    }
}
