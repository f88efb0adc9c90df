//! The stage's own folders: `.knowngood/stage` for what is prepared and `.knowngood/displaced` for what came out, in the
//! root, or on a mount below it beside the tool. Opened component by component like everything below a root; a
//! folder that others may write to is not used.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::{
    fs::{
        AtFlags, Dir, Mode, OFlags, RenameFlags, StatxFlags, fstat, mkdirat, openat, renameat_with,
        statx, unlinkat,
    },
    io::{Errno, write},
};

use super::super::{obstacle::Obstacle, open};
use crate::{ports::Ability, roots::STATE_FOLDER};

const STAGE: &[u8] = b"stage";
const DISPLACED: &[u8] = b"displaced";
/// Where else there are such folders: one line a directory.
const PLACES: &[u8] = b"places";
const OTHERS_MAY_WRITE: u32 = 0o022;

pub(super) const NEW: OFlags = OFlags::CREATE
    .union(OFlags::EXCL)
    .union(OFlags::WRONLY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

pub(super) struct Folder {
    pub(super) stage: OwnedFd,
    pub(super) displaced: OwnedFd,
}

impl Folder {
    /// In the directory at `place` below the root (empty: the root itself).
    pub(super) fn open(base: BorrowedFd<'_>, place: &[u8]) -> Result<Self, Obstacle> {
        let own = open::directory(base, &own(place))?;
        let stage = open::listing(own.as_fd(), STAGE)?;
        let displaced = open::listing(own.as_fd(), DISPLACED)?;
        Ok(Self { stage, displaced })
    }

    /// As [`Folder::open`], made if it is not there.
    pub(super) fn make(base: BorrowedFd<'_>, place: &[u8]) -> Result<Self, String> {
        let shown = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        let doing = |errno: Errno| format!("making {}: {errno}", shown(&own(place)));
        let above = if place.is_empty() {
            open::listing(base, place)
        } else {
            open::directory(base, place)
        };
        let above = above.map_err(|it| format!("opening {}: {it:?}", shown(place)))?;
        let is_new = made(above.as_fd(), STATE_FOLDER.as_bytes()).map_err(doing)?;
        let own = open::directory(above.as_fd(), STATE_FOLDER.as_bytes())
            .map_err(|it| format!("opening {}: {it:?}", shown(&own(place))))?;
        if is_new {
            ignore_itself(own.as_fd());
        }
        for name in [STAGE, DISPLACED] {
            made(own.as_fd(), name).map_err(doing)?;
        }
        let folder = Self::open(base, place)
            .map_err(|it| format!("opening {}: {it:?}", shown(&self::own(place))))?;
        folder.is_private()?;
        Ok(folder)
    }

    /// What others could write to could be swapped between its verification and its switch.
    fn is_private(&self) -> Result<(), String> {
        let us = rustix::process::geteuid().as_raw();
        for (directory, name) in [(&self.stage, "stage"), (&self.displaced, "displaced")] {
            let stat = fstat(directory).map_err(|it| format!("asking of {name}: {it}"))?;
            if stat.st_uid != us || stat.st_mode & OTHERS_MAY_WRITE != 0 {
                return Err(format!(
                    "{STATE_FOLDER}/{name} belongs to another user or may be written by others; remove it"
                ));
            }
        }
        Ok(())
    }

    /// Tries it: no other answer can be relied on.
    pub(super) fn ability(&self, name: &str, exchanges: bool) -> Ability {
        if !exchanges {
            return Ability::Replace("it was told to do without".to_owned());
        }
        let names = [format!("{name}.a"), format!("{name}.b")];
        let tried = names
            .iter()
            .try_for_each(|it| openat(&self.stage, it, NEW, Mode::RUSR).map(drop))
            .map_err(|it| Ability::ReadOnly(format!("making a file in its stage: {it}")))
            .and_then(|()| {
                let [a, b] = &names;
                renameat_with(&self.stage, a, &self.stage, b, RenameFlags::EXCHANGE).map_err(|it| {
                    Ability::Replace(format!("its file system does not exchange files: {it}"))
                })
            });
        for it in &names {
            // What cannot be removed now is litter at the next start.
            unlinkat(&self.stage, it, AtFlags::empty()).ok();
        }
        tried.err().unwrap_or(Ability::Exchange)
    }
}

/// Which mount it is on: files change places within one only.
pub(super) fn mount(directory: BorrowedFd<'_>) -> Result<(u32, u32, u64), Errno> {
    let asked = StatxFlags::INO | StatxFlags::MNT_ID;
    let it = statx(directory, c"", AtFlags::EMPTY_PATH, asked)?;
    Ok((it.stx_dev_major, it.stx_dev_minor, it.stx_mnt_id))
}

/// Remembers that there is a folder at `place`, so that a start finds it again.
pub(super) fn note_place(base: BorrowedFd<'_>, place: &str) -> Result<(), String> {
    if places(base).iter().any(|it| it == place) {
        return Ok(());
    }
    let noted = || {
        let own = openat(base, STATE_FOLDER, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty())?;
        let flags = OFlags::CREATE | OFlags::APPEND | OFlags::WRONLY;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&own, PLACES, flags, Mode::RUSR | Mode::WUSR)?;
        write(&file, format!("{place}\n").as_bytes())?;
        rustix::fs::fsync(&file)
    };
    noted().map_err(|it| format!("writing {STATE_FOLDER}/places: {it}"))
}

/// As they were noted: the written form of a path below the root.
pub(super) fn places(base: BorrowedFd<'_>) -> Vec<String> {
    let read = || -> Result<Vec<u8>, Obstacle> {
        let own = open::directory(base, STATE_FOLDER.as_bytes())?;
        let file = std::fs::File::from(open::file(own.as_fd(), PLACES)?);
        let mut bytes = Vec::new();
        let limit = 1 << 20;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, limit), &mut bytes)
            .map_err(|_| Obstacle::Unsettled)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

/// The names in one of our folders.
pub(super) fn names(directory: BorrowedFd<'_>) -> Vec<String> {
    let Ok(entries) = Dir::read_from(directory) else { return Vec::new() };
    let names = entries.filter_map(Result::ok);
    let names = names.filter_map(|it| it.file_name().to_str().ok().map(str::to_owned));
    names.filter(|it| it != "." && it != "..").collect()
}

fn own(place: &[u8]) -> Vec<u8> {
    let mut path = place.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(STATE_FOLDER.as_bytes());
    path
}

/// Whether it had to be made.
fn made(above: BorrowedFd<'_>, name: &[u8]) -> Result<bool, Errno> {
    match mkdirat(above, name, Mode::RWXU) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// For git. Without it the folder is seen there, and nothing else comes of it.
fn ignore_itself(own: BorrowedFd<'_>) {
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    if let Ok(file) = openat(own, ".gitignore", NEW, mode) {
        write(&file, b"*\n").ok();
    }
}
