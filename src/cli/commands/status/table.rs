//! `status` for programs: one line an issue, all of them, times as they are.

use serde_json::Value;

use crate::cli::{
    print::{BOLD, DIM, GREEN, Out, RED, YELLOW, visible},
    table::Cell,
    view,
};

use super::{kind::Kind, summary, why_unsettled};

pub(super) fn print(status: &Value, out: &mut Out) {
    for root in view::items(status, "/roots") {
        let line = root_line(root, out);
        out.line(&line);
    }
    let issues = view::items(status, "/issues");
    let rows: Vec<_> = issues.iter().map(|it| row(it, out)).collect();
    if !rows.is_empty() {
        out.line("");
        let head = ["", "STATE", "TOOL", "VERSION", "LINES", "AUTHOR", "SINCE", "RUNTIMES, CAUSE"];
        out.table(&head, &rows);
    }
    for tool in view::items(status, "/unsettled").iter().filter_map(Value::as_str) {
        out.line(&format!("~  unsettled, {}: {}", why_unsettled(status), visible(tool)));
    }
    out.line("");
    let summary = summary(status, out);
    out.line(&summary);
}

fn root_line(root: &Value, out: &Out) -> String {
    let watch = match (view::text(root, "/watch"), view::text(root, "/watch_why")) {
        (state, "") => state.to_owned(),
        (state, why) => format!("{state} ({})", visible(why)),
    };
    let watch_style = if watch == "watching" { GREEN } else { YELLOW };
    let scan = match view::text(root, "/last_scan") {
        "" => "not scanned yet".to_owned(),
        time => format!("scanned {}", out.time(time)),
    };
    let stop = match view::text(root, "/safety_stop") {
        "" => String::new(),
        why => format!("  {}", out.paint(RED, &format!("safety stop: {}", visible(why)))),
    };
    format!(
        "{}  {} tools  {}  {scan}{stop}",
        out.paint(BOLD, view::text(root, "/root")),
        view::count(root, "/tools"),
        out.paint(watch_style, &watch),
    )
}

fn row(issue: &Value, out: &Out) -> Vec<Cell> {
    let kind = Kind::of(issue);
    let author = if issue.get("author").is_some() { view::author(issue) } else { String::new() };
    vec![
        Cell::styled(kind.letter(), kind.style()),
        Cell::styled(kind.word(issue), kind.style()),
        view::text(issue, "/tool").into(),
        kind.versions(issue).into(),
        super::kind::lines(issue).into(),
        author.into(),
        Cell::styled(out.time(view::text(issue, "/since")), DIM),
        beside(issue).into(),
    ]
}

/// The runtimes that an issue concerns, and why it is one.
fn beside(issue: &Value) -> String {
    let message = view::text(issue, "/message").lines().next().unwrap_or_default();
    let parts = [view::text(issue, "/runtime"), view::text(issue, "/cause"), message];
    let loaded = view::loaded_by(issue);
    let all = parts.into_iter().chain([loaded.as_str()]).filter(|it| !it.is_empty());
    all.collect::<Vec<_>>().join(": ")
}
