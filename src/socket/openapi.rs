//! The `OpenAPI` 3.1 document, made from the table of routes and the types of their functions.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{route::Route, table::routes};
use crate::wire::Problem;

const ABOUT: &str = "HTTP/1.1 on a Unix stream socket. Who may do what is decided by the uid of the peer. Clients \
                     ignore response members they do not know.";

pub(super) fn document() -> Value {
    let settings = |it: &mut SchemaSettings| it.definitions_path = "/components/schemas".into();
    let requests = SchemaSettings::draft2020_12().with(settings).for_deserialize();
    let answers = SchemaSettings::draft2020_12().with(settings).for_serialize();
    let mut types =
        Types { requests: requests.into_generator(), answers: answers.into_generator() };
    let mut paths = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_lowercase(), types.operation(&route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "knowngood",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "servers": [{ "url": "http://localhost" }],
        "paths": paths,
        "components": { "schemas": types.definitions() },
    })
}

/// What a type looks like when it is read and when it is written differs: a default may be left out.
struct Types {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Types {
    fn operation(&mut self, route: &Route) -> Value {
        let content = (route.answer)(&mut self.answers).into_iter();
        let content: Map<_, _> = content
            .map(|(media, schema)| (media.to_owned(), json!({ "schema": schema })))
            .collect();
        let problem = self.answers.subschema_for::<Problem>();
        let responses = json!({
            route.status.to_string(): { "description": "Done", "content": content },
            "default": {
                "description": "Refused or failed",
                "content": { "application/problem+json": { "schema": problem } },
            },
        });
        let mut operation = Map::new();
        operation.insert("operationId".to_owned(), operation_id(route).into());
        operation.insert("summary".to_owned(), route.summary.into());
        operation.insert("parameters".to_owned(), self.parameters(route).into());
        operation.insert("responses".to_owned(), responses);
        if let Some(right) = route.right {
            operation.insert("x-right".to_owned(), right.as_str().into());
        }
        if let Some(schema) = route.request {
            let schema = schema(&mut self.requests);
            let body = json!({ "content": { "application/json": { "schema": schema } } });
            operation.insert("requestBody".to_owned(), body);
        }
        operation.into()
    }

    fn parameters(&mut self, route: &Route) -> Vec<Value> {
        let mut parameters = Vec::new();
        if let Some(name) = route.parts().1 {
            let what = match name {
                "id" => {
                    "A tool id. Its slashes may be plain or %2F; each segment is percent-encoded."
                }
                "n" => "A deploy's number.",
                _ => "A runtime's name.",
            };
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "description": what,
                "schema": { "type": "string" },
            }));
        }
        let query = (route.query)(&mut self.requests);
        let fields = query.get("properties").and_then(Value::as_object);
        for (name, schema) in fields.into_iter().flatten() {
            parameters.push(parameter(name, schema));
        }
        parameters
    }

    fn definitions(&mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        all.extend(self.requests.take_definitions(true));
        all
    }
}

/// `get_tools`, `get_tools_id`, …
fn operation_id(route: &Route) -> String {
    let path =
        route.path.trim_start_matches("/v1").trim_start_matches('/').replace(['/', '.'], "_");
    format!("{}_{}", route.method.as_str().to_lowercase(), path.replace(['{', '}'], ""))
}

/// A parameter is left out, never null.
fn parameter(name: &str, schema: &Value) -> Value {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    let description = schema.remove("description");
    let null = |it: &Value| it == "null" || it.get("type").is_some_and(|it| it == "null");
    let present =
        |of: Option<&Value>| of.and_then(Value::as_array)?.iter().find(|it| !null(it)).cloned();
    if let Some(kind) = present(schema.get("type")) {
        schema.insert("type".to_owned(), kind);
    }
    let schema = present(schema.get("anyOf")).unwrap_or(Value::Object(schema));
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}
