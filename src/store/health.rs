//! A state directory looked at from outside, by somebody who does not open it: reads names and sizes, takes no lock and
//! changes nothing. Whether the log is whole is a matter for `verify`.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    checkpoint::{self, Found},
    place::{FLOOR, RESERVE, free},
    segment,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub uid: u32,
    /// The permission bits of the directory.
    pub mode: u32,
    /// What may still be written, by those who are not root.
    pub free_bytes: u64,
    /// With less than this free nothing is recorded.
    pub floor_bytes: u64,
    /// What is set aside for a start on a full disk, and what should be.
    pub reserve_bytes: (u64, u64),
    /// The first part of the log that ought to be there and is not.
    pub missing_segment: Option<PathBuf>,
    /// Why the last checkpoint cannot be used, where there ought to be one.
    pub lost_checkpoint: Option<&'static str>,
    /// The process that holds the directory's lock, as far as the kernel tells.
    pub held_by: Option<u32>,
}

/// An error says that the directory is not there or may not be read.
pub fn health(dir: &Path, proc: &Path) -> io::Result<Health> {
    let stat = fs::metadata(dir)?;
    let log = dir.join("log");
    let segments = segments(&log)?;
    let last = segments.last().copied().unwrap_or_default();
    let missing = (1..last).find(|it| !segments.contains(it));
    let no_checkpoint = match checkpoint::read(dir).map_err(io::Error::other)? {
        Found::Lost(why) if last > 0 => Some(why),
        Found::Lost(_) | Found::Whole(_) => None,
    };
    let reserve = fs::metadata(dir.join("reserve")).map_or(0, |it| it.len());
    Ok(Health {
        uid: stat.uid(),
        mode: stat.mode() & 0o7777,
        free_bytes: fs::File::open(dir).and_then(|it| free(&it))?,
        floor_bytes: FLOOR + RESERVE.saturating_sub(reserve),
        reserve_bytes: (reserve, RESERVE),
        missing_segment: missing.map(|it| segment::path(&log, it)),
        lost_checkpoint: no_checkpoint,
        held_by: holder(&dir.join("lock"), proc),
    })
}

fn segments(log: &Path) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(log)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "log") {
            found.extend(path.file_stem().and_then(|it| it.to_str()?.parse::<u32>().ok()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// From the kernel's list of locks: `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`.
fn holder(lock: &Path, proc: &Path) -> Option<u32> {
    let inode = fs::metadata(lock).ok()?.ino().to_string();
    let locks = fs::read_to_string(proc.join("locks")).ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, place, ..] = words.as_slice() else { return None };
        (place.rsplit(':').next()? == inode).then(|| pid.parse().ok())?
    })
}
