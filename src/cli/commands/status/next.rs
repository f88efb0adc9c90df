//! The commands that lead further: for the first issue of each kind, and for a root that is not watched as it could be.

use serde_json::Value;

use super::kind::Kind;
use crate::cli::{
    print::{CYAN, DIM, Out},
    text::quoted,
    view,
};

pub(super) fn lines(status: &Value, out: &Out) -> Vec<String> {
    let commands = commands(status);
    let widest = commands.iter().map(|it| it.0.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (place, (command, what)) in commands.iter().enumerate() {
        let head = if place == 0 { "next: " } else { "      " };
        let gap = " ".repeat(widest - command.chars().count() + 2);
        let mut line = format!("{head}{}", out.paint(CYAN, command));
        // A name may be so long that there is no place for more than the command.
        if head.len() + widest + 2 + what.len() <= out.width() {
            line += &out.paint(DIM, &format!("{gap}{what}"));
        }
        lines.push(line);
    }
    lines
}

/// How to look at each kind, and for the first that wants a decision, how to take it.
fn commands(status: &Value) -> Vec<(String, &'static str)> {
    let issues = view::items(status, "/issues");
    let first = |kind: Kind| {
        let issue = issues.iter().find(|it| Kind::of(it) == kind);
        issue.map(|it| quoted(view::text(it, "/tool")))
    };
    let drift = [
        (Kind::Modified, "diff", "", "what changed", "if it is good"),
        (Kind::Orphaned, "cat", "", "what is new", "if it is good"),
        (Kind::Missing, "cat", "@baseline", "what is gone", "if it may be gone"),
    ];
    let mut commands = Vec::new();
    for (kind, look, at, what, decision) in drift {
        let Some(tool) = first(kind) else { continue };
        let decides = commands.is_empty();
        commands.push((format!("knowngood {look} {tool}{at}"), what));
        if decides {
            commands.push((format!("knowngood accept {tool}"), decision));
        }
    }
    if first(Kind::Stale).or_else(|| first(Kind::Failed)).is_some() {
        commands.push(("knowngood runtimes".to_owned(), "who has to load again"));
    }
    let polled = |it: &Value| ["polling", "degraded"].contains(&view::text(it, "/watch"));
    if view::items(status, "/roots").iter().any(polled) {
        commands.push(("knowngood doctor".to_owned(), "why a root is polled, and what mends it"));
    }
    commands
}
