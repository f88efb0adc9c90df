//! The index: one sled tree, derived from the journal, changed by one batch per group. The batch also moves `Meta`,
//! so that what sled brings back after a crash is the state after some group, and says which.
//!
//! sled can lose keys without a word (half of all damage went unseen when it was tried), so `Meta` carries the number
//! and a running sum of everything in the tree: an index that does not add up is not used. Nothing
//! here is the only copy of anything, and no answer is ever made from an index that failed.

use std::{
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    change::Change,
    entry::{
        self, CHUNK, FIRST_TOOL, META, ToolEntry, VersionEntry, bucket, mark, read_pointer,
        read_versions,
    },
    place::failed,
    segment::{Head, Pointer},
};
use crate::{
    model::{ChainHash, Digest, Seq, ToolId},
    ports::StoreError,
};

/// Counted up with every change of keys or values. Another number costs a rebuild, nothing else.
pub(super) const FORMAT: u32 = 4;
/// At least this many bytes of journal lie between two marks.
const MARK_EVERY: u32 = 256 << 10;

pub(super) struct Index {
    pub(super) db: sled::Db,
    pub(super) tree: sled::Tree,
    /// What the disk looked like: not derived from the log, and not covered by the sum.
    pub(super) stats: sled::Tree,
    pub(super) path: PathBuf,
    pub(super) meta: Mutex<Meta>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) format: u32,
    /// The last group that is in here: what it ends with and where it stands.
    seq: u64,
    chain: [u8; 32],
    pub(super) segment: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    /// The head before that group.
    before: (u64, [u8; 32]),
    /// All rows are at least as new as this fact.
    pub(super) rows_as_of: u64,
    marked: Pointer,
    pub(super) versions: u64,
    pub(super) contents: u64,
    keys: u64,
    sum: u64,
}

impl Meta {
    pub(super) fn head(&self) -> Head {
        Head { seq: Seq(self.seq), chain: ChainHash(self.chain) }
    }

    pub(super) fn before(&self) -> Head {
        Head { seq: Seq(self.before.0), chain: ChainHash(self.before.1) }
    }
}

/// Runs sled, which panics on some kinds of damage.
pub(super) fn contained<T>(
    path: &Path,
    run: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(it)) => Ok(it),
        Ok(Err(sled::Error::Io(it))) => Err(failed("use the index", path)(it)),
        Ok(Err(it)) => Err(unusable(path, it.to_string())),
        Err(_) => Err(unusable(path, "sled gave up on it".to_owned())),
    }
}

pub(super) fn unusable(path: &Path, what: String) -> StoreError {
    let way_out = "restart the daemon: the index is made again from the log";
    StoreError::Corrupt { path: path.join("db"), offset: 0, what, way_out }
}

impl Index {
    pub(super) fn meta(&self) -> MutexGuard<'_, Meta> {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bad(&self, key: &[u8]) -> StoreError {
        unusable(
            &self.path,
            format!("what stands under {:?} has another shape", key.escape_ascii()),
        )
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        contained(&self.path, || self.tree.get(key))
    }

    pub(super) fn tool(&self, tool: &ToolId) -> Result<ToolEntry, StoreError> {
        let key = tool.as_str().as_bytes();
        match self.get(key)? {
            Some(bytes) => ToolEntry::read(&bytes).ok_or_else(|| self.bad(key)),
            None => Ok(ToolEntry::default()),
        }
    }

    pub(super) fn older(&self, tool: &ToolId, chunk: u32) -> Result<Vec<VersionEntry>, StoreError> {
        let key = entry::older(tool, chunk);
        let bytes = self.get(&key)?;
        bytes.and_then(|it| read_versions(&it)).ok_or_else(|| self.bad(&key))
    }

    /// Where a content with this hash may stand.
    pub(super) fn content(&self, digest: &Digest) -> Result<Vec<Pointer>, StoreError> {
        let bytes = self.get(&bucket(digest))?;
        Ok(bytes.map_or_else(Vec::new, |it| entry::found_in_bucket(&it, digest)))
    }

    /// A place at or before this fact, and not long before it.
    pub(super) fn mark(&self, seq: Seq) -> Result<Option<Pointer>, StoreError> {
        let key = mark(seq.next());
        let found = contained(&self.path, || self.tree.get_lt(key))?;
        let is_mark = |it: &sled::IVec| it.first() == key.first();
        Ok(found.filter(|it| is_mark(&it.0)).and_then(|it| read_pointer(&it.1)))
    }

    /// Everything from this key on.
    pub(super) fn walk(
        &self,
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut rest = self.tree.range(from..);
        while let Some((key, value)) = contained(&self.path, || rest.next().transpose())? {
            if !visit(&key, &value)? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn walk_tools(
        &self,
        mut visit: impl FnMut(&[u8], ToolEntry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.walk(FIRST_TOOL, |key, value| {
            if !key.contains(&0) {
                visit(key, ToolEntry::read(value).ok_or_else(|| self.bad(key))?)?;
            }
            Ok(true)
        })
    }

    /// The rows alone: a start reads all of them.
    pub(super) fn walk_rows(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.walk(FIRST_TOOL, |key, value| {
            if !key.contains(&0) {
                let (_, row, _) = entry::split(value).ok_or_else(|| self.bad(key))?;
                visit(key, row)?;
            }
            Ok(true)
        })
    }

    /// Whether everything that was put in is there, and nothing else.
    pub(super) fn adds_up(&self) -> Result<bool, StoreError> {
        let (mut keys, mut sum) = (0, 0_u64);
        self.walk(&[], |key, value| {
            if key != META {
                keys += 1;
                sum = sum.wrapping_add(weight(key, value));
            }
            Ok(true)
        })?;
        let meta = self.meta();
        Ok((meta.keys, meta.sum) == (keys, sum))
    }
}

/// Two checksums stirred into a number that stands for this key with this value.
fn weight(key: &[u8], value: &[u8]) -> u64 {
    let mut it = u64::from(crc32fast::hash(key)) << 32 | u64::from(crc32fast::hash(value));
    it = (it ^ it >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ it >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ it >> 31
}

/// Changes that will become true together.
pub(super) struct Draft<'a> {
    index: &'a Index,
    pub(super) meta: Meta,
    edits: BTreeMap<Vec<u8>, Edit>,
    /// What was asked for and will probably be changed: sled is asked once.
    asked: HashMap<[u8; 3], Option<sled::IVec>>,
}

struct Edit {
    /// The weight of what stands there now.
    before: Option<u64>,
    after: Option<Vec<u8>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Self { index, meta: index.meta().clone(), edits: BTreeMap::new(), asked: HashMap::new() }
    }

    pub(super) fn unusable(&self, what: String) -> StoreError {
        unusable(&self.index.path, what)
    }

    /// The keys with this prefix that stand in the index from `from` on.
    pub(super) fn keys_from(&self, from: &[u8], prefix: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut keys = Vec::new();
        self.index.walk(from, |key, _| {
            let within = key.starts_with(prefix);
            keys.extend(within.then(|| key.to_vec()));
            Ok(within)
        })?;
        Ok(keys)
    }

    /// [`Index::content`], as it stands before the edits.
    pub(super) fn content(&mut self, digest: &Digest) -> Result<Vec<Pointer>, StoreError> {
        let key = bucket(digest);
        let bytes = match self.asked.get(&key) {
            Some(it) => it,
            None => self.asked.entry(key).or_insert(self.index.get(&key)?),
        };
        Ok(bytes.as_ref().map_or_else(Vec::new, |it| entry::found_in_bucket(it, digest)))
    }

    pub(super) fn len(&self) -> usize {
        self.edits.len()
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.edit(key, |_| Ok(value))
    }

    pub(super) fn edit(
        &mut self,
        key: Vec<u8>,
        change: impl FnOnce(Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<(), StoreError> {
        if let Some(edit) = self.edits.get_mut(&key) {
            edit.after = change(edit.after.as_deref())?;
            return Ok(());
        }
        let asked = <[u8; 3]>::try_from(&*key).ok().and_then(|it| self.asked.remove(&it));
        let now = asked.map_or_else(|| self.index.get(&key), Ok)?;
        let before = now.as_ref().map(|it| weight(&key, it));
        let after = change(now.as_deref())?;
        self.edits.insert(key, Edit { before, after });
        Ok(())
    }

    pub(super) fn edit_tool(
        &mut self,
        tool: &ToolId,
        change: impl FnOnce(&mut ToolEntry),
    ) -> Result<Option<Vec<VersionEntry>>, StoreError> {
        let (index, key) = (self.index, tool.as_str().as_bytes().to_vec());
        let mut old = None;
        self.edit(key, |now| {
            let mut entry = match now {
                Some(it) => {
                    ToolEntry::read(it).ok_or_else(|| index.bad(tool.as_str().as_bytes()))?
                }
                None => ToolEntry::default(),
            };
            change(&mut entry);
            if entry.newest.len() > CHUNK {
                old = Some(entry.newest.drain(..CHUNK).collect());
                entry.chunks += 1;
            }
            Ok(Some(entry.bytes()))
        })?;
        Ok(old)
    }

    /// Takes in a group that follows what is there.
    pub(super) fn take(&mut self, change: &Change) -> Result<(), StoreError> {
        for it in &change.versions {
            let version = VersionEntry::new(it.number, &it.digest, it.pointer);
            let mut chunk = 0;
            let old = self.edit_tool(&it.tool, |entry| {
                chunk = entry.chunks;
                entry.newest.push(version);
            })?;
            if let Some(old) = old {
                self.put(entry::older(&it.tool, chunk), Some(entry::versions(&old)))?;
            }
        }
        for (digest, pointer) in &change.contents {
            self.edit(bucket(digest).to_vec(), |now| {
                let mut bucket = now.unwrap_or_default().to_vec();
                entry::put_content(&mut bucket, digest, *pointer);
                Ok(Some(bucket))
            })?;
        }
        self.mark(change)?;
        let meta = &mut self.meta;
        meta.versions += change.versions.len() as u64;
        meta.contents += change.contents.len() as u64;
        meta.before = (meta.seq, meta.chain);
        (meta.seq, meta.chain) = (change.head.seq.0, change.head.chain.0);
        (meta.segment, meta.start, meta.end) = (change.segment, change.start, change.end);
        Ok(())
    }

    fn mark(&mut self, change: &Change) -> Result<(), StoreError> {
        let Some((seq, pointer)) = change.first else { return Ok(()) };
        let marked = self.meta.marked;
        let near = marked.segment == pointer.segment
            && pointer.offset.saturating_sub(marked.offset) < MARK_EVERY;
        if near {
            return Ok(());
        }
        self.meta.marked = pointer;
        let mut value = Vec::with_capacity(8);
        entry::put_pointer(&mut value, pointer);
        self.put(mark(seq).to_vec(), Some(value))
    }

    /// One batch: all of it, or nothing of it, is there afterwards.
    pub(super) fn commit(mut self) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, Edit { before, after }) in self.edits {
            let meta = &mut self.meta;
            meta.sum = meta.sum.wrapping_sub(before.unwrap_or_default());
            meta.keys -= u64::from(before.is_some());
            match after {
                Some(value) => {
                    meta.sum = meta.sum.wrapping_add(weight(&key, &value));
                    meta.keys += 1;
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        let path = &self.index.path;
        let meta =
            postcard::to_allocvec(&self.meta).map_err(|it| unusable(path, it.to_string()))?;
        batch.insert(META, meta);
        contained(path, || self.index.tree.apply_batch(batch))?;
        *self.index.meta() = self.meta;
        Ok(())
    }
}
