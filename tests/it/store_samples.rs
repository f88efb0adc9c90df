//! Facts and contents made from a number, and what must be found again of them.

#![expect(clippy::too_many_lines, reason = "one sample of each fact")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use knowngood::{
    model::{
        Author, AuthorKind, Baseline, Capability, Class, Digest, Disk, Fact, Head, Health, Origin,
        Rare, Reason, Record, Root, RootName, Runtime, RuntimeName, SafetyCause, Seq, Sync,
        Timestamp, Tool, ToolId, Version, VersionNo, Waiver,
    },
    ports::{Archive, Batch, Pack, Rows, StoreError},
    store::Opened,
};
use sha2::{Digest as _, Sha256};

/// `SplitMix64`: the same numbers everywhere, for ever.
#[derive(Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ it >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ it >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ it >> 31
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub(crate) fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

pub(crate) fn tool(name: &str) -> ToolId {
    format!("tools/{name}").parse().unwrap()
}

/// Something like a program, about this long; sometimes noise, which does not pack.
pub(crate) fn content(dice: &mut Dice, length: usize) -> Vec<u8> {
    if dice.below(4) == 0 {
        return std::iter::repeat_with(|| dice.roll() as u8).take(length).collect();
    }
    let words =
        ["def", "return", "import", "value", "result", "path", "for item in items:", "self"];
    let mut text = Vec::new();
    while text.len() < length {
        text.extend_from_slice(dice.one_of(&words).as_bytes());
        text.extend_from_slice(format!(" x{} = {}\n    ", dice.below(999), dice.roll()).as_bytes());
    }
    text.truncate(length);
    text
}

/// Writes a growing log, batch by batch, and knows what is in it.
#[derive(Clone)]
pub(crate) struct Teller {
    pub(crate) dice: Dice,
    pub(crate) records: Vec<Record>,
    pub(crate) contents: BTreeMap<Digest, Vec<u8>>,
    pub(crate) versions: BTreeMap<ToolId, Vec<Version>>,
    pub(crate) tools: BTreeMap<ToolId, Tool>,
    /// Lengths of contents are below this.
    pub(crate) longest: u64,
    /// Different tools.
    pub(crate) names: u64,
}

impl Teller {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            records: Vec::new(),
            contents: BTreeMap::new(),
            versions: BTreeMap::new(),
            tools: BTreeMap::new(),
            longest: 6000,
            names: 40,
        }
    }

    pub(crate) fn seq(&self) -> Seq {
        self.records.last().map_or(Seq(0), |it| it.seq)
    }

    fn stamp(&self, batch: &Batch) -> (Seq, Timestamp) {
        let seq = batch.records.last().map_or(self.seq(), |it| it.seq).next();
        (seq, Timestamp(1_700_000_000_000_000 + seq.0 as i64 * 1009))
    }

    /// A batch that follows; call [`Self::keep`] once it is acknowledged.
    pub(crate) fn batch(&mut self, changes: u64, pack: &dyn Pack) -> Batch {
        let mut batch = Batch::default();
        let mut told = self.clone();
        for _ in 0..changes {
            let number = told.dice.below(told.names);
            let name = format!("dir{}/größe-{number}.py", number % 7);
            let length = 1 + told.dice.below(told.longest) as usize;
            let bytes = match told.contents.values().nth(number as usize) {
                Some(old) if told.dice.below(5) == 0 => old.clone(),
                _ => content(&mut told.dice, length),
            };
            told.version(&mut batch, &tool(&name), bytes, pack);
        }
        self.dice = told.dice;
        batch.rows.tools = told
            .tools
            .iter()
            .filter(|it| batch.records.iter().any(|record| record.fact.tool() == Some(it.0)))
            .map(|it| (it.0.clone(), it.1.clone()))
            .collect();
        batch
    }

    /// A new version and its acceptance.
    pub(crate) fn version(
        &mut self,
        batch: &mut Batch,
        tool: &ToolId,
        bytes: Vec<u8>,
        pack: &dyn Pack,
    ) {
        let (seq, time) = self.stamp(batch);
        let digest = digest(&bytes);
        let numbers = self.versions.entry(tool.clone()).or_default();
        let number = numbers.last().map_or(VersionNo(1), |it| it.number.next());
        let version = Version {
            note: None,
            tool: tool.clone(),
            number,
            digest,
            size: bytes.len() as u64,
            executable: seq.0.is_multiple_of(3),
            parents: numbers.last().map(|it| it.number).into_iter().collect(),
            author: Author { kind: AuthorKind::Ai, name: Some("agent \"7\"".to_owned()) },
            reason: Reason::edit(),
            origin: Origin::Watch,
            mtime: Timestamp(time.0 - 5),
            time,
            seq,
        };
        numbers.push(version.clone());
        let head = Head {
            number,
            digest,
            size: version.size,
            executable: version.executable,
            author: version.author.clone(),
            mtime: version.mtime,
            seq,
        };
        let baseline = Baseline::of(&head);
        batch.contents.push(pack.pack(digest, &bytes));
        self.contents.insert(digest, bytes);
        batch.records.push(Record { seq, time, fact: Fact::VersionRecorded(version) });
        let (seq, time) = self.stamp(batch);
        let moved = Fact::BaselineMoved {
            tool: tool.clone(),
            from: self.tools.get(tool).and_then(|it| it.baseline.clone()),
            to: Some(baseline.clone()),
            author: Author::unknown(),
            reason: Reason::accept(),
        };
        batch.records.push(Record { seq, time, fact: moved });
        let row = Tool {
            rare: None,
            head: Some(head),
            baseline: Some(baseline),
            disk: Disk::Standing(number),
            drift_since: None,
            by_mode: false,
            as_of: seq,
        };
        self.tools.insert(tool.clone(), row);
    }

    /// What this batch says was acknowledged.
    pub(crate) fn keep(&mut self, batch: &Batch, pack: &dyn Fn(&Digest) -> Vec<u8>) {
        for record in &batch.records {
            if let Fact::VersionRecorded(it) = &record.fact {
                self.versions.entry(it.tool.clone()).or_default().push(it.clone());
            }
        }
        self.records.extend_from_slice(&batch.records);
        for it in &batch.contents {
            self.contents.insert(it.digest, pack(&it.digest));
        }
        self.tools.extend(batch.rows.tools.iter().cloned());
    }

    /// Appends a batch of this many changes.
    pub(crate) fn tell(&mut self, store: &mut Opened, changes: u64) -> Result<(), StoreError> {
        let batch = self.batch(changes, &*store.pack);
        store.log.append(&batch)?;
        self.keep(&batch, &|it| store.archive.content(it).unwrap().unwrap());
        Ok(())
    }

    /// Everything that was told is there, and nothing else. `Err`: a read was refused.
    pub(crate) fn find_all(&self, archive: &dyn Archive) -> Result<(), StoreError> {
        let mut found = Vec::new();
        loop {
            let more = archive.records(found.last().map_or(Seq(0), |it: &Record| it.seq), 100)?;
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        assert_eq!(found.len(), self.records.len(), "facts");
        assert_eq!(found, self.records);
        for (digest, bytes) in &self.contents {
            let found = archive.content(digest)?;
            assert!(found.as_ref() == Some(bytes), "content {digest}");
        }
        for (tool, versions) in &self.versions {
            let newest_first: Vec<_> = versions.iter().rev().cloned().collect();
            assert_eq!(archive.versions(tool, None, usize::MAX)?, newest_first, "{tool}");
        }
        let (as_of, rows) = archive.rows()?;
        assert!(as_of <= self.seq(), "rows as of {as_of} of {}", self.seq());
        let rows: BTreeMap<_, _> = rows.tools.into_iter().collect();
        for (id, tool) in &self.tools {
            if tool.as_of <= as_of {
                assert_eq!(rows.get(id), Some(tool), "{id} as of {as_of}");
            }
        }
        Ok(())
    }
}

/// One of each kind of fact, in order, after `seq`.
pub(crate) fn all_facts(mut seq: Seq) -> Vec<Record> {
    let (root, runtime) = (RootName::new("tools").unwrap(), RuntimeName::new("agent@1").unwrap());
    let it = tool("a b\"c%25.py");
    let baseline = Baseline { digest: Digest([3; 32]), version: None, executable: None };
    let facts = vec![
        Fact::ToolRemoved { tool: it.clone(), origin: Origin::Audit },
        Fact::DriftDetected {
            tool: it.clone(),
            sync: Sync::Unreadable,
            disk: Disk::Unreadable(knowngood::model::Cause::TooLarge),
            expected: Some(baseline.clone()),
        },
        Fact::DriftCleared { tool: it.clone(), disk: Disk::Absent },
        Fact::BaselineMoved {
            tool: it.clone(),
            from: Some(baseline),
            to: None,
            author: Author { kind: AuthorKind::Human, name: None },
            reason: Reason::new("my-own_word").unwrap(),
        },
        Fact::BaselineAdopted {
            root: root.clone(),
            tools: 12,
            manifest: Some(Digest([7; 32])),
            reason: Reason::manifest(),
        },
        Fact::RuntimeLoaded {
            runtime: runtime.clone(),
            loaded: (0..500_u32)
                .map(|number| (tool(&format!("{number}.py")), Digest([number as u8; 32])))
                .collect(),
            failed: [(it.clone(), "a\nlong\tstory €".to_owned())].into(),
            ttl_ms: 9,
        },
        Fact::RuntimeStale {
            runtime: runtime.clone(),
            tool: it.clone(),
            loaded: Digest([1; 32]),
            expected: Some(Digest([2; 32])),
        },
        Fact::RuntimeStale {
            runtime: runtime.clone(),
            tool: it.clone(),
            loaded: Digest([1; 32]),
            expected: None,
        },
        Fact::RuntimeFailed { runtime: runtime.clone(), tool: it, message: "no".to_owned() },
        Fact::RuntimeExpired { runtime, asked: true },
        Fact::SafetyStopped { root: root.clone(), cause: SafetyCause::MassRemoval },
        Fact::SafetyCleared { root, accepted: false },
        Fact::ClassChanged {
            tool: tool("it's \"odd\".py"),
            from: (VersionNo(1), Digest([1; 32])),
            to: (VersionNo(3), Digest([2; 32])),
            before: Class::NetRead,
            after: Class::Unknown,
            added: [Capability::Opaque("numpy".to_owned()), Capability::Exec].into(),
            removed: [Capability::FirstParty("a/b.py:c".to_owned())].into(),
        },
        Fact::ClassWaived { tool: tool("a.py"), waiver: a_waiver(), withdrawn: true },
    ];
    let names: BTreeSet<_> = facts.iter().map(Fact::event).collect();
    assert_eq!(names.len(), 12, "one of each, baseline.moved and runtime.stale twice");
    let stamped = facts.into_iter().map(|fact| {
        seq = seq.next();
        Record { seq, time: Timestamp(seq.0 as i64), fact }
    });
    stamped.collect()
}

fn a_waiver() -> Waiver {
    Waiver {
        cap: Capability::Exec,
        detail: "subprocess.run".to_owned(),
        sites: ["0123456789abcdef".to_owned()].into(),
        reason: "git \"log\" only\n".to_owned(),
        author: Author { kind: AuthorKind::Human, name: Some("ana".to_owned()) },
        content: Some(Digest([5; 32])),
        time: Timestamp(77),
    }
}

/// Rows of every shape.
pub(crate) fn some_rows(as_of: Seq) -> Rows {
    let loaded = (0..400).map(|it| (tool(&format!("deep/er/{it}.py")), Digest([9; 32])));
    let runtime = Runtime {
        loaded: loaded.collect(),
        failed: [(tool("x.py"), "why".to_owned())].into(),
        ttl_ms: 30_000,
        reported: Timestamp(5),
        as_of,
    };
    let root = Root {
        adopted: true,
        manifest: Some(Digest([4; 32])),
        safety: Some(SafetyCause::RootMissing),
        as_of,
    };
    let unreadable = Disk::Unreadable(knowngood::model::Cause::Symlink);
    let odd = Tool {
        disk: unreadable,
        drift_since: Some(Timestamp(-1)),
        as_of,
        by_mode: true,
        rare: Some(Arc::new(Rare { waivers: vec![a_waiver()], ..Rare::default() })),
        ..Tool::default()
    };
    Rows {
        deploys: Vec::new(),
        health: vec![(tool("odd.py"), reported(as_of))],
        tools: vec![(tool("odd.py"), odd)],
        roots: vec![(RootName::new("tools").unwrap(), root)],
        runtimes: vec![(RuntimeName::new("agent@1").unwrap(), Some(runtime))],
    }
}

/// Long enough for several pieces of a row.
fn reported(as_of: Seq) -> Health {
    let recent = (0..1500).map(|it| u64::MAX - it);
    Health { recent: recent.collect(), quiet: 3, as_of, ..Health::default() }
}
