//! What may differ from what we know. A hint, never a truth.

use std::collections::BTreeSet;

use super::{RootName, ToolId};

/// Paths to look at (a file, or a directory under which everything known is to be looked at), and roots
/// to scan from end to end. Merging is associative and loses nothing, so a full channel merges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    pub paths: BTreeSet<ToolId>,
    pub roots: BTreeSet<RootName>,
}

impl Dirty {
    pub fn path(tool: ToolId) -> Self {
        Self { paths: [tool].into(), roots: BTreeSet::new() }
    }

    pub fn root(root: RootName) -> Self {
        Self { paths: BTreeSet::new(), roots: [root].into() }
    }

    pub fn merge(&mut self, mut other: Self) {
        self.paths.append(&mut other.paths);
        self.roots.append(&mut other.roots);
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.roots.is_empty()
    }
}
