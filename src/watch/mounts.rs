//! Whether something was mounted or unmounted at or below a root, which no event tells. Reads the
//! mount table only when the kernel says that it changed.

use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

const TABLE: &str = "/proc/self/mountinfo";

#[derive(Debug)]
pub(super) struct Mounts {
    /// Kept open, because a change is told to who has it open.
    table: Option<File>,
}

/// A mount's number and where it is.
pub(super) type Mount = (u64, PathBuf);

impl Mounts {
    pub(super) fn new() -> Self {
        Self { table: File::open(TABLE).ok() }
    }

    /// Whether the mount table changed since the last call. Without a table: never.
    pub(super) fn changed(&self) -> bool {
        let Some(table) = &self.table else { return false };
        let mut asked = [PollFd::new(table, PollFlags::PRI)];
        let at_once = Timespec::try_from(Duration::ZERO).ok();
        poll(&mut asked, at_once.as_ref()).is_ok()
            && asked.iter().any(|it| it.revents().intersects(PollFlags::PRI | PollFlags::ERR))
    }
}

/// What is mounted at or below `root`.
pub(super) fn at_or_below(root: &Path) -> Vec<Mount> {
    let table = fs::read(TABLE).unwrap_or_default();
    table.split(|it| *it == b'\n').filter_map(parse).filter(|it| it.1.starts_with(root)).collect()
}

/// `36 35 98:0 /mnt1 /mnt/point rw,noatime …`: the first field and the fifth.
fn parse(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|it| *it == b' ');
    let number = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some((number, PathBuf::from(OsString::from_vec(unescape(fields.nth(3)?)))))
}

/// Blanks and the like stand as three octal digits after a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        out.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { rest.get(4..).unwrap_or_default() } else { tail };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table() {
        let line = br"36 35 98:0 /mnt1 /with\040blank\134s rw,noatime - ext3 /dev/root rw";
        assert_eq!(parse(line), Some((36, PathBuf::from(r"/with blank\s"))));
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn the_root_of_all_is_mounted() {
        assert!(at_or_below(Path::new("/")).iter().any(|it| it.1 == Path::new("/")));
        assert!(at_or_below(Path::new("/no/such/place")).is_empty());
    }
}
