//! The directories whose entries changed, each synced once for all that was switched.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{Mode, fstat, fsync, openat, syncfs},
    io::Errno,
};

use super::super::open;

#[derive(Default)]
pub(super) struct Syncs(Vec<Entry>);

struct Entry {
    id: (u64, u64),
    directory: OwnedFd,
    /// It may be entered, but not read: then its whole file system is synced by a directory that may.
    instead: Option<OwnedFd>,
}

impl Syncs {
    /// `near`: a directory on the same file system that we may read.
    pub(super) fn add(
        &mut self,
        directory: BorrowedFd<'_>,
        near: BorrowedFd<'_>,
    ) -> Result<(), Errno> {
        let stat = fstat(directory)?;
        let id = (stat.st_dev, stat.st_ino);
        if self.0.iter().any(|it| it.id == id) {
            return Ok(());
        }
        let entry = match openat(directory, c".", open::LISTING, Mode::empty()) {
            Ok(directory) => Entry { id, directory, instead: None },
            // Removed meanwhile: there is nothing of it to be kept.
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ACCESS) => {
                let [directory, instead] = [near.try_clone_to_owned(), near.try_clone_to_owned()]
                    .map(|it| it.map_err(|_| Errno::MFILE));
                Entry { id, directory: directory?, instead: Some(instead?) }
            }
            Err(errno) => return Err(errno),
        };
        self.0.push(entry);
        Ok(())
    }

    /// No second try: the kernel tells of a failed sync once.
    pub(super) fn run(self) -> Result<(), Errno> {
        for Entry { directory, instead, .. } in self.0 {
            let synced = match instead {
                Some(near) => syncfs(near),
                None => fsync(&directory),
            };
            match synced {
                // A file system that syncs no directory alone.
                Err(Errno::INVAL) => syncfs(directory.as_fd())?,
                other => other?,
            }
        }
        Ok(())
    }
}
