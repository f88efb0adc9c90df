//! The watched directories as they are: looks at paths and walks through roots. Reads only, [`stage`] excepted; it
//! follows no link, leaves no root, and believes nothing that it did not see stand still.
//!
//! In reading order: [`look`] (one path) uses [`open`] (safe opening), [`stat`] (kinds, keys, the racy rule), [`read`] (a
//! content that stood) and [`lease`] (who is writing); [`workers`] runs looks side by side; [`walk`] finds paths;
//! [`cache`] remembers; [`obstacle`] gives errors their meaning. [`stage`] alone writes below a root.

mod around;
mod cache;
mod lease;
mod look;
mod obstacle;
mod open;
mod read;
mod stage;
mod stat;
mod walk;
mod workers;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use self::{
    cache::Cache,
    look::{Ground, Job, Scene},
    obstacle::Obstacle,
    open::Identity,
    walk::Wander,
};
use crate::{
    model::{RootName, ToolId},
    ports::{Glance, Memory, Pack, RootMissing, Seen, Tree, Walk},
    roots::WatchedRoot,
};

pub use self::{around::Around, lease::ignore_lease_signals, stage::DiskStage};

/// [`Tree`] on a real file system.
pub struct Disk {
    roots: BTreeMap<RootName, RootState>,
    cache: Cache,
    /// Read when the roots are first told: by then the lane has a thread of its own, and others arm watches meanwhile.
    is_read: bool,
    pack: Arc<dyn Pack>,
    memory: Arc<dyn Memory>,
    /// The last attempt to save failed.
    is_unsaved: bool,
    workers: usize,
}

struct RootState {
    watched: WatchedRoot,
    /// Which directory it was when it was last walked, or first opened.
    armed: Option<Identity>,
    /// No file was read in it of which the kernel could not tell whether anybody was writing.
    leased: bool,
}

impl Disk {
    /// Sees nothing before it is told its roots; what it remembers waits for them.
    pub fn new(pack: Arc<dyn Pack>, memory: Arc<dyn Memory>) -> Self {
        let (cache, is_read) = (Cache::default(), false);
        let workers = workers::available();
        Self { roots: BTreeMap::new(), cache, is_read, pack, memory, is_unsaved: false, workers }
    }

    /// A lost memory is no error: all is read again then.
    fn read_memory(&mut self) {
        match Cache::load(&*self.memory) {
            Ok(it) => self.cache = it,
            Err(error) => {
                tracing::warn!(%error, "what was known of the disk is lost; every tool is read again");
            }
        }
    }
}

impl Tree for Disk {
    /// A root that is not there yet is no error: it is armed when it is first seen.
    fn set_roots(&mut self, roots: &[WatchedRoot]) {
        if !std::mem::replace(&mut self.is_read, true) {
            self.read_memory();
        }
        let mut former = std::mem::take(&mut self.roots);
        for watched in roots {
            let same = former.remove(&watched.name).filter(|it| it.watched.path == watched.path);
            let mut state = RootState::new(watched.clone());
            if let Some(same) = same {
                (state.armed, state.leased) = (same.armed, same.leased);
            }
            self.roots.insert(watched.name.clone(), state);
        }
        for root in self.cache.roots().iter().filter(|it| !self.roots.contains_key(*it)) {
            self.cache.forget_root(root);
        }
    }

    fn look(&mut self, wanted: &[Glance], known: &dyn Fn(&ToolId) -> bool) -> Vec<Seen> {
        let asked = |root: &RootName| wanted.iter().any(|it| it.tool.is_in(root));
        let grounds: HashMap<_, _> = self
            .roots
            .iter_mut()
            .filter(|it| asked(it.0))
            .map(|it| (it.0.clone(), it.1.ground()))
            .collect();
        let jobs: Vec<_> =
            wanted.iter().map(|it| Job { glance: it, known: known(&it.tool) }).collect();
        let scene = Scene { grounds, cache: &self.cache, pack: &*self.pack };
        let outcomes = workers::run(&scene, &jobs, self.workers);
        let mut seen = Vec::with_capacity(outcomes.len());
        for (glance, outcome) in wanted.iter().zip(outcomes) {
            let Glance { tool, firm, .. } = glance;
            self.cache.learn(tool, outcome.trusted, outcome.linked);
            if outcome.unleased
                && let Some(state) = self.roots.get_mut(&tool.root())
            {
                state.leased = false;
            }
            seen.push(Seen { tool: tool.clone(), firm: *firm, sight: outcome.sight });
        }
        seen
    }

    fn walk(&mut self, root: &RootName) -> Result<Box<dyn Walk>, RootMissing> {
        let missing = |why: String| RootMissing { why };
        let state = self
            .roots
            .get_mut(root)
            .ok_or_else(|| missing(format!("no root is named {root}; see the configuration")))?;
        let path = &state.watched.path;
        let (_, identity) = open::root(path).map_err(|error| {
            missing(format!(
                "opening the directory {}: {error}; create or mount it",
                path.display()
            ))
        })?;
        state.armed = Some(identity);
        Ok(Box::new(Wander::new(state.watched.clone(), identity)))
    }

    fn siblings(&self, tool: &ToolId) -> Vec<ToolId> {
        self.cache.siblings(tool)
    }

    fn root_is_there(&self, root: &RootName) -> bool {
        let Some(state) = self.roots.get(root) else { return false };
        match open::root(&state.watched.path) {
            Ok((_, identity)) => state.armed == Some(identity),
            // No descriptors left is no sign of a lost root.
            Err(errno) => state.armed.is_some() && Obstacle::from(errno) == Obstacle::Unsettled,
        }
    }

    fn knows_writers(&self, root: &RootName) -> bool {
        self.roots.get(root).is_some_and(|it| it.leased)
    }

    fn rest(&mut self) {
        // Told when it begins to fail, not at every attempt.
        match self.cache.save(&*self.memory) {
            Ok(()) => self.is_unsaved = false,
            Err(error) if std::mem::replace(&mut self.is_unsaved, true) => {
                tracing::debug!(%error, "what is known of the disk was not saved again");
            }
            Err(error) => {
                tracing::warn!(%error, "what is known of the disk was not saved; tried again later");
            }
        }
    }
}

impl RootState {
    fn new(watched: WatchedRoot) -> Self {
        let armed = open::root(&watched.path).ok().map(|it| it.1);
        Self { watched, armed, leased: true }
    }

    /// Opens the root for one call. Another directory in its place is not looked at until it was walked: its files
    /// are neither gone nor changed as long as nobody has decided that it is the root now.
    fn ground(&mut self) -> Ground<'_> {
        let opened = open::root(&self.watched.path).map_err(Obstacle::from);
        let base = opened.and_then(|(directory, identity)| {
            if *self.armed.get_or_insert(identity) == identity {
                Ok(Arc::new(directory))
            } else {
                Err(Obstacle::Unsettled)
            }
        });
        Ground { root: &self.watched, base }
    }
}
