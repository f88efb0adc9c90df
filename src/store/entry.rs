//! What stands under the keys of the index: keys, and the few packed values behind them. Bytes only.
//!
//! Few keys and small values, because sled spends memory on every key and writes whole leaves of sixteen: a tool's
//! row shares its key with its newest versions, and contents share keys by the first two bytes of their hash.
//! (Sixteen tools with ids of 8 KiB each would still make a leaf that sled puts into a file of its own and never
//! syncs: a power cut may then cost a rebuild.)

use super::segment::Pointer;
use crate::model::{DeployNo, Digest, Seq, ToolId, VersionNo};

/// What is true of the index as a whole.
pub(super) const META: &[u8] = &[0];
/// Rows of roots and runtimes; tools' keys are their ids, which begin with a letter or a digit.
pub(super) const ROOTS: u8 = 1;
pub(super) const RUNTIMES: u8 = 2;
const CONTENTS: u8 = 3;
const MARKS: u8 = 4;
/// Rows of deploys, and the numbers of those of which something is still to come.
pub(super) const DEPLOYS: u8 = 5;
pub(super) const WAITING: u8 = 6;
/// How tools do on which somebody reports.
pub(super) const HEALTH: u8 = 7;
pub(super) const FIRST_TOOL: &[u8] = b"0";
/// A tool's newest versions, at most: older ones go, this many together, under keys of their own.
pub(super) const CHUNK: usize = 16;
/// The longest value. A leaf of sixteen then stays far from the 128 KiB at which sled makes files
/// of their own for it, which it never syncs.
pub(super) const PIECE: usize = 4096;

/// A version in a tool's list: enough to find its fact, and to pass over it by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VersionEntry {
    pub(super) number: VersionNo,
    pub(super) hash: [u8; 8],
    pub(super) pointer: Pointer,
}

/// A tool's row and its newest versions, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ToolEntry {
    pub(super) row: Vec<u8>,
    /// How many chunks of older versions there are.
    pub(super) chunks: u32,
    pub(super) newest: Vec<VersionEntry>,
}

pub(super) fn older(tool: &ToolId, chunk: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(tool.as_str().len() + 5);
    key.extend_from_slice(tool.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(&chunk.to_be_bytes());
    key
}

pub(super) fn mark(seq: Seq) -> [u8; 9] {
    let mut key = [MARKS; 9];
    if let Some(it) = key.last_chunk_mut() {
        *it = seq.0.to_be_bytes();
    }
    key
}

pub(super) fn bucket(digest: &Digest) -> [u8; 3] {
    let [first, second, ..] = digest.0;
    [CONTENTS, first, second]
}

pub(super) fn is_bucket(key: &[u8]) -> bool {
    key.first() == Some(&CONTENTS)
}

/// A piece of a long value.
pub(super) fn piece(kind: u8, name: &str, piece: u32) -> Vec<u8> {
    let mut key = pieces(kind, name);
    key.extend_from_slice(&piece.to_be_bytes());
    key
}

pub(super) fn pieces(kind: u8, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 6);
    key.push(kind);
    key.extend_from_slice(name.as_bytes());
    key.push(0);
    key
}

/// In the order of the numbers.
pub(super) fn deploy_name(number: DeployNo) -> String {
    format!("{:020}", number.0)
}

pub(super) fn waiting(number: DeployNo) -> Vec<u8> {
    pieces(WAITING, &deploy_name(number))
}

/// The bytes before the NUL: a tool's id, also where it is the key of a chunk.
pub(super) fn name(key: &[u8]) -> &[u8] {
    key.split(|it| *it == 0).next().unwrap_or_default()
}

impl VersionEntry {
    const LENGTH: usize = 20;

    pub(super) fn new(number: VersionNo, digest: &Digest, pointer: Pointer) -> Self {
        let hash = digest.0.first_chunk().copied().unwrap_or_default();
        Self { number, hash, pointer }
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.0.to_be_bytes());
        out.extend_from_slice(&self.hash);
        put_pointer(out, self.pointer);
    }

    fn read(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (hash, pointer) = rest.split_first_chunk()?;
        let number = VersionNo(u32::from_be_bytes(*number));
        Some(Self { number, hash: *hash, pointer: read_pointer(pointer)? })
    }
}

pub(super) fn put_pointer(out: &mut Vec<u8>, pointer: Pointer) {
    out.extend_from_slice(&pointer.segment.to_be_bytes());
    out.extend_from_slice(&pointer.offset.to_be_bytes());
}

pub(super) fn read_pointer(bytes: &[u8]) -> Option<Pointer> {
    let (segment, offset) = bytes.split_first_chunk()?;
    let offset = offset.try_into().ok()?;
    Some(Pointer { segment: u32::from_be_bytes(*segment), offset: u32::from_be_bytes(offset) })
}

pub(super) fn versions(entries: &[VersionEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * VersionEntry::LENGTH);
    for it in entries {
        it.put(&mut bytes);
    }
    bytes
}

pub(super) fn read_versions(bytes: &[u8]) -> Option<Vec<VersionEntry>> {
    let (entries, rest) = bytes.as_chunks();
    if rest.is_empty() { entries.iter().map(VersionEntry::read).collect() } else { None }
}

impl ToolEntry {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = 8 + self.row.len() + self.newest.len() * VersionEntry::LENGTH;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&self.chunks.to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(self.row.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&self.row);
        for it in &self.newest {
            it.put(&mut bytes);
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (chunks, row, newest) = split(bytes)?;
        Some(Self { row: row.to_vec(), chunks, newest: read_versions(newest)? })
    }
}

/// How many chunks of older versions there are, the row, the newest versions.
pub(super) fn split(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (chunks, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (row, newest) = rest.split_at_checked(length)?;
    Some((u32::from_be_bytes(*chunks), row, newest))
}

/// Contents with the same first two bytes: six more bytes of each hash, and where it stands. What is found
/// is compared as a whole in the journal.
const CONTENT: usize = 14;

pub(super) fn found_in_bucket(bytes: &[u8], digest: &Digest) -> Vec<Pointer> {
    let wanted = digest.0.get(2..8).unwrap_or_default();
    contents(bytes).filter(|it| it.0 == wanted).map(|it| it.1).collect()
}

pub(super) fn contents(bytes: &[u8]) -> impl Iterator<Item = (&[u8], Pointer)> {
    bytes.as_chunks::<CONTENT>().0.iter().filter_map(|it| {
        let (hash, pointer) = it.split_at_checked(6)?;
        Some((hash, read_pointer(pointer)?))
    })
}

pub(super) fn put_content(bucket: &mut Vec<u8>, digest: &Digest, pointer: Pointer) {
    bucket.extend_from_slice(digest.0.get(2..8).unwrap_or_default());
    put_pointer(bucket, pointer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let pointer = Pointer { segment: 3, offset: 0xfedc_ba98 };
        let version = |it| VersionEntry::new(VersionNo(it), &Digest([9; 32]), pointer);
        let entry =
            ToolEntry { row: b"row".to_vec(), chunks: 7, newest: (1..5).map(version).collect() };
        assert_eq!(ToolEntry::read(&entry.bytes()), Some(entry.clone()));
        assert_eq!(ToolEntry::read(&entry.bytes()[..20]), None);
        let mut bucket = Vec::new();
        put_content(&mut bucket, &Digest([1; 32]), pointer);
        put_content(&mut bucket, &Digest([2; 32]), Pointer::default());
        assert_eq!(found_in_bucket(&bucket, &Digest([1; 32])), [pointer]);
        assert_eq!(found_in_bucket(&bucket, &Digest([3; 32])), []);
    }

    #[test]
    fn a_tools_keys_stand_together() {
        let id = |it: &str| it.parse::<ToolId>().unwrap();
        let (short, long) = (id("t/a"), id("t/a.py"));
        let key = older(&short, 1);
        assert!(short.as_str().as_bytes() < &key[..] && &key[..] < long.as_str().as_bytes());
        assert_eq!(name(&key), b"t/a");
        assert!(mark(Seq(2)) < mark(Seq(300)) && &mark(Seq(300))[..] < FIRST_TOOL);
    }
}
