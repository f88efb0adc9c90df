//! `status`: one screen. What differs, who did it, which runtimes have something else, what to do next.

use serde_json::Value;

use crate::cli::{
    args::StatusArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{BOLD, CYAN, DIM, GREEN, Out, RED, YELLOW, visible},
    table::Cell,
    view,
};

pub(super) fn run(args: &StatusArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let target = Target::new("/v1/status")
        .query("root", args.root.as_deref())
        .query("state", args.state.as_deref())
        .query("sync", args.sync.then_some(true));
    let status = client.get(&target)?;
    if out.json {
        out.document(&status);
    } else if !out.quiet {
        print(&status, out);
    }
    Ok(exit(&status, args))
}

/// The top of the answer speaks of everything; with a filter only the issues were asked for.
fn exit(status: &Value, args: &StatusArgs) -> Exit {
    let filtered = args.root.is_some() || args.state.is_some();
    let in_sync = status.get("in_sync").and_then(Value::as_bool) == Some(true);
    let clean = view::items(status, "/issues").is_empty() && (in_sync || filtered);
    if clean { Exit::Ok } else { Exit::Differs }
}

fn print(status: &Value, out: &mut Out) {
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
        out.line(&format!("~  unsettled, being written now: {}", visible(tool)));
    }
    out.line("");
    let summary = summary(status, out);
    out.line(&summary);
    if status.get("synced").and_then(Value::as_bool) == Some(false) {
        out.note("time ran out before every change on disk had been seen");
    }
    if let (true, Some(next)) = (out.terminal, next(issues)) {
        let next = out.paint(CYAN, &next);
        out.line(&format!("next: {next}"));
    }
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
    let kind = view::text(issue, "/type");
    let (letter, word, style) = match kind {
        "file_modified" => ("M", "modified", YELLOW),
        "orphaned_file" => ("?", "orphaned", YELLOW),
        "missing_file" => ("D", "missing", RED),
        "unreadable_file" => ("!", "unreadable", RED),
        "stale_runtime" => ("S", "stale", YELLOW),
        "failed_load" => ("F", "failed", RED),
        other => ("-", other, YELLOW),
    };
    let versions = match kind {
        "stale_runtime" => {
            format!("{} -> {}", view::version(issue, "/loaded"), view::version(issue, "/expected"))
        }
        "failed_load" | "unreadable_file" => String::new(),
        "orphaned_file" => view::version(issue, "/disk"),
        "missing_file" => baseline(issue),
        _ => format!("{} -> {}", baseline(issue), view::version(issue, "/disk")),
    };
    let lines = issue.get("stats").filter(|it| it.is_object()).map_or_else(String::new, |it| {
        format!("+{} -{}", view::count(it, "/lines_added"), view::count(it, "/lines_removed"))
    });
    let author = if issue.get("author").is_some() { view::author(issue) } else { String::new() };
    vec![
        Cell::styled(letter, style),
        Cell::styled(word, style),
        view::text(issue, "/tool").into(),
        versions.into(),
        lines.into(),
        author.into(),
        Cell::styled(out.time(view::text(issue, "/since")), DIM),
        beside(issue).into(),
    ]
}

fn baseline(issue: &Value) -> String {
    match view::number(issue, "/baseline") {
        Some(number) => format!("v{number}"),
        None => view::short_hash(issue, "/baseline_sha256"),
    }
}

/// The runtimes that an issue concerns, and why it is one.
fn beside(issue: &Value) -> String {
    let message = view::text(issue, "/message").lines().next().unwrap_or_default();
    let parts = [view::text(issue, "/runtime"), view::text(issue, "/cause"), message];
    let loaded = view::loaded_by(issue);
    let all = parts.into_iter().chain([loaded.as_str()]).filter(|it| !it.is_empty());
    all.collect::<Vec<_>>().join(": ")
}

fn summary(status: &Value, out: &Out) -> String {
    let words = [
        ("in_sync", "in sync", GREEN),
        ("modified", "modified", YELLOW),
        ("orphaned", "orphaned", YELLOW),
        ("missing", "missing", RED),
        ("unreadable", "unreadable", RED),
        ("conflicted", "conflicted", RED),
        ("stale", "stale", YELLOW),
        ("unsettled", "unsettled", DIM),
    ];
    let count = |key: &str| view::count(status, &format!("/summary/{key}"));
    let parts: Vec<_> = words
        .iter()
        .filter(|it| it.0 == "in_sync" || count(it.0) > 0)
        .map(|it| out.paint(it.2, &format!("{} {}", count(it.0), it.1)))
        .collect();
    format!("{}  (as of {})", parts.join(", "), view::count(status, "/as_of"))
}

/// The command that leads further, for the first thing that needs one.
fn next(issues: &[Value]) -> Option<String> {
    let first = |kind: &str| {
        let issue = issues.iter().find(|it| view::text(it, "/type") == kind);
        issue.map(|it| quoted(view::text(it, "/tool")))
    };
    if let Some(tool) = first("file_modified") {
        return Some(format!("knowngood diff {tool}  ·  knowngood accept {tool}"));
    }
    if let Some(tool) = first("orphaned_file") {
        return Some(format!("knowngood cat {tool}  ·  knowngood accept {tool}"));
    }
    if let Some(tool) = first("missing_file") {
        return Some(format!("knowngood cat {tool}@baseline  ·  knowngood accept {tool}"));
    }
    let runtime = first("stale_runtime").or_else(|| first("failed_load"));
    runtime.map(|_| "knowngood runtimes".to_owned())
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "_-./%@:+".contains(it);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_can_be_pasted() {
        assert_eq!(quoted("t/a.py"), "t/a.py");
        assert_eq!(quoted("t/it's $HOME.py"), "'t/it'\\''s $HOME.py'");
    }
}
