//! Reads one file so that what comes out is a content that stood: regular, within the limit, nobody writing before
//! or after, and nothing moved meanwhile. Anything else is told, never guessed; whoever asks decides when to ask again.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::{
    buffer::spare_capacity,
    fs::{AtFlags, Stat, fstat, statat},
    io::read,
};
use sha2::{Digest as _, Sha256};

use super::{
    lease::{self, Writers},
    obstacle::Obstacle,
    open,
    stat::{self, Grains},
};
use crate::model::{Cause, Digest};

/// One worker's means of reading, used from file to file.
#[derive(Default)]
pub(super) struct Reader {
    /// The content that was read last.
    pub(super) bytes: Vec<u8>,
    grains: Grains,
}

/// A file that stood still while it was read.
pub(super) struct Still {
    pub(super) stat: Stat,
    pub(super) digest: Digest,
    /// Its stat says the same as its bytes: an equal stat later means an equal content.
    pub(super) trusted: bool,
    /// Whether the kernel could tell that nobody was writing.
    pub(super) leased: bool,
}

/// A regular file within the limit that nobody was writing when it was opened.
struct Opened<'a> {
    parent: BorrowedFd<'a>,
    name: &'a [u8],
    file: OwnedFd,
    stat: Stat,
    asked_at: i64,
    leased: bool,
}

impl Reader {
    pub(super) fn read(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        limit: u64,
    ) -> Result<Still, Obstacle> {
        let opened = Opened::new(parent, name, limit)?;
        let digest = self.take_in(opened.file.as_fd(), stat::size(&opened.stat))?;
        opened.stood()?;
        let key = stat::key(&opened.stat);
        let trusted = !self.grains.is_racy(&opened.file, &key, opened.asked_at);
        Ok(Still { stat: opened.stat, digest, trusted, leased: opened.leased })
    }

    /// As [`Reader::read`], of a file that somebody may have open for writing: it did not move meanwhile, no more.
    pub(super) fn read_held(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        limit: u64,
    ) -> Result<Still, Obstacle> {
        let file = open::file(parent, name)?;
        let stat = fstat(&file)?;
        stat::readable(&stat, limit)?;
        let digest = self.take_in(file.as_fd(), stat::size(&stat))?;
        if stat::key(&fstat(&file)?) != stat::key(&stat) {
            return Err(Obstacle::Unsettled);
        }
        Ok(Still { stat, digest, trusted: false, leased: false })
    }

    /// One byte more than expected is asked for, so that a file that grew shows.
    fn take_in(&mut self, file: BorrowedFd<'_>, size: u64) -> Result<Digest, Obstacle> {
        let too_large = Obstacle::Odd(Cause::TooLarge);
        let size = usize::try_from(size).map_err(|_| too_large)?;
        self.bytes.clear();
        self.bytes.try_reserve(size.saturating_add(1)).map_err(|_| too_large)?;
        let mut hash = Sha256::new();
        loop {
            let from = self.bytes.len();
            let got = read(file, spare_capacity(&mut self.bytes))?;
            hash.update(self.bytes.get(from..).unwrap_or_default());
            if got == 0 || self.bytes.len() >= size {
                break;
            }
        }
        if self.bytes.len() == size {
            Ok(Digest(hash.finalize().into()))
        } else {
            Err(Obstacle::Unsettled)
        }
    }
}

impl<'a> Opened<'a> {
    fn new(parent: BorrowedFd<'a>, name: &'a [u8], limit: u64) -> Result<Self, Obstacle> {
        let asked_at = stat::stamping_clock();
        let file = open::file(parent, name)?;
        let stat = fstat(&file)?;
        stat::readable(&stat, limit)?;
        let leased = nobody_writes(file.as_fd())?;
        Ok(Self { parent, name, file, stat, asked_at, leased })
    }

    /// Whether it is still as it was opened, under its name, and nobody has begun to write.
    fn stood(&self) -> Result<(), Obstacle> {
        let key = stat::key(&self.stat);
        let named = statat(self.parent, self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat::key(&fstat(&self.file)?) != key || stat::key(&named) != key {
            return Err(Obstacle::Unsettled);
        }
        nobody_writes(self.file.as_fd()).map(drop)
    }
}

fn nobody_writes(file: BorrowedFd<'_>) -> Result<bool, Obstacle> {
    match lease::writers(file) {
        Writers::None => Ok(true),
        Writers::Unknown => Ok(false),
        Writers::Some => Err(Obstacle::Unsettled),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::Path};

    use super::*;

    /// What becomes of a file to which something happens after it was read.
    fn after(happens: impl FnOnce(&Path)) -> Result<(), Obstacle> {
        crate::disk::ignore_lease_signals().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.py");
        fs::write(&path, "one").unwrap();
        let parent = fs::File::open(directory.path()).unwrap();
        let opened = Opened::new(parent.as_fd(), b"a.py", 100)?;
        Reader::default().take_in(opened.file.as_fd(), 3)?;
        happens(&path);
        opened.stood()
    }

    #[test]
    fn what_changes_after_the_read_did_not_stand() {
        assert_eq!(after(|_| ()), Ok(()));
        assert_eq!(after(|it| fs::write(it, "more").unwrap()), Err(Obstacle::Unsettled));
        assert_eq!(after(|it| fs::remove_file(it).unwrap()), Err(Obstacle::Gone));
        let replace = |it: &Path| {
            let other = it.with_extension("new");
            fs::write(&other, "one").unwrap();
            fs::rename(other, it).unwrap();
        };
        assert_eq!(after(replace), Err(Obstacle::Unsettled));
        let mut writer = None;
        let begin = |it: &Path| writer = Some(fs::File::options().append(true).open(it).unwrap());
        assert_eq!(after(begin), Err(Obstacle::Unsettled));
        writer.unwrap().flush().unwrap();
    }

    #[test]
    fn neither_more_nor_less_than_the_size_is_a_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789").unwrap();
        for (size, whole) in [(9, false), (10, true), (11, false), (0, false)] {
            let opened = fs::File::open(file.path()).unwrap();
            let taken = Reader::default().take_in(opened.as_fd(), size);
            assert_eq!(taken.is_ok(), whole, "{size}");
            assert!(whole || taken == Err(Obstacle::Unsettled));
        }
    }
}
