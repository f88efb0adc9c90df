//! What a tool can do, as it is asked for; and who may sign for it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::rig::{Rig, ourselves};
use crate::{
    access::{Access, Authors, Who},
    model::Fact,
};

const A: &str = "tools/web/a.py";
const HELPER: &str = "tools/web/helper.py";
const TOOL: &str = "import helper\n\ndef execute(q):\n    return helper.fetch(q)\n";
const FETCH: &str = "import requests\n\ndef fetch(q):\n    return requests.get(q).text\n";
const RUNS: &str =
    "import subprocess\n\ndef execute(q):\n    return subprocess.run([\"git\", \"log\"])\n";

async fn post(rig: &Rig, body: &Value) -> super::client::Reply {
    rig.send("POST", &format!("/v1/class/{A}"), body.to_string().as_bytes()).await
}

/// Facts of one event, once there are so many.
async fn facts(rig: &Rig, event: &str, count: usize) -> Vec<Fact> {
    use crate::ports::Archive as _;
    let mut news = rig.handle.subscribe();
    loop {
        let records = rig.log.records(crate::model::Seq(0), usize::MAX).unwrap();
        let found: Vec<Fact> =
            records.into_iter().map(|it| it.fact).filter(|it| it.event() == event).collect();
        if found.len() >= count {
            return found;
        }
        timeout(Duration::from_secs(20), news.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_class_comes_with_its_evidence() {
    let rig = Rig::with(&[(A, TOOL), (HELPER, FETCH)]).await;
    let listed = rig.json("/v1/tools").await;
    assert_eq!(listed["items"][0]["class"], Value::Null, "nothing is read for a list");
    let it = rig.json(&format!("/v1/class/{A}")).await;
    assert_eq!(it["effective"]["class"], "net_read");
    assert_eq!(it["effective"]["safe"], true);
    assert_eq!(
        it["inferred"],
        json!([{"cap": "net_read", "via": "requests.get", "file": "web/helper.py", "line": 4,
                "path": ["execute", "web/helper.py:fetch"]}])
    );
    assert_eq!(
        it["mcp"],
        json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true})
    );
    assert_eq!(
        (&it["parse"], &it["version"], &it["delta"]),
        (&json!("ok"), &json!(1), &Value::Null)
    );
    assert_eq!(rig.json("/v1/tools").await["items"][0]["class"], "net_read", "now it is known");
    // A helper that changes changes the tool.
    rig.save(HELPER, RUNS.replace("execute", "fetch")).await;
    assert_eq!(rig.json(&format!("/v1/class/{A}")).await["effective"]["class"], "exec");
}

#[tokio::test]
async fn other_versions_are_compared_with_what_is_live() {
    let rig = Rig::with(&[(A, "import os\n\ndef execute():\n    return os.listdir()\n")]).await;
    rig.save(A, RUNS).await;
    let it = rig.json(&format!("/v1/class/{A}?at=v1")).await;
    assert_eq!((&it["effective"]["class"], &it["version"]), (&json!("local_read"), &json!(1)));
    assert_eq!(it["delta"]["added"], json!(["fs_read"]));
    assert_eq!(
        (&it["delta"]["removed"], &it["delta"]["class_change"]),
        (&json!(["exec"]), &json!(-4))
    );
    let found = facts(&rig, "class.changed", 1).await;
    let [Fact::ClassChanged { from, to, before, after, added, .. }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((from.0.0, to.0.0, before.as_str(), after.as_str()), (1, 2, "local_read", "exec"));
    assert_eq!(added.iter().map(ToString::to_string).collect::<Vec<_>>(), ["exec"]);
    assert_eq!(
        rig.get(&format!("/v1/class/{A}?at=v9")).await.problem(),
        (404, "no_such_version".to_owned())
    );
    assert_eq!(
        rig.get("/v1/class/tools/never.py").await.problem(),
        (404, "no_such_tool".to_owned())
    );
}

#[tokio::test]
async fn a_waiver_holds_for_what_was_read() {
    let rig = Rig::with(&[(A, RUNS)]).await;
    let waive = json!({"cap": "exec", "detail": "subprocess.run", "reason": "runs git log only"});
    let it = post(&rig, &waive).await;
    assert_eq!(it.status, 200, "{:?}", it.body);
    let it = it.json();
    assert_eq!(
        (&it["effective"]["class"], &it["effective"]["safe"]),
        (&json!("pure"), &json!(true))
    );
    assert_eq!(
        (&it["inferred"][0]["waived"], &it["waived"][0]["applies"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(it["waived"][0]["reason"], "runs git log only");
    // A comment elsewhere leaves it; another command does not.
    rig.save(A, format!("# read\n{RUNS}")).await;
    assert_eq!(rig.json(&format!("/v1/class/{A}")).await["effective"]["class"], "pure");
    rig.save(A, RUNS.replace("log", "push")).await;
    let it = rig.json(&format!("/v1/class/{A}")).await;
    assert_eq!(
        (&it["effective"]["class"], &it["waived"][0]["applies"]),
        (&json!("exec"), &json!(false))
    );
    rig.save(A, RUNS).await;
    let withdraw = json!({"cap": "exec", "detail": "subprocess.run", "withdraw": true});
    assert_eq!(post(&rig, &withdraw).await.json()["effective"]["class"], "exec");
    assert_eq!(post(&rig, &withdraw).await.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(facts(&rig, "class.waived", 2).await.len(), 2);
}

#[tokio::test]
async fn who_may_sign_and_for_what() {
    let rig = Rig::with(&[(A, RUNS)]).await;
    let waive = json!({"cap": "exec", "detail": "subprocess.run", "reason": "x"});
    let with = |key: &str, value: Value| {
        let mut body = waive.clone();
        body[key] = value;
        body
    };
    for (body, status, code) in [
        (with("author", json!({"kind": "ai", "name": "improver"})), 403, "forbidden"),
        (with("author", json!({"kind": "unknown"})), 403, "forbidden"),
        (with("cap", json!("execute")), 400, "invalid_request"),
        (with("cap", json!("net_write")), 400, "invalid_request"),
        (with("detail", json!("os.system")), 400, "invalid_request"),
        (with("reason", json!(" ")), 400, "invalid_request"),
        (with("reason", json!("x".repeat(1001))), 400, "invalid_request"),
        (with("other", json!(1)), 400, "invalid_request"),
    ] {
        assert_eq!(post(&rig, &body).await.problem(), (status, code.to_owned()), "{body}");
    }
    let ai = Who { uids: [nix::unistd::getuid().as_raw()].into(), ..Who::default() };
    let authors = Some(Authors { human: Who::default(), ai });
    rig.access(Access { authors, ..ourselves() });
    assert_eq!(post(&rig, &waive).await.problem(), (403, "forbidden".to_owned()));
}
