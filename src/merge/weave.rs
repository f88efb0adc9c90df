//! Two lists of changes to one base, woven into one: what only one side changed is taken from it, what both changed
//! the same is taken once, and the rest is disputed.

use std::{iter::Peekable, ops::Range, slice::Iter};

use super::{
    Region,
    changes::{Change, Reading, changes},
    lines::Lines,
};

/// Lines of the result, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Of `current`: changed by it alone, by both alike, or by nobody.
    Current(Range<usize>),
    Proposed(Range<usize>),
    Conflict(Clash),
}

/// Which lines of the three are disputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clash {
    pub(super) base: Range<usize>,
    pub(super) current: Range<usize>,
    pub(super) proposed: Range<usize>,
}

/// Changes with no unchanged line between them.
struct Cluster<'a> {
    base: Range<usize>,
    current: Vec<&'a Change>,
    proposed: Vec<&'a Change>,
}

/// `None`: too much differs. A result counts only if all that the changes can be taken for leads to it.
pub(super) fn weave(lines: &Lines) -> Option<Vec<Piece>> {
    let (down, up) = (woven(lines, Reading::Down)?, woven(lines, Reading::Up)?);
    Some(match (content(&down, lines), content(&up, lines)) {
        (Some(one), Some(other)) if one != other => lines.middle(),
        (Some(_), None) => up,
        (Some(_) | None, _) => down,
    })
}

/// `None`: something is disputed.
pub(super) fn content(pieces: &[Piece], lines: &Lines) -> Option<Vec<u8>> {
    let bytes = pieces.iter().map(|it| match it {
        Piece::Current(range) => Some(lines.current.bytes(range)),
        Piece::Proposed(range) => Some(lines.proposed.bytes(range)),
        Piece::Conflict(_) => None,
    });
    Some(bytes.collect::<Option<Vec<&[u8]>>>()?.concat())
}

fn woven(lines: &Lines, reading: Reading) -> Option<Vec<Piece>> {
    let of_current = changes(&lines.base.numbers, &lines.current.numbers, reading)?;
    let of_proposed = changes(&lines.base.numbers, &lines.proposed.numbers, reading)?;
    let (mut left, mut right) = (of_current.iter().peekable(), of_proposed.iter().peekable());
    let mut pieces = Vec::new();
    // Where the lines of `current` go on that stand in no piece yet.
    let mut next = 0;
    let mut beyond = Beyond::default();
    while let Some(cluster) = Cluster::next(&mut left, &mut right) {
        let clash = beyond.clash(&cluster);
        if next < clash.current.start {
            pieces.push(Piece::Current(next..clash.current.start));
        }
        next = clash.current.end;
        pieces.push(clash.settled(&cluster, lines));
    }
    if next < lines.current.numbers.len() {
        pieces.push(Piece::Current(next..lines.current.numbers.len()));
    }
    Some(pieces)
}

impl<'a> Cluster<'a> {
    fn next(
        left: &mut Peekable<Iter<'a, Change>>,
        right: &mut Peekable<Iter<'a, Change>>,
    ) -> Option<Self> {
        let first = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => l.base.start.min(r.base.start),
            (Some(it), None) | (None, Some(it)) => it.base.start,
            (None, None) => return None,
        };
        let mut cluster = Cluster { base: first..first, current: Vec::new(), proposed: Vec::new() };
        loop {
            let end = cluster.base.end;
            let touches = |it: &&Change| it.base.start <= end;
            let (own, other) = (left.next_if(touches), right.next_if(touches));
            if own.is_none() && other.is_none() {
                return Some(cluster);
            }
            for it in own.iter().chain(&other) {
                cluster.base.end = cluster.base.end.max(it.base.end);
            }
            cluster.current.extend(own);
            cluster.proposed.extend(other);
        }
    }
}

/// How many lines further a line of the base stands in each side, behind the clusters so far.
#[derive(Clone, Copy, Debug, Default)]
struct Beyond {
    current: isize,
    proposed: isize,
}

impl Beyond {
    /// The lines of all three that a cluster is about; from here on behind it.
    fn clash(&mut self, cluster: &Cluster) -> Clash {
        let side = |shift: &mut isize, changes: &[&Change]| {
            let start = cluster.base.start.saturating_add_signed(*shift);
            let grown = |it: &&Change| it.side.len().cast_signed() - it.base.len().cast_signed();
            *shift += changes.iter().map(grown).sum::<isize>();
            start..cluster.base.end.saturating_add_signed(*shift)
        };
        Clash {
            base: cluster.base.clone(),
            current: side(&mut self.current, &cluster.current),
            proposed: side(&mut self.proposed, &cluster.proposed),
        }
    }
}

impl Lines<'_> {
    /// Everything is disputed between what all three begin and end with.
    fn middle(&self) -> Vec<Piece> {
        let three = [&self.base, &self.current, &self.proposed].map(|it| &*it.numbers);
        let before = shared(three.map(|it| it.iter()));
        let rest = three.map(|it| it.get(before..).unwrap_or_default());
        let after = shared(rest.map(|it| it.iter().rev()));
        let [base, current, proposed] = three.map(|it| before..it.len() - after);
        let tail = current.end..current.end + after;
        let clash = Clash { base, current, proposed };
        vec![Piece::Current(0..before), Piece::Conflict(clash), Piece::Current(tail)]
    }
}

/// How many of the first are the same in all three.
fn shared<'a>([one, two, three]: [impl Iterator<Item = &'a u32>; 3]) -> usize {
    one.zip(two).zip(three).take_while(|((one, two), three)| one == two && two == three).count()
}

impl Piece {
    pub(super) fn region(&self, lines: &Lines) -> Option<Region> {
        match self {
            Self::Conflict(clash) => Some(clash.region(lines)),
            Self::Current(_) | Self::Proposed(_) => None,
        }
    }
}

impl Clash {
    fn settled(self, cluster: &Cluster, lines: &Lines) -> Piece {
        let same = || {
            let current = lines.current.numbers.get(self.current.clone());
            current == lines.proposed.numbers.get(self.proposed.clone())
        };
        if cluster.proposed.is_empty() {
            Piece::Current(self.current)
        } else if cluster.current.is_empty() {
            Piece::Proposed(self.proposed)
        } else if same() {
            Piece::Current(self.current)
        } else {
            Piece::Conflict(self)
        }
    }

    fn region(&self, lines: &Lines) -> Region {
        Region {
            base: lines.base.part(&self.base),
            current: lines.current.part(&self.current),
            proposed: lines.proposed.part(&self.proposed),
        }
    }
}
