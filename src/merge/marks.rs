//! A merge as a text in which a person can settle what is disputed: each conflict between marks, as `git` writes them
//! in its `diff3` style.

use super::{
    lines::Lines,
    weave::{Clash, Piece, weave},
};

/// What stands beside the marks.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    pub base: &'a str,
    pub current: &'a str,
    pub proposed: &'a str,
}

const CURRENT: &[u8] = b"<<<<<<<";
const BASE: &[u8] = b"|||||||";
const BETWEEN: &[u8] = b"=======";
const PROPOSED: &[u8] = b">>>>>>>";

/// The merged text with its conflicts marked. `None`: binary or too long, and no person settles that in an editor.
pub fn marked(base: &[u8], current: &[u8], proposed: &[u8], labels: Labels) -> Option<Vec<u8>> {
    let lines = Lines::of([base, current, proposed])?;
    let mut text = Vec::with_capacity(current.len().max(proposed.len()));
    for piece in weave(&lines)? {
        match piece {
            Piece::Current(range) => text.extend_from_slice(lines.current.bytes(&range)),
            Piece::Proposed(range) => text.extend_from_slice(lines.proposed.bytes(&range)),
            Piece::Conflict(clash) => conflict(&clash, &lines, labels, &mut text),
        }
    }
    Some(text)
}

fn conflict(clash: &Clash, lines: &Lines, labels: Labels, text: &mut Vec<u8>) {
    mark(CURRENT, labels.current, text);
    ended(lines.current.bytes(&clash.current), text);
    mark(BASE, labels.base, text);
    ended(lines.base.bytes(&clash.base), text);
    mark(BETWEEN, "", text);
    ended(lines.proposed.bytes(&clash.proposed), text);
    mark(PROPOSED, labels.proposed, text);
}

fn mark(mark: &[u8], label: &str, text: &mut Vec<u8>) {
    text.extend_from_slice(mark);
    if !label.is_empty() {
        text.push(b' ');
        text.extend(label.bytes().filter(|it| *it != b'\n'));
    }
    text.push(b'\n');
}

/// A mark begins a line, whatever the line before it lacks.
fn ended(bytes: &[u8], text: &mut Vec<u8>) {
    text.extend_from_slice(bytes);
    if bytes.last().is_some_and(|it| *it != b'\n') {
        text.push(b'\n');
    }
}

/// The number of the first line that is a mark, from 1. A line of `=` alone is none: it underlines headings.
pub fn first_mark(text: &[u8]) -> Option<usize> {
    let is_mark = |line: &[u8]| {
        [CURRENT, BASE, PROPOSED].iter().any(|it| {
            line.strip_prefix(*it).is_some_and(|it| matches!(it.first(), None | Some(b' ' | b'\r')))
        })
    };
    text.split(|it| *it == b'\n').position(is_mark).map(|it| it + 1)
}
