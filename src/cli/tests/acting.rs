//! Commands that ask for something to be done, streams, and an output that goes away.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ask, command, daemon};
use crate::cli::{
    Exit, client, commands,
    fake::{Asked, Daemon, Shared, answer, broken_stream, ok},
    print,
};

#[test]
fn accept_names_what_it_accepts() {
    let body = r#"{"accepted":[{"tool":"t/fetch.sh","baseline":2,"baseline_sha256":"sha256:a"},{"tool":"t/b","baseline":null,"baseline_sha256":null}],"as_of":5}"#;
    let asked = |line: &[&str]| {
        let daemon = daemon("/v1/accept", 200, body);
        let done = ask(&daemon, line);
        (daemon.asked().pop(), done)
    };
    let posted = |body: Value| {
        let line = "POST /v1/accept".to_owned();
        Some(Asked { line, accept: "application/json".to_owned(), body: body.to_string() })
    };
    let (request, done) = asked(&["accept", "fetch.sh", "web/fetch"]);
    assert_eq!(
        request,
        posted(json!({"tools": [{"tool": "t/fetch.sh"}, {"tool": "t/web/fetch.py"}]}))
    );
    assert_eq!(
        done.out,
        "accepted  t/fetch.sh v2 is the baseline\naccepted  t/b is gone, and nothing is expected of it any more\n"
    );
    assert_eq!(asked(&["accept", "--all"]).0, posted(json!({"all": true})));
    let (request, _) = asked(&["accept", "fetch.sh", "--disk", "sha256:a"]);
    assert_eq!(request, posted(json!({"tools": [{"disk": "sha256:a", "tool": "t/fetch.sh"}]})));
    assert_eq!(asked(&["accept", "a", "b", "--disk", "sha256:a"]).1.exit, Exit::Usage);
    let nothing = ask(&daemon("/v1/accept", 200, r#"{"accepted":[]}"#), &["accept", "--all"]);
    assert_eq!((nothing.exit, nothing.out.as_str()), (Exit::Ok, ""));
    assert!(nothing.err.starts_with("nothing to accept"));
}

#[test]
fn runtimes_and_what_is_wrong_with_them() {
    let body = r#"{"items":[{"runtime":"planner","loaded":3,"stale":[{"tool":"t/a","loaded":1,"expected":2},{"tool":"t/b","loaded":1,"expected":null,"expected_sha256":null}],
        "failed":[{"tool":"t/b","message":"line 3:\nno"}],"not_loaded":["t/c"],"not_loaded_count":1,"reported":"2026-01-01T00:00:00Z"}],"next":null}"#;
    let done = ask(&daemon("/v1/runtimes", 200, body), &["runtimes"]);
    assert_eq!(
        done.out,
        "\
RUNTIME  LOADED  STALE  FAILED  NOT LOADED  REPORTED
planner  3       2      1       1           2026-01-01T00:00:00Z

        RUNTIME  TOOL
stale   planner  t/a   has v1, expected v2
stale   planner  t/b   has v1, expected gone
failed  planner  t/b   line 3:\\u{a}no
"
    );
}

#[test]
fn what_an_administrator_asks() {
    let rescan = daemon("/v1/rescan", 200, r#"{"files":7,"took_ms":12,"missed":["t/a"]}"#);
    let done = ask(&rescan, &["rescan"]);
    assert_eq!(
        done.out,
        "looked at 7 files in 12 ms\n  no event had told of t/a; it is recorded now\n"
    );
    let done =
        ask(&daemon("/v1/reload", 200, r#"{"reloaded":true,"roots":["t","u"]}"#), &["reload"]);
    assert_eq!((done.exit, done.out.as_str()), (Exit::Ok, "reloaded; roots: t, u\n"));
    let rejected = r#"{"code":"config_rejected","title":"The configuration has errors","detail":"2 of them","errors":["c.toml:1:1: no\n  1 | x","$K: bad"]}"#;
    let done = ask(&daemon("/v1/reload", 400, rejected), &["reload"]);
    assert_eq!(done.exit, Exit::BadConfiguration);
    assert_eq!(
        done.err,
        "error: The configuration has errors: 2 of them\n  c.toml:1:1: no\n    1 | x\n  $K: bad\n"
    );
    let good =
        r#"{"ok":true,"checked":{"facts":3,"contents":2,"files":1},"problems":[],"missed":[]}"#;
    let done = ask(&daemon("/v1/verify", 200, good), &["verify"]);
    assert_eq!((done.exit, done.out.as_str()), (Exit::Ok, "ok  3 facts, 2 contents, 1 files\n"));
    let bad = r#"{"ok":false,"checked":{"facts":3,"contents":2,"files":1},"problems":["000.log at byte 9"]}"#;
    let done = ask(&daemon("/v1/verify", 200, bad), &["verify"]);
    assert_eq!(done.exit, Exit::Other);
    assert_eq!(done.out, "damaged  3 facts, 2 contents, 1 files\n  000.log at byte 9\n");
}

fn event(seq: u64) -> String {
    format!(
        "{}\n",
        json!({"seq": seq, "time": "2026-01-01T00:00:00Z", "event": "drift.detected", "tool": "t/a", "version": seq, "author": null,
               "detail": {"sync": "modified", "expected_sha256": "sha256:0123456789abcdef", "cause": null}})
    )
}

#[test]
fn events_up_to_now() {
    let daemon = Daemon::start(|_| ok(&format!("{}{}", event(1), event(2))));
    let done = ask(&daemon, &["events", "--types", "a,b"]);
    let request = &daemon.asked()[0];
    assert_eq!(request.line, "GET /v1/events?after=0&types=a%2Cb");
    assert_eq!(request.accept, "application/x-ndjson");
    assert_eq!(
        done.out.lines().next().unwrap(),
        "     1 2026-01-01T00:00:00Z drift.detected   t/a v1 expected_sha256=0123456789ab sync=modified"
    );
    let done = ask(&daemon, &["events", "--json"]);
    let seqs: Vec<_> = done
        .out
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, [1, 2]);
}

/// Takes five lines and goes away, as `head -5` does.
struct FiveLines(Shared, usize);

impl io::Write for FiveLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 == 5 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.1 += usize::from(bytes.ends_with(b"\n"));
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn following_survives_a_daemon_that_goes_away_and_a_reader_that_has_enough() {
    // After its first refusal the daemon is ready, and sends one fact a second time.
    let seen = Shared::default();
    let tries = AtomicUsize::new(0);
    let daemon = Daemon::start(move |line| match line {
        "GET /v1/info" => ok(r#"{"log":{"seq":4}}"#),
        "GET /v1/events?after=2" => ok(&[event(3), event(4)].concat()),
        "GET /v1/events?after=2&follow=true" => {
            broken_stream(&format!("{}{}\n{}", event(3), event(4), event(5)))
        }
        "GET /v1/events?after=5&follow=true" => match tries.fetch_add(1, Ordering::Relaxed) {
            0 => answer(503, r#"{"status":503,"code":"starting"}"#),
            _ => broken_stream(&[event(5), event(6), event(7), event(8)].concat()),
        },
        _ => answer(404, "{}"),
    });
    let stdout = Box::new(FiveLines(seen.clone(), 0));
    let mut out = print::Out::test(stdout, Box::new(Shared::default()), Timestamp::UNIX_EPOCH);
    let client = client::Client::new(daemon.socket()).unwrap();
    let done = commands::run(&command(&["events", "-f", "-n", "2"]).command, &client, &mut out);
    assert_eq!(out.finish(done), Exit::Ok);
    let numbers: Vec<_> = seen.text().lines().map(|it| it.trim()[..1].to_owned()).collect();
    assert_eq!(numbers, ["3", "4", "5", "6", "7"]);
}

#[test]
fn following_ends_where_the_daemon_refuses() {
    let gone = r#"{"status":410,"code":"cursor_expired","title":"t","detail":"oldest is 9"}"#;
    let done = ask(&daemon("/v1/events", 410, gone), &["events", "-f", "--after", "3"]);
    assert_eq!(done.exit, Exit::NotFound);
}

#[test]
fn a_full_disk_under_the_output_is_an_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let err = Shared::default();
    let mut out = print::Out::test(Box::new(Full), Box::new(err.clone()), Timestamp::UNIX_EPOCH);
    out.line("x");
    assert_eq!(out.finish(Ok(Exit::Ok)), Exit::Other);
    assert!(err.text().starts_with("error: cannot write the output: "), "{}", err.text());
}
