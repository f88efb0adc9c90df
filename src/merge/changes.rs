//! What one side changed of the base: ranges of lines, and what stands there instead.

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// So many lines may be left of both together once what they begin and end with in common is taken away. The search is
/// bounded by its own effort, not by a clock: within this it takes a second at most, whatever the lines are.
pub const MOST_DIFFERING: usize = 50_000;

/// At least one line that is the same stands between two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) base: Range<usize>,
    pub(super) side: Range<usize>,
}

/// Which of several equally short readings is wanted, where lines can be paired off in more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Down,
    /// From the end to the beginning.
    Up,
}

/// `None`: too much differs.
pub(super) fn changes(base: &[u32], side: &[u32], reading: Reading) -> Option<Vec<Change>> {
    if differing(base, side)? > MOST_DIFFERING {
        return None;
    }
    Some(match reading {
        Reading::Down => read(base, side),
        Reading::Up => {
            let turned = |it: &[u32]| it.iter().rev().copied().collect::<Vec<u32>>();
            let back = |it: Range<usize>, of: &[u32]| of.len() - it.end..of.len() - it.start;
            let changes = read(&turned(base), &turned(side)).into_iter().rev();
            changes
                .map(|it| Change { base: back(it.base, base), side: back(it.side, side) })
                .collect()
        }
    })
}

/// How many lines are left of both.
fn differing(base: &[u32], side: &[u32]) -> Option<usize> {
    let before = base.iter().zip(side).take_while(|it| it.0 == it.1).count();
    let (base, side) = (base.get(before..)?, side.get(before..)?);
    let after = base.iter().rev().zip(side.iter().rev()).take_while(|it| it.0 == it.1).count();
    Some(base.len() + side.len() - 2 * after)
}

fn read(base: &[u32], side: &[u32]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, base, side) {
        let (tag, base, side) = op.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        match changes.last_mut() {
            Some(last) if last.reaches(base.start, side.start) => {
                (last.base.end, last.side.end) = (base.end, side.end);
            }
            _ => changes.push(Change { base, side }),
        }
    }
    sunk(&changes, base, side)
}

/// Of `x` behind `x`, either may be the new one. Lines that were only added or only removed are taken as far down as they
/// mean the same, and with what they meet there.
fn sunk(changes: &[Change], base: &[u32], side: &[u32]) -> Vec<Change> {
    let mut lowest: Vec<Change> = Vec::with_capacity(changes.len());
    for it in changes.iter().rev() {
        let mut it = it.clone();
        let end = lowest.last().map_or(base.len(), |it| it.base.start);
        while it.base.end < end && it.means_the_same_below(base, side) {
            for range in [&mut it.base, &mut it.side] {
                *range = range.start + 1..range.end + 1;
            }
        }
        match lowest.last_mut() {
            Some(last) if it.reaches(last.base.start, last.side.start) => {
                (last.base.start, last.side.start) = (it.base.start, it.side.start);
            }
            _ => lowest.push(it),
        }
    }
    lowest.reverse();
    lowest
}

impl Change {
    fn reaches(&self, base: usize, side: usize) -> bool {
        self.base.end == base && self.side.end == side
    }

    /// Whether it can be told as one that begins and ends a line later.
    fn means_the_same_below(&self, base: &[u32], side: &[u32]) -> bool {
        let (range, lines) = match (self.base.is_empty(), self.side.is_empty()) {
            (true, false) => (&self.side, side),
            (false, true) => (&self.base, base),
            _ => return false,
        };
        let (first, below) = (lines.get(range.start), lines.get(range.end));
        below.is_some() && first == below
    }
}
