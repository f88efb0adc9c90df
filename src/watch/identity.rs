//! Which directory stands at a path: by device, inode and birth, so that one made anew under a
//! reused inode number is another one. Never follows a link in the last place.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    dev: u64,
    ino: u64,
    /// `None` where the file system does not know.
    born: Option<SystemTime>,
    /// Who may list and enter it: a change here may open what was closed.
    access: (u32, u32, u32),
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Directory(Identity),
    /// A file, a link, anything else.
    Other,
    Nothing,
}

impl Identity {
    pub(super) fn is_same_directory(&self, other: &Self) -> bool {
        (self.dev, self.ino, self.born) == (other.dev, other.ino, other.born)
    }

    pub(super) fn inode(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }

    pub(super) fn dev(&self) -> u64 {
        self.dev
    }
}

impl Standing {
    pub(super) fn at(path: &Path) -> Self {
        match fs::symlink_metadata(path) {
            Ok(it) if it.is_dir() => Self::Directory(Identity {
                dev: it.dev(),
                ino: it.ino(),
                born: it.created().ok(),
                access: (it.mode(), it.uid(), it.gid()),
            }),
            Ok(_) => Self::Other,
            Err(_) => Self::Nothing,
        }
    }

    pub(super) fn directory(self) -> Option<Identity> {
        match self {
            Self::Directory(it) => Some(it),
            Self::Other | Self::Nothing => None,
        }
    }
}
