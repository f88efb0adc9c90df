//! The reading half: the index says where, the journal says what. Shows nothing beyond the last group
//! that is in the index; what it cannot read is an error with file and offset, never left out.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{
    Shared, deploy,
    entry::{self, ToolEntry, VersionEntry, name},
    fact::{from_json, root_name, runtime_name, tool_id},
    frame::Kind,
    index::{contained, unusable},
    monitor,
    pack::unpack,
    recovery::opening,
    rows,
    segment::{self, Pointer, Scanner, Step, corrupt, read_at},
    verify,
};
use crate::{
    model::{
        Deploy, DeployNo, Digest, Fact, RECENT_DEPLOYS, Record, Seq, ToolId, Version, VersionNo,
    },
    ports::{Archive, Figures, Rows, StoreError, Verified},
};

pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
}

impl Archive for Reader {
    fn rows(&self) -> Result<(Seq, Rows), StoreError> {
        let index = &self.shared.index;
        let as_of = Seq(index.meta().rows_as_of);
        let bad = |it| unusable(&index.path, it);
        let mut rows = Rows::default();
        for (name, bytes) in self.long(entry::ROOTS)? {
            let root = (root_name(&name).map_err(bad)?, rows::root(&bytes).map_err(bad)?);
            rows.roots.push(root);
        }
        for (name, bytes) in self.long(entry::RUNTIMES)? {
            let runtime = rows::runtime(&bytes).map_err(bad)?;
            rows.runtimes.push((runtime_name(&name).map_err(bad)?, Some(runtime)));
        }
        for (name, bytes) in self.long(entry::HEALTH)? {
            let health = monitor::health(&bytes).map_err(bad)?;
            rows.health.push((tool_id(&name).map_err(bad)?, health));
        }
        rows.deploys = self.deploys_at_hand()?;
        index.walk_rows(|key, row| {
            if !row.is_empty() {
                let id = tool_id(&String::from_utf8_lossy(key)).map_err(bad)?;
                rows.tools.push((id, rows::tool(row).map_err(bad)?));
            }
            Ok(())
        })?;
        Ok((as_of, rows))
    }

    fn records(&self, after: Seq, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.shared.tell(self.records_after(after, limit))
    }

    fn versions(
        &self,
        tool: &ToolId,
        below: Option<VersionNo>,
        limit: usize,
    ) -> Result<Vec<Version>, StoreError> {
        let mut versions = Vec::new();
        let read = self.newest_first(tool, |it| {
            if below.is_none_or(|below| it.number < below) && versions.len() < limit {
                versions.push(self.version_at(it)?);
            }
            Ok(versions.len() < limit)
        });
        self.shared.tell(read)?;
        Ok(versions)
    }

    fn version(&self, tool: &ToolId, number: VersionNo) -> Result<Option<Version>, StoreError> {
        let mut found = None;
        let read = self.newest_first(tool, |it| {
            if it.number == number {
                found = Some(self.version_at(it)?);
            }
            Ok(it.number > number)
        });
        self.shared.tell(read)?;
        Ok(found)
    }

    fn versions_by_hash(
        &self,
        tool: &ToolId,
        hex: &str,
    ) -> Result<Vec<(Digest, VersionNo)>, StoreError> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let read = self.newest_first(tool, |it| {
            let known = Digest(std::array::from_fn(|at| it.hash.get(at).copied().unwrap_or(0)));
            let shown = known.hex();
            let enough = hex.get(..16).unwrap_or(hex);
            if shown.starts_with(enough) {
                let version = self.version_at(it)?;
                if version.digest.hex().starts_with(hex) && seen.insert(version.digest) {
                    found.push((version.digest, version.number));
                }
            }
            Ok(true)
        });
        self.shared.tell(read)?;
        Ok(found)
    }

    fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.tell(self.content_of(digest))
    }

    fn deploy(&self, number: DeployNo) -> Result<Option<Deploy>, StoreError> {
        let name = entry::deploy_name(number);
        let mut bytes = Vec::new();
        self.walk_long(entry::DEPLOYS, &name, |found, piece| {
            let same = found == name;
            if same {
                bytes.extend_from_slice(piece);
            }
            same
        })?;
        if bytes.is_empty() { Ok(None) } else { self.read_deploy(&bytes).map(Some) }
    }

    fn deploys(&self, below: Option<DeployNo>, limit: usize) -> Result<Vec<Deploy>, StoreError> {
        let below = match below {
            Some(it) => it,
            None => self.last_deploy()?.next(),
        };
        let numbers = (1..below.0).rev().take(limit);
        let found = numbers.filter_map(|it| self.deploy(DeployNo(it)).transpose());
        found.collect()
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        verify::run(&self.shared)
    }

    fn figures(&self) -> Figures {
        let (segments, end) = {
            let it = self.shared.index.meta();
            (u64::from(it.segment.max(1)), it.end)
        };
        let sealed = (1..segments).filter_map(|it| u32::try_from(it).ok()).filter_map(|it| {
            std::fs::metadata(segment::path(&self.shared.log, it)).ok().map(|it| it.len())
        });
        Figures {
            backend: "journal+sled",
            log_bytes: sealed.sum::<u64>() + end,
            index_bytes: self.shared.index.db.size_on_disk().unwrap_or_default(),
            segments,
            syncs: self.shared.syncs.samples(),
            free_bytes: self.shared.place.free_bytes(),
        }
    }
}

impl Reader {
    fn records_after(&self, after: Seq, limit: usize) -> Result<Vec<Record>, StoreError> {
        let meta = self.shared.index.meta().clone();
        let mut records = Vec::new();
        if after >= meta.head().seq || limit == 0 {
            return Ok(records);
        }
        let log = &self.shared.log;
        let from = match self.shared.index.mark(after)? {
            Some(it) => it,
            None => Pointer { segment: 1, offset: 0 },
        };
        let mut scanner = Scanner::open(log, from.segment, from.offset.into())?.facts_only();
        let mut segment = from.segment;
        let mut next = after.next();
        while next <= meta.head().seq && records.len() < limit {
            let path = scanner.path().to_owned();
            match scanner.next()? {
                Step::Frame { at, header, body } if header.kind == Kind::Fact => {
                    let seq = Seq(header.seq);
                    if seq < next {
                        continue;
                    }
                    if seq > next {
                        return Err(corrupt(&path, at, format!("fact {next} is missing")));
                    }
                    let text = unpack(header.codec, header.size, body.to_vec())
                        .ok_or_else(|| corrupt(&path, at, "it cannot be unpacked"))?;
                    let record = from_json(seq, &text).map_err(|it| corrupt(&path, at, it))?;
                    records.push(record);
                    next = seq.next();
                }
                Step::Frame { .. } => (),
                Step::End if segment < meta.segment => {
                    let end = scanner.at();
                    segment += 1;
                    let (opening, _, offset) = opening(log, segment)?;
                    if opening.previous_end != end {
                        return Err(corrupt(&path, end, "facts are missing from here on"));
                    }
                    scanner = Scanner::open(log, segment, offset)?.facts_only();
                }
                Step::End => {
                    let what = format!("fact {next} is missing");
                    return Err(corrupt(&path, scanner.at(), what));
                }
                Step::Bad { at, what, .. } => return Err(corrupt(&path, at, what)),
            }
        }
        Ok(records)
    }

    fn content_of(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(pointer) = self.shared.find(digest)? else { return Ok(None) };
        let (header, body) = read_at(&self.shared.log, pointer, Kind::Content)?;
        let bytes = unpack(header.codec, header.size, body);
        let whole = bytes.filter(|it| Sha256::digest(it).as_slice() == digest.0);
        whole.map(Some).ok_or_else(|| {
            let path = segment::path(&self.shared.log, pointer.segment);
            corrupt(&path, pointer.offset.into(), format!("the content is not {digest}"))
        })
    }

    fn newest_first(
        &self,
        tool: &ToolId,
        mut visit: impl FnMut(&VersionEntry) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let ToolEntry { newest, chunks, .. } = self.shared.index.tool(tool)?;
        for it in newest.iter().rev() {
            if !visit(it)? {
                return Ok(());
            }
        }
        for chunk in (0..chunks).rev() {
            for it in self.shared.index.older(tool, chunk)?.iter().rev() {
                if !visit(it)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn version_at(&self, entry: &VersionEntry) -> Result<Version, StoreError> {
        let (header, body) = read_at(&self.shared.log, entry.pointer, Kind::Fact)?;
        let path = segment::path(&self.shared.log, entry.pointer.segment);
        let at = entry.pointer.offset.into();
        let text = unpack(header.codec, header.size, body)
            .ok_or_else(|| corrupt(&path, at, "it cannot be unpacked"))?;
        let record = from_json(Seq(header.seq), &text).map_err(|it| corrupt(&path, at, it))?;
        if let Fact::VersionRecorded(it) = record.fact
            && it.number == entry.number
        {
            return Ok(it);
        }
        Err(corrupt(&path, at, "another fact than the index says"))
    }

    /// Those of which something is still to come, and the latest.
    fn deploys_at_hand(&self) -> Result<Vec<Deploy>, StoreError> {
        let mut numbers = BTreeSet::new();
        self.walk_long(entry::WAITING, "", |name, _| {
            numbers.extend(name.parse().map(DeployNo));
            true
        })?;
        let last = self.last_deploy()?.0;
        numbers.extend((last.saturating_sub(RECENT_DEPLOYS) + 1..=last).map(DeployNo));
        let found = numbers.into_iter().filter_map(|it| self.deploy(it).transpose());
        found.collect()
    }

    fn last_deploy(&self) -> Result<DeployNo, StoreError> {
        let index = &self.shared.index;
        let last = contained(&index.path, || index.tree.get_lt([entry::DEPLOYS + 1]))?;
        let number = last.and_then(|(key, _)| {
            let rest = key.strip_prefix(&[entry::DEPLOYS])?;
            std::str::from_utf8(name(rest)).ok()?.parse().ok()
        });
        Ok(DeployNo(number.unwrap_or_default()))
    }

    fn read_deploy(&self, bytes: &[u8]) -> Result<Deploy, StoreError> {
        deploy::from_row(bytes).map_err(|it| unusable(&self.shared.index.path, it))
    }

    /// The pieces of this kind from a name on, as long as they are wanted.
    fn walk_long(
        &self,
        kind: u8,
        from: &str,
        mut visit: impl FnMut(&str, &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let from: Vec<u8> = std::iter::once(kind).chain(from.bytes()).collect();
        self.shared.index.walk(&from, |key, value| {
            let Some(rest) = key.strip_prefix(&[kind]) else { return Ok(false) };
            Ok(visit(&String::from_utf8_lossy(name(rest)), value))
        })
    }

    /// Values of this kind, put together from their pieces.
    fn long(&self, kind: u8) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let mut values: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        self.shared.index.walk(&[kind], |key, value| {
            let Some((first, rest)) = key.split_first().filter(|it| *it.0 == kind) else {
                return Ok(false);
            };
            let _: &u8 = first;
            let name = String::from_utf8_lossy(name(rest)).into_owned();
            values.entry(name).or_default().extend_from_slice(value);
            Ok(true)
        })?;
        Ok(values)
    }
}
