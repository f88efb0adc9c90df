//! Shadow runs, asked for: on the socket and by the command line.

#![expect(clippy::similar_names, reason = "a word and a world")]

use std::{
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::world::{best, nobody_is_left, somebody};
use crate::world::{Answer, World, answer, connect, stderr, stdout};

const LIVE: &str = "def tool(n):\n    return {'n': n}\n";

fn world() -> World {
    World::with(&[("tool.py", LIVE)])
}

fn request(content: &str) -> Value {
    let inputs: Vec<_> = (0..5).map(|it| json!({ "n": it })).collect();
    json!({"tool": "tools/tool.py", "content": content, "inputs": inputs})
}

#[test]
fn a_content_is_compared_and_nothing_is_left_of_it() {
    if best().is_none() {
        return;
    }
    let world = world();
    let head = world.head();
    let report = world.post("/v1/shadow", &request(LIVE)).ok();
    assert_eq!((&report["verdict"], &report["why"]), (&json!("equivalent"), &Value::Null));
    assert_eq!(
        (&report["control"], &report["candidate"]),
        (&report["candidate"], &report["control"])
    );
    assert_eq!(report["inputs"]["given"], 5);
    // The class allows inputs that are made up; they prove nothing.
    assert_eq!(report["counts"], json!({"same": 9}));
    assert!((report["bound95"].as_f64().unwrap() - 0.4507).abs() < 1e-3, "{report}");
    let worse = LIVE.replace("'n': n", "'n': m");
    let report = world.post("/v1/shadow", &request(&worse)).ok();
    assert_eq!(report["verdict"], "regressed");
    let finding = &report["findings"][0];
    assert_eq!((&finding["input"], &finding["args"]), (&json!("i_1"), &json!({"n": 0})));
    assert_eq!(finding["candidate"]["type"], "NameError");
    assert_eq!(finding["candidate"]["frames"], json!(["tool.py:2 in tool"]));
    assert_eq!(world.head(), head, "a shadow run is no fact");
    assert_eq!(std::fs::read_to_string(world.path("tool.py")).unwrap(), LIVE);
    // A tool that is not there yet has nothing to be compared with.
    let new = json!({"tool": "tools/new.py", "content": LIVE});
    let report = world.post("/v1/shadow", &new).ok();
    assert_eq!((&report["verdict"], &report["control"]), (&json!("inconclusive"), &Value::Null));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let world = world();
    let refused = |more: Value| {
        let mut request = request(LIVE);
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        let answer = world.post("/v1/shadow", &request);
        let (status, code) = answer.refusal();
        (status, code, answer.json()["field"].as_str().unwrap_or_default().to_owned())
    };
    let is = |status: u16, code: &str, field: &str| (status, code.to_owned(), field.to_owned());
    assert_eq!(refused(json!({"content": null})), is(400, "invalid_request", "content"));
    assert_eq!(refused(json!({"tool": "other/x.py"})), is(400, "invalid_request", "tool"));
    assert_eq!(refused(json!({"limit": 0})), is(400, "invalid_request", "limit"));
    assert_eq!(refused(json!({"limit": 201})), is(400, "invalid_request", "limit"));
    let declared = json!({"expect_changes": ["value"]});
    assert_eq!(refused(declared), is(400, "invalid_request", "expect_changes[0]"));
    assert_eq!(refused(json!({"base": "v9"})), is(404, "no_such_version", ""));
    assert_eq!(refused(json!({"seed": 1})).0, 400);
}

#[test]
fn it_ends_with_whoever_asked_and_few_go_on_at_once() {
    if best().is_none() {
        return;
    }
    let world = world();
    world.write("tool.toml", "[shadow]\ntimeout_ms = 60000\n");
    let word = "71717";
    let slow =
        format!("import subprocess\ndef tool(n):\n    subprocess.run(['sleep', '{word}'])\n");
    let body = request(&slow).to_string();
    let ask = || {
        let mut stream = connect(&world.socket()).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /v1/shadow HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        stream
    };
    let asking = [ask(), ask()];
    let until = Instant::now() + Duration::from_secs(50);
    while somebody(word) < 2 {
        assert!(Instant::now() < until, "they did not begin");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let refused = world.post("/v1/shadow", &request(LIVE));
    assert_eq!(refused.refusal(), (503, "busy".to_owned()));
    assert!(refused.header("retry-after").is_some());
    drop(asking);
    nobody_is_left(word, Duration::from_secs(20));
    let free = || world.post("/v1/shadow", &request(LIVE));
    let mut now = free();
    while now.status == 503 && Instant::now() < until {
        now = free();
    }
    assert_eq!(now.ok()["verdict"], "equivalent");
}

#[test]
fn a_stopping_daemon_waits_for_none() {
    if best().is_none() {
        return;
    }
    let mut world = world();
    world.write("tool.toml", "[shadow]\ntimeout_ms = 60000\n");
    let word = "71718";
    let slow =
        format!("import subprocess\ndef tool(n):\n    subprocess.run(['sleep', '{word}'])\n");
    let body = request(&slow).to_string();
    let mut stream = connect(&world.socket()).unwrap();
    let length = body.len();
    write!(stream, "POST /v1/shadow HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let until = Instant::now() + Duration::from_secs(50);
    while somebody(word) == 0 {
        assert!(Instant::now() < until, "it did not begin");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let began = Instant::now();
    world.stop();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    nobody_is_left(word, Duration::from_secs(5));
    let (told, _): (Answer, _) = answer(stream).unwrap();
    assert_eq!(told.status, 503);
}

#[test]
fn who_follows_sees_how_far_it_is() {
    if best().is_none() {
        return;
    }
    let world = world();
    let answer = world.post_with("/v1/shadow", "Accept: application/x-ndjson\r\n", &request(LIVE));
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let lines = serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>();
    let lines: Vec<Value> = lines.map(Result::unwrap).collect();
    let (report, told) = lines.split_last().unwrap();
    assert_eq!(report["report"]["verdict"], "equivalent");
    assert_eq!(told[0], json!({"progress": {"done": 0, "total": 9, "repeating": false}}));
    assert_eq!(told.len(), 9, "{told:?}");
}

#[test]
fn the_command_says_it_and_ends_as_it_is() {
    if best().is_none() {
        return;
    }
    let world = world();
    let inputs = world.home.join("inputs.json");
    let all: Vec<_> = (0..5).map(|it| json!({ "n": it })).collect();
    std::fs::write(&inputs, Value::from(all).to_string()).unwrap();
    let inputs = format!("@{}", inputs.display());
    let candidate = world.home.join("candidate.py");
    for (content, code, said) in [
        (LIVE, 0, "equivalent  tools/tool.py  5 inputs alike: at most 45.1 %"),
        ("def tool(n):\n    return n\n", 1, "changed  tools/tool.py"),
        ("def tool(n):\n    return m\n", 7, "NameError: name 'm' is not defined"),
        (
            "import os\ndef tool(n):\n    os.system('true')\n    return {'n': n}\n",
            7,
            "new effect exec",
        ),
    ] {
        std::fs::write(&candidate, content).unwrap();
        let typed = ["shadow", "tool", candidate.to_str().unwrap(), "--input", &inputs];
        let done = world.cli(&typed);
        assert_eq!(done.status.code(), Some(code), "{content}: {}", stderr(&done));
        assert!(stdout(&done).contains(said), "{content}: {}", stdout(&done));
    }
    let same = world.home.join("same.py");
    std::fs::write(&same, LIVE).unwrap();
    let few = world.cli(&["shadow", "tool", same.to_str().unwrap()]);
    assert_eq!(few.status.code(), Some(8), "{}", stdout(&few));
    let mut text = String::new();
    std::fs::File::open(&candidate).unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("os.system"));
}
