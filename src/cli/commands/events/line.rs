//! One event as a line: for a person in words, for a program with every member of its detail.

use anstyle::Style;
use serde_json::{Map, Value};

use crate::cli::{
    print::{BOLD, CYAN, DIM, GREEN, Out, PLAIN, RED, YELLOW, visible},
    view,
};

pub(super) fn told(event: &Value, out: &Out) -> String {
    let name = view::text(event, "/event");
    let mut words = vec![
        format!("{:>6}", view::number(event, "/seq").unwrap_or(0)),
        out.paint(DIM, &visible(&out.clock(view::text(event, "/time")))),
        out.paint(style(name), &format!("{:<16}", visible(name))),
    ];
    words.extend([
        out.paint(if out.terminal { BOLD } else { PLAIN }, &visible(view::text(event, "/tool"))),
        version(event, out),
        author(event, out),
    ]);
    if out.terminal {
        words.push(visible(&said(event)));
    } else {
        words.extend(members(event));
    }
    words.retain(|it| !it.is_empty());
    words.join(" ")
}

/// Of a baseline a person is told from where to where.
fn version(event: &Value, out: &Out) -> String {
    let is_told = out.terminal && view::text(event, "/event") == "baseline.moved";
    let number = view::number(event, "/version").filter(|_| !is_told);
    number.map_or_else(String::new, |it| format!("v{it}"))
}

/// A person knows from its absence that it is unknown.
fn author(event: &Value, out: &Out) -> String {
    let is_known = event.get("author").is_some_and(Value::is_object);
    match view::author(event) {
        unknown if unknown == "unknown" && out.terminal => String::new(),
        author if is_known => visible(&author),
        _ => String::new(),
    }
}

fn style(name: &str) -> Style {
    match name {
        "drift.detected" | "runtime.stale" | "runtime.expired" => YELLOW,
        "drift.cleared" | "baseline.moved" | "safety.cleared" => GREEN,
        "tool.removed" | "runtime.failed" | "safety.stopped" => RED,
        _ => CYAN,
    }
}

/// What a person wants to know of the detail.
fn said(event: &Value) -> String {
    let text = |key: &str| view::text(event, &format!("/detail/{key}"));
    let count = |key: &str| view::count(event, &format!("/detail/{key}"));
    let side = |key: &str| match view::number(event, &format!("/detail/{key}")) {
        Some(number) => format!("v{number}"),
        None => match view::short_hash(event, &format!("/detail/{key}_sha256")) {
            none if none == "-" => "nothing".to_owned(),
            hash => hash,
        },
    };
    let runtime = text("runtime");
    match view::text(event, "/event") {
        "version.recorded" => format!("{}, {} bytes", text("reason"), count("size")),
        "drift.detected" => match text("cause") {
            "" => format!("{}, expected {}", text("sync"), side("expected")),
            cause => format!("{} ({cause}), expected {}", text("sync"), side("expected")),
        },
        "baseline.moved" if event.get("tool").is_some_and(Value::is_null) => {
            format!("of {} tools in {} ({})", count("tools"), text("root"), text("reason"))
        }
        "baseline.moved" => format!("{} -> {} ({})", side("from"), side("to"), text("reason")),
        "runtime.loaded" => {
            format!("{runtime} has loaded {}, could not load {}", count("loaded"), count("failed"))
        }
        "runtime.stale" => {
            let gone = event.pointer("/detail/expected_sha256").is_some_and(Value::is_null);
            let expected = if gone { "gone".to_owned() } else { side("expected") };
            format!("{runtime} has {}, expected {expected}", side("loaded"))
        }
        "runtime.failed" => format!("{runtime}: {}", text("message")),
        "runtime.expired" => format!("{runtime} is forgotten"),
        _ => members(event).join(" "),
    }
}

/// `sync=modified expected=3`
fn members(event: &Value) -> Vec<String> {
    let nothing = Map::new();
    let detail = event.get("detail").and_then(Value::as_object).unwrap_or(&nothing);
    detail.iter().filter_map(|it| member(it.0, it.1)).collect()
}

/// Whole hashes are for programs that read JSON.
fn member(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.starts_with("sha256:") => {
            text.get(7..19).map(|it| format!("{key}={it}"))
        }
        Value::String(text) => Some(format!("{key}={}", visible(text))),
        Value::Array(all) if all.is_empty() => None,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(format!("{key}={}", visible(&value.to_string())))
        }
    }
}
