//! The reference: the same answers from memory alone, for tests and for the simulation. Survives a "crash"
//! ([`MemoryStore::reopen`]) as the disk would: with everything that was acknowledged, and nothing else.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Opened, fact, pack, segment::Head};
use crate::{
    model::{
        ChainHash, Deploy, DeployNo, Digest, Fact, Health, Record, Root, RootName, Runtime,
        RuntimeName, Seq, Tool, ToolId, Version, VersionNo,
    },
    ports::{Archive, Batch, Figures, Log, Memory, Packed, Remembered, Rows, StoreError, Verified},
};

/// Everything that is kept. Cheap to clone: all clones are the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    head: Head,
    records: Vec<Record>,
    contents: HashMap<Digest, Packed>,
    rows_as_of: Seq,
    tools: BTreeMap<ToolId, Tool>,
    roots: BTreeMap<RootName, Root>,
    runtimes: BTreeMap<RuntimeName, Runtime>,
    deploys: BTreeMap<DeployNo, Deploy>,
    health: BTreeMap<ToolId, Health>,
    stats: BTreeMap<ToolId, Remembered>,
    versions: BTreeMap<ToolId, Vec<Version>>,
}

/// A store of its own.
pub fn open() -> Opened {
    MemoryStore::default().reopen()
}

impl MemoryStore {
    /// As after a crash, or a stop.
    pub fn reopen(&self) -> Opened {
        Opened {
            log: Box::new(self.clone()),
            archive: Arc::new(self.clone()),
            memory: Arc::new(self.clone()),
            pack: Arc::new(pack::Zstd),
            notes: Vec::new(),
        }
    }

    /// As after a crash that took everything derived with it: the next start has to replay the log.
    pub fn reopen_without_rows(&self) -> Opened {
        {
            let mut kept = self.kept();
            kept.rows_as_of = Seq(0);
            kept.tools.clear();
            kept.roots.clear();
            kept.runtimes.clear();
            kept.deploys.clear();
            kept.health.clear();
            kept.stats.clear();
        }
        self.reopen()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for MemoryStore {
    fn head(&self) -> (Seq, ChainHash) {
        let it = self.kept().head;
        (it.seq, it.chain)
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.kept().append(batch)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Kept {
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut head = self.head;
        let mut text = Vec::new();
        for record in &batch.records {
            if record.seq != head.seq.next() {
                let expected = Seq(record.seq.0.saturating_sub(1));
                return Err(StoreError::NotNext { expected, found: head.seq });
            }
            text.clear();
            fact::to_json(record, &mut text).map_err(StoreError::Poisoned)?;
            let chain = fact::chained(head.chain, record.seq, &text);
            head = Head { seq: record.seq, chain };
        }
        let rows_are_complete = batch.records.is_empty() || self.rows_as_of == self.head.seq;
        for it in &batch.contents {
            self.contents.entry(it.digest).or_insert_with(|| it.clone());
        }
        for record in &batch.records {
            if let Fact::VersionRecorded(it) = &record.fact {
                self.versions.entry(it.tool.clone()).or_default().push(it.clone());
            }
        }
        self.records.extend_from_slice(&batch.records);
        self.head = head;
        if rows_are_complete {
            self.rows_as_of = head.seq;
        }
        self.tools.extend(batch.rows.tools.iter().cloned());
        self.roots.extend(batch.rows.roots.iter().cloned());
        self.deploys.extend(batch.rows.deploys.iter().map(|it| (it.number, it.clone())));
        self.health.extend(batch.rows.health.iter().cloned());
        for (name, runtime) in &batch.rows.runtimes {
            match runtime {
                Some(it) => self.runtimes.insert(name.clone(), it.clone()),
                None => self.runtimes.remove(name),
            };
        }
        Ok(())
    }
}

impl Archive for MemoryStore {
    fn rows(&self) -> Result<(Seq, Rows), StoreError> {
        let kept = self.kept();
        let rows = Rows {
            tools: kept.tools.iter().map(|it| (it.0.clone(), it.1.clone())).collect(),
            roots: kept.roots.iter().map(|it| (it.0.clone(), it.1.clone())).collect(),
            runtimes: kept.runtimes.iter().map(|it| (it.0.clone(), Some(it.1.clone()))).collect(),
            deploys: kept.deploys.values().cloned().collect(),
            health: kept.health.iter().map(|it| (it.0.clone(), it.1.clone())).collect(),
        };
        Ok((kept.rows_as_of, rows))
    }

    fn records(&self, after: Seq, limit: usize) -> Result<Vec<Record>, StoreError> {
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(self.kept().records.iter().skip(skip).take(limit).cloned().collect())
    }

    fn versions(
        &self,
        tool: &ToolId,
        below: Option<VersionNo>,
        limit: usize,
    ) -> Result<Vec<Version>, StoreError> {
        let kept = self.kept();
        let all = kept.versions.get(tool).map(Vec::as_slice).unwrap_or_default();
        let wanted = all.iter().rev().filter(|it| below.is_none_or(|below| it.number < below));
        Ok(wanted.take(limit).cloned().collect())
    }

    fn version(&self, tool: &ToolId, number: VersionNo) -> Result<Option<Version>, StoreError> {
        let kept = self.kept();
        let all = kept.versions.get(tool).map(Vec::as_slice).unwrap_or_default();
        Ok(all.iter().find(|it| it.number == number).cloned())
    }

    fn versions_by_hash(
        &self,
        tool: &ToolId,
        hex: &str,
    ) -> Result<Vec<(Digest, VersionNo)>, StoreError> {
        let mut seen = HashSet::new();
        let kept = self.kept();
        let all = kept.versions.get(tool).map(Vec::as_slice).unwrap_or_default();
        let matching = all.iter().rev().filter(|it| it.digest.hex().starts_with(hex));
        let newest = matching.filter(|it| seen.insert(it.digest));
        Ok(newest.map(|it| (it.digest, it.number)).collect())
    }

    fn deploy(&self, number: DeployNo) -> Result<Option<Deploy>, StoreError> {
        Ok(self.kept().deploys.get(&number).cloned())
    }

    fn deploys(&self, below: Option<DeployNo>, limit: usize) -> Result<Vec<Deploy>, StoreError> {
        let kept = self.kept();
        let wanted =
            kept.deploys.values().rev().filter(|it| below.is_none_or(|below| it.number < below));
        Ok(wanted.take(limit).cloned().collect())
    }

    fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let packed = self.kept().contents.get(digest).cloned();
        Ok(packed.and_then(|it| pack::unpack(it.codec, it.size, it.bytes)))
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

impl Memory for MemoryStore {
    fn load(&self) -> Result<Vec<Remembered>, StoreError> {
        Ok(self.kept().stats.values().cloned().collect())
    }

    fn save(&self, known: &[Remembered], gone: &[ToolId]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.stats.extend(known.iter().map(|it| (it.tool.clone(), it.clone())));
        for it in gone {
            kept.stats.remove(it);
        }
        Ok(())
    }
}
