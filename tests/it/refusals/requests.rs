//! Requests that are refused: by their form, their size, their pace, their number, by who sends them.

use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::world::{World, answer, connect, stderr};

fn limited(limits: &str) -> World {
    let mut world = World::new();
    world.config = format!("[limits]\n{limits}");
    world.write("x.py", "one\n");
    world.start();
    world
}

/// Method, target, body; status, code and a word of the detail.
type Refused = (&'static str, &'static str, &'static str, u16, &'static str, &'static str);

const REFUSED: &[Refused] = &[
    ("GET", "/v1/nothing", "", 404, "not_found", "/v1/nothing"),
    ("GET", "/", "", 404, "not_found", "/"),
    ("PUT", "/v1/status", "{}", 405, "method_not_allowed", "/v1/status"),
    ("GET", "/v1/status?sinc=true", "", 400, "invalid_request", "sinc"),
    ("GET", "/v1/status?sync=yes", "", 400, "invalid_request", "sync"),
    ("GET", "/v1/status?sync=true&timeout=10", "", 400, "invalid_request", "timeout"),
    ("GET", "/v1/status?sync=true&timeout=1h", "", 400, "invalid_request", "timeout"),
    ("GET", "/v1/status?state=odd", "", 400, "invalid_request", "odd"),
    ("GET", "/v1/status?root=other", "", 400, "invalid_request", "other"),
    ("GET", "/v1/tools?limit=0", "", 400, "invalid_request", "limit"),
    ("GET", "/v1/tools?limit=1001", "", 400, "invalid_request", "limit"),
    ("GET", "/v1/tools?limit=-1", "", 400, "invalid_request", "limit"),
    ("GET", "/v1/tools?cursor=nonsense", "", 400, "invalid_request", "cursor"),
    ("GET", "/v1/tools?limit=1&limit=2", "", 400, "invalid_request", "limit"),
    ("GET", "/v1/tools?root=%GG", "", 400, "invalid_request", "%"),
    ("GET", "/v1/content/tools/x.py?at=v9", "", 404, "no_such_version", "v9"),
    ("GET", "/v1/content/tools/x.py?at=v0", "", 400, "invalid_request", "v0"),
    ("GET", "/v1/content/tools/x.py?at=abc", "", 400, "invalid_request", "abc"),
    ("GET", "/v1/content/tools/x.py?at=00000000", "", 404, "no_such_version", "00000000"),
    ("GET", "/v1/content/tools/x.py?at=2001-01-01T00:00:00Z", "", 404, "no_such_version", "2001"),
    ("GET", "/v1/diff/tools/x.py?context=10001", "", 400, "invalid_request", "context"),
    ("GET", "/v1/check/tools/x.py?base=v1&runtime=r", "", 400, "invalid_request", "runtime"),
    ("GET", "/v1/check/tools/x.py?runtime=r", "", 404, "no_such_runtime", "r"),
    ("GET", "/v1/events?types=version.invented", "", 400, "invalid_request", "version.invented"),
    ("GET", "/v1/events?after=-1", "", 400, "invalid_request", "after"),
    ("POST", "/v1/accept", "", 400, "invalid_request", "tools"),
    ("POST", "/v1/accept", "{", 400, "invalid_request", "EOF"),
    ("POST", "/v1/accept", "[]", 400, "invalid_request", "body"),
    ("POST", "/v1/accept", "{\"all\":\"yes\"}", 400, "invalid_request", "all"),
    ("POST", "/v1/accept", "{\"all\":false}", 400, "invalid_request", "all"),
    ("POST", "/v1/accept", "{\"al\":true}", 400, "invalid_request", "al"),
    ("POST", "/v1/accept", "{\"tools\":[]}", 400, "invalid_request", "tools"),
    (
        "POST",
        "/v1/accept",
        "{\"tools\":[{\"tool\":\"tools/x.py\",\"disk\":\"abc\"}]}",
        400,
        "invalid_request",
        "disk",
    ),
    (
        "POST",
        "/v1/accept",
        "{\"tools\":[{\"tool\":\"tools/n.py\"}]}",
        404,
        "no_such_tool",
        "tools/n.py",
    ),
    (
        "POST",
        "/v1/accept",
        "{\"all\":true,\"author\":{\"kind\":\"robot\"}}",
        400,
        "invalid_request",
        "robot",
    ),
    ("POST", "/v1/rescan", "{\"roots\":[\"other\"]}", 400, "invalid_request", "other"),
    ("PUT", "/v1/runtimes/r", "{\"ttl\":\"0s\"}", 400, "invalid_request", "ttl"),
    (
        "PUT",
        "/v1/runtimes/r",
        "{\"loaded\":{\"tools/x.py\":\"sha256:12\"}}",
        400,
        "invalid_request",
        "tools/x.py",
    ),
    ("PUT", "/v1/runtimes/%20", "{}", 400, "invalid_request", "runtime"),
    ("DELETE", "/v1/runtimes/r", "", 404, "no_such_runtime", "r"),
];

#[test]
fn requests_that_do_not_fit_are_told_why() {
    let world = World::with(&[("x.py", "one\n")]);
    let before = world.head();
    for (method, target, body, status, code, word) in REFUSED {
        let answer = world.ask(method, target, body.as_bytes());
        assert_eq!(answer.refusal(), (*status, (*code).to_owned()), "{method} {target} {body}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{target}");
        let problem = answer.json();
        assert_eq!(problem["status"], *status);
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{problem}");
        assert!(answer.detail().contains(word), "{target}: {}", answer.detail());
    }
    assert_eq!(world.head(), before, "nothing came of any of it");
}

#[test]
fn bodies_that_are_no_json_text() {
    let world = World::with(&[]);
    let send = |kind: &str, body: &[u8]| {
        let mut stream = connect(&world.socket()).unwrap();
        let length = body.len();
        let head = format!(
            "POST /v1/accept HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let (mut head, mut rest) = answer(stream).unwrap();
        rest.read_to_end(&mut head.body).unwrap();
        head.refusal()
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for kind in ["Content-Type: text/plain\r\n", form] {
        assert_eq!(send(kind, b"{}"), (415, "unsupported_type".to_owned()), "{kind}");
    }
    let invalid = (400, "invalid_request".to_owned());
    assert_eq!(send("Content-Type: application/json\r\n", b"{\"all\xff\":true}"), invalid);
}

#[test]
fn a_body_over_the_limit() {
    let world = limited("body_size = \"1 KiB\"");
    for size in [1025, 4000, 1 << 20] {
        let body = vec![b' '; size];
        let answer = world.ask("POST", "/v1/accept", &body);
        assert_eq!(answer.refusal(), (413, "too_large".to_owned()), "{size}");
        assert!(answer.detail().contains("more than 1024 bytes"));
        assert_eq!(answer.json()["limit"], 1024);
    }
    let mut body = br#"{"all":true}"#.to_vec();
    body.resize(1024, b' ');
    world.ask("POST", "/v1/accept", &body).ok();
}

#[test]
fn a_client_that_never_finishes_costs_only_itself() {
    let world = limited("header_timeout = \"200ms\"\nbody_timeout = \"200ms\"");
    let mut silent = connect(&world.socket()).unwrap();
    let mut slow = connect(&world.socket()).unwrap();
    slow.write_all(b"GET /v1/status HTTP/1.1\r\nHos").unwrap();
    let mut half = connect(&world.socket()).unwrap();
    half.write_all(b"POST /v1/accept HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
        .unwrap();
    world.sync();
    let mut rest = Vec::new();
    for stream in [&mut silent, &mut slow] {
        stream.read_to_end(&mut rest).unwrap();
    }
    let (mut told, mut body) = answer(half).unwrap();
    body.read_to_end(&mut told.body).unwrap();
    assert_eq!(told.refusal(), (408, "request_timeout".to_owned()));
    assert!(told.detail().contains("0.2 s"), "{}", told.detail());
    world.sync();
}

#[test]
fn more_connections_than_ones_share() {
    let world = limited("connections_per_peer = 3\nconnections = 5");
    // Answered once, so that each is surely counted; again while a former one is not yet known to be gone.
    let hold = |_| {
        loop {
            let mut stream = connect(&world.socket()).unwrap();
            stream.write_all(b"GET /v1/ready HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            if &status == b"HTTP/1.1 200" {
                return stream;
            }
        }
    };
    let idle: Vec<_> = (0..3).map(hold).collect();
    let refused = world.get("/v1/status");
    assert_eq!(refused.refusal(), (429, "too_many_requests".to_owned()));
    assert!(refused.detail().contains("its share is 3"), "{}", refused.detail());
    assert!(refused.header("retry-after").is_some());
    drop(idle);
    // The places are free as soon as the daemon has heard of it.
    while world.get("/v1/ready").status == 429 {
        std::thread::yield_now();
    }
    world.sync();
}

#[test]
fn rights_that_are_missing_are_named_with_their_key() {
    let mut world = World::new();
    world.config = "[access]\nread = [\"self\"]\naccept = [\"uid:12345\"]\nadmin = []\nruntime = [\"uid:12345\"]".to_owned();
    world.write("x.py", "one\n");
    world.start();
    let uid = rustix::process::getuid().as_raw();
    for (answer, right) in [
        (world.post("/v1/accept", &json!({"all": true})), "accept"),
        (world.post("/v1/rescan", &json!({})), "admin"),
        (world.post("/v1/reload", &json!({})), "admin"),
        (world.put("/v1/runtimes/r", &json!({})), "runtime"),
    ] {
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{right}");
        let problem = answer.json();
        assert_eq!((&problem["uid"], &problem["right"]), (&json!(uid), &json!(right)));
        assert_eq!(problem["config_key"], format!("access.{right}"));
        assert!(answer.detail().contains(&format!("uid {uid} lacks the right \"{right}\"")));
    }
    world.sync();
    let refused = world.cli(&["accept", "--all"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(stderr(&refused).contains("access.accept"), "{}", stderr(&refused));
}
