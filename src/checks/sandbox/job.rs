//! What is run in a sandbox, and how it ended: plain data that goes over a socket. It says nothing of what the run is
//! for.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// One program with its files. The files are copies: whatever happens to them in the sandbox happens to nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// A name is looked for in [`SEARCH_PATH`].
    pub program: Word,
    pub arguments: Vec<Word>,
    pub files: Vec<JobFile>,
    /// What it may read beside the system's own programs and libraries. What is not there is left out.
    pub readable: Vec<PathBuf>,
    pub limits: Limits,
    /// Its standard input is a socket to whoever asked, its orphans are its own, and what it draws is drawn alike each time.
    pub talks: bool,
}

/// A word of the command line, whose parts are put together in the sandbox, where the files have their paths.
pub type Word = Vec<Piece>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    Text(OsString),
    /// The path of the file with this index.
    File(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// One path segment. Each file has a directory of its own, so that names may be equal.
    pub name: OsString,
    pub executable: bool,
    /// They follow behind the rest.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// It runs code of whoever wrote the file: on no rung that does not isolate.
    pub isolated: bool,
    pub time: Duration,
    /// Of all its processes together, in bytes.
    pub memory: u64,
    pub processes: u64,
    pub open_files: u64,
    /// Of one file that it writes, in bytes.
    pub file_size: u64,
    /// Of all that it writes, in bytes.
    pub scratch: u64,
}

/// How it ended, what it printed, and that nothing of it is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub how: How,
    /// The beginning of what it printed, stdout and stderr as they came.
    pub head: Vec<u8>,
    /// The end of it.
    pub tail: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    /// It passed a limit, and was ended for it; which one, in words.
    Over(String),
    /// It was never begun, and why.
    NotRun(String),
    /// Nobody wants to know any more.
    Stopped,
}

/// Where programs are looked for; it is also what they get as `PATH`.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// So much of the beginning is kept.
pub(super) const HEAD_BYTES: usize = 64 << 10;
/// And so much of the end.
pub(super) const TAIL_BYTES: usize = 4 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            memory: 512 << 20,
            processes: 64,
            open_files: 256,
            file_size: 64 << 20,
            isolated: false,
            scratch: 64 << 20,
        }
    }
}

impl Job {
    pub fn text(text: impl Into<OsString>) -> Word {
        vec![Piece::Text(text.into())]
    }

    /// What its own files take up.
    pub(super) fn files_bytes(&self) -> u64 {
        self.files.iter().map(|it| it.bytes.len() as u64).sum()
    }
}

impl Ended {
    pub(super) fn not_run(why: impl Into<String>) -> Self {
        Self::without_output(How::NotRun(why.into()))
    }

    pub(super) fn without_output(how: How) -> Self {
        Self { how, head: Vec::new(), tail: Vec::new() }
    }

    /// The end of what was printed, for a person: no control characters but line ends and tabs, no terminal's colours.
    pub fn tail_text(&self) -> String {
        plain(&String::from_utf8_lossy(&self.tail))
    }
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        if it == '\u{1b}' && rest.next_if_eq(&'[').is_some() {
            // ESC [ parameters, then one letter.
            while rest.next_if(|it| !('@'..='~').contains(it)).is_some() {}
            rest.next();
        } else if it == '\n' || it == '\t' || !it.is_control() {
            out.push(it);
        }
    }
    // A character that was cut at the beginning reads as one that is none.
    out.trim_start_matches('\u{fffd}').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_reads_has_no_control_characters() {
        assert_eq!(plain("\u{1b}[1;31mred\u{1b}[0m\r\n\tx\u{7}\u{1b}]0;t"), "red\n\tx]0;t");
        assert_eq!(plain("\u{fffd}\u{fffd}abc"), "abc");
        assert_eq!(plain("\u{9b}31m"), "31m");
    }
}
