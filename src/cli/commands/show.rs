//! `show`: one tool, or with `@REF` one of its versions and what it changed.

use jiff::Timestamp;
use serde_json::Value;

use super::version;
use crate::{
    cli::{
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::{BOLD, Out},
        resolve, view,
    },
    model::ToolId,
};

pub(super) fn run(typed: &str, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    let (name, reference) = resolve::split(typed);
    let tool = resolve::tool(client, name)?;
    match reference {
        None => show_tool(&client.get(&Target::of("/v1/tools", &tool))?, out),
        Some(reference) => {
            let version = find(client, &tool, reference)?;
            if out.json {
                out.document(&version);
            } else {
                version::print(&version, &tool, out);
                let patch = version::patch(&version, client, &tool)?;
                out.diff(&patch);
            }
        }
    }
    Ok(Exit::Ok)
}

/// `v3, what stands there is baking`
fn health(tool: &Value) -> String {
    match view::text(tool, "/health") {
        "" | "unknown" => view::version(tool, "/known_good"),
        health => format!("{}; on disk: {health}", view::version(tool, "/known_good")),
    }
}

fn show_tool(tool: &Value, out: &mut Out) {
    if out.json {
        return out.document(tool);
    }
    let name = out.paint(BOLD, view::text(tool, "/tool"));
    out.line(&name);
    let cause = match view::text(tool, "/cause") {
        "" => String::new(),
        cause => format!(" ({cause})"),
    };
    let writing = tool.get("unsettled").and_then(Value::as_bool) == Some(true);
    let writing = if writing { ", being written now" } else { "" };
    let sync = format!("{}{cause}{writing}", view::text(tool, "/sync"));
    let baseline = match view::number(tool, "/baseline") {
        None => view::short_hash(tool, "/baseline_sha256"),
        Some(number) => format!("v{number}"),
    };
    let disk = match view::text(tool, "/disk/sha256") {
        "" => "-".to_owned(),
        hash => format!("{} {hash}", view::version(tool, "/disk/version")),
    };
    let modified = out.time(view::text(tool, "/disk/mtime"));
    let rows = [
        ("sync", sync),
        ("head", view::version(tool, "/head")),
        ("baseline", baseline),
        ("expected", view::version(tool, "/expected")),
        ("known good", health(tool)),
        ("disk", disk),
        ("modified", modified),
        ("loaded by", view::loaded_by(tool)),
        ("class", view::text(tool, "/class").to_owned()),
    ];
    version::pairs(&rows, out);
}

/// The version that a reference means, from the history: newest first, so the first that fits is it.
fn find(client: &Client, tool: &ToolId, reference: &str) -> Result<Value, Failure> {
    let wanted = match reference {
        "head" | "baseline" | "known_good" | "disk" => {
            let it = client.get(&Target::of("/v1/tools", tool))?;
            let pointer = if reference == "disk" {
                "/disk/version".to_owned()
            } else {
                format!("/{reference}")
            };
            let number = view::number(&it, &pointer);
            number.map(Wanted::Number).ok_or_else(|| none(tool, reference))?
        }
        _ => Wanted::read(reference),
    };
    let history = client.list(&Target::of("/v1/history", tool), None)?;
    let fits: Vec<_> = view::items(&history, "/items").iter().filter(|it| wanted.is(it)).collect();
    let first = *fits.first().ok_or_else(|| none(tool, reference))?;
    let hash = |it: &Value| view::text(it, "/sha256").to_owned();
    if matches!(wanted, Wanted::Hash(_)) && fits.iter().any(|it| hash(it) != hash(first)) {
        let detail = format!("{reference} begins more than one hash of {tool}");
        return Err(Failure::usage(&detail, "write more of its digits"));
    }
    Ok(first.clone())
}

fn none(tool: &ToolId, reference: &str) -> Failure {
    let hint = format!("`knowngood history {tool}` shows its versions");
    Failure::not_found(&format!("{tool} has no version {reference}"), &hint)
}

enum Wanted {
    Number(u64),
    /// The newest one that was there at this time.
    Time(Timestamp),
    Hash(String),
}

impl Wanted {
    fn read(reference: &str) -> Self {
        if let Some(number) = reference.strip_prefix('v').and_then(|it| it.parse().ok()) {
            return Self::Number(number);
        }
        reference.parse().map_or_else(
            |_| Self::Hash(reference.trim_start_matches("sha256:").to_ascii_lowercase()),
            Self::Time,
        )
    }

    fn is(&self, version: &Value) -> bool {
        match self {
            Self::Number(it) => view::number(version, "/number") == Some(*it),
            Self::Time(it) => {
                view::text(version, "/time").parse::<Timestamp>().is_ok_and(|time| time <= *it)
            }
            Self::Hash(it) => {
                view::text(version, "/sha256").trim_start_matches("sha256:").starts_with(it)
            }
        }
    }
}
