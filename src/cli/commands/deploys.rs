//! `deploys`: what was deployed, newest first, or one of them with every step.

use serde_json::Value;

use super::{judgement, outcome::style, refusal, version::pairs};
use crate::cli::{
    args::DeploysArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{BOLD, DIM, GREEN, Out, RED, YELLOW},
    resolve,
    table::Cell,
    view,
};

pub(super) fn run(args: &DeploysArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    if let Some(number) = args.number {
        let deploy = client.get(&Target::new(&format!("/v1/deploys/{number}")))?;
        if out.json {
            out.document(&deploy);
        } else {
            one(&deploy, out);
        }
        return Ok(Exit::Ok);
    }
    let tool = args.tool.as_deref().map(|it| resolve::tool(client, it)).transpose()?;
    let target = Target::new("/v1/deploys")
        .query("tool", tool.as_ref())
        .query("state", args.state.as_deref());
    let list = client.list(&target, args.most)?;
    if out.json {
        out.document(&list);
    } else {
        table(&list, out);
    }
    Ok(Exit::Ok)
}

fn table(list: &Value, out: &mut Out) {
    let mut rows = Vec::new();
    for it in view::items(list, "/items") {
        let state = view::text(it, "/state");
        rows.push(vec![
            Cell::styled(view::number(it, "/deploy").unwrap_or(0).to_string(), BOLD),
            Cell::styled(state, style(state)),
            out.time(view::text(it, "/steps/0/at")).into(),
            tools(it).into(),
            view::author(it).into(),
            reason(it).into(),
            view::text(it, "/message").lines().next().unwrap_or_default().into(),
        ]);
    }
    let head = ["DEPLOY", "STATE", "ASKED", "TOOLS", "AUTHOR", "REASON", "MESSAGE"];
    out.table(&head, &rows);
    if rows.is_empty() {
        out.note("nothing was deployed yet");
    }
}

/// `t/a.py v3 -> v5`, and how many more there are.
fn tools(deploy: &Value) -> String {
    let changes = view::items(deploy, "/changes");
    let Some(first) = changes.first() else { return String::new() };
    let more = changes.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{}{more}", view::text(first, "/tool"), versions(first))
}

/// What is no plain deploy says so.
fn reason(deploy: &Value) -> String {
    let (kind, reason) = (view::text(deploy, "/kind"), view::text(deploy, "/reason"));
    if kind == "deploy" || kind == reason { reason.to_owned() } else { format!("{kind}, {reason}") }
}

fn versions(change: &Value) -> String {
    let was = view::number(change, "/displaced").or_else(|| view::number(change, "/base"));
    let goes = change.get("sha256").is_some_and(Value::is_null);
    let to = match view::number(change, "/version") {
        Some(it) => format!("v{it}"),
        None if goes => "gone".to_owned(),
        None => return was.map_or_else(String::new, |it| format!(" over v{it}")),
    };
    was.map_or_else(|| format!(" {to}"), |it| format!(" v{it} -> {to}"))
}

fn one(deploy: &Value, out: &mut Out) {
    let number = view::number(deploy, "/deploy").unwrap_or(0);
    let state = view::text(deploy, "/state");
    let (name, word) =
        (out.paint(BOLD, &format!("deploy {number}")), out.paint(style(state), state));
    out.line(&format!("{name}  {word}"));
    let claimed = deploy.get("claimed").map(|it| serde_json::json!({ "author": it }));
    let of = view::number(deploy, "/of").map_or_else(String::new, |it| format!(" of {it}"));
    let by = view::number(deploy, "/by").map_or_else(String::new, |it| format!("deploy {it}"));
    let metadata =
        deploy.get("metadata").filter(|it| it.as_object().is_some_and(|it| !it.is_empty()));
    let deadline = out.time(view::text(deploy, "/deadline"));
    let rows = [
        ("kind", format!("{}{of}", view::text(deploy, "/kind"))),
        ("author", view::author(deploy)),
        ("claimed", claimed.map(|it| view::author(&it)).filter(|it| it != "-").unwrap_or_default()),
        ("reason", view::text(deploy, "/reason").to_owned()),
        ("message", view::text(deploy, "/message").to_owned()),
        ("metadata", metadata.map_or_else(String::new, ToString::to_string)),
        ("deadline", deadline),
        ("why", view::text(deploy, "/why").to_owned()),
        ("by", by),
    ];
    pairs(&rows, out);
    out.line("");
    let changes = view::items(deploy, "/changes").iter();
    let changes: Vec<Vec<Cell>> = changes.map(change).collect();
    out.table(&["TOOL", "BASE", "VERSION", "BEFORE", "SHA256"], &changes);
    out.line("");
    let steps = view::items(deploy, "/steps").iter();
    let steps: Vec<Vec<Cell>> = steps.flat_map(|it| step(it, out)).collect();
    out.table(&["STEP", "AT", "TOOK", "SANDBOX", "CHECK", "OUTCOME", "TOOL", "WHY"], &steps);
    judgement::table(deploy, out);
    refusal::findings(deploy, out);
    if state == "awaiting_approval" {
        out.note(&judgement::next(deploy));
    }
}

fn change(it: &Value) -> Vec<Cell> {
    let goes = it.get("sha256").is_some_and(Value::is_null);
    let base = match view::number(it, "/base") {
        None => view::short_hash(it, "/base_sha256"),
        Some(number) => format!("v{number}"),
    };
    vec![
        view::text(it, "/tool").into(),
        base.into(),
        if goes { "gone".into() } else { view::version(it, "/version").into() },
        view::version(it, "/displaced").into(),
        Cell::styled(view::short_hash(it, "/sha256"), DIM),
    ]
}

/// A row for the step, and one for each check that led to it.
fn step(it: &Value, out: &Out) -> Vec<Vec<Cell>> {
    let name = view::text(it, "/step");
    let took =
        |it: &Value| view::number(it, "/took_ms").map_or_else(String::new, |it| format!("{it} ms"));
    let head = vec![
        Cell::styled(name, style(name)),
        out.clock(view::text(it, "/at")).into(),
        took(it).into(),
        view::text(it, "/sandbox").into(),
    ];
    let checks = view::items(it, "/checks").iter().map(|check| {
        let outcome = view::text(check, "/outcome");
        let colour = match outcome {
            "passed" => GREEN,
            "skipped" => YELLOW,
            _ => RED,
        };
        vec![
            "".into(),
            "".into(),
            took(check).into(),
            view::text(check, "/sandbox").into(),
            view::text(check, "/check").into(),
            Cell::styled(outcome, colour),
            view::text(check, "/tool").into(),
            view::text(check, "/why").into(),
        ]
    });
    std::iter::once(head).chain(checks).collect()
}
