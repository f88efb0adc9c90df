//! What a staged file takes over from the live one: owner, group, mode, ACL, labels, and an mtime after its own. Never
//! a bit or a capability by which somebody would run it as another user.

use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::{
    buffer::spare_capacity,
    fs::{
        Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, fchmod, fchown,
        fgetxattr, flistxattr, fremovexattr, fsetxattr, fstat, futimens,
    },
    io::Errno,
    time::{ClockId, clock_gettime},
};

use crate::model::Timestamp;

const PERMISSIONS: u32 = 0o777;
const ACL: &str = "system.posix_acl_access";
const LABELS: [&str; 2] = ["security.selinux", "security.SMACK64"];
const USER: &str = "user.";
/// The kernel's own limits for a list of names and for a value.
const LIST: usize = 65_536;
const MICROS: i64 = 1_000_000;

/// What could not be taken over, and why.
pub(super) struct Lost {
    pub(super) what: &'static str,
    pub(super) why: String,
}

/// Before the mode: a change of owner takes bits away, and an ACL has the group's. What users note on a file comes
/// first of all: it takes the right to write to it, which may go with the owner.
pub(super) fn take_over(
    live: BorrowedFd<'_>,
    stat: &Stat,
    staged: BorrowedFd<'_>,
) -> Result<(), Lost> {
    let ours = fstat(staged).map_err(|it| lost("owner", it))?;
    let names = names(live).map_err(|it| lost("extended attributes", it))?;
    let (noted, others): (Vec<_>, Vec<_>) = names.iter().partition(|it| it.starts_with(USER));
    copy_all(live, staged, &noted)?;
    if ours.st_uid != stat.st_uid {
        fchown(staged, Some(Uid::from_raw(stat.st_uid)), None).map_err(|it| lost("owner", it))?;
    }
    if ours.st_gid != stat.st_gid {
        fchown(staged, None, Some(Gid::from_raw(stat.st_gid))).map_err(|it| lost("group", it))?;
    }
    if !others.iter().any(|it| *it == ACL) {
        remove_inherited(staged)?;
    }
    copy_all(live, staged, &others)
}

/// Whatever our own mask says.
pub(super) fn set_mode(staged: BorrowedFd<'_>, mode: u32) -> Result<(), Lost> {
    let wanted = mode & PERMISSIONS;
    fchmod(staged, Mode::from_raw_mode(wanted)).map_err(|it| lost("mode", it))?;
    let got = fstat(staged).map_err(|it| lost("mode", it))?.st_mode & !0o170_000;
    if got == wanted {
        return Ok(());
    }
    Err(Lost { what: "mode", why: format!("{wanted:o} became {got:o}") })
}

/// Executable by whoever may read it, or by nobody.
pub(super) fn with_bit(mode: u32, executable: bool) -> u32 {
    if executable { mode | (mode & 0o444) >> 2 | 0o100 } else { mode & !0o111 }
}

/// A cache that knows a file by its size and the second of its mtime never takes the new one for an old one: not for the
/// live one, and not for one that stood there before (`after`).
pub(super) fn mtime_after(live: Option<&Stat>, after: Option<Timestamp>) -> Timespec {
    let now = clock_gettime(ClockId::Realtime);
    let former = [live.map(|it| it.st_mtime), after.map(|it| it.0.div_euclid(MICROS))];
    let Some(last) = former.into_iter().flatten().max() else { return now };
    let next = Timespec { tv_sec: last.saturating_add(1), tv_nsec: 0 };
    if (next.tv_sec, next.tv_nsec) > (now.tv_sec, now.tv_nsec) { next } else { now }
}

/// As times are told.
pub(super) fn told(at: Timespec) -> Timestamp {
    Timestamp(at.tv_sec.saturating_mul(MICROS).saturating_add(at.tv_nsec / 1000))
}

/// In the step in which times are told: then nobody sees another one than was said.
pub(super) fn set_mtime(staged: BorrowedFd<'_>, at: Timespec) -> Result<(), Errno> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: at.tv_sec, tv_nsec: at.tv_nsec / 1000 * 1000 },
    };
    futimens(staged, &times)
}

/// What its loss would be called; `None`: it is not taken over (capabilities, signatures of the old content).
fn kept(name: &str) -> Option<&'static str> {
    if name == ACL {
        Some("ACL")
    } else if LABELS.iter().any(|it| name.starts_with(it)) {
        Some("security label")
    } else if name.starts_with(USER) {
        Some("extended attributes")
    } else {
        None
    }
}

fn copy_all(live: BorrowedFd<'_>, staged: BorrowedFd<'_>, names: &[&String]) -> Result<(), Lost> {
    names
        .iter()
        .filter_map(|it| Some((it, kept(it)?)))
        .try_for_each(|(name, what)| copy(live, staged, name).map_err(|it| lost(what, it)))
}

fn copy(live: BorrowedFd<'_>, staged: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let mut value = Vec::with_capacity(LIST);
    fgetxattr(live, name, spare_capacity(&mut value))?;
    let mut same = Vec::with_capacity(LIST);
    // A label that it has already may be one that we could not give.
    if fgetxattr(staged, name, spare_capacity(&mut same)).is_ok() && same == value {
        return Ok(());
    }
    fsetxattr(staged, name, &value, XattrFlags::empty())
}

/// The stage's folder may hand down an ACL that the live file has not.
fn remove_inherited(staged: BorrowedFd<'_>) -> Result<(), Lost> {
    match fremovexattr(staged, ACL) {
        Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(lost("ACL", errno)),
    }
}

fn names(file: BorrowedFd<'_>) -> Result<Vec<String>, Errno> {
    let mut list = Vec::with_capacity(LIST);
    match flistxattr(file.as_fd(), spare_capacity(&mut list)) {
        Ok(_) => (),
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    }
    let names = list.split(|it| *it == 0).filter(|it| !it.is_empty());
    Ok(names.map(|it| String::from_utf8_lossy(it).into_owned()).collect())
}

fn lost(what: &'static str, errno: Errno) -> Lost {
    Lost { what, why: errno.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_may_run_it() {
        for (mode, on, off) in [
            (0o644, 0o755, 0o644),
            (0o600, 0o700, 0o600),
            (0o750, 0o750, 0o640),
            (0o200, 0o300, 0o200),
        ] {
            assert_eq!((with_bit(mode, true), with_bit(mode, false)), (on, off), "{mode:o}");
        }
    }

    #[test]
    fn the_new_file_is_never_of_the_same_second() {
        let file = tempfile::tempfile().unwrap();
        let now = clock_gettime(ClockId::Realtime).tv_sec;
        for ago in [-1000, -1, 0, 1, 1000] {
            let at = Timespec { tv_sec: now - ago, tv_nsec: 999_999_999 };
            futimens(&file, &Timestamps { last_access: at, last_modification: at }).unwrap();
            let live = fstat(&file).unwrap();
            let next = mtime_after(Some(&live), None);
            assert!(next.tv_sec > now - ago && next.tv_sec >= now, "{ago}");
            let next = mtime_after(Some(&live), Some(Timestamp((now + 5) * MICROS + 1)));
            assert_eq!((next.tv_sec, next.tv_nsec), ((now + 6).max(now - ago + 1), 0), "{ago}");
        }
    }
}
