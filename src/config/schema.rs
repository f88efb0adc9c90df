//! The JSON Schema of a configuration file, for editors (`#:schema FILE` at its top). Made from the table of keys.

use serde_json::{Map, Value, json};

use super::{
    keys::{KEYS, Key, ROOT, names_in},
    kind::Kind,
};

/// Draft 2020-12. What a schema cannot say (that a user exists, that roots do not overlap) is said by `config check`.
pub fn schema() -> Value {
    let mut top = section("");
    for key in KEYS {
        let name = key.section();
        if !name.is_empty() && !key.is_of_root() && !top.contains_key(name) {
            top.insert(name.to_owned(), object(&section(name)));
        }
    }
    let mut root = object(&nested(ROOT));
    if let Some(root) = root.as_object_mut() {
        root.insert("required".to_owned(), json!(["path"]));
    }
    let about = "Directories with tools; none inside another.";
    top.insert(ROOT.to_owned(), json!({"description": about, "type": "array", "items": root}));
    let mut schema = object(&top);
    if let Some(schema) = schema.as_object_mut() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        schema.insert("$schema".to_owned(), draft.into());
        schema.insert("title".to_owned(), "knowngood configuration".into());
    }
    schema
}

/// A section with the sections in it.
fn nested(name: &str) -> Map<String, Value> {
    let mut tables = section(name);
    for inner in
        names_in(name).into_iter().filter(|it| !tables.contains_key(*it)).collect::<Vec<_>>()
    {
        tables.insert(inner.to_owned(), object(&nested(&format!("{name}.{inner}"))));
    }
    tables
}

fn object(properties: &Map<String, Value>) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn section(name: &str) -> Map<String, Value> {
    let keys = KEYS.iter().filter(|it| it.section() == name);
    keys.map(|it| (it.name().to_owned(), property(it))).collect()
}

fn property(key: &Key) -> Value {
    let mut schema = kind(key.kind);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), key.about.into());
        let default =
            key.default.and_then(|it| toml::from_str::<toml::Table>(&format!("it = {it}")).ok());
        if let Some(default) = default.as_ref().and_then(|it| it.get("it")) {
            schema.insert("default".to_owned(), json!(default));
        }
    }
    schema
}

fn kind(kind: Kind) -> Value {
    let pattern = |it: &str| json!({"type": "string", "pattern": it});
    match kind {
        Kind::Path => pattern("^/"),
        Kind::Inside => json!({"type": "string", "minLength": 1}),
        Kind::Name => pattern("^[a-z0-9][a-z0-9_-]*$"),
        Kind::Author => pattern("^(unknown|human|ai|(human|ai):.+)$"),
        Kind::Address => pattern("^[0-9a-fA-F.:\\[\\]]+:[0-9]+$"),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
        Kind::Size(..) => pattern("^0*[1-9][0-9]* *(B|KiB|MiB|GiB|kB|MB|GB)$"),
        Kind::Duration(..) => pattern("^0*[1-9][0-9]* *(ms|s|m|h|d)$"),
        Kind::Count(least, most) => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Kind::Switch => json!({"type": "boolean"}),
        Kind::Globs | Kind::People | Kind::Words => {
            json!({"type": "array", "items": {"type": "string", "minLength": 1}})
        }
    }
}
