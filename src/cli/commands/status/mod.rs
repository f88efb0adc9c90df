//! `status`: one screen. What differs, who did it, which runtimes have something else, what to do next.

mod issues;
mod kind;
mod next;
mod roots;
mod screen;
mod table;
mod watch;

use std::time::Duration;

use serde_json::Value;

use crate::cli::{
    args::StatusArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{DIM, GREEN, Out, RED, YELLOW, visible},
    view,
};

pub(super) fn run(args: &StatusArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    if let Some(seconds) = args.watch {
        return watch::run(args, Duration::from_secs(seconds), client, out);
    }
    out.page();
    let status = client.get(&target(args))?;
    show(&status, args, out);
    Ok(exit(&status, args))
}

fn target(args: &StatusArgs) -> Target {
    Target::new("/v1/status")
        .query("root", args.root.as_deref())
        .query("state", args.state.as_deref())
        .query("sync", args.sync.then_some(true))
}

fn show(status: &Value, args: &StatusArgs, out: &mut Out) {
    if out.json {
        out.document(status);
    } else if out.quiet {
        return;
    } else if out.terminal {
        let all = args.all || args.state.is_some();
        for line in screen::lines(status, all, out) {
            out.line(&line);
        }
    } else {
        table::print(status, out);
    }
    if !was_synced(status) {
        out.note("time ran out before every change on disk had been seen");
    }
    let why = view::text(status, "/log_not_writable");
    if !why.is_empty() {
        out.note(&format!("changes on disk are not recorded: {}", visible(why)));
    }
}

/// Why a tool's last change is not a version yet.
fn why_unsettled(status: &Value) -> &'static str {
    if view::text(status, "/log_not_writable").is_empty() {
        "being written now"
    } else {
        "not recorded yet"
    }
}

fn was_synced(status: &Value) -> bool {
    status.get("synced").and_then(Value::as_bool) != Some(false)
}

/// The top of the answer speaks of everything; with a filter only the issues were asked for.
fn exit(status: &Value, args: &StatusArgs) -> Exit {
    let filtered = args.root.is_some() || args.state.is_some();
    let in_sync = status.get("in_sync").and_then(Value::as_bool) == Some(true);
    let clean = view::items(status, "/issues").is_empty() && (in_sync || filtered);
    // That nothing differs can be said of what was seen alone.
    let seen = was_synced(status) && view::text(status, "/log_not_writable").is_empty();
    match (clean, seen) {
        (false, _) => Exit::Differs,
        (true, true) => Exit::Ok,
        (true, false) => Exit::Other,
    }
}

/// `39 in sync, 1 modified  (as of 412)`
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
