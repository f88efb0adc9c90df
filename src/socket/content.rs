//! The bytes of a version.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    call::Call,
    compare::text,
    problem::{Code, Problem},
    reference::{Place, Point},
    route::{Output, bytes},
};
use crate::{
    model::Digest,
    wire::{self, ContentQuery},
};

pub(super) struct Content {
    point: Point,
    /// `None`: the client has it.
    bytes: Option<Vec<u8>>,
}

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

pub(super) fn content(call: &Call, query: &ContentQuery) -> Result<Content, Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let place = Place::of(call, &view, &id)?;
    let reference = query.at.as_deref().unwrap_or("head");
    let point = place.find(reference)?;
    let point =
        point.ok_or_else(|| place.no_version(&format!("there is nothing at {reference}")))?;
    let known = matches(&call.headers, &tag(&point));
    let bytes = if known { None } else { Some(place.content(&point)?) };
    Ok(Content { point, bytes })
}

/// The number too: a content that comes back later is another version.
fn tag(point: &Point) -> String {
    let short = point.digest.hex();
    let short = short.get(..8).unwrap_or_default();
    point.version.map_or_else(|| format!("\"{short}\""), |it| format!("\"{it}-{short}\""))
}

fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let all = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let mut tags = all.flat_map(|it| it.split(',')).map(|it| it.trim().trim_start_matches("W/"));
    tags.any(|it| it == tag || it == "*")
}

/// RFC 9530.
fn repr_digest(digest: &Digest) -> String {
    format!("sha-256=:{}:", wire::base64(&digest.0))
}

impl Output for Content {
    fn media(_: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        vec![(TEXT, json_schema!({ "type": "string" })), (BINARY, json_schema!({}))]
    }

    fn respond(self) -> Result<Response, Problem> {
        let known = || {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        };
        let media = |it: &[u8]| if text(it).is_some() { TEXT } else { BINARY };
        let mut response = self.bytes.map_or_else(known, |it| bytes(media(&it), it.into()));
        let value = |it: String| {
            HeaderValue::try_from(it).map_err(|it| Problem::new(Code::Internal, it.to_string()))
        };
        response.headers_mut().insert(header::ETAG, value(tag(&self.point))?);
        response.headers_mut().insert("repr-digest", value(repr_digest(&self.point.digest))?);
        Ok(response)
    }
}
