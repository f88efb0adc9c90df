//! The directories and the socket that a daemon needs before it can do anything: made private, never taken from others.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use tracing::{debug, warn};

use super::{Failed, world, world_at};
use crate::{config::Config, roots::STATE_FOLDER, socket::Socket, systemd};

/// Who may open the socket: its owner and its group, unless the configuration gives a right to somebody else. What
/// they may do is asked of each request, whoever they are.
const FOR_US: u32 = 0o660;
const FOR_OTHERS_TOO: u32 = 0o666;

/// Where checks have room for a time.
pub(super) const SCRATCH: &str = "scratch";

/// Makes the state directory, with all that leads to it.
pub(super) fn make(config: &Config) -> Result<(), Failed> {
    private_directory(&config.state_dir)?;
    // What is checked before it goes live is checked there; what a crash left of that is of no use.
    let scratch = config.state_dir.join(SCRATCH);
    drop(fs::remove_dir_all(&scratch));
    private_directory(&scratch)?;
    if config.state_dir.file_name().is_some_and(|it| it == STATE_FOLDER) {
        ignore_itself(&config.state_dir)?;
    }
    Ok(())
}

/// The socket that systemd passed in, or else one of our own, with all that leads to it.
pub(super) fn socket(config: &Config) -> Result<Socket, Failed> {
    let passed = systemd::sockets().map_err(|it| world("taking", "the sockets of systemd", it))?;
    if !passed.is_empty() {
        let socket = Socket::passed(passed)?;
        if socket.path() != config.socket {
            let (passed, key) = (socket.path().display(), config.socket.display());
            warn!(event = "daemon.socket", %passed, %key, "systemd's socket is used, not that of the key");
        }
        return Ok(socket);
    }
    let (mode, directory) = modes(config);
    config.socket.parent().map_or(Ok(()), |it| self::directory(it, directory))?;
    Ok(Socket::bind(&config.socket, mode)?)
}

/// After a reload. systemd's socket is not ours to change.
pub(super) fn let_in(config: &Config) {
    let permissions = Permissions::from_mode(modes(config).0);
    if let Err(error) = fs::set_permissions(&config.socket, permissions) {
        debug!(%error, "the socket's mode stays as it is");
    }
}

/// Of the socket, and of its directory where that has to be made.
fn modes(config: &Config) -> (u32, u32) {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if config.access.names_others(uid, gid) { (FOR_OTHERS_TOO, 0o755) } else { (FOR_US, 0o700) }
}

/// 0700 if it has to be made; one that is there is left as it is.
pub(super) fn private_directory(path: &Path) -> Result<(), Failed> {
    directory(path, 0o700)
}

fn directory(path: &Path, mode: u32) -> Result<(), Failed> {
    if path.is_dir() {
        return Ok(());
    }
    let outcome = DirBuilder::new().recursive(true).mode(mode).create(path);
    outcome.map_err(|it| world_at("making the directory", path, it))?;
    let parent = path.parent().unwrap_or(path);
    File::open(parent)
        .and_then(|it| it.sync_all())
        .map_err(|it| world_at("syncing the directory", parent, it))
}

/// Git is told to leave our folder alone, `git clean -fd` included.
pub(super) fn ignore_itself(folder: &Path) -> Result<(), Failed> {
    let path = folder.join(".gitignore");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path);
    match file.and_then(|mut it| it.write_all(b"*\n")) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(world_at("writing", &path, error)),
    }
}

/// Whether files in the directory could be changed by us at all.
pub(super) fn is_writable(path: &Path) -> Result<(), String> {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
        .map_err(|it| it.to_string())?;
    let flags = rustix::fs::statvfs(path).map_err(|it| it.to_string())?.f_flag;
    if flags.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err("the file system is mounted read-only".to_owned());
    }
    fs::metadata(path).map(drop).map_err(|it| it.to_string())
}
