//! How many tools of a root are in which state, kept up while facts are applied: a summary of
//! 100,000 tools must not cost a walk over them.

use crate::model::{Sync, Tool};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub in_sync: u64,
    pub modified: u64,
    pub orphaned: u64,
    pub missing: u64,
    pub unreadable: u64,
    /// Tools with a baseline, whatever stands on disk.
    pub with_baseline: u64,
    /// Tools of which something is expected on disk.
    expected: u64,
    /// Tools with a baseline of which nothing is expected: a deploy that is not confirmed yet removed them.
    leaving: u64,
}

impl Counts {
    pub(super) fn add(&mut self, tool: &Tool) {
        if let Some(place) = self.place(tool) {
            *place += 1;
        }
        self.with_baseline += u64::from(tool.baseline.is_some());
        self.expected += u64::from(tool.expected().is_some());
        self.leaving += u64::from(is_leaving(tool));
    }

    pub(super) fn take(&mut self, tool: &Tool) {
        if let Some(place) = self.place(tool) {
            *place -= 1;
        }
        self.with_baseline -= u64::from(tool.baseline.is_some());
        self.expected -= u64::from(tool.expected().is_some());
        self.leaving -= u64::from(is_leaving(tool));
    }

    fn place(&mut self, tool: &Tool) -> Option<&mut u64> {
        match tool.sync() {
            Sync::InSync if !tool.is_listed() => None,
            Sync::InSync => Some(&mut self.in_sync),
            Sync::Modified => Some(&mut self.modified),
            Sync::Orphaned => Some(&mut self.orphaned),
            Sync::Missing => Some(&mut self.missing),
            Sync::Unreadable => Some(&mut self.unreadable),
        }
    }

    /// The same root while its directory is away.
    pub(super) fn all_missing(self) -> Self {
        let Self { with_baseline, expected, leaving, .. } = self;
        Self {
            in_sync: leaving,
            missing: expected,
            with_baseline,
            expected,
            leaving,
            ..Self::default()
        }
    }

    pub fn tools(self) -> u64 {
        self.in_sync + self.modified + self.orphaned + self.missing + self.unreadable
    }
}

fn is_leaving(tool: &Tool) -> bool {
    tool.baseline.is_some() && tool.expected().is_none()
}
