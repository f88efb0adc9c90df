//! Why a path gives no content. The one place where an error of the kernel gets its meaning: what passes by itself
//! is never taken for a removal, and what stays is told with its cause.

use rustix::io::Errno;

use crate::model::Cause;
use crate::ports::Sight;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Nothing there, or something above it is no directory.
    Gone,
    /// It will pass: somebody writes, the name was just given to another file, or we ran out of descriptors.
    Unsettled,
    /// Something is there whose content cannot be known.
    Odd(Cause),
}

impl From<Errno> for Obstacle {
    fn from(errno: Errno) -> Self {
        match errno {
            // A file system that does not take such a long name cannot hold it.
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Self::Gone,
            // EMFILE and the like are ours, not the file's. ELOOP, ENXIO and EISDIR: it was a regular file a moment ago.
            // EAGAIN: somebody holds a write lease. ESTALE: the server replaced it.
            Errno::MFILE
            | Errno::NFILE
            | Errno::NOMEM
            | Errno::INTR
            | Errno::AGAIN
            | Errno::LOOP
            | Errno::NXIO
            | Errno::ISDIR
            | Errno::TXTBSY
            | Errno::STALE => Self::Unsettled,
            Errno::ACCESS | Errno::PERM => Self::Odd(Cause::Denied),
            _ => Self::Odd(Cause::Io),
        }
    }
}

impl From<Obstacle> for Sight {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Gone => Self::Gone,
            Obstacle::Unsettled => Self::Unsettled,
            Obstacle::Odd(cause) => Self::Unreadable(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_neither_gone_nor_unreadable() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR, Errno::STALE] {
            assert_eq!(Obstacle::from(errno), Obstacle::Unsettled, "{errno}");
        }
        assert_eq!(Obstacle::from(Errno::NOENT), Obstacle::Gone);
        assert_eq!(Obstacle::from(Errno::ACCESS), Obstacle::Odd(Cause::Denied));
        for errno in [Errno::IO, Errno::OVERFLOW, Errno::NOTSUP] {
            assert_eq!(Obstacle::from(errno), Obstacle::Odd(Cause::Io), "{errno}");
        }
    }
}
