//! The kinds of issues: what each is called, and what can be said of every one of them.

use anstyle::Style;
use serde_json::Value;

use crate::cli::{
    print::{RED, YELLOW},
    view,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Modified,
    Orphaned,
    Missing,
    Unreadable,
    Stale,
    Failed,
    /// Of a newer daemon.
    Other,
}

impl Kind {
    /// In the order in which a person wants to hear of them.
    pub(super) const ALL: [Self; 7] = [
        Self::Modified,
        Self::Orphaned,
        Self::Missing,
        Self::Unreadable,
        Self::Failed,
        Self::Stale,
        Self::Other,
    ];

    pub(super) fn of(issue: &Value) -> Self {
        match view::text(issue, "/type") {
            "file_modified" => Self::Modified,
            "orphaned_file" => Self::Orphaned,
            "missing_file" => Self::Missing,
            "unreadable_file" => Self::Unreadable,
            "stale_runtime" => Self::Stale,
            "failed_load" => Self::Failed,
            _ => Self::Other,
        }
    }

    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Modified => "M",
            Self::Orphaned => "?",
            Self::Missing => "D",
            Self::Unreadable => "!",
            Self::Stale => "S",
            Self::Failed => "F",
            Self::Other => "-",
        }
    }

    /// What `--state` takes, where it is known.
    pub(super) fn word(self, issue: &Value) -> &str {
        match self {
            Self::Modified => "modified",
            Self::Orphaned => "orphaned",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Other => view::text(issue, "/type"),
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Modified | Self::Orphaned | Self::Stale | Self::Other => YELLOW,
            Self::Missing | Self::Unreadable | Self::Failed => RED,
        }
    }

    pub(super) fn versions(self, issue: &Value) -> String {
        let version = |pointer: &str| view::version(issue, pointer);
        match self {
            Self::Stale => format!("{} -> {}", version("/loaded"), expected(issue)),
            Self::Failed | Self::Unreadable | Self::Other => String::new(),
            Self::Orphaned => version("/disk"),
            Self::Missing => baseline(issue),
            Self::Modified => format!("{} -> {}", baseline(issue), version("/disk")),
        }
    }
}

/// `+4 -1`
pub(super) fn lines(issue: &Value) -> String {
    issue.get("stats").filter(|it| it.is_object()).map_or_else(String::new, |it| {
        format!("+{} -{}", view::count(it, "/lines_added"), view::count(it, "/lines_removed"))
    })
}

/// Without a hash nothing is expected: the tool was removed, or never accepted.
fn expected(issue: &Value) -> String {
    let gone = issue.get("expected_sha256").is_some_and(Value::is_null);
    if gone { "gone".to_owned() } else { view::version(issue, "/expected") }
}

fn baseline(issue: &Value) -> String {
    match view::number(issue, "/baseline") {
        Some(number) => format!("v{number}"),
        None => view::short_hash(issue, "/baseline_sha256"),
    }
}
