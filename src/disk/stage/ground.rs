//! The directory that a tool's live name is in, reached by its components; how much of the way to it is there; and
//! making the rest, or removing it again.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::{
    fs::{AtFlags, Mode, RawMode, mkdirat, statat, unlinkat},
    io::Errno,
};

use super::super::{obstacle::Obstacle, open};
use crate::model::RelPath;

const NEW_DIRECTORY: RawMode = 0o755;
const SPECIAL: RawMode = 0o7000;

/// How far the way to a file exists.
pub(super) struct Ground {
    /// The deepest directory that is there.
    pub(super) directory: OwnedFd,
    /// How many directories lead to it.
    pub(super) depth: usize,
    /// How many are missing from there to the file.
    pub(super) missing: usize,
}

/// The directories' names, and the file's.
pub(super) fn segments(path: &RelPath) -> (Vec<&[u8]>, &[u8]) {
    let mut above: Vec<_> = path.segments().collect();
    let name = above.pop().unwrap_or_default();
    (above, name)
}

/// The first `depth` directories on the way to the file, as a path.
pub(super) fn place(path: &RelPath, depth: usize) -> Vec<u8> {
    let (above, _) = segments(path);
    above.get(..depth).unwrap_or(&above).join(&b'/')
}

impl Ground {
    /// A link, or something that is no directory, is in the way: an obstacle other than `Gone`.
    pub(super) fn reach(base: BorrowedFd<'_>, path: &RelPath) -> Result<Self, Obstacle> {
        let (above, _) = segments(path);
        let mut directory = rustix::io::fcntl_dupfd_cloexec(base, 0)?;
        for (depth, segment) in above.iter().enumerate() {
            match open::step(directory.as_fd(), segment, open::THROUGH) {
                Ok(next) => directory = next,
                Err(Obstacle::Gone) if is_empty(directory.as_fd(), segment) => {
                    return Ok(Self { directory, depth, missing: above.len() - depth });
                }
                // No directory.
                Err(Obstacle::Gone) => return Err(Obstacle::Unsettled),
                Err(obstacle) => return Err(obstacle),
            }
        }
        Ok(Self { directory, depth: above.len(), missing: 0 })
    }

    /// Makes what is missing. What was made stays if it cannot be made as a whole.
    pub(super) fn complete(self, path: &RelPath) -> Result<OwnedFd, Errno> {
        let (above, _) = segments(path);
        let mut directory = self.directory;
        for segment in above.iter().skip(self.depth) {
            match mkdirat(&directory, *segment, Mode::from_raw_mode(NEW_DIRECTORY)) {
                Ok(()) => open_to_read(directory.as_fd(), segment)?,
                Err(Errno::EXIST) => (),
                Err(errno) => return Err(errno),
            }
            directory = rustix::fs::openat(&directory, *segment, open::THROUGH, Mode::empty())?;
        }
        Ok(directory)
    }
}

/// Removes the last `count` directories on the way to the file, as far as they are empty.
pub(super) fn remove_empty(base: BorrowedFd<'_>, path: &RelPath, count: usize) {
    let (above, _) = segments(path);
    for depth in (above.len().saturating_sub(count)..above.len()).rev() {
        let Some(name) = above.get(depth) else { return };
        let holder = place(path, depth);
        let holder = if holder.is_empty() {
            open::listing(base, b"")
        } else {
            open::directory(base, &holder)
        };
        let Ok(holder) = holder else { continue };
        match unlinkat(&holder, *name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => (),
            Err(_) => return,
        }
    }
}

/// Whatever our own mask says; what the directory inherited from the one above stays. A unit may forbid to say the bit
/// that hands the group down, even where it is there already: then it stays only if nothing has to be said.
fn open_to_read(above: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let had = statat(above, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & (SPECIAL | 0o777);
    let wanted = had & SPECIAL | NEW_DIRECTORY;
    if had == wanted {
        return Ok(());
    }
    let directory = rustix::fs::openat(above, name, open::LISTING, Mode::empty())?;
    match rustix::fs::fchmod(&directory, Mode::from_raw_mode(wanted)) {
        Err(Errno::PERM) if wanted != NEW_DIRECTORY => {
            rustix::fs::fchmod(&directory, Mode::from_raw_mode(NEW_DIRECTORY))
        }
        done => done,
    }
}

fn is_empty(above: BorrowedFd<'_>, name: &[u8]) -> bool {
    statat(above, name, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT)
}
