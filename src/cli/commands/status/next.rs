//! The commands that lead further, for the first issue of each kind.

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
        let fits = head.len() + widest + 2 + what.len() <= out.width();
        let gap = if fits { widest - command.chars().count() } else { 0 };
        let what = out.paint(DIM, &format!("{}{what}", " ".repeat(gap)));
        lines.push(format!("{head}{}  {what}", out.paint(CYAN, command)));
    }
    lines
}

fn commands(status: &Value) -> Vec<(String, &'static str)> {
    let issues = view::items(status, "/issues");
    let of = |kind: Kind| {
        let mut all = issues.iter().filter(move |it| Kind::of(it) == kind);
        all.next().map(|it| quoted(view::text(it, "/tool")))
    };
    let mut commands = Vec::new();
    if let Some(tool) = of(Kind::Modified) {
        commands.push((format!("knowngood diff {tool}"), "what changed"));
        commands.push((format!("knowngood accept {tool}"), "it is good"));
    }
    if let Some(tool) = of(Kind::Orphaned) {
        commands.push((format!("knowngood cat {tool}"), "what is new"));
        commands.push((format!("knowngood accept {tool}"), "it is good"));
    }
    if let Some(tool) = of(Kind::Missing) {
        commands.push((format!("knowngood cat {tool}@baseline"), "what is gone"));
        commands.push((format!("knowngood accept {tool}"), "it may be gone"));
    }
    if of(Kind::Stale).or_else(|| of(Kind::Failed)).is_some() {
        commands.push(("knowngood runtimes".to_owned(), "who has to load again"));
    }
    commands
}
