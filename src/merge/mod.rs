//! Three-way merge, line by line: what was changed on disk and what is proposed, over what both began with. Pure and
//! bounded: contents come from anybody, so that whatever would take long is called a conflict instead. It knows no
//! file and no version, and never decides which side is right.
//!
//! The rules are those of `git merge-file`: changes with no unchanged line between them are a conflict, unless both
//! sides come out the same. Where equal lines leave it open what was changed, and that would make a difference, it is a
//! conflict too, though git settles it. Lines end with `\n` and nothing else; all other bytes are kept as they are.

mod changes;
mod lines;
mod marks;
#[cfg(test)]
mod tests;
mod weave;

use self::lines::Lines;
pub use self::{
    changes::MOST_DIFFERING,
    lines::{MOST_BYTES, MOST_LINES},
    marks::{Labels, first_mark, marked},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    pub clean: bool,
    /// What came out; `None` where it is not clean.
    pub content: Option<Vec<u8>>,
    /// In order, with at least one unchanged line between two of them. One of the whole files, where they are binary or
    /// too long to compare.
    pub conflicts: Vec<Region>,
}

/// A place at which both sides changed something, and not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub base: Part,
    pub current: Part,
    pub proposed: Part,
}

/// Lines of one of the three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The number of the first of them, from 1; where there are none, of the line before which they would stand.
    pub line: usize,
    pub count: usize,
    pub bytes: Vec<u8>,
}

/// What `current` and `proposed` make together, both made from `base`.
pub fn merge(base: &[u8], current: &[u8], proposed: &[u8]) -> Merge {
    if let Some(one) = undisputed(base, current, proposed) {
        return Merge::clean(one.to_vec());
    }
    let three = [base, current, proposed];
    match Lines::of(three) {
        None => Merge::conflicting(vec![Region::whole(three)]),
        Some(lines) => woven(&lines, three),
    }
}

/// Takes out what led from `before` to `version`, and keeps what was changed on disk since.
pub fn without(version: &[u8], before: &[u8], current: &[u8]) -> Merge {
    merge(version, current, before)
}

/// Where one side changed nothing, or both did the same, there is nothing to compare.
fn undisputed<'a>(base: &[u8], current: &'a [u8], proposed: &'a [u8]) -> Option<&'a [u8]> {
    if base == current || current == proposed {
        Some(proposed)
    } else {
        (base == proposed).then_some(current)
    }
}

fn woven(lines: &Lines, three: [&[u8]; 3]) -> Merge {
    let Some(pieces) = weave::weave(lines) else {
        return Merge::conflicting(vec![Region::whole(three)]);
    };
    match weave::content(&pieces, lines) {
        Some(content) => Merge::clean(content),
        None => Merge::conflicting(pieces.iter().filter_map(|it| it.region(lines)).collect()),
    }
}

impl Merge {
    fn clean(content: Vec<u8>) -> Self {
        Self { clean: true, content: Some(content), conflicts: Vec::new() }
    }

    fn conflicting(conflicts: Vec<Region>) -> Self {
        Self { clean: false, content: None, conflicts }
    }
}

impl Region {
    /// All of each.
    pub fn whole([base, current, proposed]: [&[u8]; 3]) -> Self {
        Self {
            base: Part::whole(base),
            current: Part::whole(current),
            proposed: Part::whole(proposed),
        }
    }
}

impl Part {
    fn whole(bytes: &[u8]) -> Self {
        let count = bytes.split_inclusive(|it| *it == b'\n').count();
        Self { line: 1, count, bytes: bytes.to_vec() }
    }
}
