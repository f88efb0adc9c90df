//! Asks the kernel whether anybody has a file open for writing, a writable mapping included: a read lease is granted
//! only if nobody has. It is given back at once. Works on our own files, or with `CAP_LEASE`.
//! On overlayfs a mapping whose descriptor is closed goes unseen: it belongs to the file of the layer below.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

/// A `close` that has returned may leave its file counted as open for a moment longer.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_micros(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    None,
    Some,
    /// Not our file, or a file system without leases.
    Unknown,
}

/// Must be called once before any look: opening a file in the microseconds in which we hold its lease sends us SIGIO,
/// which would end the process. A handler, not "ignore": children must not inherit it.
pub fn ignore_lease_signals() -> io::Result<()> {
    signal_hook::flag::register(libc::SIGIO, Arc::new(AtomicBool::new(false))).map(drop)
}

pub(super) fn writers(file: BorrowedFd<'_>) -> Writers {
    for attempt in 0..TRIES {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        match probe(file) {
            Writers::Some => (),
            known @ (Writers::None | Writers::Unknown) => return known,
        }
    }
    Writers::Some
}

fn probe(file: BorrowedFd<'_>) -> Writers {
    match set(file, libc::F_RDLCK) {
        Ok(()) => {
            // Fails only if there is none any more.
            drop(set(file, libc::F_UNLCK));
            Writers::None
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Writers::Some,
        Err(_) => Writers::Unknown,
    }
}

#[expect(unsafe_code, reason = "no crate in the tree wraps F_SETLEASE")]
fn set(file: BorrowedFd<'_>, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: F_SETLEASE takes an integer and touches no memory of ours; the descriptor is open while it is borrowed.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
