//! `runtimes`: who has loaded what.

use serde_json::Value;

use crate::cli::{
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{BOLD, Out, RED, YELLOW},
    table::Cell,
    view,
};

pub(super) fn run(client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    let list = client.list(&Target::new("/v1/runtimes"), None)?;
    if out.json {
        out.document(&list);
        return Ok(Exit::Ok);
    }
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for it in view::items(&list, "/items") {
        let number = |pointer: &str| view::count(it, pointer).to_string();
        rows.push(vec![
            Cell::styled(view::text(it, "/runtime"), BOLD),
            number("/loaded").into(),
            number("/stale").into(),
            number("/failed").into(),
            number("/not_loaded_count").into(),
            out.time(view::text(it, "/reported")).into(),
        ]);
        wrong.extend(view::items(it, "/stale").iter().map(|load| stale(it, load)));
        wrong.extend(view::items(it, "/failed").iter().map(|load| failed(it, load)));
    }
    out.table(&["RUNTIME", "LOADED", "STALE", "FAILED", "NOT LOADED", "REPORTED"], &rows);
    if rows.is_empty() {
        out.note("no runtime has reported what it loaded");
    }
    if !wrong.is_empty() && !out.quiet {
        out.line("");
        out.table(&["", "RUNTIME", "TOOL", ""], &wrong);
    }
    Ok(Exit::Ok)
}

fn stale(runtime: &Value, load: &Value) -> Vec<Cell> {
    let (has, wants) = (view::version(load, "/loaded"), view::version(load, "/expected"));
    let gone = load.get("expected_sha256").is_some_and(Value::is_null);
    let wants = if gone { "gone".to_owned() } else { wants };
    vec![
        Cell::styled("stale", YELLOW),
        view::text(runtime, "/runtime").into(),
        view::text(load, "/tool").into(),
        format!("has {has}, expected {wants}").into(),
    ]
}

fn failed(runtime: &Value, load: &Value) -> Vec<Cell> {
    vec![
        Cell::styled("failed", RED),
        view::text(runtime, "/runtime").into(),
        view::text(load, "/tool").into(),
        view::text(load, "/message").into(),
    ]
}
