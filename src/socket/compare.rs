//! Two contents, line by line: a unified diff and its figures. Lines end with `\n` and nothing else, as
//! `patch` reads them. It gives the smallest diff it finds in time, and always a right one.

use std::{
    collections::HashMap,
    fmt::Write as _,
    ops::Range,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices_deadline, group_diff_ops};

use crate::{model::Digest, wire::Stats};

const SEARCH_TIME: Duration = Duration::from_millis(500);

/// Two texts, compared.
pub(super) struct Compared<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    ops: Vec<DiffOp>,
}

/// Text, or nothing to show line by line: a NUL byte, or not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|it| !it.contains('\0'))
}

impl<'a> Compared<'a> {
    pub(super) fn of(old: &'a str, new: &'a str) -> Self {
        Self::within(old, new, SEARCH_TIME)
    }

    pub(super) fn within(old: &'a str, new: &'a str, time: Duration) -> Self {
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let new: Vec<&str> = new.split_inclusive('\n').collect();
        let deadline = Some(Instant::now() + time);
        let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline);
        Self { old, new, ops }
    }

    pub(super) fn stats(&self) -> Stats {
        self.ops.iter().fold(Stats::default(), |mut stats, op| {
            let (tag, old, new) = op.as_tag_tuple();
            let (removed, added) = (old.len() as u64, new.len() as u64);
            match tag {
                DiffTag::Equal => (),
                DiffTag::Delete => stats.lines_removed += removed,
                DiffTag::Insert => stats.lines_added += added,
                DiffTag::Replace => {
                    stats.lines_removed += removed;
                    stats.lines_added += added;
                    stats.lines_changed += removed.min(added);
                }
            }
            stats
        })
    }

    /// Empty where nothing differs.
    pub(super) fn unified(&self, labels: [&str; 2], context: usize) -> String {
        let mut text = String::new();
        for hunk in group_diff_ops(self.ops.clone(), context) {
            if text.is_empty() {
                text = format!("--- {}\n+++ {}\n", labels[0], labels[1]);
            }
            self.hunk(&hunk, &mut text);
        }
        text
    }

    fn hunk(&self, ops: &[DiffOp], text: &mut String) {
        let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
        let old = range(first.old_range().start..last.old_range().end);
        let new = range(first.new_range().start..last.new_range().end);
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(text, "@@ -{old} +{new} @@");
        for op in ops {
            let (tag, old, new) = op.as_tag_tuple();
            if tag == DiffTag::Equal {
                lines(' ', self.old.get(old), text);
            } else {
                lines('-', self.old.get(old), text);
                lines('+', self.new.get(new), text);
            }
        }
    }
}

/// As `diff -u` counts: from 1, an empty range names the line before it, a length of 1 is not written.
fn range(it: Range<usize>) -> String {
    match it.len() {
        0 => format!("{},0", it.start),
        1 => (it.start + 1).to_string(),
        length => format!("{},{length}", it.start + 1),
    }
}

fn lines(mark: char, lines: Option<&[&str]>, text: &mut String) {
    for line in lines.unwrap_or_default() {
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Figures of pairs that were compared already. A pair of digests always has the same ones.
#[derive(Default)]
pub(super) struct StatsCache(Mutex<HashMap<(Digest, Digest), Stats>>);

/// About 100 bytes each.
const MOST_CACHED: usize = 8192;

impl StatsCache {
    pub(super) fn get(&self, pair: (Digest, Digest)) -> Option<Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&pair).copied()
    }

    pub(super) fn put(&self, pair: (Digest, Digest), stats: Stats) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MOST_CACHED {
            cache.clear();
        }
        cache.insert(pair, stats);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unified(old: &str, new: &str) -> String {
        Compared::of(old, new).unified(["a", "b"], 3)
    }

    #[test]
    fn a_diff_is_as_patch_reads_it() {
        assert_eq!(unified("same\n", "same\n"), "");
        assert_eq!(
            unified("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nfive\n6\n"),
            "--- a\n+++ b\n@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+five\n 6\n"
        );
        assert_eq!(unified("", "new\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+new\n");
        assert_eq!(
            unified("end", "end\n"),
            "--- a\n+++ b\n@@ -1 +1 @@\n-end\n\\ No newline at end of file\n+end\n"
        );
        assert_eq!(
            unified("a\rb\n", "a\rc\n"),
            "--- a\n+++ b\n@@ -1 +1 @@\n-a\rb\n+a\rc\n",
            "a carriage return ends no line"
        );
    }

    #[test]
    fn a_replacement_pairs_lines_off() {
        let stats = |old, new| Compared::of(old, new).stats();
        let of = |lines_added, lines_removed, lines_changed| Stats {
            lines_added,
            lines_removed,
            lines_changed,
        };
        assert_eq!(stats("1\n2\n3\n", "1\n2\n3\n"), of(0, 0, 0));
        assert_eq!(stats("1\n2\n3\n", "1\na\nb\n3\n"), of(2, 1, 1));
        assert_eq!(stats("1\n", "1\n2\n"), of(1, 0, 0));
        assert_eq!(stats("1\n2\n", "2\n"), of(0, 1, 0));
    }

    #[test]
    fn what_is_no_text_is_told_apart() {
        assert_eq!(text(b"x\0y"), None);
        assert_eq!(text(b"\xff"), None);
        assert_eq!(text("größe".as_bytes()), Some("größe"));
    }
}
