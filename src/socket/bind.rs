//! The socket's file: made with its mode, taken over from a daemon that died, never from one that
//! lives, and removed at the end if it is still ours. It makes no directories.

use std::{
    fmt, fs, io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt as _,
            fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// What `sun_path` holds beside its end mark.
const LONGEST_PATH: usize = 107;
const BACKLOG: i32 = 128;

/// A socket that listens, and the file that leads to it, where that is ours.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    file: Option<SocketFile>,
}

#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    dev: u64,
    ino: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "the socket's path {} has {length} bytes, over the {LONGEST_PATH} that the system takes; use a shorter one, such as --socket {}",
        path.display(), proposal.display()
    )]
    TooLong { path: PathBuf, length: usize, proposal: PathBuf },
    #[error("{} is the socket of a daemon that is running; stop that one, or use another --socket", path.display())]
    InUse { path: PathBuf },
    #[error("{} is there and is no socket; move it away, or use another --socket", path.display())]
    NotASocket { path: PathBuf },
    #[error(
        "what was passed in as a socket cannot be answered on: {why}; it takes one ListenStream= with a path, as in knowngood.socket"
    )]
    Passed { why: String },
    #[error("{doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl Socket {
    /// `mode`: 0o660 lets the group of the file in.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        let length = path.as_os_str().as_bytes().len();
        if length > LONGEST_PATH {
            let proposal = shorter(path);
            return Err(BindError::TooLong { path: path.to_owned(), length, proposal });
        }
        remove_stale(path)?;
        let listener = listen(path, mode).map_err(|it| match it {
            // Somebody bound it between the look and now.
            rustix::io::Errno::ADDRINUSE => BindError::InUse { path: path.to_owned() },
            other => io_error("binding the socket", path, other),
        })?;
        let file = fs::symlink_metadata(path)
            .map_err(|source| io_error("looking at the socket", path, source))?;
        let file = SocketFile { path: path.to_owned(), dev: file.dev(), ino: file.ino() };
        Ok(Self { listener: listener.into(), path: path.to_owned(), file: Some(file) })
    }

    /// One that somebody else bound, whose file stays when we go.
    pub fn passed(sockets: Vec<OwnedFd>) -> Result<Self, BindError> {
        let refused = |it: &dyn fmt::Display| BindError::Passed { why: it.to_string() };
        let Ok([socket]) = <[OwnedFd; 1]>::try_from(sockets) else {
            return Err(refused(&"there is more than one"));
        };
        let listens = sockopt::socket_acceptconn(&socket).map_err(|it| refused(&it))?;
        let kind = sockopt::socket_type(&socket).map_err(|it| refused(&it))?;
        if !listens || kind != SocketType::STREAM {
            return Err(refused(&"it is no stream socket that listens"));
        }
        let listener = UnixListener::from(socket);
        let address = listener.local_addr().map_err(|it| refused(&it))?;
        let path = address.as_pathname().ok_or_else(|| refused(&"it has no path"))?.to_owned();
        listener.set_nonblocking(true).map_err(|it| refused(&it))?;
        Ok(Self { listener, path, file: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The second part removes the file when it is dropped.
    pub(super) fn into_parts(self) -> (UnixListener, Option<SocketFile>) {
        (self.listener, self.file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|it| it.dev() == self.dev && it.ino() == self.ino);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket file stays behind");
        }
    }
}

fn listen(path: &Path, mode: u32) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // The file is born with the mode of its socket: at no moment may more people come in.
    rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(mode))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    // The umask took bits away; nobody can connect before `listen`.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|it| rustix::io::Errno::from_io_error(&it).unwrap_or(rustix::io::Errno::IO))?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Removes the file of a daemon that is gone: nobody listens behind it.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io_error("looking at", path, source)),
    };
    if !there.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match connect(path) {
        Err(rustix::io::Errno::CONNREFUSED) => {
            fs::remove_file(path).map_err(|it| io_error("removing the stale socket", path, it))
        }
        Err(rustix::io::Errno::NOENT) => Ok(()),
        // A full queue of connections is a sign of life as well.
        Ok(()) | Err(rustix::io::Errno::AGAIN) => Err(BindError::InUse { path: path.to_owned() }),
        Err(other) => Err(io_error("asking who listens at", path, other)),
    }
}

fn connect(path: &Path) -> rustix::io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)
}

/// A path that fits, always the same for the same wish.
fn shorter(path: &Path) -> PathBuf {
    let name = format!("knowngood-{:08x}.sock", crc32fast::hash(path.as_os_str().as_bytes()));
    let own = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
    let run = PathBuf::from("/run/knowngood");
    let folder = [own, run].into_iter().find(|it| it.is_dir());
    folder.unwrap_or_else(std::env::temp_dir).join(name)
}

fn io_error(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> BindError {
    BindError::Io { doing, path: path.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn the_file_has_its_mode_and_goes_with_the_socket() {
        let folder = folder();
        let path = folder.path().join("s");
        let socket = Socket::bind(&path, 0o660).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o660);
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_live_socket_is_left_alone() {
        let folder = folder();
        let path = folder.path().join("s");
        let first = Socket::bind(&path, 0o660).unwrap();
        let error = Socket::bind(&path, 0o660).unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }), "{error}");
        assert!(connect(first.path()).is_ok());
    }

    #[test]
    fn a_stale_socket_is_taken_over() {
        let folder = folder();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let socket = Socket::bind(&path, 0o600).unwrap();
        assert!(connect(socket.path()).is_ok());
    }

    #[test]
    fn another_file_is_never_removed() {
        let folder = folder();
        let path = folder.path().join("s");
        fs::write(&path, "precious").unwrap();
        let error = Socket::bind(&path, 0o660).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_that_is_not_ours_any_more_stays() {
        let folder = folder();
        let path = folder.path().join("s");
        let first = Socket::bind(&path, 0o660).unwrap();
        fs::rename(&path, folder.path().join("old")).unwrap();
        let second = Socket::bind(&path, 0o660).unwrap();
        drop(first);
        assert!(connect(second.path()).is_ok());
    }

    #[test]
    fn a_socket_that_was_passed_in_keeps_its_file() {
        let folder = folder();
        let path = folder.path().join("s");
        let bound = UnixListener::bind(&path).unwrap();
        let socket = Socket::passed(vec![bound.into()]).unwrap();
        assert_eq!(socket.path(), path);
        assert!(connect(&path).is_ok());
        drop(socket);
        assert!(path.exists());
    }

    #[test]
    fn not_every_socket_can_be_passed_in() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let datagrams = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let network = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = tempfile::tempfile().unwrap();
        for it in [OwnedFd::from(one), datagrams.into(), network.into(), file.into()] {
            let error = Socket::passed(vec![it]).unwrap_err();
            assert!(error.to_string().contains("ListenStream="), "{error}");
        }
    }

    #[test]
    fn a_path_that_does_not_fit_is_refused_with_one_that_does() {
        let folder = folder();
        let path = folder.path().join("x".repeat(108));
        let error = Socket::bind(&path, 0o660).unwrap_err();
        let BindError::TooLong { proposal, length, .. } = &error else { panic!("{error}") };
        assert!(*length > LONGEST_PATH);
        assert!(proposal.as_os_str().len() <= LONGEST_PATH);
        assert!(error.to_string().contains(&format!("--socket {}", proposal.display())));
    }
}
