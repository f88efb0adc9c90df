//! A client of the socket, for tests.

use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::HeaderMap,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|it| panic!("{it}: {:?}", self.body))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }

    /// Status and code of a problem, which must be a whole one.
    pub(super) fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{:?}",
            self.body
        );
        let problem = self.json();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["type"], format!("urn:knowngood:problem:{code}"));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert!(!problem["title"].as_str().unwrap().is_empty());
        (self.status.as_u16(), code)
    }

    pub(super) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

/// The answer's head; its body comes as it is read.
pub(super) async fn open(socket: &Path, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = TokioIo::new(UnixStream::connect(socket).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the answer, and fails where the daemon closes first"
    )]
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

pub(super) async fn send(socket: &Path, request: Request<Full<Bytes>>) -> Reply {
    let (head, body) = open(socket, request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: head.status, headers: head.headers, body }
}

pub(super) fn request(method: &str, path: &str, body: &[u8]) -> hyper::http::request::Builder {
    let builder = Request::builder().method(method).uri(path).header("host", "anything");
    if body.is_empty() { builder } else { builder.header("content-type", "application/json") }
}

pub(super) fn whole(builder: hyper::http::request::Builder, body: &[u8]) -> Request<Full<Bytes>> {
    builder.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
}
