//! Looks at paths: is it a tool, is it the file we remember, and if not, what is in it. Changes nothing: what is to
//! be remembered comes back with the answer, so that looks run side by side.

use std::{
    collections::HashMap,
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use rustix::fs::{AtFlags, Stat, statat};

use super::{
    cache::{Cache, Inode},
    obstacle::Obstacle,
    open,
    read::Reader,
    stat,
};
use crate::{
    model::{Digest, RelPath, RootName, ToolId},
    ports::{FileSeen, Glance, Pack, Packed, Sight, StatKey},
    roots::WatchedRoot,
};

/// What all looks of one call share.
pub(super) struct Scene<'a> {
    pub(super) grounds: HashMap<RootName, Ground<'a>>,
    pub(super) cache: &'a Cache,
    pub(super) pack: &'a dyn Pack,
}

/// A root during one call: opened once, or what stands in the way.
pub(super) struct Ground<'a> {
    pub(super) root: &'a WatchedRoot,
    pub(super) base: Result<Arc<OwnedFd>, Obstacle>,
}

#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) glance: &'a Glance,
    pub(super) known: bool,
}

/// What was seen, and what to remember of it.
pub(super) struct Outcome {
    pub(super) sight: Sight,
    pub(super) trusted: Option<(StatKey, Digest)>,
    pub(super) linked: Option<Inode>,
    /// It was read, and the kernel could not tell whether anybody was writing.
    pub(super) unleased: bool,
}

/// One worker: its buffer, and the directory it was in last.
pub(super) struct Eye<'a> {
    scene: &'a Scene<'a>,
    reader: Reader,
    last: Option<(RootName, Box<[u8]>, Arc<OwnedFd>)>,
}

/// A path to look at, with its wish.
struct Target<'a> {
    tool: &'a ToolId,
    path: &'a RelPath,
    root: &'a WatchedRoot,
    /// It is a tool whatever its mode is.
    named: bool,
    fresh: bool,
}

impl<'a> Eye<'a> {
    pub(super) fn new(scene: &'a Scene<'a>) -> Self {
        Self { scene, reader: Reader::default(), last: None }
    }

    pub(super) fn look(&mut self, job: Job<'_>) -> Outcome {
        let Glance { tool, fresh, .. } = job.glance;
        let Some(ground) = self.scene.grounds.get(&tool.root()) else {
            return Outcome::bare(Sight::NotATool);
        };
        let path = tool.path();
        let globs = &ground.root.globs;
        let named = job.known || globs.includes(&path);
        if !named && !globs.is_tool(&path, true) {
            return Outcome::bare(Sight::NotATool);
        }
        let target = Target { tool, path: &path, root: ground.root, named, fresh: *fresh };
        match self.see(&target, ground) {
            Ok(outcome) => outcome,
            // Only a regular file is a tool by its mode.
            Err(Obstacle::Odd(_)) if !named => Outcome::bare(Sight::NotATool),
            Err(obstacle) => Outcome::bare(obstacle.into()),
        }
    }

    fn see(&mut self, target: &Target<'_>, ground: &Ground<'_>) -> Result<Outcome, Obstacle> {
        let (directories, name) = open::split(target.path.as_bytes());
        let parent = self.parent(ground, directories)?;
        // By name first: what is not a regular file is never opened, and what is remembered need not be.
        let stat = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        stat::readable(&stat, target.root.file_size)?;
        if !target.named && !stat::is_executable(&stat) {
            return Ok(Outcome::bare(Sight::NotATool));
        }
        let key = stat::key(&stat);
        let remembered = self.scene.cache.digest(target.tool, &key).filter(|_| !target.fresh);
        if let Some(digest) = remembered {
            let trusted = Some((key, digest));
            return Ok(Outcome { trusted, ..Outcome::file(&stat, digest, None) });
        }
        let still = self.reader.read(parent.as_fd(), name, target.root.file_size)?;
        let content = self.scene.pack.pack(still.digest, &self.reader.bytes);
        Ok(Outcome {
            trusted: still.trusted.then(|| (stat::key(&still.stat), still.digest)),
            unleased: !still.leased,
            ..Outcome::file(&still.stat, still.digest, Some(content))
        })
    }

    /// The directory that holds the name; the one of the look before, if it is the same.
    fn parent(&mut self, ground: &Ground<'_>, path: &[u8]) -> Result<Arc<OwnedFd>, Obstacle> {
        let base = ground.base.as_ref().map_err(|it| *it)?;
        if path.is_empty() {
            return Ok(Arc::clone(base));
        }
        if let Some((root, last, directory)) = &self.last
            && *root == ground.root.name
            && **last == *path
        {
            return Ok(Arc::clone(directory));
        }
        let directory = Arc::new(open::directory(base.as_fd(), path)?);
        self.last = Some((ground.root.name.clone(), path.into(), Arc::clone(&directory)));
        Ok(directory)
    }
}

impl Outcome {
    fn bare(sight: Sight) -> Self {
        Self { sight, trusted: None, linked: None, unleased: false }
    }

    fn file(stat: &Stat, digest: Digest, content: Option<Packed>) -> Self {
        let links = stat::links(stat);
        let seen = FileSeen {
            digest,
            size: stat::size(stat),
            executable: stat::is_executable(stat),
            mtime: stat::mtime(stat),
            content,
            links,
        };
        let linked = (links > 1).then_some((stat.st_dev, stat.st_ino));
        Self { linked, ..Self::bare(Sight::File(seen)) }
    }
}
