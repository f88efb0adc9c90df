//! The state directory: made with mode 0700, locked while it is open, its entries made durable. Keeps a
//! reserve of disk space, to be given up when the disk is full and the index must be opened all the same.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock, fstatvfs};
use rustix::io::Errno;

use crate::ports::StoreError;

/// One that was killed holds on while the kernel takes it apart; so does a fork of it that has yet to exec.
const PATIENCE: Duration = Duration::from_millis(300);
/// Enough for sled to write its snapshot and a few of its segments.
pub(super) const RESERVE: u64 = 8 << 20;
/// Less than this free, beside the reserve, and nothing is appended: the index needs room, too.
pub(super) const FLOOR: u64 = 4 << 20;

pub(super) struct Place {
    dir: PathBuf,
    /// Released when this is dropped.
    _lock: File,
}

/// Names the path in an error; a full disk (or quota) is an error of its own.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| {
        let path = path.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            StoreError::Full { path, free: None, needed: FLOOR + RESERVE }
        } else {
            StoreError::Io { doing, path, source }
        }
    }
}

impl Place {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        directory(dir)?;
        let path = dir.join("lock");
        let lock = file(&path)?;
        let deadline = Instant::now() + PATIENCE;
        while let Err(why) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if why != Errno::WOULDBLOCK {
                return Err(failed("lock", &path)(why.into()));
            }
            if Instant::now() > deadline {
                return Err(StoreError::Locked { path: dir.to_owned() });
            }
            sleep(Duration::from_millis(5));
        }
        directory(&dir.join("log"))?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn is_cramped(&self) -> bool {
        self.free_bytes().is_some_and(|it| it < FLOOR)
    }

    /// Said where [`Self::is_cramped`].
    pub(super) fn full(&self) -> StoreError {
        let (path, free) = (self.dir.clone(), self.free_bytes());
        StoreError::Full { path, free, needed: self.floor() }
    }

    pub(super) fn free_bytes(&self) -> Option<u64> {
        File::open(&self.dir).and_then(|it| free(&it)).ok()
    }

    /// Whether there was a reserve to give up.
    pub(super) fn release_reserve(&self) -> Result<bool, StoreError> {
        let path = self.dir.join("reserve");
        let Ok(reserve) = OpenOptions::new().write(true).open(&path) else { return Ok(false) };
        let held = reserve.metadata().is_ok_and(|it| it.len() > 0);
        reserve.set_len(0).map_err(failed("release", &path))?;
        Ok(held)
    }

    /// What must stay free on the disk: more, if there is no reserve.
    pub(super) fn floor(&self) -> u64 {
        let held = fs::metadata(self.dir.join("reserve")).map_or(0, |it| it.len());
        FLOOR + RESERVE.saturating_sub(held)
    }

    /// Sets the reserve aside where there is plenty of room. A comfort: failing is no error.
    pub(super) fn keep_reserve(&self) {
        let kept = file(&self.dir.join("reserve")).and_then(|it| {
            let path = &self.dir;
            let length = it.metadata().map_err(failed("stat", path))?.len();
            if length < RESERVE && free(&it).map_err(failed("stat", path))? > 4 * RESERVE {
                fallocate(&it, FallocateFlags::empty(), 0, RESERVE)
                    .map_err(|it| failed("reserve", path)(it.into()))?;
            }
            Ok(())
        });
        if let Err(why) = kept {
            tracing::debug!(%why, "no reserve of disk space is kept");
        }
    }
}

/// Bytes that may still be written to the file system with this file.
pub(super) fn free(file: &File) -> io::Result<u64> {
    let it = fstatvfs(file)?;
    Ok(it.f_bavail.saturating_mul(it.f_frsize))
}

/// Opens for reading and writing, made with mode 0600 if it is not there.
pub(super) fn file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(failed("open", path))
}

/// Makes the directory with all above it; each is durable in the one above.
pub(super) fn directory(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        directory(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(it) if it.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed("make the directory", path)(it));
        }
        _ => (),
    }
    sync_directory(path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|it| it.sync_all()).map_err(failed("sync the directory", path))
}

/// Replaces a small file as a whole, durably.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    use io::Write as _;
    let beside = path.with_extension("new");
    let fail = failed("write", &beside);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut new = options.open(&beside).map_err(&fail)?;
    new.write_all(bytes).and_then(|()| new.sync_all()).map_err(&fail)?;
    fs::rename(&beside, path).map_err(failed("replace", path))?;
    path.parent().map_or(Ok(()), sync_directory)
}
