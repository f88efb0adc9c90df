//! The issues for a person: a line each, and below it who runs what. A name is never cut: one that is too long for
//! its column stands alone, and the rest below it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    kind::{self, Kind},
    why_unsettled,
};
use crate::cli::{
    print::{BOLD, DIM, Out, PLAIN, visible},
    text::cut,
    view,
};

/// Where a tool's name begins.
const INDENT: usize = 14;
const GAP: &str = "  ";
/// Runtimes of one version that are named; the others are counted.
const MOST_NAMED: usize = 4;

pub(super) struct Entries(Vec<Entry>);

struct Entry {
    kind: Kind,
    word: String,
    tool: String,
    /// Beside the name, in columns.
    columns: [String; 4],
    /// Below it.
    below: Vec<String>,
}

pub(super) fn entries(status: &Value, out: &Out) -> Entries {
    let issues = view::items(status, "/issues");
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let of_kind = issues.iter().filter(|it| Kind::of(it) == kind);
        if kind == Kind::Stale {
            all.extend(stale(of_kind));
        } else {
            all.extend(of_kind.map(|it| entry(kind, it, out)));
        }
    }
    let why = why_unsettled(status);
    let unsettled = view::items(status, "/unsettled").iter().filter_map(Value::as_str);
    all.extend(unsettled.map(|it| Entry {
        kind: Kind::Other,
        word: "unsettled".to_owned(),
        tool: visible(it),
        columns: [String::new(), String::new(), String::new(), why.to_owned()],
        below: Vec::new(),
    }));
    Entries(all)
}

fn entry(kind: Kind, issue: &Value, out: &Out) -> Entry {
    let author = issue.get("author").map_or_else(String::new, |_| visible(&view::author(issue)));
    let since = out.time(view::text(issue, "/since"));
    let below = match kind {
        Kind::Unreadable => vec![unreadable(view::text(issue, "/cause"))],
        Kind::Failed => {
            let message = view::text(issue, "/message").lines().next().unwrap_or_default();
            vec![format!("{}: {}", view::text(issue, "/runtime"), message)]
        }
        Kind::Modified | Kind::Orphaned | Kind::Missing | Kind::Stale | Kind::Other => {
            running(issue)
        }
    };
    Entry {
        kind,
        word: visible(kind.word(issue)),
        tool: visible(view::text(issue, "/tool")),
        columns: [kind.versions(issue), kind::lines(issue), author, since],
        below: below.iter().map(|it| visible(it)).collect(),
    }
}

/// One for all runtimes that have the same old version of a tool.
fn stale<'a>(issues: impl Iterator<Item = &'a Value>) -> Vec<Entry> {
    let mut groups: BTreeMap<[String; 3], Vec<&str>> = BTreeMap::new();
    for issue in issues {
        let (tool, loaded) = (view::text(issue, "/tool"), view::version(issue, "/loaded"));
        let group = [tool.to_owned(), Kind::Stale.versions(issue), loaded];
        groups.entry(group).or_default().push(view::text(issue, "/runtime"));
    }
    let told = |([tool, versions, loaded], runtimes): ([String; 3], Vec<&str>)| Entry {
        kind: Kind::Stale,
        word: "stale".to_owned(),
        tool: visible(&tool),
        columns: [versions, String::new(), String::new(), String::new()],
        below: vec![visible(&run(&runtimes, &loaded))],
    };
    groups.into_iter().map(told).collect()
}

/// Who runs which version of it.
fn running(issue: &Value) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for loaded in view::items(issue, "/loaded_by") {
        let (version, runtime) =
            (view::version(loaded, "/version"), view::text(loaded, "/runtime"));
        match groups.iter_mut().find(|it| it.0 == version) {
            Some(group) => group.1.push(runtime),
            None => groups.push((version, vec![runtime])),
        }
    }
    groups.iter().map(|it| run(&it.1, &it.0)).collect()
}

/// `planner and coder run v3`
fn run(runtimes: &[&str], version: &str) -> String {
    let version = if version == "-" { "a content that was never recorded" } else { version };
    let named = runtimes.get(..MOST_NAMED).unwrap_or(runtimes);
    match (runtimes, runtimes.len() - named.len()) {
        ([one], _) => format!("{one} runs {version}"),
        (_, 0) => {
            let (last, first) = named.split_last().map_or(("", &[][..]), |it| (*it.0, it.1));
            format!("{} and {last} run {version}", first.join(", "))
        }
        (_, more) => format!("{} and {more} more run {version}", named.join(", ")),
    }
}

fn unreadable(cause: &str) -> String {
    let what = match cause {
        "symlink" => "a symbolic link, which is not followed",
        "directory" => "a directory stands in its place",
        "fifo" | "socket" | "device" => "no regular file",
        "too_large" => "larger than limits.file_size",
        "denied" => "the daemon may not read it",
        "io" => "the disk cannot be read there",
        other => other,
    };
    what.to_owned()
}

impl Entries {
    pub(super) fn height(&self) -> usize {
        self.0.iter().map(|it| 1 + it.below.len()).sum()
    }

    /// How many different kinds there are.
    pub(super) fn kinds(&self) -> usize {
        self.0.chunk_by(|a, b| a.word == b.word).count()
    }

    /// At most so many of each kind.
    pub(super) fn lines(&self, most: usize, out: &Out) -> Vec<String> {
        let columns = Columns::of(&self.0, out.width());
        let mut lines = Vec::new();
        for group in self.0.chunk_by(|a, b| a.word == b.word) {
            for entry in group.iter().take(most) {
                lines.extend(entry.lines(&columns, out));
            }
            if let (Some(more), Some(first)) = (group.len().checked_sub(most), group.first())
                && more > 0
            {
                let rest = format!("and {more} more: knowngood status --state {}", first.word);
                let rest = cut(&rest, columns.width.saturating_sub(INDENT));
                lines.push(format!("{}{}", " ".repeat(INDENT), out.paint(DIM, &rest)));
            }
        }
        lines
    }
}

/// How wide each is, so that no line is longer than the screen.
struct Columns {
    tool: usize,
    rest: [usize; 4],
    width: usize,
}

impl Columns {
    /// Of entries that are too long by themselves the others do not suffer.
    fn of(entries: &[Entry], width: usize) -> Self {
        let fits: Vec<&Entry> = entries.iter().filter(|it| it.length() <= width).collect();
        let longest =
            |of: &dyn Fn(&Entry) -> usize| fits.iter().map(|it| of(it)).max().unwrap_or(0);
        let rest = [0, 1, 2, 3]
            .map(|column| longest(&|it| it.columns.get(column).map_or(0, |it| it.chars().count())));
        Self { tool: longest(&|it| it.tool.chars().count()), rest, width }
    }

    fn fit(&self) -> bool {
        let rest: usize = self.rest.iter().filter(|it| **it > 0).map(|it| it + GAP.len()).sum();
        INDENT + self.tool + rest <= self.width
    }
}

impl Entry {
    /// On one line, with nothing aligned.
    fn length(&self) -> usize {
        let rest = self.columns.iter().map(|it| it.chars().count()).filter(|it| *it > 0);
        INDENT + self.tool.chars().count() + rest.map(|it| it + GAP.len()).sum::<usize>()
    }

    fn lines(&self, columns: &Columns, out: &Out) -> Vec<String> {
        let (letter, style) = match self.word.as_str() {
            "unsettled" => ("~", DIM),
            _ => (self.kind.letter(), self.kind.style()),
        };
        let head = format!("{letter} {:<width$}", self.word, width = INDENT - 2);
        let name = out.paint(style, &head) + &out.paint(BOLD, &self.tool);
        let indent = " ".repeat(INDENT);
        let mut lines = if self.length() > columns.width {
            vec![name, format!("{indent}{}", self.rest(None, out))]
        } else if columns.fit() {
            let gap = " ".repeat(columns.tool - self.tool.chars().count());
            vec![format!("{name}{gap}{GAP}{}", self.rest(Some(columns), out)).trim_end().to_owned()]
        } else {
            vec![format!("{name}{GAP}{}", self.rest(None, out)).trim_end().to_owned()]
        };
        let room = columns.width.saturating_sub(INDENT);
        lines.extend(self.below.iter().map(|it| format!("{indent}{}", cut(it, room))));
        lines
    }

    /// What stands beside the name; aligned, or only as wide as it is.
    fn rest(&self, columns: Option<&Columns>, out: &Out) -> String {
        let last = self.columns.iter().rposition(|it| !it.is_empty());
        let mut parts = Vec::new();
        for (place, text) in self.columns.iter().enumerate().take(last.map_or(0, |it| it + 1)) {
            let width = columns.and_then(|it| it.rest.get(place)).copied().unwrap_or(0);
            if width == 0 && text.is_empty() {
                continue;
            }
            let gap =
                if Some(place) == last { 0 } else { width.saturating_sub(text.chars().count()) };
            let style = if place == 3 { DIM } else { PLAIN };
            parts.push(out.paint(style, text) + &" ".repeat(gap));
        }
        parts.join(GAP)
    }
}
