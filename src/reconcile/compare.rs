//! Versions whose class is to be compared with that of the version before them. Of many versions of one tool that wait
//! only the first and the last count: what a burst did is told once. A first scan brings none: nothing came before it.

use std::collections::BTreeMap;

use super::classes::Classes;
use crate::{
    decide::Compared,
    model::{Analysis, Digest, Fact, Origin, Reason, ToolId, VersionNo},
    ports::Archive,
};

/// At most one for each tool.
#[derive(Default)]
pub(super) struct Comparing(BTreeMap<ToolId, (VersionNo, VersionNo)>);

pub(super) struct Pair {
    tool: ToolId,
    from: VersionNo,
    to: VersionNo,
}

impl Pair {
    /// What never stood in the tool's place is not compared.
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        let Fact::VersionRecorded(it) = fact else { return None };
        let from = it.number.0.checked_sub(1).filter(|it| *it > 0)?;
        let counts = it.origin != Origin::Displaced && it.reason != Reason::initial();
        counts.then(|| Self { tool: it.tool.clone(), from: VersionNo(from), to: it.number })
    }

    /// `None`: a content is not in the log any more, or both are the same.
    pub(super) fn compared(self, archive: &dyn Archive, classes: &Classes) -> Option<Compared> {
        let Self { tool, from, to } = self;
        let read = |number: VersionNo| -> Option<(VersionNo, Digest, Analysis)> {
            let digest = archive.version(&tool, number).ok()??.digest;
            let bytes = || archive.content(&digest).ok().flatten();
            Some((number, digest, classes.analysis(&tool, digest, bytes)?))
        };
        let (from, to) = (read(from)?, read(to)?);
        (from.1 != to.1).then(|| Compared { tool: tool.clone(), from, to })
    }
}

impl Comparing {
    pub(super) fn extend(&mut self, pairs: impl Iterator<Item = Pair>) {
        for it in pairs {
            let waiting = self.0.entry(it.tool).or_insert((it.from, it.to));
            waiting.1 = it.to;
        }
    }

    pub(super) fn take(&mut self) -> Option<Pair> {
        self.0.pop_first().map(|(tool, (from, to))| Pair { tool, from, to })
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
