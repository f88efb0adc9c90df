//! Reads one file so that what comes out is a content that stood: regular, within the limit, nobody writing before
//! or after, and nothing moved meanwhile. Anything else is told, never guessed; whoever asks decides when to ask again.

use std::os::fd::{AsFd as _, BorrowedFd};

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

impl Reader {
    pub(super) fn read(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        limit: u64,
    ) -> Result<Still, Obstacle> {
        let asked_at = stat::stamping_clock();
        let file = open::file(parent, name)?;
        let before = fstat(&file)?;
        stat::readable(&before, limit)?;
        let leased = nobody_writes(file.as_fd())?;
        let digest = self.take_in(file.as_fd(), stat::size(&before))?;
        let key = stat::key(&before);
        let by_name = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat::key(&fstat(&file)?) != key || stat::key(&by_name) != key {
            return Err(Obstacle::Unsettled);
        }
        nobody_writes(file.as_fd())?;
        let trusted = !self.grains.is_racy(&file, &key, asked_at);
        Ok(Still { stat: before, digest, trusted, leased })
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

fn nobody_writes(file: BorrowedFd<'_>) -> Result<bool, Obstacle> {
    match lease::writers(file) {
        Writers::None => Ok(true),
        Writers::Unknown => Ok(false),
        Writers::Some => Err(Obstacle::Unsettled),
    }
}
