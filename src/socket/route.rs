//! A route: what a path takes, gives and needs, told once. The router and the `OpenAPI` document are both
//! made from it, so that they cannot differ.

use std::{pin::Pin, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    call::{Call, json, read_body},
    problem::Problem,
};
use crate::access::Right;

pub(super) struct Route {
    pub(super) method: Method,
    /// With `{id}` (a tool, slashes and all) or `{name}` at its end, or neither.
    pub(super) path: &'static str,
    /// `None`: everybody who can connect.
    pub(super) right: Option<Right>,
    pub(super) summary: &'static str,
    pub(super) query: fn(&mut SchemaGenerator) -> Schema,
    pub(super) request: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(super) answer: fn(&mut SchemaGenerator) -> Vec<(&'static str, Schema)>,
    /// Its body carries contents of tools.
    pub(super) carries_contents: bool,
    /// The status of an answer that is no refusal.
    pub(super) status: u16,
    pub(super) run: Run,
}

pub(super) type Run = Arc<dyn Fn(Call, Body) -> Answering + Send + Sync>;
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// What a request's body is read as.
pub(super) trait Input: Sized + Send {
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema>;
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem>;
}

/// What an answer's body is.
pub(super) trait Output {
    /// Media types and what they hold.
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)>;
    fn respond(self) -> Result<Response, Problem>;
}

/// Takes no body.
pub(super) struct NoBody;
/// Takes or gives JSON.
pub(super) struct Json<T>(pub(super) T);

/// A path that only looks: it runs where waiting for the log is allowed.
pub(super) fn look<Q, A>(
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: fn(&Call, &Q) -> Result<A, Problem>,
) -> Route
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    A: Output + Send + 'static,
{
    let handler = move |call: Call, query: Q, _: NoBody| async move {
        call.blocking(move |call| handler(call, &query)).await
    };
    act(Method::GET, path, Some(right), summary, handler)
}

/// A path that waits for something.
pub(super) fn act<Q, B, A, F>(
    method: Method,
    path: &'static str,
    right: Option<Right>,
    summary: &'static str,
    handler: impl Fn(Call, Q, B) -> F + Send + Sync + Clone + 'static,
) -> Route
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    B: Input + 'static,
    A: Output + 'static,
    F: Future<Output = Result<A, Problem>> + Send + 'static,
{
    let run = move |call: Call, body: Body| -> Answering {
        let handler = handler.clone();
        Box::pin(async move {
            let query = call.query()?;
            // What a large body takes is given back when the request is answered.
            let (body, _room) = read_body(body, &call).await?;
            let body = B::read(&call.headers, &body)?;
            handler(call, query, body).await?.respond()
        })
    };
    let query = Q::json_schema;
    Route {
        method,
        path,
        right,
        summary,
        query,
        request: B::SCHEMA,
        answer: A::media,
        carries_contents: false,
        status: 200,
        run: Arc::new(run),
    }
}

impl Route {
    /// Contents may come with it, so that its body may be larger than others.
    pub(super) fn with_contents(self) -> Self {
        Self { carries_contents: true, ..self }
    }

    pub(super) fn answers(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The path up to what it names, and the name.
    pub(super) fn parts(&self) -> (&'static str, Option<&'static str>) {
        let open = self.path.split_once('{');
        let named = |(fixed, rest): (_, &'static str)| (fixed, rest.split('}').next());
        open.map_or((self.path, None), named)
    }
}

impl Input for NoBody {
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> = None;

    fn read(_: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        if body.is_empty() { Ok(Self) } else { Err(Problem::invalid("this path takes no body")) }
    }
}

impl<T: DeserializeOwned + JsonSchema + Send> Input for Json<T> {
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> =
        Some(SchemaGenerator::subschema_for::<T>);

    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        json(headers, body).map(Self)
    }
}

impl<T: Serialize + JsonSchema> Output for Json<T> {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        vec![("application/json", types.subschema_for::<T>())]
    }

    fn respond(self) -> Result<Response, Problem> {
        let mut text = serde_json::to_vec(&self.0).map_err(|it| {
            Problem::new(super::problem::Code::Internal, format!("writing the answer: {it}"))
        })?;
        text.push(b'\n');
        Ok(bytes("application/json", text.into()))
    }
}

pub(super) fn bytes(media: &'static str, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
