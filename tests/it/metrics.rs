//! The figures of a real daemon, judged by Prometheus's own tool, and the alert rules that rest on them. Where `promtool`
//! is not installed (Debian: in the package `prometheus`), that part says so and is skipped.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::world::World;

/// `false`: there is none.
fn promtool(arguments: &[&str], input: &str) -> bool {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("skipped: promtool is not installed");
        return false;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    true
}

fn metrics(world: &World) -> String {
    let answer = world.get("/metrics");
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap()
}

fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line} is not in\n{text}")).parse().unwrap()
}

#[test]
fn prometheus_takes_the_figures_and_they_are_those_of_the_daemon() {
    let world = World::with(&[("x.py", "one\n"), ("y.py", "one\n")]);
    for number in 0..5 {
        world.write("x.py", &format!("{number}\n"));
        world.sync();
    }
    world.put("/v1/runtimes/planner", &json!({"loaded": {}, "ttl": "1h"})).ok();
    let text = metrics(&world);
    promtool(&["check", "metrics"], &text);
    for (line, wanted) in [
        ("knowngood_tools{root=\"tools\",state=\"in_sync\"}", 1.0),
        ("knowngood_tools{root=\"tools\",state=\"modified\"}", 1.0),
        ("knowngood_facts_total{event=\"version.recorded\"}", 7.0),
        ("knowngood_record_lag_seconds_count", 5.0),
        ("knowngood_record_lag_seconds_bucket{le=\"+Inf\"}", 5.0),
        ("knowngood_runtimes", 1.0),
        ("knowngood_watch_overflows_total", 0.0),
        ("knowngood_root_watch{root=\"tools\",state=\"watching\"}", 1.0),
        ("knowngood_store_segments", 1.0),
        (
            "knowngood_http_requests_total{route=\"/v1/runtimes/{name}\",method=\"PUT\",status=\"200\"}",
            1.0,
        ),
    ] {
        let found = value(&text, line);
        assert!((found - wanted).abs() < f64::EPSILON, "{line}: {found}");
    }
    assert!(value(&text, "knowngood_log_sync_seconds_count") >= 6.0, "a first scan and five edits");
    assert!(value(&text, "knowngood_log_sync_seconds_sum") > 0.0);
    assert!(value(&text, "knowngood_record_lag_seconds_sum") > 0.0);
    assert!(value(&text, "knowngood_store_free_bytes") > 0.0);
    assert!(value(&text, "knowngood_store_bytes{part=\"log\"}") > 0.0);
    // Asking is the only thing that happens in an idle daemon.
    let again = metrics(&world);
    for still in ["knowngood_log_seq", "knowngood_log_sync_seconds_count"] {
        assert!((value(&text, still) - value(&again, still)).abs() < f64::EPSILON, "{still}");
    }
}

#[test]
fn the_alert_rules_are_sound_and_ask_for_nothing_that_is_not_told() {
    promtool(&["check", "rules", "config/alerts.yml"], "");
    promtool(&["test", "rules", "tests/fixtures/alerts.test.yml"], "");
    let world = World::with(&[("x.py", "one\n")]);
    let told = metrics(&world);
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/alerts.yml");
    let rules = std::fs::read_to_string(rules).unwrap();
    let expressions = rules.lines().filter_map(|it| it.trim_start().strip_prefix("expr: "));
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let names: BTreeSet<&str> = expressions
        .flat_map(|it| it.split(|it| !is_word(it)))
        .filter(|it| it.starts_with("knowngood_"))
        .collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let told = told
            .lines()
            .any(|it| it.starts_with(&format!("{name}{{")) || it.starts_with(&format!("{name} ")));
        assert!(told, "{name} is told by no daemon");
    }
}

#[test]
fn on_a_loopback_address_where_one_is_configured() {
    let mut world = World::new();
    world.write("x.py", "one\n");
    world.config = "[metrics]\nlisten = \"127.0.0.1:0\"".to_owned();
    world.start();
    let address =
        world.daemon().wait_log(0, "daemon.started")["metrics"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("\nknowngood_ready 1\n"),
        "{answer}"
    );
    // Taken: told with the key that says so.
    let mut second = World::new();
    second.config = format!("[metrics]\nlisten = \"{address}\"");
    second.spawn();
    let (status, text) = second.end();
    assert_eq!(status.code(), Some(9));
    assert!(text.contains(&format!("listening for metrics.listen at {address}")), "{text}");
    world.stop();
    assert!(TcpStream::connect(&address).is_err(), "closed with the daemon");
}
