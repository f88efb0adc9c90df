//! Requests that are wrong in type, size, encoding or range: each has its exact answer.

use serde_json::json;

use super::{
    client::{request, send, whole},
    memory::digest,
    rig::{Rig, limits},
};
use crate::socket::Limits;

const A: &str = "tools/a.py";

async fn rig() -> Rig {
    Rig::with(&[(A, "1\n"), ("tools/%25.py", "percent\n"), ("tools/%FF.py", "odd\n")]).await
}

#[tokio::test]
async fn ids_in_a_path_are_decoded_once() {
    let rig = rig().await;
    for (path, text) in [
        ("tools/a.py", "1\n"),
        ("tools%2Fa.py", "1\n"),
        ("tools/%61.py", "1\n"),
        ("tools/%2525.py", "percent\n"),
        ("tools/%25FF.py", "odd\n"),
    ] {
        assert_eq!(rig.get(&format!("/v1/content/{path}")).await.text(), text, "{path}");
    }
    for path in [
        "tools/../a.py",
        "tools/%2e%2e/a.py",
        "tools/./a.py",
        "/etc/passwd",
        "tools//a.py",
        "tools",
        "tools/a%00.py",
        "tools/a%2500.py",
        "tools/%FF.py",
        "tools/%25.py",
        "tools/%zz.py",
        "tools/a%",
        "Tools/a.py",
        "tools/%2561.py",
        "tools/a.py/",
    ] {
        for kind in ["tools", "history", "content", "diff", "check"] {
            let problem = rig.get(&format!("/v1/{kind}/{path}")).await.problem();
            assert_eq!(problem, (400, "invalid_request".to_owned()), "{kind} {path}");
        }
    }
    for kind in ["tools", "history", "content", "diff", "check"] {
        let problem = rig.get(&format!("/v1/{kind}/tools/never.py")).await.problem();
        assert_eq!(problem, (404, "no_such_tool".to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn parameters_are_known_ones_of_the_right_kind() {
    let rig = rig().await;
    for (path, detail) in [
        ("/v1/status?verbose=true", "verbose"),
        ("/v1/ready?x", "x"),
        ("/v1/info?x=1", "x"),
        ("/v1/status?sync=1", "sync"),
        ("/v1/status?sync=true&sync=false", "sync"),
        ("/v1/status?state=broken", "broken"),
        ("/v1/status?timeout=10", "timeout"),
        ("/v1/status?timeout=0", "timeout"),
        ("/v1/status?timeout=6m", "timeout"),
        ("/v1/status?root=%ff", "UTF-8"),
        ("/v1/status?root=%2", "%XX"),
        ("/v1/status?root=none", "none"),
        ("/v1/tools?limit=0", "limit"),
        ("/v1/tools?limit=1001", "limit"),
        ("/v1/tools?limit=-1", "limit"),
        ("/v1/tools?limit=ten", "limit"),
        ("/v1/tools?limit=99999999999", "limit"),
        ("/v1/tools?state=stale", "stale"),
        ("/v1/tools?cursor=7", "cursor"),
        ("/v1/history/tools/a.py?limit=0", "limit"),
        ("/v1/history/tools/a.py?cursor=t00", "cursor"),
        ("/v1/runtimes?cursor=r", "cursor"),
        ("/v1/content/tools/a.py?at=", "reference"),
        ("/v1/content/tools/a.py?version=v1", "version"),
        ("/v1/diff/tools/a.py?context=10001", "context"),
        ("/v1/diff/tools/a.py?context=-1", "context"),
        ("/v1/diff/tools/a.py?from=dead", "dead"),
        ("/v1/check/tools/a.py?base=v01", "v01"),
        ("/v1/check/tools/a.py?runtime=-x", "-x"),
        ("/v1/events?after=-1", "after"),
        ("/v1/events?types=version.recorded,nothing.happened", "nothing.happened"),
        ("/v1/events?types=", "event"),
        ("/v1/events?tool=../x", "../x"),
        ("/v1/events?limit=0", "limit"),
        ("/v1/events?after=1&cursor=e31", "after"),
        ("/v1/events?follow=true&limit=5", "limit"),
    ] {
        let reply = rig.get(path).await;
        assert_eq!(reply.problem(), (400, "invalid_request".to_owned()), "{path}");
        assert!(reply.text().contains(detail), "{path}: {}", reply.text());
    }
}

async fn refused(rig: &Rig, method: &str, path: &str, bodies: &[(&str, &str)]) {
    for (body, detail) in bodies {
        let reply = rig.send(method, path, body.as_bytes()).await;
        assert_eq!(reply.problem(), (400, "invalid_request".to_owned()), "{path} {body}");
        assert!(reply.detail().contains(detail), "{path} {body}: {}", reply.detail());
    }
}

const NO_OBJECT: &str = "invalid type: sequence, expected an object";

#[tokio::test]
async fn the_body_of_accept() {
    let rig = rig().await;
    let bodies = [
        ("", "tools is missing"),
        ("{}", "tools is missing"),
        ("null", "the body: invalid type: null"),
        ("[]", NO_OBJECT),
        (r#"{"tools": [["tools/a.py"]]}"#, "tools[0]: invalid type: sequence, expected an object"),
        (r#"{"tools": []}"#, "at least one"),
        (r#"{"all": false}"#, "all must be true"),
        (r#"{"all": 1}"#, "all: invalid type"),
        (r#"{"all": true, "tools": [{"tool": "tools/a.py"}]}"#, "cannot stand beside"),
        (r#"{"all": true, "all": true}"#, "duplicate field"),
        (r#"{"everything": true}"#, "unknown field `everything`"),
        (r#"{"tools": "tools/a.py"}"#, "tools: invalid type"),
        (r#"{"tools": [{}]}"#, "missing field `tool`"),
        (r#"{"tools": [{"tool": 7}]}"#, "tools[0].tool: invalid type"),
        (r#"{"tools": [{"tool": "tools/../x"}]}"#, "tools[0].tool"),
        (r#"{"tools": [{"tool": "tools/a.py", "disk": "dead"}]}"#, "tools[0].disk"),
        (r#"{"tools": [{"tool": "tools/a.py", "disk": 5}]}"#, "tools[0].disk"),
        (r#"{"tools": [{"tool": "tools/a.py", "base": "v1"}]}"#, "unknown field `base`"),
        (r#"{"tools": [{"tool": "tools/a.py"}, {"tool": "tools/a.py"}]}"#, "twice"),
        ("{\"all\":\n  tru}", "line 2 column 6"),
        (r#"{"all": true"#, "line 1 column 12"),
        (r#"{"all": true} {"#, "after its end"),
    ];
    refused(&rig, "POST", "/v1/accept", &bodies).await;
    assert_eq!(rig.json("/v1/status").await["in_sync"], true, "nothing of it came through");
}

#[tokio::test]
async fn the_author_in_a_body() {
    let rig = rig().await;
    let long =
        format!(r#"{{"all": true, "author": {{"kind": "human", "name": "{}"}}}}"#, "x".repeat(129));
    let bodies = [
        (r#"{"all": true, "author": "ana"}"#, "author: invalid type"),
        (r#"{"all": true, "author": ["human"]}"#, NO_OBJECT),
        (r#"{"all": true, "author": {"kind": "robot"}}"#, "author.kind"),
        (r#"{"all": true, "author": {"name": "ana"}}"#, "missing field `kind`"),
        (r#"{"all": true, "author": {"kind": "human", "name": ""}}"#, "author.name"),
        (r#"{"all": true, "author": {"kind": "human", "name": "a\u0000"}}"#, "author.name"),
        (&long, "author.name"),
        (r#"{"all": true, "author": {"kind": "human", "uid": 0}}"#, "unknown field `uid`"),
    ];
    refused(&rig, "POST", "/v1/accept", &bodies).await;
}

#[tokio::test]
async fn the_bodies_for_administrators() {
    let rig = rig().await;
    let bodies = [
        (r#"{"roots": "tools"}"#, "roots"),
        (r#"{"roots": [1]}"#, "roots[0]"),
        (r#"{"rehash": "yes"}"#, "rehash"),
        (r#"{"root": "tools"}"#, "unknown field `root`"),
    ];
    refused(&rig, "POST", "/v1/rescan", &bodies).await;
    refused(&rig, "POST", "/v1/reload", &[(r#"{"file": "x"}"#, "unknown field `file`")]).await;
    refused(&rig, "POST", "/v1/verify", &[(r#"{"fast": true}"#, "unknown field `fast`")]).await;
}

#[tokio::test]
async fn the_report_of_a_runtime() {
    let rig = rig().await;
    for (path, detail) in
        [("/v1/runtimes/-x", "-x"), ("/v1/runtimes/a%20b", "a b"), ("/v1/runtimes/a%zz", "%XX")]
    {
        refused(&rig, "PUT", path, &[("", detail)]).await;
    }
    let hash = digest(b"1\n").to_string();
    let bodies = [
        (r#"{"loaded": []}"#, "loaded: invalid type"),
        (r#"{"loaded": {"tools/a.py": 1}}"#, "loaded"),
        (r#"{"loaded": {"tools/a.py": "v1"}}"#, "not a hash"),
        (&format!(r#"{{"loaded": {{"a.py": "{hash}"}}}}"#), "not a tool id"),
        (&format!(r#"{{"loaded": {{"t/a": "{hash}", "t/a": "{hash}"}}}}"#), "twice"),
        (r#"{"failed": {"a.py": "x"}}"#, "not a tool id"),
        (&json!({"failed": {"t/a": "x".repeat(8193)}}).to_string(), "8192"),
        (r#"{"ttl": 60}"#, "ttl: invalid type"),
        (r#"{"ttl": "60"}"#, "ttl"),
        (r#"{"ttl": "999ms"}"#, "ttl"),
        (r#"{"ttl": "86401s"}"#, "ttl"),
        (r#"{"lease": "60s"}"#, "unknown field `lease`"),
    ];
    refused(&rig, "PUT", "/v1/runtimes/p", &bodies).await;
    refused(&rig, "DELETE", "/v1/runtimes/p", &[("{}", "no body")]).await;
    assert_eq!(rig.json("/v1/runtimes").await["items"], json!([]), "nothing of it came through");
}

#[tokio::test]
async fn what_is_no_utf8_or_no_json_is_told_apart() {
    let rig = rig().await;
    let reply = rig.send("POST", "/v1/accept", b"{\"all\": \"\xff\"}").await;
    assert_eq!(reply.problem(), (400, "invalid_request".to_owned()));
    assert!(reply.detail().contains("offset 9"), "{}", reply.detail());
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/json; charset=utf-16"),
        ("content-encoding", "gzip"),
    ] {
        let mut builder = request("POST", "/v1/accept", b"");
        if name != "content-type" {
            builder = builder.header("content-type", "application/json");
        }
        let request = whole(builder.header(name, value), b"{}");
        let reply = send(&rig.socket(), request).await;
        assert_eq!(reply.problem(), (415, "unsupported_type".to_owned()), "{name}: {value}");
    }
    for value in ["application/json", "Application/JSON; charset=UTF-8"] {
        let builder = request("POST", "/v1/rescan", b"").header("content-type", value);
        assert_eq!(send(&rig.socket(), whole(builder, b"{}")).await.status, 200, "{value}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let limits = Limits { body_size: 100, ..limits() };
    let rig = Rig::limited(&[(A, "1\n")], limits).await;
    let body = |length: usize| format!("{{\"ttl\": \"{}\"}}", "6".repeat(length - 11));
    let fits = rig.send("PUT", "/v1/runtimes/p", body(100).as_bytes()).await;
    assert_eq!(fits.problem(), (400, "invalid_request".to_owned()));
    for length in [101, 390, 1 << 20] {
        let reply = rig.send("PUT", "/v1/runtimes/p", body(length).as_bytes()).await;
        assert_eq!(reply.problem(), (413, "too_large".to_owned()), "{length}");
        assert_eq!(reply.json()["limit"], 100);
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let rig = rig().await;
    for path in [
        "/",
        "/v1",
        "/v2/status",
        "/v1/tool",
        "/v1/content/",
        "/v1/runtimes/",
        "/v1/runtimes/a/b",
        "/v1/metrics",
    ] {
        assert_eq!(rig.get(path).await.problem(), (404, "not_found".to_owned()), "{path}");
    }
    for (method, path, allow) in [
        ("POST", "/v1/status", "GET"),
        ("DELETE", "/v1/tools/tools/a.py", "GET"),
        ("GET", "/v1/accept", "POST"),
        ("PATCH", "/v1/runtimes/p", "PUT"),
    ] {
        let reply = rig.send(method, path, b"").await;
        assert_eq!(reply.problem(), (405, "method_not_allowed".to_owned()), "{path}");
        assert!(reply.header("allow").is_some_and(|it| it.contains(allow)), "{:?}", reply.headers);
    }
}
