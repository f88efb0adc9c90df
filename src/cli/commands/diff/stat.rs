//! `diff --stat`: how many lines of each tool, in the form that git made usual.

use serde_json::Value;

use super::{bit, differs, is_binary};
use crate::cli::{
    print::{GREEN, Out, RED, visible},
    view,
};

const LEAST_GRAPH: u64 = 10;

pub(super) fn print(diffs: &[&Value], out: &mut Out) {
    let diffs: Vec<&&Value> = diffs.iter().filter(|it| differs(it)).collect();
    let names: Vec<String> = diffs.iter().map(|it| visible(view::text(it, "/tool"))).collect();
    let longest = names.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let most = diffs.iter().map(|it| added(it) + removed(it)).max().unwrap_or(0);
    let digits = most.to_string().len().max(3);
    let taken = (longest + digits + 6) as u64;
    let width = if out.terminal { out.width() as u64 } else { 80 };
    let room = width.saturating_sub(taken).max(LEAST_GRAPH);
    for (diff, name) in diffs.iter().zip(&names) {
        let gap = " ".repeat(longest - name.chars().count());
        let line = format!(" {name}{gap} | {}", figures(diff, digits, most.max(1), room, out));
        out.line(line.trim_end());
    }
    if let Some(sum) = sum(&diffs) {
        out.line(&sum);
    }
}

fn figures(diff: &Value, digits: usize, most: u64, room: u64, out: &Out) -> String {
    let bit = match bit(diff) {
        Some(true) => "  +x",
        Some(false) => "  -x",
        None => "",
    };
    if is_binary(diff) {
        return format!("{:>digits$}{bit}", "Bin");
    }
    let (added, removed) = (added(diff), removed(diff));
    // Nothing that is there may look as if it were not.
    let marks = |it: u64| {
        let length = if most <= room { it } else { (it * room / most).max(u64::from(it > 0)) };
        usize::try_from(length).unwrap_or(0)
    };
    let plus = out.paint(GREEN, &"+".repeat(marks(added)));
    let minus = out.paint(RED, &"-".repeat(marks(removed)));
    format!("{:>digits$} {plus}{minus}{bit}", added + removed)
}

fn sum(diffs: &[&&Value]) -> Option<String> {
    let of = |number: u64, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let added: u64 = diffs.iter().map(|it| added(it)).sum();
    let removed: u64 = diffs.iter().map(|it| removed(it)).sum();
    let mut parts = vec![of(diffs.len() as u64, "tool changed", "tools changed")];
    if added > 0 {
        parts.push(of(added, "insertion(+)", "insertions(+)"));
    }
    if removed > 0 {
        parts.push(of(removed, "deletion(-)", "deletions(-)"));
    }
    (!diffs.is_empty()).then(|| format!(" {}", parts.join(", ")))
}

fn added(diff: &Value) -> u64 {
    view::count(diff, "/stats/lines_added")
}

fn removed(diff: &Value) -> u64 {
    view::count(diff, "/stats/lines_removed")
}
