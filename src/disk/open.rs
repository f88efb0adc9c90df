//! Opening below a root without leaving it: one `openat` per component, none of which may be a link. A path cannot
//! be swapped for a link under our feet, because no path is resolved twice. (`openat2` would do the same in one call,
//! but answers ENOSYS in hardened service units, and two ways are one too many.) Mounts below a root belong to it.
//!
//! No descriptor of a root outlives a call: holding one would keep its file system from being unmounted.

use std::{os::fd::AsFd as _, path::Path};

use rustix::{
    fd::{BorrowedFd, OwnedFd},
    fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxFlags, openat, statat, statx},
    io::Errno,
};

use super::obstacle::Obstacle;
use crate::model::Cause;

/// Passing through needs the right to search alone.
pub(super) const THROUGH: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
pub(super) const LISTING: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Never blocks on a FIFO, never takes a terminal, never follows a link.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

/// Which directory it is. The inode's number alone is given to the next directory at once; the time of birth is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: (u32, u32),
    inode: u64,
    /// Where the file system keeps it.
    pub(super) born: Option<(i64, u32)>,
}

pub(super) fn root(path: &Path) -> Result<(OwnedFd, Identity), Errno> {
    let directory = openat(CWD, path, THROUGH, Mode::empty())?;
    let asked = StatxFlags::INO | StatxFlags::BTIME;
    let it = statx(&directory, c"", AtFlags::EMPTY_PATH, asked)?;
    let born = StatxFlags::from_bits_retain(it.stx_mask)
        .contains(StatxFlags::BTIME)
        .then_some((it.stx_btime.tv_sec, it.stx_btime.tv_nsec));
    let device = (it.stx_dev_major, it.stx_dev_minor);
    Ok((directory, Identity { device, inode: it.stx_ino, born }))
}

/// The directory at `path`, to find names in. The empty path is no path: ask the root itself.
pub(super) fn directory(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Obstacle> {
    descend(root, path, THROUGH)
}

/// The directory at `path`, to list it. The empty path is the root.
pub(super) fn listing(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Obstacle> {
    if path.is_empty() {
        return Ok(openat(root, c".", LISTING, Mode::empty())?);
    }
    descend(root, path, LISTING)
}

/// The file `name`, which was a regular one a moment ago; the caller asks again what it is.
pub(super) fn file(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Obstacle> {
    Ok(openat(parent, name, FILE, Mode::empty())?)
}

/// The directory's part of a path (empty: the root) and the last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = path.rsplitn(2, |it| *it == b'/');
    let name = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), name)
}

fn descend(root: BorrowedFd<'_>, path: &[u8], last: OFlags) -> Result<OwnedFd, Obstacle> {
    let (above, name) = split(path);
    if above.is_empty() {
        return step(root, name, last);
    }
    let mut segments = above.split(|it| *it == b'/');
    let mut here = step(root, segments.next().unwrap_or_default(), THROUGH)?;
    for segment in segments {
        here = step(here.as_fd(), segment, THROUGH)?;
    }
    step(here.as_fd(), name, last)
}

pub(super) fn step(
    above: BorrowedFd<'_>,
    segment: &[u8],
    flags: OFlags,
) -> Result<OwnedFd, Obstacle> {
    match openat(above, segment, flags, Mode::empty()) {
        Ok(directory) => Ok(directory),
        Err(Errno::NOTDIR | Errno::LOOP) => Err(instead_of_directory(above, segment)),
        Err(errno) => Err(errno.into()),
    }
}

fn instead_of_directory(above: BorrowedFd<'_>, segment: &[u8]) -> Obstacle {
    let kind = statat(above, segment, AtFlags::SYMLINK_NOFOLLOW)
        .map(|it| FileType::from_raw_mode(it.st_mode));
    match kind {
        Ok(FileType::Symlink) => Obstacle::Odd(Cause::Symlink),
        // It has just become one.
        Ok(FileType::Directory) => Obstacle::Unsettled,
        Ok(_) => Obstacle::Gone,
        Err(errno) => errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use rustix::fs::mknodat;

    use super::*;

    /// As if it had been a regular file when it was asked by name.
    #[test]
    fn what_was_swapped_in_is_neither_followed_nor_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("real"), "x").unwrap();
        symlink("real", directory.path().join("link")).unwrap();
        let parent = fs::File::open(directory.path()).unwrap();
        mknodat(&parent, "fifo", FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(file(parent.as_fd(), b"link").unwrap_err(), Obstacle::Unsettled);
        assert!(file(parent.as_fd(), b"fifo").is_ok(), "nobody writes to it, and it does not wait");
    }

    #[test]
    fn a_path_splits_at_its_last_slash() {
        assert_eq!(split(b"a.py"), (&b""[..], &b"a.py"[..]));
        assert_eq!(split(b"a/b/c.py"), (&b"a/b"[..], &b"c.py"[..]));
    }
}
