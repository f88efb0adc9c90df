//! The journal's files: their names, how one is begun, and reading one frame after the other. Reading
//! judges only what stands there; what a bad frame means is for `recovery` to say.
//!
//! A segment's length is always a multiple of [`STEP`]: the unused rest is zeroes. Writing into blocks
//! that exist makes the sync cheaper by half, and a file of any other length was shortened from outside.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    frame::{self, BadHeader, FORMAT, HEADER, Header, Kind},
    place::{failed, replace},
};
use crate::{
    model::{ChainHash, Digest, Seq},
    ports::StoreError,
};

/// A segment is followed by the next one once it is this long.
pub(super) const FULL: u64 = 64 << 20;
pub(super) const STEP: u64 = 1 << 20;
const WAY_OUT: &str =
    "put a good copy of the state directory back, or move it away to begin a new log";

/// A place in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Pointer {
    pub(super) segment: u32,
    pub(super) offset: u32,
}

/// A fact and the chain that it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: Seq,
    pub(super) chain: ChainHash,
}

/// What a segment says of the one before it.
#[derive(Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) segment: u32,
    pub(super) previous_end: u64,
}

pub(super) fn path(log: &Path, segment: u32) -> PathBuf {
    log.join(format!("{segment:010}.log"))
}

pub(super) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> StoreError {
    StoreError::Corrupt { path: path.to_owned(), offset, what: what.into(), way_out: WAY_OUT }
}

/// The segments that are there, in order. What was not finished being made is taken away.
pub(super) fn list(log: &Path) -> Result<Vec<u32>, StoreError> {
    let mut found = Vec::new();
    let fail = failed("read", log);
    for entry in fs::read_dir(log).map_err(&fail)? {
        let path = entry.map_err(&fail)?.path();
        let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
        match path.extension().and_then(|it| it.to_str()) {
            Some("log") => found.extend(stem.parse::<u32>().ok()),
            Some("new") => fs::remove_file(&path).map_err(failed("remove", &path))?,
            _ => (),
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Begins a segment, durably and as a whole. Gives where its first group goes.
pub(super) fn begin(log: &Path, opening: &Opening, head: Head) -> Result<u64, StoreError> {
    let path = path(log, opening.segment);
    let body = serde_json::to_vec(opening).map_err(|it| corrupt(&path, 0, it.to_string()))?;
    let header = Header {
        kind: Kind::Segment,
        codec: super::pack::RAW,
        last: true,
        stored: 0,
        size: body.len() as u64,
        seq: head.seq.0,
        group: 0,
        name: head.chain.0,
        body_crc: 0,
    };
    let mut bytes = Vec::new();
    frame::put(&mut bytes, &header, &body)
        .map_err(|_| corrupt(&path, 0, "an opening too long to write"))?;
    let end = bytes.len() as u64;
    bytes.resize(usize::try_from(STEP).unwrap_or(usize::MAX), 0);
    replace(&path, &bytes)?;
    Ok(end)
}

/// Whether the file has a length that we gave it.
pub(super) fn check_length(log: &Path, segment: u32) -> Result<(), StoreError> {
    let path = path(log, segment);
    match fs::metadata(&path).map_err(|it| unreadable(&path, 0, it))?.len() {
        length if length == 0 || length % STEP != 0 => {
            Err(corrupt(&path, length, "the file was cut short here"))
        }
        _ => Ok(()),
    }
}

/// Reads frames one after the other, ahead in large pieces.
pub(super) struct Scanner {
    file: File,
    path: PathBuf,
    length: u64,
    at: u64,
    buffer: Vec<u8>,
    /// Where `buffer` begins in the file.
    base: u64,
    facts_only: bool,
}

pub(super) enum Step<'a> {
    Frame {
        at: u64,
        header: Header,
        body: &'a [u8],
    },
    /// Zeroes, or the end of the file, from here on as far as a header reaches.
    End,
    Bad {
        at: u64,
        /// Where the header is whole.
        header: Option<Header>,
        what: &'static str,
    },
}

impl Scanner {
    const PIECE: u64 = 256 << 10;

    pub(super) fn open(log: &Path, segment: u32, at: u64) -> Result<Self, StoreError> {
        let path = path(log, segment);
        check_length(log, segment)?;
        let file = File::open(&path).map_err(|it| unreadable(&path, 0, it))?;
        let length = file.metadata().map_err(failed("stat", &path))?.len();
        Ok(Self { file, path, length, at, buffer: Vec::new(), base: 0, facts_only: false })
    }

    /// Passes over the bodies of contents: a damaged content does not stand in the way of facts.
    pub(super) fn facts_only(mut self) -> Self {
        self.facts_only = true;
        self
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn skip_to(&mut self, at: u64) {
        self.at = at;
    }

    /// The next frame; after anything but a frame it stays where it is.
    pub(super) fn next(&mut self) -> Result<Step<'_>, StoreError> {
        let at = self.at;
        let bytes = *match self.bytes(at, HEADER as u64)?.first_chunk::<HEADER>() {
            Some(it) => it,
            None => return Ok(Step::End),
        };
        if bytes == [0; HEADER] {
            return Ok(Step::End);
        }
        let header = match frame::parse(&bytes) {
            Ok(it) => it,
            Err(BadHeader::Newer(found)) => {
                let (path, known) = (self.path.clone(), FORMAT.into());
                return Err(StoreError::Newer { path, found: found.into(), known });
            }
            Err(BadHeader::Damaged) => {
                return Ok(Step::Bad { at, header: None, what: "not the header of a frame" });
            }
        };
        self.at = at + header.length();
        if self.facts_only && header.kind == Kind::Content {
            return Ok(Step::Frame { at, header, body: &[] });
        }
        let body = self.bytes(at + HEADER as u64, u64::from(header.stored) + 1)?;
        if !header.fits(body) {
            self.at = at;
            return Ok(Step::Bad { at, header: Some(header), what: "the checksum does not fit" });
        }
        // Borrowed again: the borrow checker does not let the one above leave on one branch alone.
        let body = self.held(at + HEADER as u64, header.stored.into());
        Ok(Step::Frame { at, header, body })
    }

    /// These bytes, or fewer at the end of the file.
    pub(super) fn bytes(&mut self, at: u64, length: u64) -> Result<&[u8], StoreError> {
        let end = (at + length).min(self.length);
        if at < self.base || end > self.base + self.buffer.len() as u64 {
            let wanted =
                end.saturating_sub(at).max(Self::PIECE).min(self.length.saturating_sub(at));
            self.buffer.resize(usize::try_from(wanted).unwrap_or(usize::MAX), 0);
            self.file.read_exact_at(&mut self.buffer, at).map_err(failed("read", &self.path))?;
            self.base = at;
        }
        Ok(self.held(at, end.saturating_sub(at)))
    }

    fn held(&self, at: u64, length: u64) -> &[u8] {
        let from = usize::try_from(at - self.base).unwrap_or(usize::MAX);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.buffer.get(from..from.saturating_add(length)).unwrap_or_default()
    }

    /// From here to the end of the file.
    pub(super) fn rest(&self, at: u64) -> Result<Vec<u8>, StoreError> {
        let length = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).map_err(failed("read", &self.path))?;
        Ok(bytes)
    }
}

/// One frame, of which we know where it stands.
pub(super) fn read_at(
    log: &Path,
    pointer: Pointer,
    kind: Kind,
) -> Result<(Header, Vec<u8>), StoreError> {
    /// Most facts and many contents need no second read.
    const GUESS: usize = 4096;
    let (header, mut body) = read(log, pointer, kind, GUESS)?;
    let path = path(log, pointer.segment);
    let at = u64::from(pointer.offset);
    let have = body.len();
    let length = usize::try_from(header.stored).unwrap_or(usize::MAX - 1) + 1;
    body.resize(length, 0);
    if let Some(missing) = body.get_mut(have..).filter(|it| !it.is_empty()) {
        let from = at + (HEADER + have) as u64;
        File::open(&path)
            .and_then(|it| it.read_exact_at(missing, from))
            .map_err(|it| unreadable(&path, at, it))?;
    }
    if !header.fits(&body) {
        return Err(corrupt(&path, at, "the checksum does not fit"));
    }
    body.pop();
    Ok((header, body))
}

/// Its header alone.
pub(super) fn header_at(log: &Path, pointer: Pointer, kind: Kind) -> Result<Header, StoreError> {
    read(log, pointer, kind, HEADER).map(|it| it.0)
}

/// Where this very content stands, among the places where it may. The latest counts: the one before it was damaged
/// when it was stored again.
pub(super) fn find(
    log: &Path,
    digest: &Digest,
    places: Vec<Pointer>,
) -> Result<Option<Pointer>, StoreError> {
    let mut damage = None;
    for pointer in places.into_iter().rev() {
        match header_at(log, pointer, Kind::Content) {
            Ok(it) if it.name == digest.0 => return Ok(Some(pointer)),
            Ok(_) => (),
            Err(it) => damage = Some(it),
        }
    }
    damage.map_or(Ok(None), Err)
}

/// Whether it is there, and whole as far as its checksum tells.
pub(super) fn is_whole(
    log: &Path,
    digest: &Digest,
    places: Vec<Pointer>,
) -> Result<bool, StoreError> {
    let found = find(log, digest, places)?;
    found.map(|it| read_at(log, it, Kind::Content)).transpose().map(|it| it.is_some())
}

/// A header, and what else stands in this many bytes.
fn read(
    log: &Path,
    pointer: Pointer,
    kind: Kind,
    guess: usize,
) -> Result<(Header, Vec<u8>), StoreError> {
    let path = path(log, pointer.segment);
    let at = u64::from(pointer.offset);
    let mut bytes = vec![0; guess];
    let mut have = 0;
    let file = File::open(&path).map_err(|it| unreadable(&path, at, it))?;
    while let Some(free) = bytes.get_mut(have..).filter(|it| !it.is_empty()) {
        match file.read_at(free, at + have as u64).map_err(|it| unreadable(&path, at, it))? {
            0 => break,
            more => have += more,
        }
    }
    bytes.truncate(have);
    let bad = |what| corrupt(&path, at, what);
    let header = bytes.first_chunk().ok_or_else(|| bad("the file was cut short"))?;
    let header = frame::parse(header).map_err(|_| bad("not the header of a frame"))?;
    if header.kind != kind {
        return Err(bad("another kind of frame than the index says"));
    }
    Ok((header, bytes.split_off(HEADER)))
}

fn unreadable(path: &Path, at: u64, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::NotFound {
        corrupt(path, at, "this part of the log is gone")
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        corrupt(path, at, "the file was cut short")
    } else {
        failed("read", path)(error)
    }
}
