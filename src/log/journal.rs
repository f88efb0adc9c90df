//! Entries in the native protocol of systemd's journal, so that every field can be asked for:
//! `journalctl KNOWNGOOD_EVENT=drift.detected KNOWNGOOD_TOOL=tools/a.py`.
//!
//! Of its own and not `tracing-journald`: that sends from the thread that logs, and waits there when the journal does
//! not read; it shows `info` as `notice`; and our facts have no message that could be shown.

use std::{
    ffi::OsStr,
    io,
    os::{
        fd::AsFd as _,
        unix::{ffi::OsStrExt as _, net::UnixDatagram},
    },
};

use tracing::Level;

use super::{entry::Entry, line::sentence, queue::Sink};

pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
const PREFIX: &str = "KNOWNGOOD_";
/// An entry is one datagram, and the kernel takes about 200 KiB of one.
const LONGEST_VALUE: usize = 32 << 10;

/// Whether our stderr is the stream of which systemd told us, and not one that a parent had.
pub(super) fn is_stderr(journal_stream: Option<&OsStr>) -> bool {
    let stderr = rustix::fs::fstat(io::stderr().as_fd());
    let (Some(told), Ok(stderr)) = (journal_stream, stderr) else { return false };
    told.as_bytes() == format!("{}:{}", stderr.st_dev, stderr.st_ino).as_bytes()
}

/// Sends to the path each time: a journal that was restarted is found again.
pub(super) fn open() -> io::Result<Sink> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(SOCKET)?;
    let socket = UnixDatagram::unbound()?;
    Ok(Box::new(move |entry| socket.send_to(entry, SOCKET).map(drop)))
}

pub(super) fn datagram(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, "MESSAGE", &sentence(entry, anstyle::Style::new()));
    put(&mut out, "PRIORITY", priority(entry.level));
    put(&mut out, "SYSLOG_IDENTIFIER", "knowngood");
    for (name, value) in entry.fields().filter(|it| it.0 != "msg") {
        let name: String = PREFIX.chars().chain(name.chars().map(allowed)).collect();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        put(&mut out, &name, &text);
    }
    out
}

/// The form with a length: what the value holds cannot end it.
fn put(out: &mut Vec<u8>, name: &str, value: &str) {
    let value = value.get(..value.floor_char_boundary(LONGEST_VALUE)).unwrap_or(value);
    out.extend(name.as_bytes());
    out.push(b'\n');
    out.extend((value.len() as u64).to_le_bytes());
    out.extend(value.as_bytes());
    out.push(b'\n');
}

fn allowed(it: char) -> char {
    if it.is_ascii_alphanumeric() { it.to_ascii_uppercase() } else { '_' }
}

/// As syslog numbers them.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}
