//! `health`: how tools do on which somebody reports; or one of them, with what it is measured by.

use anstyle::Style;
use serde_json::Value;

use super::version;
use crate::cli::{
    args::HealthArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{BOLD, CYAN, GREEN, Out, RED, YELLOW},
    resolve,
    table::Cell,
    view,
};

pub(super) fn run(args: &HealthArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    match &args.tool {
        Some(typed) => {
            let tool = resolve::tool(client, typed)?;
            one(&client.get(&Target::of("/v1/health", &tool))?, out);
        }
        None => all(&client.list(&Target::new("/v1/tools"), None)?, out),
    }
    Ok(Exit::Ok)
}

fn all(list: &Value, out: &mut Out) {
    let known = |it: &&Value| view::text(it, "/health") != "unknown";
    let tools: Vec<&Value> = view::items(list, "/items").iter().filter(known).collect();
    if out.json {
        for it in tools {
            out.document(it);
        }
        return;
    }
    let rows: Vec<Vec<Cell>> = tools
        .iter()
        .map(|it| {
            let health = view::text(it, "/health");
            vec![
                Cell::styled(view::text(it, "/tool"), BOLD),
                Cell::styled(health, style(health)),
                view::version(it, "/disk/version").into(),
                view::version(it, "/known_good").into(),
            ]
        })
        .collect();
    if rows.is_empty() {
        out.note("nobody has reported a call: POST /v1/outcomes, or `knowngood outcome`");
    } else {
        out.table(&["TOOL", "HEALTH", "ON DISK", "KNOWN GOOD"], &rows);
    }
}

fn style(health: &str) -> Style {
    match health {
        "healthy" => GREEN,
        "regressed" => RED,
        "suspect" | "environment" | "inconclusive" => YELLOW,
        _ => CYAN,
    }
}

fn one(health: &Value, out: &mut Out) {
    if out.json {
        return out.document(health);
    }
    let name = out.paint(BOLD, view::text(health, "/tool"));
    out.line(&name);
    let count = |pointer: &str| view::count(health, pointer);
    let since = out.time(view::text(health, "/since"));
    let state = match since.as_str() {
        "" => view::text(health, "/state").to_owned(),
        since => format!("{} since {since}", view::text(health, "/state")),
    };
    let by = view::number(health, "/deploy");
    let by = by.map_or_else(String::new, |it| format!(" (deploy {it})"));
    let score = format!(
        "{} of {} (suspect from {}; a failure weighs {})",
        count("/score"),
        count("/H"),
        count("/L"),
        count("/w")
    );
    let base = format!(
        "{} of {} calls failed with {}",
        count("/baseline/failures"),
        count("/baseline/calls"),
        view::version(health, "/known_good"),
    );
    let measured = count("/H") > 0;
    let only = |text: String| if measured { text } else { String::new() };
    let rows = [
        ("health", state),
        ("version", format!("{}{by}", view::version(health, "/version"))),
        ("known good", view::version(health, "/known_good")),
        ("calls", only(format!("{}, {} failed", count("/calls"), count("/failures")))),
        ("score", only(score)),
        ("against", only(base)),
        ("not its own", others(health)),
        ("replay", replay(health)),
        ("proven", out.clock(view::text(health, "/bake_ends"))),
        ("alerts", names(view::items(health, "/alerts"))),
    ];
    version::pairs(&rows, out);
}

/// Failures that are somebody else's.
fn others(health: &Value) -> String {
    let each = ["env", "caller", "user"].map(|it| {
        let count = view::count(health, &format!("/blamed/{it}"));
        (count > 0).then(|| format!("{count} {it}"))
    });
    each.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn replay(health: &Value) -> String {
    match (view::number(health, "/replay/m"), view::text(health, "/replay/cannot")) {
        (Some(runs), _) => format!(
            "{} of {runs} runs failed, {} with the known good",
            view::count(health, "/replay/new"),
            view::count(health, "/replay/old"),
        ),
        (None, "") => String::new(),
        (None, why) => format!("not possible: {why}"),
    }
}

fn names(list: &[Value]) -> String {
    list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
