//! A disk that remembers everything that ever stood on it, and a tree that looks at it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::stage::Away;
use crate::{
    model::{Digest, FileSeen, Glance, Packed, RootName, Seen, Sight, Timestamp, ToolId},
    ports::{RootMissing, Tree, Walk},
    roots::{Globs, WatchedRoot},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    Empty,
    /// What a writer has written so far: never to be recorded.
    Part(u32),
    Whole(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct File {
    pub(super) content: Content,
    pub(super) executable: bool,
    pub(super) writer: bool,
    /// Which file it is, wherever it is renamed to.
    pub(super) inode: u64,
    /// Changes with every write, like a ctime.
    stamp: u64,
    pub(super) since: Duration,
}

#[derive(Debug, Default)]
pub(super) struct FakeDisk {
    pub(super) files: BTreeMap<ToolId, File>,
    pub(super) there: bool,
    /// Everything that stood settled, per tool, in order.
    pub(super) stood: BTreeMap<ToolId, Vec<(Content, bool)>>,
    /// Paths that were absent, each time for how long.
    pub(super) absences: BTreeMap<ToolId, Vec<Duration>>,
    gone_since: BTreeMap<ToolId, Duration>,
    pub(super) changes: BTreeMap<ToolId, u64>,
    stamps: u64,
    /// What the stage has, by its names, and what it has set aside.
    pub(super) staged: BTreeMap<String, Away>,
    pub(super) displaced: BTreeMap<String, Away>,
    /// Names that could not be removed while the root was away: the next start sweeps them.
    pub(super) left_behind: BTreeSet<String>,
    pub(super) names: u64,
    /// What was removed from there, to be judged.
    pub(super) erased: Vec<Away>,
    /// Paths at which the stage renamed something, of which the kernel has not told yet.
    pub(super) events: Vec<ToolId>,
    pub(super) now: Duration,
}

/// An empty file is believed after this long (`agenda`), a vanished one likewise.
const EMPTY_STANDS: Duration = Duration::from_millis(30);

impl FakeDisk {
    pub(super) fn new() -> Self {
        Self { there: true, ..Self::default() }
    }

    pub(super) fn put(
        &mut self,
        tool: &ToolId,
        content: Content,
        executable: bool,
        writer: bool,
        now: Duration,
    ) {
        let inode = self.files.get(tool).map(|it| it.inode);
        let file = self.file(inode, content, executable, writer);
        self.place(tool, file, now);
    }

    /// A save by rename: another file takes the name.
    pub(super) fn replace(&mut self, tool: &ToolId, content: Content, bit: bool, now: Duration) {
        let file = self.file(None, content, bit, false);
        self.place(tool, file, now);
    }

    /// Somebody opens it for writing, and has not written yet.
    pub(super) fn open(&mut self, tool: &ToolId) {
        let now = self.now;
        self.leave(tool, now);
        self.touch(tool);
        if let Some(file) = self.files.get_mut(tool) {
            file.writer = true;
        }
    }

    /// A file of its own, or the one with this inode as it is after a write.
    pub(super) fn file(
        &mut self,
        inode: Option<u64>,
        content: Content,
        executable: bool,
        writer: bool,
    ) -> File {
        self.stamps += 1;
        let inode = inode.unwrap_or(self.stamps);
        File { content, executable, writer, inode, stamp: self.stamps, since: Duration::ZERO }
    }

    /// From now on the file stands under the name.
    pub(super) fn place(&mut self, tool: &ToolId, mut file: File, now: Duration) {
        self.leave(tool, now);
        self.stamps += 1;
        (file.stamp, file.since) = (self.stamps, now);
        if let Some(since) = self.gone_since.remove(tool) {
            self.absences.entry(tool.clone()).or_default().push(now.checked_sub(since).unwrap());
        }
        if !file.writer && matches!(file.content, Content::Whole(_)) {
            self.stood_there(tool, file);
        }
        self.files.insert(tool.clone(), file);
    }

    pub(super) fn stood_there(&mut self, tool: &ToolId, file: File) {
        self.stood.entry(tool.clone()).or_default().push((file.content, file.executable));
    }

    pub(super) fn remove(&mut self, tool: &ToolId, now: Duration) {
        self.leave(tool, now);
        if self.files.remove(tool).is_some() {
            self.gone_since.insert(tool.clone(), now);
        }
    }

    pub(super) fn touch(&mut self, tool: &ToolId) {
        self.stamps += 1;
        if let Some(file) = self.files.get_mut(tool) {
            file.stamp = self.stamps;
        }
    }

    /// What was there stood for as long as it did; an empty file counts if that was long enough.
    pub(super) fn leave(&mut self, tool: &ToolId, now: Duration) {
        *self.changes.entry(tool.clone()).or_default() += 1;
        if let Some(file) = self.files.get(tool)
            && file.content == Content::Empty
            && !file.writer
            && now.checked_sub(file.since).unwrap() >= EMPTY_STANDS
        {
            self.stood.entry(tool.clone()).or_default().push((Content::Empty, file.executable));
        }
    }

    /// Time begins anew with a new process; what stood before stands since its beginning.
    pub(super) fn restart_clock(&mut self, now: Duration) {
        for tool in self.files.keys().cloned().collect::<Vec<_>>() {
            self.leave(&tool, now);
        }
        self.files.values_mut().for_each(|it| it.since = Duration::ZERO);
        for (tool, since) in &mut self.gone_since {
            self.absences.entry(tool.clone()).or_default().push(now.checked_sub(*since).unwrap());
            *since = Duration::ZERO;
        }
    }

    /// The root's directory goes, or comes: a change of everything in it. Answers whether it is there now.
    pub(super) fn go_or_come(&mut self) -> bool {
        self.there = !self.there;
        self.all_change();
        self.there
    }

    /// What was asked before does not speak of any of it.
    pub(super) fn all_change(&mut self) {
        for id in self.files.keys() {
            *self.changes.entry(id.clone()).or_default() += 1;
        }
    }

    pub(super) fn gone_for(&self, tool: &ToolId, now: Duration) -> Option<Duration> {
        self.gone_since.get(tool).map(|it| now.checked_sub(*it).unwrap())
    }
}

pub(super) fn bytes(content: Content) -> Vec<u8> {
    match content {
        Content::Empty => Vec::new(),
        Content::Part(number) => format!("part {number}").into_bytes(),
        Content::Whole(number) => format!("whole {number}").into_bytes(),
    }
}

pub(super) fn digest(content: Content) -> Digest {
    Digest(Sha256::digest(bytes(content)).into())
}

/// Looks at the fake disk as `disk::Disk` looks at the real one: a lease tells of writers, a cache saves reading.
pub(super) struct FakeTree {
    pub(super) disk: Arc<Mutex<FakeDisk>>,
    cache: BTreeMap<ToolId, (u64, Digest)>,
    /// None before the roots were told: nothing is a tool then.
    globs: Option<Arc<Globs>>,
}

impl FakeTree {
    pub(super) fn new(disk: Arc<Mutex<FakeDisk>>) -> Self {
        Self { disk, cache: BTreeMap::new(), globs: None }
    }

    fn sight(&mut self, glance: &Glance, known: bool) -> Sight {
        let path = glance.tool.path();
        let Some(globs) = self.globs.as_ref().filter(|it| known || it.can_be_tool(&path)) else {
            return Sight::NotATool;
        };
        let disk = self.disk.lock().unwrap();
        let Some(file) = disk.files.get(&glance.tool).filter(|_| disk.there) else {
            return Sight::Gone;
        };
        if !known && !globs.is_tool(&path, file.executable) {
            return Sight::NotATool;
        }
        if file.writer {
            return Sight::Unsettled;
        }
        let digest = digest(file.content);
        let bytes = bytes(file.content);
        let size = bytes.len() as u64;
        let known = self.cache.insert(glance.tool.clone(), (file.stamp, digest))
            == Some((file.stamp, digest));
        let content = (!known || glance.fresh).then_some(Packed { digest, size, codec: 0, bytes });
        let (executable, mtime) = (file.executable, Timestamp(0));
        Sight::File(FileSeen { digest, size, executable, mtime, content, links: 1 })
    }
}

impl Tree for FakeTree {
    fn look(&mut self, wanted: &[Glance], known: &dyn Fn(&ToolId) -> bool) -> Vec<Seen> {
        wanted
            .iter()
            .map(|it| Seen {
                tool: it.tool.clone(),
                firm: it.firm,
                sight: self.sight(it, known(&it.tool)),
            })
            .collect()
    }

    fn walk(&mut self, _: &RootName) -> Result<Box<dyn Walk>, RootMissing> {
        let disk = self.disk.lock().unwrap();
        if !disk.there {
            return Err(RootMissing { why: "away".to_owned() });
        }
        let is_tool = |it: &(&ToolId, &File)| {
            self.globs.as_ref().is_some_and(|globs| globs.is_tool(&it.0.path(), it.1.executable))
        };
        let names: Vec<ToolId> = disk.files.iter().filter(is_tool).map(|it| it.0.clone()).collect();
        // "None for now" ends a step early, so that hints come in between.
        let steps = names.chunks(2).flat_map(|it| [it.to_vec(), Vec::new()]).collect();
        Ok(Box::new(FakeWalk { steps, disk: Arc::clone(&self.disk), lost: false }))
    }

    fn siblings(&self, _: &ToolId) -> Vec<ToolId> {
        Vec::new()
    }

    fn root_is_there(&self, _: &RootName) -> bool {
        self.disk.lock().unwrap().there
    }

    fn knows_writers(&self, _: &RootName) -> bool {
        true
    }

    fn set_roots(&mut self, roots: &[WatchedRoot]) {
        self.globs = roots.first().map(|it| Arc::clone(&it.globs));
    }

    fn rest(&mut self) {}
}

struct FakeWalk {
    steps: VecDeque<Vec<ToolId>>,
    disk: Arc<Mutex<FakeDisk>>,
    lost: bool,
}

impl Walk for FakeWalk {
    fn next_paths(&mut self) -> Option<Vec<ToolId>> {
        self.lost |= !self.disk.lock().unwrap().there;
        if self.lost { None } else { self.steps.pop_front() }
    }

    fn closed_directories(&self) -> BTreeSet<ToolId> {
        BTreeSet::new()
    }

    fn root_lost(&self) -> bool {
        self.lost
    }
}
