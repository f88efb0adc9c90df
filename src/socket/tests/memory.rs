//! A log and files in memory: as little as the loop needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use sha2::Digest as _;

use crate::{
    model::{
        Cause, ChainHash, Deploy, DeployNo, Digest, Fact, FileSeen, Glance, Packed, Record,
        RootName, Seen, Seq, Sight, Timestamp, ToolId, Version, VersionNo,
    },
    ports::{
        Archive, Batch, Clock, Figures, Log, RootFiles, RootMissing, Rows, StoreError, Tree,
        Verified, Walk,
    },
    roots::WatchedRoot,
};

#[derive(Clone, Default)]
pub(super) struct MemoryLog(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    contents: BTreeMap<Digest, Vec<u8>>,
    fails: Option<fn() -> StoreError>,
}

impl MemoryLog {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// From now on nothing can be appended, or (`None`) it can again.
    pub(super) fn fails(&self, with: Option<fn() -> StoreError>) {
        self.kept().fails = with;
    }

    fn all_versions(&self, tool: &ToolId) -> Vec<Version> {
        let of_tool = |it: &Record| {
            let Fact::VersionRecorded(version) = &it.fact else { return None };
            (version.tool == *tool).then(|| version.clone())
        };
        self.kept().records.iter().rev().filter_map(of_tool).collect()
    }
}

impl Log for MemoryLog {
    fn head(&self) -> (Seq, ChainHash) {
        (Seq(self.kept().records.len() as u64), ChainHash([7; 32]))
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if let Some(error) = kept.fails.filter(|_| !batch.records.is_empty()) {
            return Err(error());
        }
        kept.records.extend(batch.records.iter().cloned());
        kept.contents.extend(batch.contents.iter().map(|it| (it.digest, it.bytes.clone())));
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Archive for MemoryLog {
    fn deploy(&self, _: DeployNo) -> Result<Option<Deploy>, StoreError> {
        Ok(None)
    }

    fn deploys(&self, _: Option<DeployNo>, _: usize) -> Result<Vec<Deploy>, StoreError> {
        Ok(Vec::new())
    }

    fn rows(&self) -> Result<(Seq, Rows), StoreError> {
        Ok((Seq(0), Rows::default()))
    }

    fn records(&self, after: Seq, limit: usize) -> Result<Vec<Record>, StoreError> {
        let after = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(self.kept().records.iter().skip(after).take(limit).cloned().collect())
    }

    fn versions(
        &self,
        tool: &ToolId,
        below: Option<VersionNo>,
        limit: usize,
    ) -> Result<Vec<Version>, StoreError> {
        let mut all = self.all_versions(tool);
        all.retain(|it| below.is_none_or(|below| it.number < below));
        all.truncate(limit);
        Ok(all)
    }

    fn version(&self, tool: &ToolId, number: VersionNo) -> Result<Option<Version>, StoreError> {
        Ok(self.all_versions(tool).into_iter().find(|it| it.number == number))
    }

    fn versions_by_hash(
        &self,
        tool: &ToolId,
        hex: &str,
    ) -> Result<Vec<(Digest, VersionNo)>, StoreError> {
        let mut found = BTreeMap::new();
        for it in self.all_versions(tool).into_iter().filter(|it| it.digest.hex().starts_with(hex))
        {
            found.entry(it.digest).or_insert(it.number);
        }
        Ok(found.into_iter().collect())
    }

    fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept().contents.get(digest).cloned())
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        let kept = self.kept();
        let (facts, contents) = (kept.records.len() as u64, kept.contents.len() as u64);
        Ok(Verified { facts, contents, problems: Vec::new() })
    }

    fn figures(&self) -> Figures {
        Figures { backend: "memory", ..Figures::default() }
    }
}

/// What stands at a path.
#[derive(Clone)]
pub(super) enum Thing {
    File { bytes: Vec<u8>, executable: bool },
    Odd(Cause),
    BeingWritten,
}

#[derive(Clone, Default)]
pub(super) struct MemoryTree(pub(super) Arc<Mutex<BTreeMap<ToolId, Thing>>>);

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

fn sight(thing: Option<&Thing>) -> Sight {
    match thing {
        None => Sight::Gone,
        Some(Thing::Odd(cause)) => Sight::Unreadable(*cause),
        Some(Thing::BeingWritten) => Sight::Unsettled,
        Some(Thing::File { bytes, executable }) => {
            let (digest, size) = (digest(bytes), bytes.len() as u64);
            let content = Packed { digest, size, codec: 0, bytes: bytes.clone() };
            Sight::File(FileSeen {
                digest,
                size,
                executable: *executable,
                mtime: Timestamp(1_700_000_000_000_000),
                content: Some(content),
                links: 1,
            })
        }
    }
}

impl Tree for MemoryTree {
    fn look(&mut self, wanted: &[Glance], _: &dyn Fn(&ToolId) -> bool) -> Vec<Seen> {
        let files = self.0.lock().unwrap();
        let seen = |it: &Glance| Seen {
            tool: it.tool.clone(),
            firm: it.firm,
            sight: sight(files.get(&it.tool)),
        };
        wanted.iter().map(seen).collect()
    }

    fn walk(&mut self, root: &RootName) -> Result<Box<dyn Walk>, RootMissing> {
        let files = self.0.lock().unwrap();
        Ok(Box::new(OneStep(Some(files.keys().filter(|it| it.is_in(root)).cloned().collect()))))
    }

    fn siblings(&self, _: &ToolId) -> Vec<ToolId> {
        Vec::new()
    }

    fn root_is_there(&self, _: &RootName) -> bool {
        true
    }

    fn knows_writers(&self, _: &RootName) -> bool {
        true
    }

    fn set_roots(&mut self, _: &[WatchedRoot]) {}

    fn rest(&mut self) {}
}

struct OneStep(Option<Vec<ToolId>>);

impl Walk for OneStep {
    fn next_paths(&mut self) -> Option<Vec<ToolId>> {
        self.0.take()
    }

    fn closed_directories(&self) -> BTreeSet<ToolId> {
        BTreeSet::new()
    }

    fn root_lost(&self) -> bool {
        false
    }
}

/// One second later each time it is asked.
#[derive(Default)]
pub(super) struct Ticking(std::sync::atomic::AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let seconds = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Timestamp(1_800_000_000_000_000 + seconds * 1_000_000)
    }
}

/// As they stand there now.
impl RootFiles for MemoryTree {
    fn read(&self, root: &RootName, path: &str) -> Option<Vec<u8>> {
        let id: ToolId = format!("{root}/{path}").parse().ok()?;
        match self.0.lock().unwrap().get(&id)? {
            Thing::File { bytes, .. } => Some(bytes.clone()),
            Thing::Odd(_) | Thing::BeingWritten => None,
        }
    }

    fn digest(&self, root: &RootName, path: &str) -> Option<Digest> {
        RootFiles::read(self, root, path).map(|it| digest(&it))
    }

    fn import_root(&self, _: &RootName) -> String {
        String::new()
    }
}
