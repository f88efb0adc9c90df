//! Walks a root for paths that may be tools, a few at a time. Follows no link, enters no excluded folder, and holds
//! at most one directory open. It says what it could not list, and when the root was lost on the way, so that
//! nobody takes "not found" for "gone".

use std::{
    collections::BTreeSet,
    os::fd::{AsFd as _, OwnedFd},
    thread,
    time::Duration,
};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, statat};

use super::{
    obstacle::Obstacle,
    open::{self, Identity},
    stat,
};
use crate::{
    model::{BadPath, Cause, RelPath, ToolId},
    ports::Walk,
    roots::WatchedRoot,
};

const CHUNK: usize = 64;
/// How long descriptors may be short before a directory counts as closed: 500 × 10 ms.
const PATIENCE: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Wander {
    root: WatchedRoot,
    identity: Identity,
    /// Directories to list; `None` is the root.
    ahead: Vec<Option<RelPath>>,
    here: Option<(Option<RelPath>, Dir)>,
    closed: BTreeSet<ToolId>,
    lost: bool,
    waits: u32,
}

impl Wander {
    pub(super) fn new(root: WatchedRoot, identity: Identity) -> Self {
        Self {
            root,
            identity,
            ahead: vec![None],
            here: None,
            closed: BTreeSet::new(),
            lost: false,
            waits: 0,
        }
    }

    /// The root, if it is still the one that the walk began in.
    fn base(&self) -> Result<OwnedFd, Obstacle> {
        let (directory, identity) = open::root(&self.root.path)?;
        if identity == self.identity { Ok(directory) } else { Err(Obstacle::Gone) }
    }

    /// Opens the next directory. `false`: not now, descriptors are short.
    fn enter(&mut self, base: &OwnedFd, path: Option<RelPath>) -> bool {
        let bytes = path.as_ref().map(RelPath::as_bytes).unwrap_or_default();
        let opened =
            open::listing(base.as_fd(), bytes).and_then(|it| Dir::new(it).map_err(Obstacle::from));
        match opened {
            Ok(directory) => self.here = Some((path, directory)),
            Err(Obstacle::Unsettled) if self.has_patience() => {
                self.ahead.push(path);
                return false;
            }
            // Renamed, removed or made a link since it was listed: what is known below is looked at by name.
            Err(Obstacle::Gone | Obstacle::Odd(Cause::Symlink)) => (),
            Err(Obstacle::Unsettled | Obstacle::Odd(_)) => self.close(path.as_ref()),
        }
        self.waits = 0;
        true
    }

    fn has_patience(&mut self) -> bool {
        self.waits += 1;
        thread::sleep(PAUSE);
        self.waits <= PATIENCE
    }

    fn close(&mut self, path: Option<&RelPath>) {
        match path {
            Some(path) => drop(self.closed.insert(ToolId::new(&self.root.name, path))),
            // A root that cannot be listed tells nothing about what is in it.
            None => self.lost = true,
        }
    }

    /// The next entry of the directory that is open, until it ends.
    fn step(&mut self, found: &mut Vec<ToolId>) {
        let Some((path, directory)) = &mut self.here else { return };
        match directory.read() {
            Some(Ok(entry)) => {
                let (below, tool) = judge(&self.root, path.as_ref(), directory, &entry);
                self.ahead.extend(below.map(Some));
                found.extend(tool);
            }
            Some(Err(_)) => {
                let path = self.here.take().and_then(|it| it.0);
                self.close(path.as_ref());
            }
            None => self.here = None,
        }
    }
}

impl Walk for Wander {
    fn next_paths(&mut self) -> Option<Vec<ToolId>> {
        let mut found = Vec::new();
        let base = match self.base() {
            Ok(base) if !self.lost => base,
            Err(Obstacle::Unsettled) if self.has_patience() => return Some(found),
            Ok(_) | Err(_) => {
                self.lost = true;
                return None;
            }
        };
        while found.len() < CHUNK && !self.lost {
            if self.here.is_some() {
                self.step(&mut found);
            } else if let Some(path) = self.ahead.pop() {
                if !self.enter(&base, path) {
                    return Some(found);
                }
            } else {
                break;
            }
        }
        let over = self.here.is_none() && self.ahead.is_empty() && found.is_empty();
        if over {
            // The last look at the root comes after the last listing.
            self.lost = self.lost || self.base().is_err();
        }
        (!over && !self.lost).then_some(found)
    }

    fn closed_directories(&self) -> BTreeSet<ToolId> {
        self.closed.clone()
    }

    fn root_lost(&self) -> bool {
        self.lost
    }
}

/// What an entry leads to: a directory to enter, a path that may be a tool, both (a directory in a tool's place), nothing.
fn judge(
    root: &WatchedRoot,
    above: Option<&RelPath>,
    directory: &Dir,
    entry: &DirEntry,
) -> (Option<RelPath>, Option<ToolId>) {
    let name = entry.file_name().to_bytes();
    if name == b"." || name == b".." {
        return (None, None);
    }
    // A path that is too long for an id cannot be asked for either.
    let Ok(path) = below(above, name) else { return (None, None) };
    let mut kind = entry.file_type();
    if kind == FileType::Unknown {
        kind = mode(directory, entry).map_or(kind, FileType::from_raw_mode);
    }
    let tool = || ToolId::new(&root.name, &path);
    if root.globs.includes(&path) {
        let tool = tool();
        (Some(path).filter(|_| kind == FileType::Directory), Some(tool))
    } else if kind == FileType::Directory {
        (Some(path).filter(|it| !root.globs.is_excluded(it)), None)
    } else {
        let by_mode = kind == FileType::RegularFile
            && root.globs.is_tool(&path, true)
            && mode(directory, entry).is_some_and(|it| it & stat::EXECUTABLE != 0);
        (None, by_mode.then(tool))
    }
}

fn below(above: Option<&RelPath>, name: &[u8]) -> Result<RelPath, BadPath> {
    match above {
        Some(above) => RelPath::new(&[above.as_bytes(), name].join(&b'/')),
        None => RelPath::new(name),
    }
}

fn mode(directory: &Dir, entry: &DirEntry) -> Option<u32> {
    let parent = directory.fd().ok()?;
    statat(parent, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).ok().map(|it| it.st_mode)
}
