//! One run as one document, with everything in it that is compared: `/value`, `/error`, `/effects`, `/stdout`, `/stderr`.

use super::{
    normal::normal,
    rules::{ErrorRule, Part, Rules},
    seen::{ErrorSeen, RunSeen, Status},
    value::Value,
};

pub(super) fn document(run: &RunSeen, rules: &Rules) -> Value {
    let normal_value = |it: &Value| normalized(it, rules);
    let part = |part: &Part| match part {
        Part::Value => ("value", normal_value(&run.value)),
        Part::Error => ("error", error(run.status, run.error.as_ref(), rules)),
        Part::Effects => ("effects", effects(run)),
        Part::Stdout => ("stdout", normal_value(&Value::text(&run.stdout))),
        Part::Stderr => ("stderr", normal_value(&Value::text(&run.stderr))),
    };
    let told = rules.compare.contains(&Part::Error);
    // Whether it failed is compared whatever is asked for.
    let bare = [("error", error(run.status, None, rules))].into_iter().filter(|_| !told);
    Value::map(rules.compare.iter().map(part).chain(bare))
}

fn normalized(value: &Value, rules: &Rules) -> Value {
    match value {
        Value::Text(text) => Value::Text(normal(text, rules.normalize)),
        Value::List(all) => Value::List(all.iter().map(|it| normalized(it, rules)).collect()),
        Value::Map(all) => {
            Value::Map(all.iter().map(|(key, it)| (key.clone(), normalized(it, rules))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => value.clone(),
    }
}

/// Null where there is none, so that an error that comes or goes is one difference.
fn error(status: Status, error: Option<&ErrorSeen>, rules: &Rules) -> Value {
    if status == Status::Ok {
        return Value::Null;
    }
    let how = if status == Status::Handled { "handled" } else { status.as_str() };
    let mut entries = vec![("status", Value::text(how))];
    if let Some(it) = error {
        entries.push(("type", Value::text(&it.kind)));
        match rules.error {
            ErrorRule::Type => (),
            ErrorRule::Exact => entries.push(("message", Value::text(&it.message))),
            ErrorRule::TypeAndNormalizedMessage => {
                entries.push(("message", Value::Text(normal(&it.message, rules.normalize))));
            }
        }
    }
    Value::map(entries)
}

fn effects(run: &RunSeen) -> Value {
    let files = run.files.iter().map(|(path, it)| {
        let change = [("what", Value::text(&it.what)), ("sha256", Value::text(&it.sha256))];
        (path, Value::map(change))
    });
    let used = run.effects.iter().map(|it| {
        let name = format!("{} {}", it.capability, it.place);
        (name, Value::Bool(true))
    });
    Value::map([("files", Value::map(files)), ("used", Value::map(used))])
}
