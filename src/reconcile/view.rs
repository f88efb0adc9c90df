//! One moment of the truth, as the front ends read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{
    decide::{Counts, Rules, State},
    model::{ChainHash, RootName, Runtime, RuntimeName, Seq, Sync, Timestamp, Tool, ToolId},
    ports::Watching,
};

#[derive(Clone, Debug)]
pub struct View {
    pub state: State,
    pub rules: Arc<Rules>,
    /// Paths that somebody is writing; their content is recorded when they are closed.
    pub unsettled: Arc<BTreeSet<ToolId>>,
    pub roots: Arc<BTreeMap<RootName, RootView>>,
    pub log: LogState,
    /// What ends the chain of facts, as of the head.
    pub chain: ChainHash,
    pub figures: Figures,
}

/// What is known of a root beside the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootView {
    pub watching: Watching,
    /// Whether the kernel tells of writers; if not, a close event and the quiet window stand for it.
    pub knows_writers: bool,
    /// When the last walk through all of it ended.
    pub last_scan: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogState {
    Writable,
    /// Why: what is free and what is needed.
    DiskFull(String),
    Broken(String),
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub missed_by_events: u64,
    pub overflows: u64,
}

/// Why the daemon is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The loop has not been told its roots yet: it knows none, and nothing to wait for.
    NoRoots,
    Scanning(Vec<RootName>),
    DiskFull(String),
    LogBroken(String),
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoots => f.write_str("the roots are not taken in yet"),
            Self::Scanning(roots) => {
                let roots: Vec<&str> = roots.iter().map(RootName::as_str).collect();
                write!(f, "the first scan is not done: {}", roots.join(", "))
            }
            Self::DiskFull(why) => f.write_str(why),
            Self::LogBroken(why) => write!(f, "the log takes no facts: {why}"),
        }
    }
}

impl RootView {
    pub(super) fn unknown() -> Self {
        Self {
            watching: Watching::Polling { why: "not armed yet".to_owned() },
            knows_writers: false,
            last_scan: None,
        }
    }
}

impl View {
    pub fn as_of(&self) -> Seq {
        self.state.head
    }

    pub fn ready(&self) -> Result<(), NotReady> {
        match &self.log {
            LogState::DiskFull(why) => return Err(NotReady::DiskFull(why.clone())),
            LogState::Broken(why) => return Err(NotReady::LogBroken(why.clone())),
            LogState::Writable => (),
        }
        self.scanned()
    }

    /// Whether every root was looked at from end to end since the start.
    pub fn scanned(&self) -> Result<(), NotReady> {
        if self.rules.roots.is_empty() {
            return Err(NotReady::NoRoots);
        }
        // A root that is away is known to be away: nothing more is to be learned by waiting for it.
        let unscanned = |it: &&RootName| {
            self.roots.get(*it).is_none_or(|it| it.last_scan.is_none())
                && !self.state.is_root_missing(it)
        };
        let waiting: Vec<_> = self.rules.roots.keys().filter(unscanned).cloned().collect();
        if waiting.is_empty() { Ok(()) } else { Err(NotReady::Scanning(waiting)) }
    }

    /// A tool that lists show: it has a baseline or stands on disk, in a root that is configured.
    pub fn tool(&self, id: &ToolId) -> Option<&Tool> {
        self.state.tool(id).filter(|it| it.is_listed() && self.rules.roots.contains_key(&id.root()))
    }

    /// Listed tools in the order of their ids, after `after`.
    pub fn tools_after(&self, after: Option<&ToolId>) -> impl Iterator<Item = (&ToolId, &Tool)> {
        self.state
            .tools_after(after)
            .filter(|it| it.1.is_listed() && self.rules.roots.contains_key(&it.0.root()))
    }

    /// Tools that are not in sync, in order.
    pub fn drifted(&self) -> Vec<(&ToolId, &Tool, Sync)> {
        let configured = |id: &ToolId| self.rules.roots.contains_key(&id.root());
        let tools = self.state.drifted().into_iter().filter(|it| configured(it.0));
        tools.map(|(id, tool)| (id, tool, self.state.sync(id, tool))).collect()
    }

    pub fn counts(&self, root: &RootName) -> Counts {
        self.state.counts(root)
    }

    /// Runtimes that have loaded the tool.
    pub fn loaded_by<'a>(
        &'a self,
        id: &'a ToolId,
    ) -> impl Iterator<Item = (&'a RuntimeName, &'a Runtime)> {
        self.state.runtimes().filter(|it| it.1.loaded.contains_key(id))
    }
}
