//! Contents put in place on real file systems: staged beside the live files, switched by names alone, kept when they
//! came out. Decides nothing: [`crate::switching`] says what is renamed and judged, the loop says what it means. Follows
//! no link, resolves no path twice, removes nothing but its own.
//!
//! In reading order: [`write`] prepares a file with [`attributes`] in a [`folder`]; [`spot`] is one file with its two
//! names, reached over [`ground`], by [`replace`] where nothing can be exchanged; [`sync`] makes it durable;
//! [`displaced`] watches what came out; [`name`] holds what a start has to know.

mod attributes;
mod displaced;
mod folder;
mod ground;
mod name;
mod replace;
mod spot;
mod sync;
mod write;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd as _, BorrowedFd},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rustix::fs::{AtFlags, statat, unlinkat};

use self::{
    displaced::{Displaced, Entry, Patience},
    folder::Folder,
    name::{KeptName, LEADS, LINK, StageName, Tokens},
    spot::{Spot, Terms},
    sync::Syncs,
    write::Staging,
};
use super::open;
use crate::{
    model::{Change, Marker, RootName, Timestamp, ToolId},
    ports::{Ability, Late, Pack, Stage, StageFailure, SwitchOrder, Switched, Undone},
    roots::{STATE_FOLDER, WatchedRoot},
    switching::{self, Part},
};

/// Where nobody can tell who writes to a file that came out.
const PATIENCE: Patience = Patience { seconds: 24 * 60 * 60 };

/// [`Stage`] on a real file system.
pub struct DiskStage {
    pack: Arc<dyn Pack>,
    roots: RwLock<BTreeMap<RootName, Home>>,
    tokens: Tokens,
    /// Switches are one at a time.
    switching: Mutex<()>,
    displaced: Displaced,
    patience: Patience,
    exchanges: bool,
}

#[derive(Clone)]
struct Home {
    root: WatchedRoot,
    ability: Ability,
}

impl DiskStage {
    /// Can switch nothing before it is told its roots.
    pub fn new(pack: Arc<dyn Pack>) -> Self {
        Self::with(pack, true)
    }

    /// As on a file system that exchanges no files.
    pub fn without_exchange(pack: Arc<dyn Pack>) -> Self {
        Self::with(pack, false)
    }

    fn with(pack: Arc<dyn Pack>, exchanges: bool) -> Self {
        Self {
            pack,
            roots: RwLock::default(),
            tokens: Tokens::default(),
            switching: Mutex::default(),
            displaced: Displaced::default(),
            patience: PATIENCE,
            exchanges,
        }
    }

    /// These roots from now on. Makes the stage's folders there, and finds what came out of former switches.
    pub fn set_roots(&self, roots: &[WatchedRoot]) {
        let homes: BTreeMap<_, _> = roots
            .iter()
            .map(|root| {
                let home = Home { root: root.clone(), ability: self.tried(root) };
                self.displaced.set(&root.name, displaced::found(root, &places(root)));
                (root.name.clone(), home)
            })
            .collect();
        self.displaced.retain_roots(|it| homes.contains_key(it));
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) = homes;
    }

    fn tried(&self, root: &WatchedRoot) -> Ability {
        let base = match open::root(&root.path) {
            Ok((base, _)) => base,
            Err(error) => {
                return Ability::ReadOnly(format!("opening {}: {error}", root.path.display()));
            }
        };
        match Folder::make(base.as_fd(), b"") {
            Ok(folder) => folder.ability(&self.tokens.next(), self.exchanges),
            Err(why) => Ability::ReadOnly(why),
        }
    }

    fn home(&self, root: &RootName) -> Option<Home> {
        self.roots.read().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }

    /// Opens everything that the order is about, does it, and says whether anything was renamed.
    fn run(&self, order: &SwitchOrder, how: How, syncs: &mut Syncs) -> (Switched, bool) {
        let homes: Vec<_> = order.parts.iter().map(|it| self.home(&it.0.tool.root())).collect();
        let spots = order.parts.iter().zip(&homes).map(|((change, marker), home)| {
            let home = home.as_ref().ok_or_else(|| format!("no root of {}", change.tool))?;
            let terms = Terms {
                root: &home.root,
                pack: &*self.pack,
                deploy: order.deploy,
                exchanges: self.exchanges,
            };
            let mut spot = Spot::open(terms, change, marker)?;
            match how {
                How::Switch => spot.fits()?,
                How::Settle => spot.mend()?,
            }
            Ok(Part::new(change, marker, spot))
        });
        let mut parts = match spots.collect::<Result<Vec<_>, String>>() {
            Ok(parts) => parts,
            Err(why) => return (how.not_begun(why), false),
        };
        let outcome = match how {
            How::Switch => switching::switch(&mut parts),
            How::Settle => switching::settle(&mut parts),
        };
        let spots: Vec<_> = parts.into_iter().map(Part::into_names).collect();
        self.rest(order, &spots, &outcome, syncs)
    }

    fn rest(
        &self,
        order: &SwitchOrder,
        spots: &[Spot<'_>],
        outcome: &Switched,
        syncs: &mut Syncs,
    ) -> (Switched, bool) {
        let mut outcome = outcome.clone();
        for (spot, (change, marker)) in spots.iter().zip(&order.parts) {
            if matches!(outcome, Switched::Undone { .. }) {
                spot.remove_directories();
            }
            if let Some(name) = &spot.kept {
                self.displaced.add(Entry {
                    root: change.tool.root(),
                    place: place(&change.tool, marker),
                    name: name.clone(),
                });
            }
            if let Err(error) = spot.note(syncs) {
                outcome = Switched::Unknown {
                    doing: format!(
                        "opening the directories of {} to sync them: {error}",
                        change.tool
                    ),
                };
            }
        }
        (outcome, spots.iter().any(|it| it.touched))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Switch,
    Settle,
}

impl How {
    /// A switch that could not be begun changed nothing; of one that was begun before a crash nothing is known.
    fn not_begun(self, why: String) -> Switched {
        match self {
            Self::Switch => Switched::Undone { why: Undone::Failed(why), seen: Vec::new() },
            Self::Settle => Switched::Unknown { doing: why },
        }
    }
}

impl Stage for DiskStage {
    fn stage(
        &self,
        change: &Change,
        bytes: Option<&[u8]>,
        after: Option<Timestamp>,
    ) -> Result<Marker, StageFailure> {
        let root = change.tool.root();
        let read_only = |why| StageFailure::ReadOnly { tool: change.tool.clone(), why };
        let home = self.home(&root).ok_or_else(|| read_only(format!("no root is named {root}")))?;
        let (base, _) = open::root(&home.root.path).map_err(|error| StageFailure::World {
            why: format!("opening {}: {error}", home.root.path.display()),
        })?;
        let staging = Staging::new(base.as_fd(), change, self.tokens.next())?;
        staging.finish(change.to.zip(bytes), after)
    }

    fn staged(&self, tool: &ToolId, marker: &Marker) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        marker.inode?;
        let home = self.home(&tool.root())?;
        let place = place(tool, marker);
        let mut path = home.root.path;
        path.push(std::ffi::OsStr::from_bytes(&place));
        Some(path.join(STATE_FOLDER).join("stage").join(&marker.name))
    }

    fn switch(&self, orders: &[SwitchOrder]) -> Vec<Switched> {
        let _one = self.switching.lock().unwrap_or_else(PoisonError::into_inner);
        let mut syncs = Syncs::default();
        let done: Vec<_> = orders.iter().map(|it| self.run(it, How::Switch, &mut syncs)).collect();
        durable(done, syncs)
    }

    fn settle(&self, order: &SwitchOrder) -> Switched {
        let _one = self.switching.lock().unwrap_or_else(PoisonError::into_inner);
        let mut syncs = Syncs::default();
        let done = self.run(order, How::Settle, &mut syncs);
        let unknown = || Switched::Unknown { doing: "settling".to_owned() };
        durable(vec![done], syncs).pop().unwrap_or_else(unknown)
    }

    fn discard(&self, tool: &ToolId, marker: &Marker) {
        let Some(home) = self.home(&tool.root()) else { return };
        let Ok((base, _)) = open::root(&home.root.path) else { return };
        let Ok(folder) = Folder::open(base.as_fd(), &place(tool, marker)) else { return };
        if StageName::parse(&marker.name).is_none() {
            return;
        }
        let stat = statat(&folder.stage, &marker.name, AtFlags::SYMLINK_NOFOLLOW);
        if stat.is_ok_and(|it| marker.inode.is_some_and(|inode| inode.1 == it.st_ino)) {
            remove(folder.stage.as_fd(), &marker.name);
        }
        let kept = folder::names(folder.displaced.as_fd());
        if !leads_somewhere(&marker.name, &kept) {
            remove(folder.displaced.as_fd(), &format!("{}{LEADS}", marker.name));
        }
    }

    fn sweep(&self, root: &RootName, keep: &[String]) {
        let Some(home) = self.home(root) else { return };
        let Ok((base, _)) = open::root(&home.root.path) else { return };
        for place in places(&home.root) {
            if let Ok(folder) = Folder::open(base.as_fd(), &place) {
                self.clear(&folder, keep);
            }
        }
    }

    fn late(&self) -> Vec<Late> {
        let roots = self.roots.read().unwrap_or_else(PoisonError::into_inner).clone();
        let root = |name: &RootName| roots.get(name).map(|it| &it.root);
        self.displaced.free(root, &*self.pack, self.patience)
    }

    fn holds_displaced(&self) -> bool {
        !self.displaced.is_empty()
    }

    fn release(&self, late: &Late) {
        let root = late.tool.root();
        if let Some(home) = self.home(&root)
            && let Ok((base, _)) = open::root(&home.root.path)
        {
            displaced::release(&base, late);
            self.displaced.remove(&root, &late.name);
        }
    }

    fn ability(&self, root: &RootName) -> Ability {
        let Some(home) = self.home(root) else {
            return Ability::ReadOnly(format!("no root is named {root}"));
        };
        if !matches!(home.ability, Ability::ReadOnly(_)) {
            return home.ability;
        }
        // It may have been mounted, or given to us, since.
        let ability = self.tried(&home.root);
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = roots.get_mut(root) {
            home.ability.clone_from(&ability);
        }
        ability
    }
}

impl DiskStage {
    fn clear(&self, folder: &Folder, keep: &[String]) {
        let is_wanted = |name: &str| {
            let name = name.strip_suffix(LINK).or(name.strip_suffix(LEADS)).unwrap_or(name);
            keep.iter().any(|it| it == name) || self.tokens.made(name)
        };
        for name in folder::names(folder.stage.as_fd()).iter().filter(|it| !is_wanted(it)) {
            remove(folder.stage.as_fd(), name);
        }
        let kept = folder::names(folder.displaced.as_fd());
        let leads = kept.iter().filter_map(|it| Some((it, it.strip_suffix(LEADS)?)));
        for (name, _) in leads.filter(|it| !is_wanted(it.0) && !leads_somewhere(it.1, &kept)) {
            remove(folder.displaced.as_fd(), name);
        }
    }
}

/// A failed sync is everybody's: what it was about cannot be known.
fn durable(done: Vec<(Switched, bool)>, syncs: Syncs) -> Vec<Switched> {
    let synced = syncs.run();
    let answer = |(outcome, touched): (Switched, bool)| match &synced {
        Err(error) if touched => {
            Switched::Unknown { doing: format!("syncing the directories of a switch: {error}") }
        }
        Ok(()) | Err(_) => outcome,
    };
    done.into_iter().map(answer).collect()
}

/// Something that was set aside still needs the link to its tool.
fn leads_somewhere(staged: &str, kept: &[String]) -> bool {
    kept.iter().filter_map(|it| KeptName::parse(it)).any(|it| it.staged == staged)
}

fn remove(folder: BorrowedFd<'_>, name: &str) {
    let removed = unlinkat(folder, name, AtFlags::empty())
        .or_else(|_| unlinkat(folder, name, AtFlags::REMOVEDIR));
    if let Err(error) = removed {
        tracing::debug!(%error, name, "litter stays in the stage");
    }
}

/// The directory whose folder a staged file is in.
fn place(tool: &ToolId, marker: &Marker) -> Vec<u8> {
    let depth = StageName::parse(&marker.name).map_or(0, |it| it.depth);
    ground::place(&tool.path(), depth)
}

/// All directories of a root that have such a folder.
fn places(root: &WatchedRoot) -> Vec<Vec<u8>> {
    let mut places = BTreeSet::from([Vec::new()]);
    if let Ok((base, _)) = open::root(&root.path) {
        let prefix = ToolId::root_prefix(&root.name);
        let noted = folder::places(base.as_fd()).into_iter();
        let ids = noted.filter_map(|it| format!("{prefix}{it}").parse::<ToolId>().ok());
        places.extend(ids.map(|it| it.path().as_bytes().to_vec()));
    }
    places.into_iter().collect()
}
