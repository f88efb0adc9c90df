//! How each root is watched, and why not better.

use serde_json::Value;

use crate::cli::{
    print::{BOLD, DIM, GREEN, Out, RED, YELLOW, visible},
    table::{self, Cell},
    view,
};

/// More than these are counted, but for those with which something is wrong.
const MOST: usize = 6;

const RETURN: &str =
    "it ends when they return, or with `knowngood accept` of those that may be gone";

pub(super) fn lines(roots: &[Value], out: &Out) -> Vec<String> {
    let folds = roots.len() > MOST;
    let shown: Vec<&Value> = roots.iter().filter(|it| !folds || is_troubled(it)).collect();
    let rows: Vec<_> = shown.iter().map(|it| row(it, out)).collect();
    let table = table::lines(None, &rows, out.colours(), out.width());
    let mut lines = Vec::new();
    for (root, line) in shown.iter().zip(table) {
        lines.push(line);
        lines.extend(trouble(root).into_iter().map(|it| format!("  {}", out.paint(RED, &it))));
    }
    if folds {
        let rest: Vec<&Value> = roots.iter().filter(|it| !is_troubled(it)).collect();
        let tools: u64 = rest.iter().map(|it| view::count(it, "/tools")).sum();
        let watching = out.paint(GREEN, "watching");
        lines.push(format!("{} roots  {tools} tools  {watching}", rest.len()));
    }
    lines
}

fn is_troubled(root: &Value) -> bool {
    view::text(root, "/watch") != "watching" || !trouble(root).is_empty()
}

fn row(root: &Value, out: &Out) -> Vec<Cell> {
    let (watch, style) = match view::text(root, "/watch") {
        "watching" => ("watching", GREEN),
        "starting" => ("starting", YELLOW),
        "polling" => ("polling: changes are seen later", YELLOW),
        "degraded" => ("degraded: polled in part", YELLOW),
        other => (other, YELLOW),
    };
    let scan = match view::text(root, "/last_scan") {
        "" => "not scanned yet".to_owned(),
        time => format!("scanned {}", out.time(time)),
    };
    let tools = match view::count(root, "/tools") {
        1 => "1 tool".to_owned(),
        tools => format!("{tools} tools"),
    };
    vec![
        Cell::styled(view::text(root, "/root"), BOLD),
        tools.into(),
        Cell::styled(watch, style),
        Cell::styled(scan, DIM),
    ]
}

fn trouble(root: &Value) -> Vec<String> {
    let stop: &[&str] = match view::text(root, "/safety_stop") {
        "" => &[],
        "root_missing" => {
            &["safety stop: the directory is gone; its tools keep their baseline", RETURN]
        }
        "mass_removal" => {
            &["safety stop: most of its tools are gone at once; they keep their baseline", RETURN]
        }
        other => &["safety stop", other],
    };
    let why = Some(view::text(root, "/watch_why")).filter(|it| !it.is_empty());
    stop.iter().copied().chain(why).map(visible).collect()
}
