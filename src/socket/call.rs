//! One request, taken apart: strictly, so that a typo, a bad escape or a wrong type is named and never
//! guessed at. What it asks for is not known here.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Query,
    http::{HeaderMap, Uri, header},
};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{
    peer::Caller,
    problem::{Code, Problem},
    service::{Limits, Service},
};
use crate::{
    model::{RuntimeName, ToolId},
    reconcile::{Handle, LogState, Unavailable, View},
    wire::Object,
};

/// After a body that is too large, this many times its limit is still taken in, so that the client is done with
/// sending when it is told.
const PATIENCE: usize = 4;

#[derive(Clone)]
pub(super) struct Call {
    pub(super) service: Arc<Service>,
    pub(super) caller: Caller,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// What stands in the path where the route has a name in braces, as it was sent.
    pub(super) rest: String,
    /// Its body may carry contents of tools.
    pub(super) carries_contents: bool,
    pub(super) stop: CancellationToken,
}

impl Call {
    pub(super) fn handle(&self) -> Result<&Handle, Problem> {
        self.service.handle()
    }

    pub(super) fn view(&self) -> Result<Arc<View>, Problem> {
        self.service.view()
    }

    /// Whether facts can be recorded now: who would wait for one is told at once that there will be none.
    pub(super) fn check_writable(&self) -> Result<(), Problem> {
        match self.handle()?.view().log.clone() {
            LogState::Writable => Ok(()),
            LogState::DiskFull(why) => Err(Unavailable::DiskFull(why).into()),
            LogState::Broken(why) => Err(Unavailable::LogNotWritable(why).into()),
        }
    }

    /// The tool that the path names.
    pub(super) fn tool(&self) -> Result<ToolId, Problem> {
        tool(&unescaped("the path", &self.rest)?)
    }

    /// The runtime that the path names.
    pub(super) fn runtime(&self) -> Result<RuntimeName, Problem> {
        runtime(&unescaped("the path", &self.rest)?)
    }

    pub(super) fn query<Q: DeserializeOwned>(&self) -> Result<Q, Problem> {
        for part in self.uri.query().unwrap_or_default().split(['&', '=']) {
            unescaped("the query", part)?;
        }
        let query = Query::try_from_uri(&self.uri);
        query.map(|Query(it)| it).map_err(|it| {
            use std::error::Error as _;
            let why = it.source().map_or_else(|| it.to_string(), ToString::to_string);
            Problem::invalid(format!("the query does not fit: {why}"))
                .hint("GET /v1/openapi.json lists the parameters of every path")
        })
    }

    /// Runs what reads the log or computes for long on a thread that may wait.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let call = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&call)).await;
        done.map_err(|_| Problem::new(Code::Internal, "the answer could not be made"))?
    }
}

pub(super) fn tool(text: &str) -> Result<ToolId, Problem> {
    text.parse().map_err(|it: crate::model::BadId| {
        Problem::invalid(format!("{text:?} is {it}"))
            .hint("a tool id is <root>/<path below the root>, as GET /v1/tools lists it")
    })
}

pub(super) fn runtime(text: &str) -> Result<RuntimeName, Problem> {
    RuntimeName::new(text).map_err(|_| {
        Problem::invalid(format!(
            "{text:?} is not a runtime's name: [A-Za-z0-9][A-Za-z0-9._:@-]*, at most 128 characters"
        ))
    })
}

/// Undoes percent-encoding, once. An escape that is none is refused, not taken literally.
pub(super) fn unescaped(place: &str, text: &str) -> Result<String, Problem> {
    let mut pieces = text.split('%').skip(1);
    let whole = |it: &str| it.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !pieces.all(whole) {
        return Err(Problem::invalid(format!("{place} holds a % that begins no %XX escape"))
            .hint("a literal % is sent as %25"));
    }
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| {
        Problem::invalid(format!("{place} is not UTF-8 after its escapes are undone")).hint(
            "bytes that are no UTF-8 are written %XX in a tool id, so that a URL carries %25XX",
        )
    })
}

/// The whole body, within its limits of size and time, and what a large one holds until it is done with.
pub(super) async fn read_body(body: Body, call: &Call) -> Result<(Bytes, Room), Problem> {
    let limits = call.service.limits();
    let reading = tokio::time::timeout(limits.body_time, collect(body, &limits, call));
    reading.await.unwrap_or_else(|_| {
        let seconds = limits.body_time.as_secs_f32();
        Err(Problem::new(
            Code::RequestTimeout,
            format!("the body did not arrive whole within {seconds} s"),
        )
        .closing())
    })
}

/// A few at a time may have a body that is larger than usual, or a few clients could take all memory.
type Room = Option<OwnedSemaphorePermit>;

async fn collect(mut body: Body, limits: &Limits, call: &Call) -> Result<(Bytes, Room), Problem> {
    let (limit, key) = if call.carries_contents {
        (limits.deploy_size.max(limits.body_size), "limits.deploy_size")
    } else {
        (limits.body_size, "limits.body_size")
    };
    let too_large = || {
        Problem::new(Code::TooLarge, format!("the body has more than {limit} bytes"))
            .hint(format!("the key {key} sets how many it may have"))
            .with("limit", limit)
            .closing()
    };
    let patience = limit.saturating_mul(PATIENCE);
    if usize::try_from(body.size_hint().lower()).map_or(true, |it| it > patience) {
        return Err(too_large());
    }
    let (mut kept, mut seen, mut room) = (Vec::new(), 0, None);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|it| Problem::invalid(format!("the body broke off: {it}")).closing())?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen > limits.body_size && seen <= limit && room.is_none() {
            room = Some(call.service.room().await?);
        }
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen > patience {
            break;
        }
    }
    if seen > limit { Err(too_large()) } else { Ok((kept.into(), room)) }
}

/// JSON as the request type wants it. No body means `{}`.
pub(super) fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return parsed("{}");
    }
    check_type(headers)?;
    let text = std::str::from_utf8(body).map_err(|it| {
        Problem::invalid(format!(
            "the body is not UTF-8: a wrong byte at offset {}",
            it.valid_up_to()
        ))
    })?;
    parsed(text)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let mut from = serde_json::Deserializer::from_str(text);
    let Object(value) = serde_path_to_error::deserialize(&mut from).map_err(|it| {
        let path = it.path().to_string();
        let field = if path == "." { "the body".to_owned() } else { path };
        let inner = it.inner();
        Problem::invalid(format!("{field}: {inner}"))
            .with("field", field)
            .with("line", inner.line())
            .with("column", inner.column())
    })?;
    from.end().map_err(|it| {
        Problem::invalid(format!("the body goes on after its end: {it}"))
            .with("line", it.line())
            .with("column", it.column())
    })?;
    Ok(value)
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |what: &str, found: &[u8]| {
        let found = String::from_utf8_lossy(found);
        Problem::new(
            Code::UnsupportedType,
            format!("{what} is {found:?}; only plain JSON is understood"),
        )
        .hint("send it with: content-type: application/json")
    };
    if let Some(found) = headers.get(header::CONTENT_ENCODING)
        && !found.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(unsupported("the content-encoding", found.as_bytes()));
    }
    // Without a type the receiver may look for itself; JSON is all it could be.
    let Some(found) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = found.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let json = parts.next() == Some("application/json");
    let utf8 = parts.all(|it| {
        !it.starts_with("charset=")
            || it.trim_start_matches("charset=").trim_matches('"') == "utf-8"
    });
    if json && utf8 { Ok(()) } else { Err(unsupported("the content-type", found.as_bytes())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once_and_must_be_whole() {
        assert_eq!(unescaped("it", "a%20b%25FF/c").unwrap(), "a b%FF/c");
        for text in ["%", "a%2", "%zz", "100%/x", "%ff"] {
            assert!(unescaped("it", text).is_err(), "{text}");
        }
    }
}
