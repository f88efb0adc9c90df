//! Where files cannot change places: a second link to the live file is kept, then the new one is renamed over it. What
//! is saved by rename between the two is lost to it, and nothing can tell; everything else is as with an exchange.
//! After a crash [`mend`] brings the names into a state that an exchange could have left.

use std::os::fd::BorrowedFd;

use rustix::{
    fs::{AtFlags, Stat, linkat, renameat, statat, unlinkat},
    io::Errno,
};

use super::name::LINK;

/// How often the live file may be another one when it is asked again.
const TRIES: usize = 20;

/// A directory and a name in it.
#[derive(Clone, Copy)]
pub(super) struct At<'a>(pub(super) BorrowedFd<'a>, pub(super) &'a [u8]);

pub(super) fn exchange(live: At<'_>, staged: At<'_>) -> Result<(), Errno> {
    stat(staged)?;
    let kept = link_name(staged.1);
    let kept = At(staged.0, &kept);
    keep_linked(live, kept)?;
    if let Err(errno) = renameat(staged.0, staged.1, live.0, live.1) {
        unlinkat(kept.0, kept.1, AtFlags::empty())?;
        return Err(errno);
    }
    renameat(kept.0, kept.1, staged.0, staged.1)
}

/// As a rename that replaces nothing.
pub(super) fn shift(from: At<'_>, to: At<'_>) -> Result<(), Errno> {
    for _ in 0..TRIES {
        linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
        if is_same(from, to) {
            return unlinkat(from.0, from.1, AtFlags::empty());
        }
        unlinkat(to.0, to.1, AtFlags::empty())?;
    }
    Err(Errno::BUSY)
}

/// After a crash: which of the names were to go is known from which are there.
pub(super) fn mend(live: Option<At<'_>>, staged: At<'_>) -> Result<(), Errno> {
    let kept = link_name(staged.1);
    let kept = At(staged.0, &kept);
    if stat(kept).is_ok() {
        if stat(staged).is_ok() {
            unlinkat(kept.0, kept.1, AtFlags::empty())?;
        } else {
            renameat(kept.0, kept.1, staged.0, staged.1)?;
        }
    }
    // Both names lead to one file: the second link was made, the first was not removed.
    if live.is_some_and(|it| is_same(it, staged)) {
        unlinkat(staged.0, staged.1, AtFlags::empty())?;
    }
    Ok(())
}

fn keep_linked(live: At<'_>, kept: At<'_>) -> Result<(), Errno> {
    for _ in 0..TRIES {
        linkat(live.0, live.1, kept.0, kept.1, AtFlags::empty())?;
        if is_same(live, kept) {
            return Ok(());
        }
        unlinkat(kept.0, kept.1, AtFlags::empty())?;
    }
    Err(Errno::BUSY)
}

fn link_name(staged: &[u8]) -> Vec<u8> {
    [staged, LINK.as_bytes()].concat()
}

fn is_same(one: At<'_>, other: At<'_>) -> bool {
    let id = |it: Stat| (it.st_dev, it.st_ino);
    matches!((stat(one), stat(other)), (Ok(one), Ok(other)) if id(one) == id(other))
}

fn stat(at: At<'_>) -> Result<Stat, Errno> {
    statat(at.0, at.1, AtFlags::SYMLINK_NOFOLLOW)
}
