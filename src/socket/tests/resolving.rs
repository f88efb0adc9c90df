//! What is told of a proposal before it is one: may it be put there, can it be merged, what stands in its way.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    client::Reply,
    memory::digest,
    rig::{Rig, id, limits, ourselves},
};
use crate::{
    access::{Access, Peer, Who},
    model::{AuthorKind, Cause},
    socket::{
        Limits,
        author::authorship,
        call::Call,
        conflict::{Contested, conflicts},
        peer::Caller,
        reference::{Place, Point},
    },
    wire::{Claim, Kind, base64},
};

const A: &str = "tools/a.py";
const BASE: &str = "1\n2\n3\n4\n5\n";
const DISK: &str = "1\ntwo\n3\n4\n5\n";

async fn ask(rig: &Rig, request: Value) -> Reply {
    rig.send("POST", "/v1/resolve", request.to_string().as_bytes()).await
}

async fn answer(rig: &Rig, request: Value) -> Value {
    let reply = ask(rig, request).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    reply.json()
}

/// `a.py` is v1 and v2.
async fn edited() -> Rig {
    let rig = Rig::with(&[(A, BASE), ("tools/odd.py", "odd\n")]).await;
    rig.save(A, DISK).await;
    rig
}

#[tokio::test]
async fn what_would_come_of_it() {
    let rig = edited().await;
    let options = json!(["abort_and_refresh", "overwrite_anyway", "manual_merge"]);
    let before = rig.handle.view().as_of();
    for (base, content, action, reason, merge) in [
        (json!("v1"), DISK, "no_op", "already_in_sync", json!({"clean": true, "conflicts": []})),
        (
            json!("v2"),
            "new\n",
            "safe_overwrite",
            "no_concurrent_changes",
            json!({"clean": true, "conflicts": []}),
        ),
        (
            json!("disk"),
            "new\n",
            "safe_overwrite",
            "no_concurrent_changes",
            json!({"clean": true, "conflicts": []}),
        ),
        (
            json!(digest(BASE.as_bytes()).to_string()),
            "1\n2\n3\n4\nfive\n",
            "conflict",
            "concurrent_modification",
            json!({"clean": true, "content": "1\ntwo\n3\n4\nfive\n", "conflicts": []}),
        ),
        (
            json!("baseline"),
            "1\nzwei\n3\n4\n5\n",
            "conflict",
            "concurrent_modification",
            json!({"clean": false, "conflicts": [{
                "base": {"line": 2, "count": 1, "text": "2\n"},
                "current": {"line": 2, "count": 1, "text": "two\n"},
                "proposed": {"line": 2, "count": 1, "text": "zwei\n"},
            }]}),
        ),
        (
            Value::Null,
            "x\n",
            "conflict",
            "concurrent_modification",
            json!({"clean": false, "conflicts": [{
                "base": {"line": 1, "count": 0, "text": ""},
                "current": {"line": 1, "count": 5, "text": DISK},
                "proposed": {"line": 1, "count": 1, "text": "x\n"},
            }]}),
        ),
    ] {
        let told = answer(&rig, json!({"tool": A, "base": base, "content": content})).await;
        assert_eq!((&told["action"], &told["reason"]), (&json!(action), &json!(reason)), "{base}");
        assert_eq!(told["merge"], merge, "{base}");
        let wanted = if action == "conflict" { &options } else { &json!([]) };
        assert_eq!(&told["resolution_options"], wanted);
        assert_eq!(told["current"]["version"], 2);
    }
    assert_eq!(rig.handle.view().as_of(), before, "nothing became of it");
}

#[tokio::test]
async fn where_nothing_or_no_file_stands() {
    let rig = edited().await;
    let new = |base: Value| json!({"tool": "tools/sub/new.py", "base": base, "content": "x\n"});
    assert_eq!(answer(&rig, new(Value::Null)).await["action"], "safe_overwrite");
    assert_eq!(ask(&rig, new(json!("v1"))).await.problem(), (404, "no_such_tool".to_owned()));
    rig.remove(A).await;
    let gone = answer(&rig, json!({"tool": A, "base": "v2", "content": "x\n"})).await;
    assert_eq!((&gone["action"], &gone["current"]), (&json!("conflict"), &Value::Null));
    assert_eq!(gone["merge"]["clean"], false);
    let same = answer(&rig, json!({"tool": A, "base": null, "content": "x\n"})).await;
    assert_eq!(same["action"], "safe_overwrite");
    let none = ask(&rig, json!({"tool": A, "base": "disk", "content": "x\n"})).await;
    assert_eq!(none.problem(), (404, "no_such_version".to_owned()));
    rig.place("tools/odd.py", Cause::Symlink).await;
    let odd = answer(&rig, json!({"tool": "tools/odd.py", "base": "v1", "content": "x\n"})).await;
    assert_eq!((&odd["action"], &odd["cause"]), (&json!("conflict"), &json!("symlink")));
    rig.save("tools/odd.py", "odd\n").await;
    rig.begin_writing("tools/odd.py");
    let open = answer(&rig, json!({"tool": "tools/odd.py", "base": "v1", "content": "x\n"})).await;
    assert_eq!((&open["action"], &open["unsettled"]), (&json!("conflict"), &json!(true)));
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let rig = Rig::with(&[(A, "1\n2\n3\n")]).await;
    rig.save(A, b"\xff\n2\n3\n").await;
    let proposed =
        json!({"tool": A, "base": "v1", "content": base64(b"1\n2\n\xfe\n"), "encoding": "base64"});
    let merge = answer(&rig, proposed).await["merge"].clone();
    assert_eq!(merge["clean"], true);
    assert_eq!(
        (&merge["content"], &merge["encoding"]),
        (&json!(base64(b"\xff\n2\n\xfe\n")), &json!("base64"))
    );
    let region = answer(&rig, json!({"tool": A, "base": "v1", "content": "x\n2\n3\n"})).await;
    assert_eq!(
        region["merge"]["conflicts"][0]["current"],
        json!({"line": 1, "count": 1, "text": null})
    );
}

#[tokio::test]
async fn a_wrong_question_is_told_by_its_field() {
    let rig = Rig::limited(&[(A, BASE)], Limits { file_size: 10, ..limits() }).await;
    for (request, code, field) in [
        (json!({"tool": A, "content": ""}), (428, "base_required"), "base"),
        (json!({"tool": "a.py", "base": "v1", "content": ""}), (400, "invalid_request"), "tool"),
        (
            json!({"tool": "elsewhere/a.py", "base": null, "content": ""}),
            (400, "invalid_request"),
            "tool",
        ),
        (json!({"tool": A, "base": "v1"}), (400, "invalid_request"), "content"),
        (
            json!({"tool": A, "base": "v1", "content": "x", "encoding": "base64"}),
            (400, "invalid_request"),
            "content",
        ),
        (json!({"tool": A, "base": "v1", "content": "12345678901"}), (413, "too_large"), "content"),
    ] {
        let reply = ask(&rig, request.clone()).await;
        assert_eq!(reply.problem(), (code.0, code.1.to_owned()), "{request}");
        assert_eq!(reply.json()["field"], field, "{}", reply.detail());
    }
    let unknown = ask(&rig, json!({"tool": A, "base": "v7", "content": ""})).await;
    assert_eq!(unknown.problem(), (404, "no_such_version".to_owned()));
}

#[tokio::test]
async fn contents_may_be_longer_than_other_bodies() {
    let small = Limits { body_size: 200, deploy_size: 4000, ..limits() };
    let rig = Rig::limited(&[(A, BASE)], small).await;
    let body = |length: usize| json!({"tool": A, "base": "v1", "content": "x".repeat(length)});
    // More of them than may be taken in at one time.
    for _ in 0..6 {
        assert_eq!(answer(&rig, body(3000)).await["action"], "safe_overwrite");
    }
    let over = ask(&rig, body(4000)).await;
    assert_eq!(over.problem(), (413, "too_large".to_owned()));
    assert_eq!(over.json()["limit"], 4000);
    assert!(over.json()["hint"].as_str().unwrap().contains("limits.deploy_size"));
    let nobody = Who::default();
    rig.access(Access { read: nobody, ..ourselves() });
    assert_eq!(ask(&rig, body(3000)).await.problem(), (403, "forbidden".to_owned()));
}

fn call(rig: &Rig) -> Call {
    let peer = Peer { uid: nix::unistd::getuid().as_raw(), gids: Vec::new() };
    Call {
        service: std::sync::Arc::clone(&rig.service),
        caller: Caller { peer, user: Some("ana".to_owned()) },
        uri: "/v1/deploys".parse().unwrap(),
        headers: HeaderMap::new(),
        rest: String::new(),
        carries_contents: true,
        stop: CancellationToken::new(),
    }
}

/// The answer that refuses a proposal.
async fn refusal(
    rig: &Rig,
    deploy: Option<u64>,
    all: &[(&str, Option<&str>, Option<&str>)],
) -> Value {
    use axum::response::IntoResponse as _;
    use http_body_util::BodyExt as _;
    let (call, view) = (call(rig), rig.handle.view());
    let ids: Vec<_> = all.iter().map(|it| id(it.0)).collect();
    let contested = ids.iter().zip(all).map(|(id, (_, base, proposed))| {
        let place = |it: &str| Place::of(&call, &view, id).unwrap().find(it).unwrap().unwrap();
        Contested { id, base: base.map(place), proposed: proposed.map(str::as_bytes) }
    });
    let contested: Vec<_> = contested.collect();
    let response = conflicts(&call, &view, deploy, &contested).unwrap().into_response();
    assert_eq!(response.status(), 409);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn a_conflict_tells_all_that_is_needed_to_go_on() {
    let rig = edited().await;
    let told = refusal(&rig, Some(17), &[(A, Some("v1"), Some("1\nzwei\n3\n4\n5\n"))]).await;
    assert_eq!((&told["code"], &told["deploy"]), (&json!("conflict"), &json!(17)));
    let conflict = &told["conflicts"][0];
    assert_eq!((&conflict["tool"], &conflict["base"]["version"]), (&json!(A), &json!(1)));
    let current = &conflict["current"];
    assert_eq!((&current["version"], &current["author"]["kind"]), (&json!(2), &json!("unknown")));
    assert_eq!(current["sha256"], digest(DISK.as_bytes()).to_string());
    assert!(current["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        conflict["diff_base_current"],
        "--- a/tools/a.py\t(v1)\n+++ b/tools/a.py\t(v2)\n@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n"
    );
    assert!(
        conflict["diff_base_proposed"]
            .as_str()
            .unwrap()
            .contains("(proposed)\n@@ -1,5 +1,5 @@\n 1\n-2\n+zwei\n")
    );
    assert_eq!(conflict["merge"]["conflicts"][0]["base"]["line"], 2);
    assert_eq!(
        conflict["resolution_options"],
        json!(["abort_and_refresh", "overwrite_anyway", "manual_merge"])
    );
    let hint = told["hint"].as_str().unwrap();
    let next = hint.split_once("POST /v1/deploys ").unwrap().1.split_once("; or").unwrap().0;
    let next: Value = serde_json::from_str(next).unwrap();
    assert_eq!(next["changes"][0]["base"], digest(DISK.as_bytes()).to_string());
    let clean = refusal(&rig, None, &[(A, Some("v1"), Some("1\n2\n3\n4\nfive\n"))]).await;
    assert!(clean["hint"].as_str().unwrap().contains("\"on_conflict\": \"merge\""));
    assert!(clean["conflicts"][0]["merge"].get("content").is_none(), "it is not asked for");
}

#[tokio::test]
async fn a_conflict_where_one_side_is_nothing() {
    let rig = edited().await;
    rig.save("tools/new.py", "theirs\n").await;
    rig.remove("tools/odd.py").await;
    let told = refusal(
        &rig,
        None,
        &[
            (A, Some("v1"), None),
            ("tools/new.py", None, Some("ours\n")),
            ("tools/odd.py", Some("v1"), Some("odd\n2\n")),
        ],
    )
    .await;
    let [deleted, made, gone] = told["conflicts"].as_array().unwrap().as_slice() else { panic!() };
    assert!(deleted["diff_base_proposed"].as_str().unwrap().contains("+++ /dev/null"));
    assert!(made["diff_base_current"].as_str().unwrap().starts_with("--- /dev/null\n"));
    assert_eq!((&made["base"], &gone["current"]), (&Value::Null, &Value::Null));
    for it in [deleted, made, gone] {
        assert_eq!(
            (&it["merge"]["clean"], it["merge"]["conflicts"].as_array().unwrap().len()),
            (&json!(false), 1)
        );
    }
    assert!(told["hint"].as_str().unwrap().contains("\"base\":null"), "{}", told["hint"]);
    rig.save("tools/new.py", b"\0").await;
    let binary = refusal(&rig, None, &[("tools/new.py", Some("v1"), Some("ours\n"))]).await;
    assert_eq!(binary["conflicts"][0]["diff_base_current"], Value::Null);
    assert_eq!(binary["conflicts"][0]["merge"]["conflicts"][0]["current"]["text"], Value::Null);
}

#[tokio::test]
async fn a_claim_counts_as_far_as_the_channel_allows() {
    let rig = edited().await;
    let claim = |kind| Some(Claim { kind, name: Some("bot".to_owned()) });
    let less = authorship(&call(&rig), claim(Kind::Ai)).unwrap();
    assert_eq!((less.author.kind, less.claimed), (AuthorKind::Ai, None));
    let silent = authorship(&call(&rig), None).unwrap();
    assert_eq!(
        (silent.author.kind, silent.author.name.as_deref()),
        (AuthorKind::Human, Some("ana"))
    );
    rig.access(Access { authors: Some(crate::access::Authors::default()), ..ourselves() });
    let more = authorship(&call(&rig), claim(Kind::Human)).unwrap();
    assert_eq!((more.author.kind, more.author.name.as_deref()), (AuthorKind::Unknown, Some("bot")));
    assert_eq!(more.claimed.map(|it| it.kind), Some(AuthorKind::Human));
}

#[tokio::test]
async fn a_point_whose_content_was_never_seen() {
    let rig = edited().await;
    let unseen = digest(b"unseen").to_string();
    let told = answer(&rig, json!({"tool": A, "base": unseen, "content": "x\n"})).await;
    assert_eq!(
        (&told["action"], &told["merge"]),
        (&json!("conflict"), &json!({"clean": false, "conflicts": []}))
    );
    let point = Point { digest: digest(b"unseen"), version: None, executable: None };
    let (call, view, tool) = (call(&rig), rig.handle.view(), id(A));
    let contested = Contested { id: &tool, base: Some(point), proposed: Some(b"x\n") };
    assert!(conflicts(&call, &view, None, &[contested]).is_ok());
}
