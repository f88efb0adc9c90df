//! What a stat tells: the kind of thing, the key by which a file is the same, and how far that key can be trusted.

use std::os::fd::AsFd;

use rustix::{
    fs::{FileType, Stat, fstatfs},
    time::{ClockId, clock_gettime},
};

use super::obstacle::Obstacle;
use crate::{
    model::{Cause, Timestamp},
    ports::StatKey,
};

pub(super) const EXECUTABLE: u32 = 0o111;

const SECOND: i64 = 1_000_000_000;

/// Two ticks of the slowest usual kernel clock (100 Hz).
const FINE: i64 = 20_000_000;
/// The step of FAT, and room for a server's clock.
const COARSE: i64 = 2 * SECOND;

/// Local file systems that stamp with the kernel's clock: ext, xfs, btrfs, tmpfs, ramfs, overlayfs, f2fs, zfs, bcachefs.
const KERNEL_STAMPED: &[u64] = &[
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0x0102_1994,
    0x8584_58F6,
    0x794C_7630,
    0xF2F5_2010,
    0x2FC1_2FC1,
    0xCA45_1A4E,
];

/// A regular file within the limit; anything else is named.
pub(super) fn readable(stat: &Stat, limit: u64) -> Result<(), Obstacle> {
    let cause = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if size(stat) <= limit => return Ok(()),
        FileType::RegularFile => Cause::TooLarge,
        FileType::Symlink => Cause::Symlink,
        FileType::Directory => Cause::Directory,
        FileType::Fifo => Cause::Fifo,
        FileType::Socket => Cause::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => Cause::Device,
        FileType::Unknown => Cause::Io,
    };
    Err(Obstacle::Odd(cause))
}

pub(super) fn is_executable(stat: &Stat) -> bool {
    stat.st_mode & EXECUTABLE != 0
}

pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

pub(super) fn links(stat: &Stat) -> u64 {
    stat.st_nlink
}

pub(super) fn mtime(stat: &Stat) -> Timestamp {
    let part = i64::try_from(stat.st_mtime_nsec).unwrap_or_default() / 1000;
    Timestamp(stat.st_mtime.saturating_mul(1_000_000).saturating_add(part))
}

pub(super) fn key(stat: &Stat) -> StatKey {
    StatKey {
        dev: stat.st_dev,
        ino: stat.st_ino,
        size: size(stat),
        mode: stat.st_mode,
        mtime_ns: nanos(stat.st_mtime, stat.st_mtime_nsec),
        ctime_ns: nanos(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// Enough for the years 1677 to 2262; what lies beyond stands at the end, where it is told apart by the rest of the key.
fn nanos(seconds: i64, nanos: impl TryInto<i64>) -> i64 {
    seconds.saturating_mul(SECOND).saturating_add(nanos.try_into().unwrap_or_default())
}

/// The clock that file systems stamp with.
pub(super) fn stamping_clock() -> i64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    nanos(now.tv_sec, now.tv_nsec)
}

/// How fine the stamps of each device are, asked once per device.
#[derive(Default)]
pub(super) struct Grains(Vec<(u64, bool)>);

impl Grains {
    /// Whether a change after `asked_at` (before the file was opened) might leave this key as it is: then the file
    /// must be read again next time. Any change moves ctime, except on file systems that we know nothing about.
    pub(super) fn is_racy(&mut self, opened: impl AsFd, key: &StatKey, asked_at: i64) -> bool {
        let fine = self.is_fine(opened, key.dev);
        let newest = if fine { key.ctime_ns } else { key.ctime_ns.max(key.mtime_ns) };
        // Whole seconds: an inode without room for more, as on ext3.
        let step = if fine && key.ctime_ns % SECOND != 0 { FINE } else { COARSE };
        newest >= asked_at - step
    }

    fn is_fine(&mut self, opened: impl AsFd, device: u64) -> bool {
        if let Some((_, fine)) = self.0.iter().find(|it| it.0 == device) {
            return *fine;
        }
        let fine = fstatfs(opened)
            .ok()
            .and_then(|it| u64::try_from(it.f_type).ok())
            .is_some_and(|it| KERNEL_STAMPED.contains(&it));
        self.0.push((device, fine));
        fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_from_within_the_clocks_step_is_not_trusted() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut grains = Grains(vec![(1, true), (2, false)]);
        let now = 1_000 * SECOND;
        let mut racy = |dev, ctime_ns, mtime_ns| {
            let key = StatKey { dev, ino: 1, size: 1, mode: 0, mtime_ns, ctime_ns };
            grains.is_racy(&file, &key, now)
        };
        assert!(racy(1, now, 0) && racy(1, now + SECOND, 0) && racy(1, now - FINE + 1, 0));
        assert!(!racy(1, now - FINE - 1, 0));
        assert!(!racy(1, now - FINE - 1, now + SECOND), "ctime alone, where it is the kernel's");
        assert!(racy(1, now - SECOND, 0), "whole seconds are coarse");
        assert!(racy(2, now - SECOND - 1, 0) && racy(2, 1, now) && !racy(2, now - COARSE - 1, 1));
    }
}
