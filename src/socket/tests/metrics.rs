//! The figures: what they say, who may read them, over the socket and over TCP.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::rig::{Rig, limits};
use crate::socket::serve_metrics;

/// Each line by its name and labels.
fn lines(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    lines
        .map(|it| it.rsplit_once(' ').unwrap())
        .map(|it| (it.0.to_owned(), it.1.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn figures_of_tools_log_and_requests() {
    let rig = Rig::with(&[("tools/a.py", "1\n"), ("tools/b.py", "1\n")]).await;
    rig.save("tools/a.py", "2\n").await;
    let body = br#"{"loaded": {"tools/a.py": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}, "failed": {"tools/b.py": "no"}, "ttl": "1h"}"#;
    assert_eq!(rig.send("PUT", "/v1/runtimes/planner", body).await.status, 200);
    assert_eq!(rig.get("/v1/tools/tools/nothing.py").await.status, 404);
    let reply = rig.get("/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let all = lines(&text);
    let value = |name: &str| *all.get(name).unwrap_or_else(|| panic!("{name} is not in\n{text}"));
    for (name, wanted) in [
        (r#"knowngood_tools{root="tools",state="in_sync"}"#, 1.0),
        (r#"knowngood_tools{root="tools",state="modified"}"#, 1.0),
        (r#"knowngood_unsettled_tools{root="tools"}"#, 0.0),
        (r#"knowngood_root_watch{root="tools",state="watching"}"#, 1.0),
        (r#"knowngood_root_watch{root="tools",state="polling"}"#, 0.0),
        (r#"knowngood_root_safety_stop{root="tools"}"#, 0.0),
        ("knowngood_ready", 1.0),
        ("knowngood_runtimes", 1.0),
        ("knowngood_stale_runtimes", 1.0),
        ("knowngood_stale_loads", 1.0),
        ("knowngood_failed_runtimes", 1.0),
        (r#"knowngood_open_deploys{state="provisional"}"#, 0.0),
        (r#"knowngood_facts_total{event="version.recorded"}"#, 3.0),
        (r#"knowngood_facts_total{event="drift.detected"}"#, 1.0),
        ("knowngood_record_lag_seconds_count", 1.0),
        (r#"knowngood_queue_length{queue="hints"}"#, 0.0),
        (r#"knowngood_log_state{state="writable"}"#, 1.0),
        (r#"knowngood_log_state{state="disk_full"}"#, 0.0),
        ("knowngood_config_last_reload_success", 1.0),
        (
            r#"knowngood_http_requests_total{route="/v1/runtimes/{name}",method="PUT",status="200"}"#,
            1.0,
        ),
        (r#"knowngood_http_requests_total{route="/v1/tools/{id}",method="GET",status="404"}"#, 1.0),
        (r#"knowngood_http_request_seconds_count{route="/v1/tools/{id}",method="GET"}"#, 1.0),
    ] {
        assert!((value(name) - wanted).abs() < f64::EPSILON, "{name}: {}", value(name));
    }
    let seq = u32::try_from(rig.handle.view().as_of().0).unwrap();
    assert!((value("knowngood_log_seq") - f64::from(seq)).abs() < f64::EPSILON);
    assert!(value(r#"knowngood_root_last_scan_timestamp_seconds{root="tools"}"#) >= 0.0);
    for secret in ["a.py", "planner"] {
        assert!(!text.contains(secret), "{secret} makes a line of its own");
    }
    rig.reload_fails(&["config.toml:3:1: no"]);
    assert_eq!(rig.send("POST", "/v1/reload", b"").await.status, 400);
    let text = String::from_utf8(rig.get("/metrics").await.body.to_vec()).unwrap();
    assert!(text.contains("\nknowngood_config_last_reload_success 0\n"));
    rig.reload_fails(&[]);
    rig.send("POST", "/v1/reload", b"").await;
    let text = String::from_utf8(rig.get("/metrics").await.body.to_vec()).unwrap();
    assert!(text.contains("\nknowngood_config_last_reload_success 1\n"));
}

#[tokio::test]
async fn one_path_alone_over_tcp_and_only_for_this_machine() {
    let rig = Rig::unloaded(&[("tools/a.py", "1\n")], limits());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (service, stop) = (Arc::clone(&rig.service), rig.stop.clone());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve_metrics(listener, service, stop.clone()));
    let ask = |line: &'static str, host: &'static str| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(ask("GET /metrics", "127.0.0.1").await.starts_with("HTTP/1.1 503 "), "not loaded yet");
    rig.service.loaded(rig.handle.clone());
    let answer = ask("GET /metrics", "localhost:9464").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("\nknowngood_build_info{"),
        "{answer}"
    );
    for (line, host, status) in [
        ("GET /v1/status", "127.0.0.1", "404"),
        ("GET /v1/reload", "127.0.0.1", "404"),
        ("POST /metrics", "127.0.0.1", "405"),
        ("GET /metrics", "evil.example", "403"),
    ] {
        let answer = ask(line, host).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
    stop.cancel();
    tasks.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn an_administrator_sees_the_configuration_and_others_do_not() {
    let rig = Rig::with(&[]).await;
    let config = rig.json("/v1/config").await;
    assert_eq!(
        config["items"][0],
        serde_json::json!({"key": "log.level", "value": "\"info\"", "origin": "default", "needs_restart": false})
    );
    let nobody = crate::access::Who::default();
    rig.access(crate::access::Access { admin: nobody, ..super::rig::ourselves() });
    assert_eq!(rig.get("/v1/config").await.problem(), (403, "forbidden".to_owned()));
}
