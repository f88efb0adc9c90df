//! Small looks into the daemon's answers. What is absent is shown as `-`: a newer or older daemon may say
//! more or less than this program knows of.

use serde_json::Value;

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `v4`
pub(super) fn version(value: &Value, pointer: &str) -> String {
    number(value, pointer).map_or_else(|| "-".to_owned(), |it| format!("v{it}"))
}

/// `human:ana`
pub(super) fn author(value: &Value) -> String {
    let kind = text(value, "/author/kind");
    match text(value, "/author/name") {
        "" if kind.is_empty() => "-".to_owned(),
        "" => kind.to_owned(),
        name => format!("{kind}:{name}"),
    }
}

/// The first 12 digits of a hash.
pub(super) fn short_hash(value: &Value, pointer: &str) -> String {
    let hash = text(value, pointer);
    let digits = hash.strip_prefix("sha256:").unwrap_or(hash);
    digits.get(..12).unwrap_or(if digits.is_empty() { "-" } else { digits }).to_owned()
}

/// `planner (v3), coder (v3)`
pub(super) fn loaded_by(value: &Value) -> String {
    let all = items(value, "/loaded_by").iter();
    let all = all.map(|it| format!("{} ({})", text(it, "/runtime"), version(it, "/version")));
    all.collect::<Vec<_>>().join(", ")
}

/// How many there are of a list, an object's members, or a number itself.
pub(super) fn count(value: &Value, pointer: &str) -> u64 {
    match value.pointer(pointer) {
        Some(Value::Array(it)) => it.len() as u64,
        Some(Value::Object(it)) => it.len() as u64,
        Some(it) => it.as_u64().unwrap_or(0),
        None => 0,
    }
}
