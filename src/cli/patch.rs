//! A unified diff for a person: coloured, and in a line that was changed, the words that were. It works on the
//! diff of one file as the daemon gives it, and gives pieces of lines; it never leaves out a character.

use std::ops::Range;

use anstyle::Style;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::text::{BOLD, CYAN, DIM, GREEN, PLAIN, RED};

/// A line, in pieces of one style each.
pub(super) type Line<'a> = Vec<(Style, &'a str)>;

/// Longer ones are shown without marks: nobody reads words there, and comparing takes long.
const LONGEST_BLOCK: usize = 100;
const LONGEST_LINE: usize = 1000;
/// Lines with less than this in common are two lines, not one that was changed.
const ALIKE_PERCENT: usize = 50;

pub(super) fn painted(diff: &str) -> Vec<Line<'_>> {
    let lines: Vec<&str> = diff.lines().collect();
    let first_hunk = lines.iter().position(|it| it.starts_with("@@")).unwrap_or(lines.len());
    let (head, mut body) = lines.split_at(first_hunk);
    let mut painted: Vec<Line<'_>> = head.iter().map(|it| vec![(BOLD, *it)]).collect();
    while let Some(first) = body.first() {
        let removed = leading(body, '-');
        let added = leading(body.get(removed..).unwrap_or_default(), '+');
        if removed + added == 0 {
            painted.push(vec![(around(first), *first)]);
            body = body.get(1..).unwrap_or_default();
        } else {
            let (block, rest) = body.split_at(removed + added);
            let (old, new) = block.split_at(removed);
            painted.extend(changed(old, new));
            body = rest;
        }
    }
    painted
}

/// How many lines begin so; what is said about the last line's end belongs to it.
fn leading(lines: &[&str], mark: char) -> usize {
    let own = lines.iter().take_while(|it| it.starts_with(mark)).count();
    let about_end = lines.get(own).is_some_and(|it| own > 0 && it.starts_with('\\'));
    own + usize::from(about_end)
}

fn around(line: &str) -> Style {
    match line.as_bytes().first() {
        Some(b'@') => CYAN,
        Some(b'\\') => DIM,
        _ => PLAIN,
    }
}

/// Lines that went, and those that came in their place.
fn changed<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = old.iter().map(|it| plain(it, RED)).collect();
    lines.extend(new.iter().map(|it| plain(it, GREEN)));
    if old.len().max(new.len()) > LONGEST_BLOCK {
        return lines;
    }
    let mut free = 0;
    for (place, before) in old.iter().enumerate() {
        let pair = (free..new.len())
            .find_map(|it| Some((it, Compared::of(before, new.get(it).copied()?)?)));
        if let Some((at, compared)) = pair {
            free = at + 1;
            for (at, line) in [
                (place, marked(before, &compared.removed, RED)),
                (
                    old.len() + at,
                    marked(new.get(at).copied().unwrap_or_default(), &compared.added, GREEN),
                ),
            ] {
                if let Some(it) = lines.get_mut(at) {
                    *it = line;
                }
            }
        }
    }
    lines
}

fn plain(line: &str, style: Style) -> Line<'_> {
    vec![(if line.starts_with('\\') { DIM } else { style }, line)]
}

/// What of two lines differs, in bytes.
struct Compared {
    removed: Vec<Range<usize>>,
    added: Vec<Range<usize>>,
}

impl Compared {
    /// `None`: they have too little in common.
    fn of(old: &str, new: &str) -> Option<Self> {
        let ends = |it: &str| it.starts_with('\\') || it.len() > LONGEST_LINE;
        if ends(old) || ends(new) {
            return None;
        }
        let (before, after) = (words(old), words(new));
        let mut compared = Self { removed: Vec::new(), added: Vec::new() };
        let mut same = 0;
        let word = |of: &str, it: &Range<usize>| of.get(it.clone()).unwrap_or_default().to_owned();
        let texts = |of: &str, all: &[Range<usize>]| -> Vec<String> {
            all.iter().map(|it| word(of, it)).collect()
        };
        let (old_words, new_words) = (texts(old, &before), texts(new, &after));
        for op in capture_diff_slices(Algorithm::Myers, &old_words, &new_words) {
            let (tag, from, to) = op.as_tag_tuple();
            if tag == DiffTag::Equal {
                same += weight(old_words.get(from).unwrap_or_default());
            } else {
                compared.removed.extend(span(&before, from));
                compared.added.extend(span(&after, to));
            }
        }
        let both = weight(&old_words) + weight(&new_words);
        (both > 0 && same * 200 >= both * ALIKE_PERCENT).then_some(compared)
    }
}

/// Names and numbers, runs of spaces, and every other character for itself; not the mark before the line.
fn words(line: &str) -> Vec<Range<usize>> {
    let kind = |it: char| match it {
        it if it.is_alphanumeric() || it == '_' => 0,
        it if it.is_whitespace() => 1,
        _ => 2,
    };
    let mut words: Vec<(Range<usize>, u8)> = Vec::new();
    for (at, it) in line.char_indices().skip(1) {
        let end = at + it.len_utf8();
        match words.last_mut() {
            Some((word, of)) if *of == kind(it) && *of != 2 => word.end = end,
            _ => words.push((at..end, kind(it))),
        }
    }
    words.into_iter().map(|it| it.0).collect()
}

/// Spaces make no lines alike.
fn weight(words: &[String]) -> usize {
    words.iter().map(|it| it.trim().len()).sum()
}

fn span(words: &[Range<usize>], which: Range<usize>) -> Option<Range<usize>> {
    let words = words.get(which)?;
    Some(words.first()?.start..words.last()?.end)
}

fn marked<'a>(line: &'a str, spans: &[Range<usize>], style: Style) -> Line<'a> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for span in spans {
        pieces.push((style, line.get(done..span.start).unwrap_or_default()));
        pieces.push((style.invert(), line.get(span.clone()).unwrap_or_default()));
        done = span.end;
    }
    pieces.push((style, line.get(done..).unwrap_or_default()));
    pieces.retain(|it| !it.1.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marked words in brackets.
    fn shown(diff: &str) -> Vec<String> {
        let piece = |it: &(Style, &str)| {
            let is_marked = it.0 == RED.invert() || it.0 == GREEN.invert();
            if is_marked { format!("[{}]", it.1) } else { it.1.to_owned() }
        };
        painted(diff).iter().map(|line| line.iter().map(piece).collect()).collect()
    }

    #[test]
    fn the_words_that_changed() {
        let diff = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n def f(q):\n-    return index.lookup(q)\n+    return index.lookup(q.strip())\n";
        let lines = shown(diff);
        assert_eq!(lines[4], "-    return index.lookup(q)");
        assert_eq!(lines[5], "+    return index.lookup(q[.strip()])");
    }

    #[test]
    fn lines_are_paired_in_order_and_strangers_left_alone() {
        let lines = shown("@@ @@\n-alpha = 1\n-gone entirely\n+# a note\n+alpha = 2\n");
        assert_eq!(lines[1..], ["-alpha = [1]", "-gone entirely", "+# a note", "+alpha = [2]"]);
    }

    #[test]
    fn a_removed_line_that_reads_like_a_heading_is_none() {
        let diff = "--- a\n+++ b\n@@ -1 +1 @@\n--- old\n\\ No newline at end of file\n+++ new\n";
        let lines = painted(diff);
        assert_eq!(lines[0], [(BOLD, "--- a")]);
        assert_eq!(lines[3][0].0, RED);
        assert_eq!(lines[5][0].0, GREEN);
        let whole: String =
            lines.iter().map(|it| it.iter().map(|it| it.1).collect::<String>() + "\n").collect();
        assert_eq!(whole, diff);
    }

    #[test]
    fn what_is_long_is_shown_all_the_same() {
        let long = format!("@@ @@\n-{0}a\n+{0}b\n", "x ".repeat(600));
        assert_eq!(shown(&long).join("\n") + "\n", long);
    }
}
