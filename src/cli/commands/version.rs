//! One version: what is known of it, and what it changed.

use serde_json::Value;
use similar::TextDiff;

use crate::{
    cli::{
        client::{Client, Target},
        failure::Failure,
        print::{BOLD, Out, visible},
        view,
    },
    model::ToolId,
};

pub(super) fn print(version: &Value, tool: &ToolId, out: &mut Out) {
    let number = view::version(version, "/number");
    let name = out.paint(BOLD, &format!("{tool} {number}"));
    out.line(&name);
    let recorded = out.time(view::text(version, "/time"));
    let modified = out.time(view::text(version, "/mtime"));
    let rows = [
        ("author", view::author(version)),
        ("reason", view::text(version, "/reason").to_owned()),
        ("message", view::text(version, "/message").to_owned()),
        ("origin", view::text(version, "/origin").to_owned()),
        ("recorded", recorded),
        ("modified", modified),
        ("parents", parents(version).collect::<Vec<_>>().join(" ")),
        ("size", view::number(version, "/size").map_or_else(String::new, |it| it.to_string())),
        ("executable", version.get("executable").map_or_else(String::new, Value::to_string)),
        ("sha256", view::text(version, "/sha256").to_owned()),
        ("seq", view::number(version, "/seq").map_or_else(String::new, |it| it.to_string())),
    ];
    pairs(&rows, out);
    out.line("");
}

/// Against its first parent; of a first version, all that is in it.
pub(super) fn patch(version: &Value, client: &Client, tool: &ToolId) -> Result<String, Failure> {
    let number = view::version(version, "/number");
    let Some(parent) = parents(version).next() else {
        let content = client.bytes(&Target::of("/v1/content", tool).query("at", Some(&number)))?;
        return Ok(creation(&content, tool, &number));
    };
    let target =
        Target::of("/v1/diff", tool).query("from", Some(parent)).query("to", Some(&number));
    let diff = client.get(&target)?;
    if diff.get("binary").and_then(Value::as_bool) == Some(true) {
        return Ok(binary(tool));
    }
    Ok(view::text(&diff, "/diff").to_owned())
}

fn creation(content: &[u8], tool: &ToolId, number: &str) -> String {
    let Some(text) = std::str::from_utf8(content).ok().filter(|it| !it.contains('\0')) else {
        return binary(tool);
    };
    let label = format!("b/{tool}\t({number})");
    TextDiff::from_lines("", text).unified_diff().header("/dev/null", &label).to_string()
}

fn binary(tool: &ToolId) -> String {
    format!("Binary files a/{tool} and b/{tool} differ\n")
}

fn parents(version: &Value) -> impl Iterator<Item = &str> {
    view::items(version, "/parents").iter().filter_map(Value::as_str)
}

/// What is empty is left out.
pub(super) fn pairs(rows: &[(&str, String)], out: &mut Out) {
    for (key, value) in rows.iter().filter(|it| !it.1.is_empty()) {
        let line = format!("  {key:<10}  {}", visible(value));
        out.line(&line);
    }
}
