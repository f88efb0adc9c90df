//! HTTP over the Unix socket, for a program that does one thing at a time: one connection a request, and the
//! caller waits. It knows no route and judges no answer but success.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Bytes, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::{net::UnixStream, runtime::Runtime, time::timeout};

use super::{failure::Failure, stream::Stream};
use crate::model::ToolId;

/// Longer than the daemon itself waits for anything that it answers at once.
const PATIENCE: Duration = Duration::from_mins(1);
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

pub(super) struct Client {
    runtime: Runtime,
    socket: PathBuf,
    patience: Duration,
}

/// Path and query of a request, escaped.
#[derive(Clone, Debug)]
pub(super) struct Target(String);

/// How long the answer may take to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Short,
    /// The daemon reads a whole disk first.
    Long,
}

/// A request that nobody but its sender understands.
pub(super) struct Raw {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Target {
    pub(super) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// `/v1/history` + the id, each of its segments escaped.
    pub(super) fn of(path: &str, tool: &ToolId) -> Self {
        Self(format!("{path}/{}", utf8_percent_encode(tool.as_str(), PATH)))
    }

    pub(super) fn query(mut self, key: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value.map(|it| it.to_string()) {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0 += key;
            self.0.push('=');
            self.0.extend(utf8_percent_encode(&value, UNRESERVED));
        }
        self
    }
}

impl Client {
    pub(super) fn new(socket: PathBuf) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|it| Failure::other("cannot start", &it.to_string()))?;
        Ok(Self { runtime, socket, patience: PATIENCE })
    }

    /// Gives up sooner than usual.
    pub(super) fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn get(&self, target: &Target) -> Result<Value, Failure> {
        json_of(&self.bytes(target)?)
    }

    pub(super) fn bytes(&self, target: &Target) -> Result<Bytes, Failure> {
        let request = request(Method::GET, target, "application/json, */*", Bytes::new())?;
        self.whole(request, Wait::Short)
    }

    pub(super) fn post(&self, target: &Target, body: &Value, wait: Wait) -> Result<Value, Failure> {
        let body = Bytes::from(body.to_string());
        let request = request(Method::POST, target, "application/json", body)?;
        json_of(&self.whole(request, wait)?)
    }

    /// All pages of a list as one, or the first `limit` of its items.
    pub(super) fn list(&self, target: &Target, limit: Option<u32>) -> Result<Value, Failure> {
        const PAGE: usize = 1000;
        let wanted = limit.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let size = PAGE.min(wanted - items.len());
            let mut page =
                self.get(&target.clone().query("limit", Some(size)).query("cursor", cursor))?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            cursor = match page.get("next") {
                Some(Value::String(next)) => Some(next.clone()),
                Some(Value::Number(next)) => Some(next.to_string()),
                _ => None,
            };
            if cursor.is_none() || items.len() >= wanted {
                items.truncate(wanted);
                return Ok(json!({"items": items, "next": cursor, "as_of": page.get("as_of")}));
            }
        }
    }

    /// A stream of lines.
    pub(super) fn lines(&self, target: &Target) -> Result<Stream<'_>, Failure> {
        let request = request(Method::GET, target, "application/x-ndjson", Bytes::new())?;
        let answer = self
            .runtime
            .block_on(async { self.success(self.send(request, Wait::Short).await?).await })?;
        Ok(Stream::new(&self.runtime, answer.into_body()))
    }

    /// The same, of something that is asked for; it may take long to begin.
    pub(super) fn post_lines(&self, target: &Target, body: &Value) -> Result<Stream<'_>, Failure> {
        let body = Bytes::from(body.to_string());
        let request = request(Method::POST, target, "application/x-ndjson", body)?;
        let answer = self
            .runtime
            .block_on(async { self.success(self.send(request, Wait::Long).await?).await })?;
        Ok(Stream::new(&self.runtime, answer.into_body()))
    }

    /// Status and body, whatever they are.
    pub(super) fn raw(&self, raw: Raw) -> Result<(u16, Stream<'_>), Failure> {
        let mut request = Request::builder()
            .method(raw.method.to_ascii_uppercase().as_str())
            .uri(raw.target)
            .header(header::HOST, "knowngood");
        for (name, value) in raw.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(raw.body))).map_err(no_request)?;
        let answer = self.runtime.block_on(self.send(request, Wait::Long))?;
        Ok((answer.status().as_u16(), Stream::new(&self.runtime, answer.into_body())))
    }

    fn whole(&self, request: Request<Full<Bytes>>, wait: Wait) -> Result<Bytes, Failure> {
        self.runtime.block_on(async {
            let answer = self.send(request, wait).await?;
            self.body(self.success(answer).await?).await
        })
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
        wait: Wait,
    ) -> Result<Response<Incoming>, Failure> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|it| Failure::not_connected(&self.socket, &it))?;
        let broken = |it: hyper::Error| Failure::unreachable(&self.socket, &it.to_string());
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the connection's own half; what goes wrong in it comes out of the request"
        )]
        tokio::spawn(connection);
        let answer = sender.send_request(request);
        match wait {
            Wait::Long => answer.await.map_err(broken),
            Wait::Short => timeout(self.patience, answer)
                .await
                .map_err(|_| {
                    let why = format!("no answer within {} s", self.patience.as_secs());
                    Failure::unreachable(&self.socket, &why)
                })?
                .map_err(broken),
        }
    }

    async fn success(&self, answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        Err(Failure::answered(status.as_u16(), &self.body(answer).await?))
    }

    async fn body(&self, answer: Response<Incoming>) -> Result<Bytes, Failure> {
        let body = answer.into_body().collect().await;
        body.map(http_body_util::Collected::to_bytes).map_err(|it| {
            Failure::unreachable(&self.socket, &format!("the answer broke off: {it}"))
        })
    }
}

fn request(
    method: Method,
    target: &Target,
    accept: &str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::builder()
        .method(method)
        .uri(&target.0)
        .header(header::HOST, "knowngood")
        .header(header::ACCEPT, accept);
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Full::new(body)).map_err(no_request)
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` takes")]
fn no_request(error: hyper::http::Error) -> Failure {
    Failure::usage(&format!("not a request: {error}"), "")
}

fn json_of(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|it| Failure::other("the daemon's answer is no JSON", &it.to_string()))
}
