//! What changes something: accept, runtimes, rescan, reload, verify.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    memory::digest,
    rig::{Rig, ourselves},
};
use crate::{
    access::{Authors, Who},
    model::{Cause, Fact},
    ports::StoreError,
};

const A: &str = "tools/a.py";

async fn post(rig: &Rig, path: &str, body: &Value) -> super::client::Reply {
    rig.send("POST", path, body.to_string().as_bytes()).await
}

/// Author and reason of the last move of a baseline.
fn last_author(rig: &Rig) -> (String, Option<String>) {
    use crate::ports::Archive as _;
    let records = rig.log.records(crate::model::Seq(0), usize::MAX).unwrap();
    let moved = records.iter().rev().find_map(|it| {
        let Fact::BaselineMoved { author, .. } = &it.fact else { return None };
        Some(author.clone())
    });
    let author = moved.unwrap();
    (author.kind.as_str().to_owned(), author.name)
}

#[tokio::test]
async fn accept_makes_disk_the_baseline() {
    let rig = Rig::with(&[(A, "1\n"), ("tools/b.py", "b\n")]).await;
    rig.save(A, "2\n").await;
    rig.remove("tools/b.py").await;
    let stale = json!({"tools": [{"tool": A, "disk": digest(b"1\n").to_string()}]});
    let reply = post(&rig, "/v1/accept", &stale).await;
    assert_eq!(reply.problem(), (409, "conflict".to_owned()));
    assert_eq!(reply.json()["current"], digest(b"2\n").to_string());
    let now = digest(b"2\n").to_string();
    let reply = post(&rig, "/v1/accept", &json!({"tools": [{"tool": A, "disk": now}]})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json()["accepted"],
        json!([{"tool": A, "baseline": 2, "baseline_sha256": now}])
    );
    assert_eq!(reply.json()["as_of"], rig.handle.view().as_of().0);
    assert_eq!(rig.json("/v1/tools/tools/a.py").await["sync"], "in_sync");
    let all = post(&rig, "/v1/accept", &json!({"all": true})).await;
    assert_eq!(
        all.json()["accepted"],
        json!([{"tool": "tools/b.py", "baseline": null, "baseline_sha256": null}])
    );
    assert_eq!(rig.json("/v1/status").await["in_sync"], true);
    let again = post(&rig, "/v1/accept", &json!({"tools": [{"tool": A}]})).await;
    assert_eq!(again.json()["accepted"], json!([]), "it was so already");
}

#[tokio::test]
async fn accept_refuses_what_cannot_be_meant() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    rig.place(A, Cause::Symlink).await;
    let unreadable = post(&rig, "/v1/accept", &json!({"tools": [{"tool": A}]})).await;
    assert_eq!(unreadable.problem(), (409, "conflict".to_owned()));
    assert_eq!(unreadable.json()["cause"], "symlink");
    let unknown = post(&rig, "/v1/accept", &json!({"tools": [{"tool": "tools/never.py"}]})).await;
    assert_eq!(unknown.problem(), (404, "no_such_tool".to_owned()));
}

#[tokio::test]
async fn an_author_is_the_less_trusted_of_channel_and_claim() {
    let rig = Rig::with(&[(A, "0\n")]).await;
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid).unwrap().map(|it| it.name);
    rig.save(A, "1\n").await;
    assert_eq!(post(&rig, "/v1/accept", &json!({"all": true})).await.status, 200);
    assert_eq!(last_author(&rig), ("human".to_owned(), user.clone()));
    rig.save(A, "2\n").await;
    let claim = json!({"all": true, "author": {"kind": "unknown", "name": "ana"}});
    assert_eq!(post(&rig, "/v1/accept", &claim).await.status, 200);
    assert_eq!(last_author(&rig), ("unknown".to_owned(), Some("ana".to_owned())));

    // An ai's is a deploy.
    rig.save(A, "3\n").await;
    let claimed_ai =
        post(&rig, "/v1/accept", &json!({"all": true, "author": {"kind": "ai"}})).await;
    let number = &claimed_ai.json()["deploy"];
    assert_eq!(rig.json(&format!("/v1/deploys/{number}")).await["author"]["kind"], "ai");
    let ai = Who { uids: [uid.as_raw()].into(), ..Who::default() };
    let authors = Some(Authors { human: Who::default(), ai });
    rig.access(crate::access::Access { authors, ..ourselves() });
    let claimed_human = json!({"all": true, "author": {"kind": "human"}});
    rig.save(A, "4\n").await;
    let number = &post(&rig, "/v1/accept", &claimed_human).await.json()["deploy"];
    let deploy = rig.json(&format!("/v1/deploys/{number}")).await;
    assert_eq!((&deploy["author"]["kind"], &deploy["kind"]), (&json!("ai"), &json!("accept")));
}

#[tokio::test]
async fn runtimes_report_and_are_judged() {
    let rig = Rig::with(&[(A, "1\n"), ("tools/b.py", "b\n")]).await;
    rig.save(A, "2\n").await;
    let old = digest(b"1\n").to_string();
    let new = digest(b"2\n").to_string();
    let report =
        json!({"loaded": {A: new}, "failed": {"tools/b.py": "no module named x"}, "ttl": "5m"});
    let reply = rig.send("PUT", "/v1/runtimes/planner@host:1", report.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let state = reply.json();
    assert_eq!(state["runtime"], "planner@host:1");
    assert_eq!(
        state["stale"],
        json!([{"tool": A, "loaded": 2, "loaded_sha256": new, "expected": 1, "expected_sha256": old}])
    );
    assert_eq!(state["failed"], json!([{"tool": "tools/b.py", "message": "no module named x"}]));
    assert_eq!(
        (&state["not_loaded"], &state["not_loaded_count"]),
        (&json!(["tools/b.py"]), &json!(1))
    );
    assert_eq!(state["ttl_ms"], 300_000);
    let list = rig.json("/v1/runtimes").await;
    assert_eq!(list["items"], json!([state]));
    let status = rig.json("/v1/status?state=stale").await;
    assert_eq!(status["summary"]["stale"], 1);
    assert_eq!(status["issues"][0]["type"], "stale_runtime");
    assert_eq!(
        (&status["issues"][0]["loaded"], &status["issues"][0]["expected"]),
        (&json!(2), &json!(1))
    );
    let failed = rig.json("/v1/status?state=failed").await;
    assert_eq!(
        failed["issues"],
        json!([{"type": "failed_load", "runtime": "planner@host:1", "tool": "tools/b.py", "message": "no module named x"}])
    );
    assert_eq!(rig.send("DELETE", "/v1/runtimes/planner%40host%3A1", b"").await.status, 200);
    let gone = rig.send("DELETE", "/v1/runtimes/planner@host:1", b"").await;
    assert_eq!(gone.problem(), (404, "no_such_runtime".to_owned()));
    assert_eq!(rig.json("/v1/runtimes").await["items"], json!([]));
}

#[tokio::test]
async fn runtimes_come_in_pages() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    for name in ["a", "b", "c"] {
        assert_eq!(rig.send("PUT", &format!("/v1/runtimes/{name}"), b"").await.status, 200);
    }
    let names = |it: &Value| -> Vec<String> {
        it["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["runtime"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = rig.json("/v1/runtimes?limit=2").await;
    let rest = rig.json(&format!("/v1/runtimes?cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(
        (names(&first), names(&rest)),
        (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()])
    );
}

#[tokio::test]
async fn an_administrator_looks_reloads_and_verifies() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let found = post(&rig, "/v1/rescan", &json!({"roots": ["tools"], "rehash": true})).await.json();
    assert_eq!((&found["files"], &found["missed"]), (&json!(1), &json!([])));
    let nowhere = post(&rig, "/v1/rescan", &json!({"roots": ["nowhere"]})).await;
    assert_eq!(nowhere.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(
        rig.send("POST", "/v1/reload", b"").await.json(),
        json!({"reloaded": true, "roots": ["tools"], "changed": ["log.level"], "needs_restart": ["socket"]})
    );
    rig.reload_fails(&["config.toml:3:1: unknown key `rot`"]);
    let refused = rig.send("POST", "/v1/reload", b"").await;
    assert_eq!(refused.problem(), (400, "config_rejected".to_owned()));
    assert_eq!(refused.json()["errors"], json!(["config.toml:3:1: unknown key `rot`"]));
    let verified = rig.send("POST", "/v1/verify", b"").await.json();
    assert_eq!((&verified["ok"], &verified["problems"]), (&json!(true), &json!([])));
    assert_eq!(verified["checked"]["files"], 1);
    assert_eq!(verified["checked"]["contents"], 1);
}

#[tokio::test]
async fn a_log_that_takes_nothing_is_told() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    rig.save(A, "2\n").await;
    rig.log.fails(Some(|| StoreError::Full {
        path: "/state/log".into(),
        free: Some(2 << 20),
        needed: 12 << 20,
    }));
    let full = post(&rig, "/v1/accept", &json!({"all": true})).await;
    assert_eq!(full.problem(), (503, "disk_full".to_owned()));
    assert_eq!(full.header("retry-after"), Some("10"));
    assert_eq!(rig.get("/v1/ready").await.problem(), (503, "disk_full".to_owned()));
    assert_eq!(
        rig.json("/v1/status").await["summary"]["modified"],
        1,
        "what is known is still told"
    );
    assert_eq!(
        rig.json("/v1/status").await["log_not_writable"],
        "the disk that holds /state/log has too little room: 2.0 MiB (2097152 bytes) are free, and knowngood needs \
         12.0 MiB (12582912 bytes) free there to record anything; make room, nothing was lost"
    );
    for path in ["/v1/rescan", "/v1/verify"] {
        assert_eq!(post(&rig, path, &json!({})).await.problem(), (503, "disk_full".to_owned()));
    }
    rig.log.fails(None);
    // The loop tries again by itself.
    while rig.get("/v1/ready").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(post(&rig, "/v1/accept", &json!({"all": true})).await.status, 200);
    assert_eq!(rig.json("/v1/status").await["log_not_writable"], Value::Null);
}

#[tokio::test]
async fn a_pulse_is_answered_while_loop_and_lane_get_on() {
    let rig = Rig::with(&[(A, "one\n")]).await;
    rig.handle.pulse().await.unwrap();
    let held = rig.hold_files(A);
    // The lane is stuck soon, not at once.
    let moment = Duration::from_millis(100);
    while timeout(moment, rig.handle.pulse()).await.is_ok() {}
    let waiting = rig.handle.pulse();
    tokio::pin!(waiting);
    assert!(timeout(moment, waiting.as_mut()).await.is_err());
    assert_eq!(rig.get("/v1/status").await.status, 200, "reading goes on all the same");
    drop(held);
    waiting.await.unwrap();
}

#[tokio::test]
async fn what_is_being_written_is_not_accepted() {
    let rig = Rig::with(&[(A, "one\n")]).await;
    rig.save(A, "two\n").await;
    rig.begin_writing(A);
    for body in [
        json!({"tools": [{"tool": A}]}),
        json!({"tools": [{"tool": A, "disk": digest(b"two\n").to_string()}]}),
    ] {
        let refused = post(&rig, "/v1/accept", &body).await;
        assert_eq!(refused.problem(), (409, "conflict".to_owned()), "{body}");
    }
    assert_eq!(rig.json(&format!("/v1/tools/{A}")).await["baseline"], 1);
}
