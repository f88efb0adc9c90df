//! Files that came out of a switch and may still be written to by whoever has them open. Each is told of when its last
//! writer is gone, and stays until what was told is durable. Nothing is kept in memory that a start could not find.

use std::{
    collections::BTreeSet,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::{AtFlags, FileType, Stat, readlinkat, statat, unlinkat},
    io::Errno,
    time::{ClockId, clock_gettime},
};

use super::{
    super::{obstacle::Obstacle, open, read::Reader, stat},
    folder::{self, Folder},
    ground,
    name::{KeptName, LEADS},
};
use crate::{
    model::{FileSeen, RelPath, RootName, ToolId},
    ports::{Late, Pack},
    roots::WatchedRoot,
};

/// How many are told of at once: their contents are held in memory.
const AT_ONCE: usize = 64;

/// What is kept, of all roots.
#[derive(Default)]
pub(super) struct Displaced(Mutex<BTreeSet<Entry>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) root: RootName,
    /// The directory that its folder is in.
    pub(super) place: Vec<u8>,
    pub(super) name: String,
}

/// When a file of which nobody can tell who writes to it counts as left alone.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) seconds: i64,
}

impl Displaced {
    pub(super) fn add(&self, entry: Entry) {
        self.lock().insert(entry);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Those of a root, as its folders have them now.
    pub(super) fn set(&self, root: &RootName, found: BTreeSet<Entry>) {
        let mut all = self.lock();
        all.retain(|it| it.root != *root);
        all.extend(found);
    }

    pub(super) fn retain_roots(&self, stays: impl Fn(&RootName) -> bool) {
        self.lock().retain(|it| stays(&it.root));
    }

    pub(super) fn remove(&self, root: &RootName, name: &str) {
        self.lock().retain(|it| it.root != *root || it.name != name);
    }

    /// Not all at once: the next call tells of more.
    pub(super) fn free<'a>(
        &self,
        root: impl Fn(&RootName) -> Option<&'a WatchedRoot>,
        pack: &dyn Pack,
        patience: Patience,
    ) -> Vec<Late> {
        let entries: Vec<_> = self.lock().iter().cloned().collect();
        let mut reader = Reader::default();
        let late = entries.iter().filter_map(|entry| {
            let root = root(&entry.root)?;
            entry.look(root, &mut reader, pack, patience)
        });
        late.take(AT_ONCE).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// `None`: not yet, or nothing that could be told of.
    fn look(
        &self,
        root: &WatchedRoot,
        reader: &mut Reader,
        pack: &dyn Pack,
        patience: Patience,
    ) -> Option<Late> {
        let kept = KeptName::parse(&self.name)?;
        let base = open::root(&root.path).ok()?.0;
        let folder = Folder::open(base.as_fd(), &self.place).ok()?;
        let tool = tool(&folder, &kept, &self.root)?;
        let stat = statat(&folder.displaced, &self.name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let now = match reader.read(folder.displaced.as_fd(), self.name.as_bytes(), root.file_size)
        {
            Ok(still) if still.leased || patience.is_over(&still.stat) => {
                Some(seen(&still, pack, &reader.bytes))
            }
            Ok(_) | Err(Obstacle::Unsettled) => return None,
            Err(Obstacle::Odd(_)) if !patience.is_over(&stat) => return None,
            Err(Obstacle::Odd(_) | Obstacle::Gone) => None,
        };
        let (deploy, displaced) = (kept.deploy, kept.was);
        Some(Late { tool, deploy, displaced, now, name: self.name.clone() })
    }
}

impl Patience {
    /// Any change of the file begins it anew.
    fn is_over(self, stat: &Stat) -> bool {
        let now = clock_gettime(ClockId::Realtime).tv_sec;
        now.saturating_sub(stat.st_ctime) >= self.seconds
    }
}

/// What stands in the displaced folders of a root.
pub(super) fn found(root: &WatchedRoot, places: &[Vec<u8>]) -> BTreeSet<Entry> {
    let mut found = BTreeSet::new();
    let Ok((base, _)) = open::root(&root.path) else { return found };
    for place in places {
        let Ok(folder) = Folder::open(base.as_fd(), place) else { continue };
        let names = folder::names(folder.displaced.as_fd()).into_iter();
        found.extend(names.filter(|it| KeptName::parse(it).is_some()).map(|name| Entry {
            root: root.name.clone(),
            place: place.clone(),
            name,
        }));
    }
    found
}

/// It may go, and the link that leads to its tool after it. Where it cannot go, the link stays, too: without it the next
/// start would find a file of which nobody can say whose it is.
pub(super) fn release(base: &OwnedFd, late: &Late) {
    let Some(kept) = KeptName::parse(&late.name) else { return };
    let place = ground::place(&late.tool.path(), kept.depth());
    let Ok(folder) = Folder::open(base.as_fd(), &place) else { return };
    for name in [late.name.clone(), format!("{}{LEADS}", kept.staged)] {
        match unlinkat(&folder.displaced, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => (),
            Err(error) => {
                tracing::debug!(%error, name, "a file that came out stays in its folder");
                return;
            }
        }
    }
}

fn tool(folder: &Folder, kept: &KeptName, root: &RootName) -> Option<ToolId> {
    let leads = format!("{}{LEADS}", kept.staged);
    let path = readlinkat(&folder.displaced, leads, Vec::new()).ok()?;
    RelPath::new(path.as_bytes()).ok().map(|it| ToolId::new(root, &it))
}

fn seen(still: &super::super::read::Still, pack: &dyn Pack, bytes: &[u8]) -> FileSeen {
    FileSeen {
        digest: still.digest,
        size: stat::size(&still.stat),
        executable: stat::is_executable(&still.stat),
        mtime: stat::mtime(&still.stat),
        content: Some(pack.pack(still.digest, bytes)),
        links: stat::links(&still.stat),
    }
}
