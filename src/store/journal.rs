//! Writes groups of frames behind the end of the last segment: one write, one fdatasync. Never changes what
//! was acknowledged; after a failed sync it writes nothing more, because the kernel may have dropped pages.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{
    change::Change,
    fact::{chained, to_json},
    frame::{self, Header, Kind},
    pack,
    place::{failed, free},
    recovery::End,
    segment::{self, FULL, Head, Opening, Pointer, STEP, corrupt},
};
use crate::{
    metrics::Histogram,
    model::Record,
    ports::{Packed, StoreError},
};

/// Whether a group is synced before it is acknowledged. `None` is there for the power-cut test, which must
/// fail with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    Data,
    None,
}

/// How to write. Tests ask for something else than the default: nobody else can.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub sync: Sync,
    /// A segment is followed by the next one once it is this long.
    pub segment: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self { sync: Sync::Data, segment: FULL }
    }
}

/// Facts at least this long are packed.
const LONG: usize = 2048;
/// Kept for the next group; a bigger one gives its memory back.
const KEPT_BUFFER: usize = 1 << 20;
const BLOCK: u64 = 4096;

pub(super) struct Journal {
    log: PathBuf,
    manner: Manner,
    /// Bytes that must stay free on the disk.
    floor: u64,
    file: File,
    path: PathBuf,
    segment: u32,
    end: u64,
    length: u64,
    head: Head,
    buffer: Vec<u8>,
    syncs: Arc<Histogram>,
}

impl Journal {
    /// Goes on where recovery says that the log ends; takes a torn tail away.
    pub(super) fn open(
        log: &Path,
        end: End,
        manner: Manner,
        floor: u64,
    ) -> Result<Self, StoreError> {
        let path = segment::path(log, end.segment);
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(failed("open", &path))?;
        let length = file.metadata().map_err(failed("stat", &path))?.len();
        if end.torn {
            blank(&file, end.offset, length)
                .and_then(|()| file.sync_data())
                .map_err(failed("cut the torn tail of", &path))?;
        }
        Ok(Self {
            log: log.to_owned(),
            manner,
            floor,
            file,
            path,
            segment: end.segment,
            end: end.offset,
            length,
            head: end.head,
            buffer: Vec::new(),
            syncs: Arc::default(),
        })
    }

    /// How long its syncs take.
    pub(super) fn syncs(&self) -> Arc<Histogram> {
        Arc::clone(&self.syncs)
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// The segment that is written to, and where.
    pub(super) fn place(&self) -> (u32, u64) {
        (self.segment, self.end)
    }

    /// Whether the next group goes to a segment of its own.
    pub(super) fn is_full(&self) -> bool {
        self.end >= self.manner.segment
    }

    pub(super) fn roll(&mut self) -> Result<(), StoreError> {
        self.room(STEP)?;
        let opening = Opening { segment: self.segment + 1, previous_end: self.end };
        let offset = segment::begin(&self.log, &opening, self.head)?;
        let end = End { segment: opening.segment, offset, head: self.head, torn: false };
        let next = Self::open(&self.log, end, self.manner, self.floor)?;
        *self = Self { syncs: self.syncs(), ..next };
        Ok(())
    }

    /// Writes and syncs. `Full` leaves everything as it was; any other error leaves us not knowing.
    pub(super) fn append(
        &mut self,
        records: &[Record],
        contents: &[&Packed],
    ) -> Result<Change, StoreError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let change = self.encode(records, contents, &mut buffer)?;
        self.room(buffer.len() as u64)?;
        self.write(&buffer, change.end)?;
        self.check_linked()?;
        (self.end, self.head) = (change.end, change.head);
        if buffer.capacity() <= KEPT_BUFFER {
            self.buffer = buffer;
        }
        Ok(change)
    }

    /// Contents first: a fact is never there without the bytes that it names.
    fn encode(
        &self,
        records: &[Record],
        contents: &[&Packed],
        out: &mut Vec<u8>,
    ) -> Result<Change, StoreError> {
        let mut change = Change::new(self.segment, self.end, self.head);
        let mut left = records.len() + contents.len();
        let mut is_last = || {
            left -= 1;
            left == 0
        };
        for content in contents {
            let header = Header {
                kind: Kind::Content,
                codec: content.codec,
                last: is_last(),
                size: content.size,
                name: content.digest.0,
                ..self.blank_header()
            };
            change.contents.push((content.digest, self.put(out, &header, &content.bytes)?));
        }
        let mut text = Vec::with_capacity(1024);
        for record in records {
            text.clear();
            to_json(record, &mut text).map_err(|it| corrupt(&self.path, self.end, it))?;
            let long = (text.len() >= LONG).then(|| pack::pack(&text));
            let (codec, body) = long.as_ref().map_or((pack::RAW, &text), |it| (it.0, &it.1));
            let header = Header {
                codec,
                last: is_last(),
                size: text.len() as u64,
                seq: record.seq.0,
                name: change.head.chain.0,
                ..self.blank_header()
            };
            let pointer = self.put(out, &header, body)?;
            let chain = chained(change.head.chain, record.seq, &text);
            change.fact(record, Head { seq: record.seq, chain }, pointer);
        }
        change.end = self.end + out.len() as u64;
        Ok(change)
    }

    fn blank_header(&self) -> Header {
        Header {
            kind: Kind::Fact,
            codec: pack::RAW,
            last: false,
            stored: 0,
            size: 0,
            seq: self.head.seq.next().0,
            group: self.end,
            name: [0; 32],
            body_crc: 0,
        }
    }

    fn put(&self, out: &mut Vec<u8>, header: &Header, body: &[u8]) -> Result<Pointer, StoreError> {
        let at = self.end + out.len() as u64;
        let too_long = || corrupt(&self.path, at, "a group of more than 4 GiB");
        let offset = u32::try_from(at).map_err(|_| too_long())?;
        frame::put(out, header, body).map_err(|_| too_long())?;
        Ok(Pointer { segment: self.segment, offset })
    }

    /// Whether this much can be written, by us and by the index beside us. sled must not meet a full disk: it
    /// takes nothing after a write that failed.
    pub(super) fn room(&self, wanted: u64) -> Result<(), StoreError> {
        let free = free(&self.file).map_err(failed("ask for free space of", &self.path))?;
        let needed = self.floor + wanted;
        if free < needed {
            return Err(StoreError::Full { path: self.log.clone(), free: Some(free), needed });
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], end: u64) -> Result<(), StoreError> {
        let before = self.length;
        if let Err(error) = self.write_out(bytes, end) {
            let error = failed("write to", &self.path)(error);
            if matches!(error, StoreError::Full { .. }) {
                self.take_back(before).map_err(failed("take back a write to", &self.path))?;
            }
            return Err(error);
        }
        if self.manner.sync == Sync::Data {
            let began = Instant::now();
            self.file.sync_data().map_err(|source| StoreError::Io {
                doing: "sync",
                path: self.path.clone(),
                source,
            })?;
            self.syncs.observe(began.elapsed());
        }
        Ok(())
    }

    /// The length is set before anything is written behind it: it is a multiple of the step at every moment.
    fn write_out(&mut self, bytes: &[u8], end: u64) -> io::Result<()> {
        if end > self.length {
            let length = end.next_multiple_of(STEP);
            self.file.set_len(length)?;
            self.length = length;
            self.file.write_all_at(bytes, self.end)?;
            // Small groups follow small groups: the blocks that they will go to are made now. A bulk of
            // big ones would only be written twice.
            if (bytes.len() as u64) < STEP / 4 {
                let rest = usize::try_from(length - end).unwrap_or_default();
                self.file.write_all_at(&vec![0; rest], end)?;
            }
            return Ok(());
        }
        self.file.write_all_at(bytes, self.end)
    }

    fn take_back(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        blank(&self.file, self.end, length)
    }

    /// A file that was deleted, or whose directory was unmounted, takes writes without a word.
    fn check_linked(&self) -> Result<(), StoreError> {
        let ours = self.file.metadata().map_err(failed("stat", &self.path))?;
        match std::fs::metadata(&self.path) {
            Ok(it) if (it.dev(), it.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            _ => Err(StoreError::Unlinked { path: self.path.clone() }),
        }
    }
}

/// Zeroes what is not zero yet: blocks that were never written need no space for it.
fn blank(file: &File, from: u64, to: u64) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let next = ((at / BLOCK + 1) * BLOCK).min(to);
        let mut block = vec![0; usize::try_from(next - at).unwrap_or_default()];
        file.read_exact_at(&mut block, at)?;
        if block.iter().any(|it| *it != 0) {
            block.fill(0);
            file.write_all_at(&block, at)?;
        }
        at = next;
    }
    Ok(())
}
