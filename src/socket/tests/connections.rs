//! Clients that never finish, come in crowds or stay too long cost their own share alone.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::rig::{Rig, limits};
use crate::socket::Limits;

const A: &str = "tools/a.py";

async fn connect(rig: &Rig, text: &str) -> UnixStream {
    let mut stream = UnixStream::connect(rig.socket()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Everything that comes until the other end closes.
async fn rest(mut stream: UnixStream) -> String {
    let mut text = String::new();
    // A connection that is closed with something unread may end in a reset.
    drop(stream.read_to_string(&mut text).await);
    text
}

#[tokio::test]
async fn who_never_finishes_a_head_is_closed_and_others_are_served() {
    let limits = Limits { header_time: Duration::from_millis(100), ..limits() };
    let rig = Rig::limited(&[(A, "1\n")], limits).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(connect(&rig, "GET /v1/status HTTP/1.1\r\nhost: x\r\nx-slow: ").await);
    }
    slow.push(connect(&rig, "").await);
    assert_eq!(rig.get("/v1/ready").await.status, 200);
    let ends = async {
        for stream in slow {
            assert!(!rest(stream).await.contains("200"));
        }
    };
    // Far more than the limit, less than the 30 s that hyper would wait by itself.
    tokio::time::timeout(Duration::from_secs(10), ends).await.expect("the slow ones are closed");
}

#[tokio::test]
async fn who_never_finishes_a_body_is_told_and_closed() {
    let limits = Limits { body_time: Duration::from_millis(100), ..limits() };
    let rig = Rig::limited(&[(A, "1\n")], limits).await;
    let head = "PUT /v1/runtimes/p HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let answer = rest(connect(&rig, head).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("request_timeout"));
}

#[tokio::test]
async fn a_share_that_is_used_up_is_told() {
    let limits = Limits { per_peer: 3, ..limits() };
    let rig = Rig::limited(&[(A, "1\n")], limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect(&rig, "GET /v1/ready HTTP/1.1\r\nhost: x\r\n\r\n").await);
    }
    for stream in &mut held {
        // Answered: it has its place.
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
    }
    let refused = rig.get("/v1/ready").await;
    assert_eq!(refused.problem(), (429, "too_many_requests".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("connection"), Some("close"));
    drop(held);
    // The places are free again as soon as the daemon has seen the ends.
    while rig.get("/v1/ready").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn all_connections_together_have_a_limit_too() {
    let rig = Rig::limited(&[(A, "1\n")], Limits { connections: 0, ..limits() }).await;
    let refused = rig.get("/v1/ready").await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn one_connection_may_ask_many_times_under_any_host() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let ask =
        |host: &str, last: &str| format!("GET /v1/ready HTTP/1.1\r\nhost: {host}\r\n{last}\r\n");
    let both = ask("localhost", "") + &ask("%2Frun%2Fs.sock", "connection: close\r\n");
    let answers = rest(connect(&rig, &both).await).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let rig = Rig::with(&[(A, "1\n")]).await;
    let answer = rest(connect(&rig, "hello there\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

/// A request in flight is answered; only then the connection ends.
#[tokio::test]
async fn a_stop_lets_requests_in_flight_end() {
    let mut rig = Rig::with(&[(A, "1\n")]).await;
    let head = "PUT /v1/runtimes/p HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = connect(&rig, head).await;
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "the daemon waits for the body");
    rig.stop.cancel();
    stream.write_all(b"{}").await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    rig.end().await;
}
