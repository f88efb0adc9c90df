//! Inputs made up from the schema of a tool's parameters: the ordinary, the ends, the empty, the long, the foreign, and
//! what may be left out. Nobody knows the right answers to them, so they only show crashes.

use std::collections::BTreeMap;

use super::{
    choice::{Input, Origin},
    value::Value,
};

const MOST: usize = 20;
const LONG: usize = 4096;

/// From a JSON schema of an object; of anything else none.
pub fn made_up(schema: &Value) -> Vec<Input> {
    let Some(Value::Map(properties)) = schema.get("properties") else { return Vec::new() };
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::List(names)) => names.iter().filter_map(Value::as_text).collect(),
        _ => Vec::new(),
    };
    let ordinary = |name: &String, it: &Value| (name.clone(), values(it).swap_remove(0));
    let needed: BTreeMap<String, Value> = properties
        .iter()
        .filter(|(name, _)| required.contains(&name.as_str()))
        .map(|(name, it)| ordinary(name, it))
        .collect();
    let all: BTreeMap<String, Value> =
        properties.iter().map(|(name, it)| ordinary(name, it)).collect();
    let mut made = vec![needed.clone(), all];
    for (name, schema) in properties {
        for value in values(schema) {
            let mut args = needed.clone();
            args.insert(name.clone(), value);
            made.push(args);
        }
    }
    let input =
        |args| Input { args: Value::Map(args), origin: Origin::Synthetic, ..Input::default() };
    let mut inputs: Vec<Input> = Vec::new();
    for it in made.into_iter().map(input) {
        if inputs.len() < MOST && !inputs.contains(&it) {
            inputs.push(it);
        }
    }
    inputs
}

/// The first is an ordinary one.
fn values(schema: &Value) -> Vec<Value> {
    if let Some(Value::List(all)) = schema.get("enum")
        && !all.is_empty()
    {
        return all.clone();
    }
    match schema.get("type").and_then(Value::as_text) {
        Some("integer") => [1, 0, -1, i64::from(i32::MAX) + 1].map(Value::Integer).into(),
        Some("number") => [1.5, 0.0, -0.25, 1e12].map(Value::Float).into(),
        Some("boolean") => vec![Value::Bool(true), Value::Bool(false)],
        Some("array") => vec![Value::List(vec![Value::text("a")]), Value::List(Vec::new())],
        Some("object") => vec![Value::map([("a", Value::Integer(1))]), Value::Map(BTreeMap::new())],
        _ => ["a", "", "größe 漢字 🙂", &"x".repeat(LONG)].map(Value::text).into(),
    }
}
