//! Durable facts in order: one JSON page, or a stream as NDJSON or SSE. Every fact once, whatever
//! happens to the connection in between: a client says what it has seen, the log has the rest.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use futures_util::stream;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    call::{self, Call},
    feed::{Feed, Form, Wish},
    media, page,
    problem::Problem,
    route::{Json, NoBody, Output},
};
use crate::{
    model::{Record, Seq, ToolId},
    wire::{EVENTS, Event, EventsQuery, List},
};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const SSE: &str = "text/event-stream";
const LIST: char = 'e';
/// Records that are read at once, and at most for one page: a rare event in a long log takes several.
const AT_ONCE: usize = 64;
const AT_MOST: usize = 64 << 10;

pub(super) enum Answer {
    Page(Json<List<Event>>),
    Stream(Box<Feed>),
}

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    types: Option<BTreeSet<String>>,
    tool: Option<ToolId>,
}

pub(super) async fn events(call: Call, query: EventsQuery, _: NoBody) -> Result<Answer, Problem> {
    call.handle()?;
    let filter = Filter::new(&query)?;
    let Some(form) = form(&call.headers, &query)? else {
        return call.blocking(move |call| page(call, &query, &filter)).await.map(Answer::Page);
    };
    if query.limit.is_some() || query.cursor.is_some() {
        return Err(Problem::invalid(
            "limit and cursor belong to the JSON page; a stream takes after",
        ));
    }
    let after = last_event_id(&call.headers)?.unwrap_or(Seq(query.after.unwrap_or(0)));
    let follow = query.follow.unwrap_or(form == Form::Sse);
    let wish = Wish { after, filter, form, follow };
    Ok(Answer::Stream(Box::new(Feed::new(&call, wish)?)))
}

/// `None`: a page. Who asks to follow without naming a form gets lines.
fn form(headers: &HeaderMap, query: &EventsQuery) -> Result<Option<Form>, Problem> {
    let follow = query.follow == Some(true);
    match media::wanted(headers, &[JSON, NDJSON, SSE]) {
        Some(NDJSON) => Ok(Some(Form::Lines)),
        Some(SSE) => Ok(Some(Form::Sse)),
        Some(_) | None if !follow => Ok(None),
        Some(_) | None if !media::names(headers, JSON) => Ok(Some(Form::Lines)),
        Some(_) | None => Err(Problem::invalid("a JSON page ends, it cannot follow")
            .hint(format!("send `Accept: {NDJSON}` or `Accept: {SSE}`"))),
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Seq>, Problem> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let seq = id.to_str().ok().and_then(|it| it.trim().parse().ok()).map(Seq);
    seq.map(Some).ok_or_else(|| Problem::invalid(format!("Last-Event-ID is {id:?}, not a seq")))
}

fn page(call: &Call, query: &EventsQuery, filter: &Filter) -> Result<Json<List<Event>>, Problem> {
    let limit = page::limit(query.limit)?;
    let cursor = page::place(LIST, query.cursor.as_deref(), |it| it.parse().ok())?;
    if cursor.is_some() && query.after.is_some() {
        return Err(Problem::invalid(
            "after and cursor cannot stand together: which one is meant?",
        ));
    }
    let head = call.view()?.as_of();
    let archive = call.handle()?.archive();
    let (mut items, mut after, mut seen) =
        (Vec::new(), Seq(cursor.or(query.after).unwrap_or(0)), 0);
    while after < head && items.len() < limit && seen < AT_MOST {
        let records = archive.records(after, AT_ONCE)?;
        if records.is_empty() {
            break;
        }
        for record in records.iter().take_while(|it| it.seq <= head) {
            if items.len() == limit {
                break;
            }
            (after, seen) = (record.seq, seen + 1);
            items.extend(filter.wants(record).then(|| Event::from(record)));
        }
    }
    let next = (after < head).then(|| page::cursor(LIST, &after.to_string()));
    Ok(Json(List { items, next, as_of: head.0 }))
}

impl Filter {
    fn new(query: &EventsQuery) -> Result<Self, Problem> {
        let tool = query.tool.as_deref().map(call::tool).transpose()?;
        let types = query.types.as_deref().map(types).transpose()?;
        Ok(Self { types, tool })
    }

    pub(super) fn wants(&self, record: &Record) -> bool {
        let fact = &record.fact;
        self.types.as_ref().is_none_or(|it| it.contains(fact.event()))
            && self.tool.as_ref().is_none_or(|it| fact.tool() == Some(it))
    }
}

fn types(text: &str) -> Result<BTreeSet<String>, Problem> {
    let known = |it: &str| {
        if EVENTS.contains(&it) {
            return Ok(it.to_owned());
        }
        Err(Problem::invalid(format!("{it:?} is the name of no event"))
            .hint(format!("they are: {}", EVENTS.join(", ")))
            .with("field", "types"))
    };
    text.split(',').map(known).collect()
}

impl Output for Answer {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        let mut media = Json::<List<Event>>::media(types);
        let event = types.subschema_for::<Event>();
        media.push((NDJSON, event));
        media.push((SSE, json_schema!({ "type": "string" })));
        media
    }

    fn respond(self) -> Result<Response, Problem> {
        let feed = match self {
            Self::Page(page) => return page.respond(),
            Self::Stream(feed) => feed,
        };
        let media = if feed.form() == Form::Sse { SSE } else { NDJSON };
        // Polled as fast as the client reads: a slow one costs one piece, and catches up from the log.
        let pieces = stream::unfold(feed, |mut feed| async move {
            let piece = feed.next().await?;
            Some((Ok::<_, std::convert::Infallible>(piece), feed))
        });
        let mut response = Response::new(Body::from_stream(pieces));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
