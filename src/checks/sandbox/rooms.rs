//! Namespaces of our own, without a program that makes them: the first process of a namespace of processes, with no
//! network and its own mounts. It takes two steps: what must be done before the runner is the runner, and what it
//! does itself.

use std::{ffi::CStr, io, os::unix::process::CommandExt as _, path::Path, process::Command};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    process::{Signal, getegid, geteuid, set_parent_process_death_signal},
    thread::{UnshareFlags, unshare_unsafe},
};

const ROOMS: UnshareFlags = UnshareFlags::NEWUSER
    .union(UnshareFlags::NEWNS)
    .union(UnshareFlags::NEWPID)
    .union(UnshareFlags::NEWNET)
    .union(UnshareFlags::NEWIPC)
    .union(UnshareFlags::NEWUTS);

/// Lets the command begin as the first process of new namespaces. What we see as the child waits for it, and takes it
/// along when it is ended.
pub(super) fn enter_with(command: &mut Command) {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let maps = [
        (c"/proc/self/setgroups", "deny".to_owned()),
        (c"/proc/self/uid_map", format!("0 {uid} 1")),
        (c"/proc/self/gid_map", format!("0 {gid} 1")),
    ];
    let enter = move || {
        #[expect(unsafe_code, reason = "said to be unsafe for the sake of descriptors alone")]
        // SAFETY: descriptors stay shared.
        unsafe {
            unshare_unsafe(ROOMS)?;
        }
        maps.iter().try_for_each(|it| write(it.0, it.1.as_bytes()))?;
        be_the_first()
    };
    #[expect(unsafe_code, reason = "namespaces are entered between fork and exec")]
    // SAFETY: nothing but system calls, on what was prepared before.
    unsafe {
        command.pre_exec(enter);
    }
}

fn write(path: &CStr, text: &[u8]) -> io::Result<()> {
    let file = openat(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text)?;
    Ok(())
}

/// A process cannot move into a namespace of processes; its child is born there.
#[expect(unsafe_code, reason = "fork, and the end of a process that is to do nothing but wait")]
fn be_the_first() -> io::Result<()> {
    // SAFETY: we are a fork already, with one thread.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(set_parent_process_death_signal(Some(Signal::KILL))?),
        // SAFETY: system calls on numbers of our own; `status` outlives the call that writes it. Everything is closed
        // so that nobody waits for us to close it.
        child => unsafe {
            libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
            let mut status = 0;
            while libc::waitpid(child, &raw mut status, 0) == -1
                && *libc::__errno_location() == libc::EINTR
            {}
            libc::_exit(i32::from(!libc::WIFEXITED(status)) | libc::WEXITSTATUS(status))
        },
    }
}

/// Inside: processes as they are here, a scratch directory in memory, and nobody's sockets.
pub(super) fn furnish(scratch: &Path, size: u64, hide: bool) -> Result<(), String> {
    let said = |doing: &'static str| move |it: rustix::io::Errno| format!("{doing}: {it}");
    let still = MountFlags::NOSUID | MountFlags::NODEV;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(said("keeping mounts to ourselves"))?;
    mount("proc", "/proc", "proc", still | MountFlags::NOEXEC, None)
        .map_err(said("mounting /proc"))?;
    if hide {
        self::hide(Path::new("/run"))?;
    }
    let options = std::ffi::CString::new(format!("size={size},nr_inodes=65536,mode=700"));
    let options = options.unwrap_or_default();
    mount("tmpfs", scratch, "tmpfs", still, Some(options.as_c_str()))
        .map_err(said("mounting the scratch directory"))
}

/// Lays an empty directory over one.
pub(super) fn hide(path: &Path) -> Result<(), String> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY;
    mount("tmpfs", path, "tmpfs", flags, Some(c"size=0,mode=755"))
        .map_err(|it| format!("hiding {}: {it}", path.display()))
}
