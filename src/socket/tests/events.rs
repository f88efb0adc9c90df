//! Facts in order: pages and streams, without gap or repetition.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    client::{open, request, whole},
    rig::{Rig, limits},
};
use crate::socket::Limits;

const A: &str = "tools/a.py";

/// A stream that is being read, line by line.
struct Lines {
    body: Incoming,
    text: String,
}

impl Lines {
    async fn open(rig: &Rig, path: &str, accept: &str, last: Option<u64>) -> Self {
        let mut builder = request("GET", path, b"").header("accept", accept);
        if let Some(last) = last {
            builder = builder.header("last-event-id", last.to_string());
        }
        let response = open(&rig.socket(), whole(builder, b"")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], accept);
        Self { body: response.into_body(), text: String::new() }
    }

    /// `None`: the stream ended.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.to_owned();
                return Some(line);
            }
            let frame = self.body.frame().await?.unwrap();
            self.text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
    }

    /// The next event of an SSE stream, its id checked against its data.
    async fn event(&mut self) -> Option<Value> {
        let (mut id, mut name) = (None, None);
        loop {
            let line = self.line().await?;
            if let Some(it) = line.strip_prefix("id: ") {
                id = Some(it.to_owned());
            } else if let Some(it) = line.strip_prefix("event: ") {
                name = Some(it.to_owned());
            } else if let Some(it) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(it).unwrap();
                assert_eq!(id, Some(event["seq"].to_string()));
                assert_eq!(name.as_deref(), event["event"].as_str());
                return Some(event);
            }
        }
    }

    async fn seqs(&mut self, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        for _ in 0..count {
            seqs.push(self.event().await.unwrap()["seq"].as_u64().unwrap());
        }
        seqs
    }
}

const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";

fn head(rig: &Rig) -> u64 {
    rig.handle.view().as_of().0
}

async fn edits(rig: &Rig, name: &str, count: usize) {
    for number in 0..count {
        rig.save(name, format!("# {name} {number} {}\n", head(rig))).await;
    }
}

#[tokio::test]
async fn a_page_has_the_shape_of_the_contract() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    rig.save(A, "2\n").await;
    let page = rig.json("/v1/events").await;
    let items = page["items"].as_array().unwrap();
    let seqs: Vec<u64> = items.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=head(&rig)).collect::<Vec<_>>());
    assert_eq!((&page["next"], page["as_of"].as_u64()), (&Value::Null, Some(head(&rig))));
    let edit = items.iter().find(|it| it["version"] == 2).unwrap();
    assert_eq!((&edit["event"], &edit["tool"]), (&"version.recorded".into(), &A.into()));
    assert_eq!(edit["author"]["kind"], "unknown");
    assert_eq!(edit["detail"]["reason"], "edit");
    let after = rig.json(&format!("/v1/events?after={}", head(&rig))).await;
    assert_eq!(after["items"], Value::Array(Vec::new()));
    let future = rig.json("/v1/events?after=1000000").await;
    assert_eq!((&future["items"], &future["next"]), (&Value::Array(Vec::new()), &Value::Null));
}

#[tokio::test]
async fn pages_and_filters_leave_nothing_out() {
    let rig = Rig::with(&[(A, "1\n"), ("tools/b.py", "1\n")]).await;
    edits(&rig, A, 40).await;
    edits(&rig, "tools/b.py", 40).await;
    let mut seen = Vec::new();
    let mut path = "/v1/events?limit=7".to_owned();
    loop {
        let page = rig.json(&path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 7);
        seen.extend(items.iter().map(|it| it["seq"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/events?limit=7&cursor={next}");
    }
    assert_eq!(seen, (1..=head(&rig)).collect::<Vec<_>>());
    let chosen =
        rig.json("/v1/events?types=version.recorded,tool.removed&tool=tools/b.py&limit=1000").await;
    let items = chosen["items"].as_array().unwrap();
    assert_eq!(items.len(), 41);
    assert!(items.iter().all(|it| it["tool"] == "tools/b.py" && it["event"] == "version.recorded"));
}

#[tokio::test]
async fn lines_end_at_the_head_unless_they_follow() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    edits(&rig, A, 100).await;
    let mut lines = Lines::open(&rig, "/v1/events?after=3", NDJSON, None).await;
    let mut seqs = Vec::new();
    while let Some(line) = lines.line().await {
        seqs.push(serde_json::from_str::<Value>(&line).unwrap()["seq"].as_u64().unwrap());
    }
    assert_eq!(seqs, (4..=head(&rig)).collect::<Vec<_>>());
    let mut stream =
        Lines::open(&rig, &format!("/v1/events?follow=true&after={}", head(&rig)), NDJSON, None)
            .await;
    let next = head(&rig) + 1;
    rig.save(A, "fresh\n").await;
    let line = stream.line().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["seq"], next);
}

#[tokio::test]
async fn who_asks_to_follow_gets_a_stream() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let builder = request("GET", "/v1/events?follow=true", b"").header("accept", "*/*");
    let response = open(&rig.socket(), whole(builder, b"")).await;
    assert_eq!(response.headers()["content-type"], NDJSON);
    let json = rig.get_with("/v1/events?follow=true", "accept", "application/json").await;
    assert_eq!(json.problem(), (400, "invalid_request".to_owned()));
    let bad = rig.get_with("/v1/events", "last-event-id", "x").await;
    assert_eq!(bad.status, 200, "a page does not read it");
    let builder =
        request("GET", "/v1/events", b"").header("accept", SSE).header("last-event-id", "x");
    assert_eq!(open(&rig.socket(), whole(builder, b"")).await.status(), 400);
}

#[tokio::test]
async fn sse_goes_on_where_it_was_broken_off() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    edits(&rig, A, 5).await;
    let mut first = Lines::open(&rig, "/v1/events", SSE, None).await;
    let mut seqs = first.seqs(4).await;
    drop(first);
    edits(&rig, A, 5).await;
    let mut second = Lines::open(&rig, "/v1/events?after=0", SSE, seqs.last().copied()).await;
    let rest = usize::try_from(head(&rig)).unwrap() - 4;
    seqs.extend(second.seqs(rest).await);
    rig.save(A, "live\n").await;
    let live = usize::try_from(head(&rig)).unwrap() - seqs.len();
    seqs.extend(second.seqs(live).await);
    assert_eq!(seqs, (1..=head(&rig)).collect::<Vec<_>>());
}

/// The reader is not polled while far more becomes true than the live channel holds.
#[tokio::test]
async fn a_reader_that_falls_behind_catches_up_from_the_log() {
    use crate::{model::RuntimeName, reconcile::Command};
    let rig = Rig::with(&[(A, "1\n")]).await;
    let mut slow = Lines::open(&rig, "/v1/events", SSE, None).await;
    let before = usize::try_from(head(&rig)).unwrap();
    let mut seqs = slow.seqs(before).await;
    let runtime = RuntimeName::new("r").unwrap();
    let long = "x".repeat(2000);
    for ttl_ms in 1..=5000 {
        let failed = [(super::rig::id(A), format!("{ttl_ms} {long}"))].into();
        let command = Command::Report {
            runtime: runtime.clone(),
            loaded: [].into(),
            failed,
            ttl_ms: 60_000 + ttl_ms,
        };
        rig.handle.request(command).await.unwrap().unwrap();
    }
    let rest = usize::try_from(head(&rig)).unwrap() - seqs.len();
    assert!(rest > 4096, "more than the live channel holds");
    seqs.extend(slow.seqs(rest).await);
    assert_eq!(seqs, (1..=head(&rig)).collect::<Vec<_>>());
}

/// Writers and many readers at once: whoever starts anywhere sees every seq once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_misses_or_repeats_anything_while_facts_arrive() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let reading = async {
        for _ in 0..10 {
            let from = head(&rig).saturating_sub(3);
            let mut stream =
                Lines::open(&rig, &format!("/v1/events?after={from}"), SSE, None).await;
            let seqs = stream.seqs(12).await;
            assert_eq!(seqs, (from + 1..=from + 12).collect::<Vec<_>>());
        }
    };
    let writing = async {
        for number in 0.. {
            rig.save(A, format!("{number}\n")).await;
        }
    };
    tokio::select! { () = reading => (), () = writing => () }
}

#[tokio::test]
async fn a_seq_that_is_not_reached_yet_is_waited_for() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let after = head(&rig) + 2;
    let mut stream = Lines::open(&rig, &format!("/v1/events?after={after}"), SSE, None).await;
    assert_eq!(stream.line().await.unwrap(), "retry: 1000");
    edits(&rig, A, 4).await;
    assert_eq!(stream.seqs(2).await, [after + 1, after + 2]);
}

#[tokio::test]
async fn a_quiet_stream_gives_signs_of_life() {
    let limits = Limits { keep_alive: Duration::from_millis(20), ..limits() };
    let rig = Rig::limited(&[(A, "1\n")], limits).await;
    let path = format!("/v1/events?after={}", head(&rig));
    let mut stream = Lines::open(&rig, &path, SSE, None).await;
    while !stream.line().await.unwrap().starts_with(':') {}
}

#[tokio::test]
async fn a_stop_ends_streams_at_once() {
    let mut rig = Rig::with(&[(A, "1\n")]).await;
    let path = format!("/v1/events?after={}", head(&rig));
    let mut stream = Lines::open(&rig, &path, SSE, None).await;
    rig.save(A, "2\n").await;
    stream.event().await.unwrap();
    // The stream comes to rest before the stop, so that nothing but the stop can end it.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let socket = rig.socket();
    rig.stop.cancel();
    let ending = async {
        while stream.line().await.is_some() {}
        rig.end().await;
    };
    // Less than the drain time of the rig, and than the next sign of life.
    let ended = tokio::time::timeout(Duration::from_secs(10), ending).await;
    ended.expect("an open stream does not hold the stop");
    assert!(!socket.exists());
}
