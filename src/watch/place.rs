//! One root as the watch thread knows it: which directory stands there, what waits, what is not
//! covered by events. Plain bookkeeping: arms nothing and tells nobody.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    git::GitHold, ground::Walk, ground::relative, hints::Urgency, identity::Identity, marks::Marks,
    mounts::Mount,
};
use crate::{
    model::{Dirty, RelPath, ToolId},
    ports::Watching,
    roots::WatchedRoot,
};

/// How soon to ask again whether a git operation is over.
const GIT_STEP: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: WatchedRoot,
    /// `None`: the root's directory is not there.
    pub(super) here: Option<Identity>,
    pub(super) marks: Marks,
    /// Armed by nobody, with the reason: listed again at every poll.
    pub(super) uncovered: BTreeMap<PathBuf, String>,
    pub(super) mounts: Vec<Mount>,
    pub(super) git: GitHold,
    /// Something is due and waits for git.
    pub(super) held_until: Option<Instant>,
    pub(super) told: Option<Watching>,
}

impl Place {
    pub(super) fn new(root: WatchedRoot) -> Self {
        let marks = Marks::new(root.name.clone());
        Self {
            root,
            here: None,
            marks,
            uncovered: BTreeMap::new(),
            mounts: Vec::new(),
            git: GitHold::default(),
            held_until: None,
            told: None,
        }
    }

    pub(super) fn is_as(&self, root: &WatchedRoot) -> bool {
        self.root.name == root.name
            && self.root.path == root.path
            && Arc::ptr_eq(&self.root.globs, &root.globs)
    }

    pub(super) fn relative(&self, path: &Path) -> Option<RelPath> {
        relative(&self.root.path, path)
    }

    pub(super) fn walk(&self, files: bool) -> Walk<'_> {
        Walk { root: &self.root.path, globs: &self.root.globs, files }
    }

    /// Marks a file that exists, if it may be a tool.
    pub(super) fn mark_file(&mut self, path: &RelPath, urgency: Urgency, now: Instant) {
        if self.root.globs.includes(path) || self.root.globs.asks_for_mode() {
            self.mark(path, urgency, now);
        }
    }

    /// Marks a directory, or what has vanished and may have been one.
    pub(super) fn mark(&mut self, path: &RelPath, urgency: Urgency, now: Instant) {
        self.marks.path(ToolId::new(&self.root.name, path), urgency, now);
    }

    pub(super) fn forget_uncovered(&mut self, dir: &Path) {
        self.uncovered.retain(|it, _| !it.starts_with(dir));
    }

    /// No directory of it is armed, so nothing would tell of a change.
    pub(super) fn is_polled_as_a_whole(&self) -> bool {
        self.uncovered.contains_key(&self.root.path)
    }

    pub(super) fn watching(&self) -> Watching {
        match (self.uncovered.get(&self.root.path), self.uncovered.first_key_value()) {
            (Some(why), _) => Watching::Polling { why: why.clone() },
            (None, Some((_, why))) => Watching::Degraded { why: why.clone() },
            (None, None) => Watching::Events,
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held_until.or_else(|| self.marks.next_due())
    }

    /// What is due, unless a git operation is in progress: then it comes as one burst.
    pub(super) fn take_due(&mut self, now: Instant, git_limit: Duration) -> Dirty {
        self.held_until = None;
        if self.marks.next_due().is_none_or(|it| it > now) {
            return Dirty::default();
        }
        if self.git.holds(now, git_limit) {
            self.held_until = Some(now + GIT_STEP);
            return Dirty::default();
        }
        self.marks.take_due(now)
    }
}
