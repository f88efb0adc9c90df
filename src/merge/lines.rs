//! Contents as lines, and each line as a number, so that comparing two costs the same however long they are.

use std::{collections::HashMap, ops::Range};

use super::Part;

/// Over this nothing is compared, and what differs is one conflict.
pub const MOST_BYTES: usize = 32 << 20;
pub const MOST_LINES: usize = 500_000;

pub(super) struct Lines<'a> {
    pub(super) base: Side<'a>,
    pub(super) current: Side<'a>,
    pub(super) proposed: Side<'a>,
}

pub(super) struct Side<'a> {
    bytes: &'a [u8],
    /// Where each line begins, and at last where the content ends.
    starts: Vec<usize>,
    /// Lines with equal bytes have equal numbers, in all three.
    pub(super) numbers: Vec<u32>,
}

impl<'a> Lines<'a> {
    /// `None`: binary, or too long.
    pub(super) fn of([base, current, proposed]: [&'a [u8]; 3]) -> Option<Self> {
        if ![base, current, proposed].iter().all(|it| comparable(it)) {
            return None;
        }
        let mut known = HashMap::new();
        Some(Self {
            base: Side::of(base, &mut known),
            current: Side::of(current, &mut known),
            proposed: Side::of(proposed, &mut known),
        })
    }
}

/// A NUL byte stands in no text.
fn comparable(bytes: &[u8]) -> bool {
    let lines = |it: &[u8]| it.split_inclusive(|it| *it == b'\n').count();
    bytes.len() <= MOST_BYTES && !bytes.contains(&0) && lines(bytes) <= MOST_LINES
}

impl<'a> Side<'a> {
    fn of(bytes: &'a [u8], known: &mut HashMap<&'a [u8], u32>) -> Self {
        let (mut starts, mut numbers) = (vec![0], Vec::new());
        let mut end = 0;
        for line in bytes.split_inclusive(|it| *it == b'\n') {
            end += line.len();
            starts.push(end);
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            numbers.push(*known.entry(line).or_insert(next));
        }
        Self { bytes, starts, numbers }
    }

    pub(super) fn bytes(&self, lines: &Range<usize>) -> &'a [u8] {
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(self.bytes.len());
        self.bytes.get(at(lines.start)..at(lines.end)).unwrap_or_default()
    }

    pub(super) fn part(&self, lines: &Range<usize>) -> Part {
        Part { line: lines.start + 1, count: lines.len(), bytes: self.bytes(lines).to_vec() }
    }
}
