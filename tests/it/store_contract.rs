//! What every store must do, asked of each of them in the same words.

use std::{path::Path, sync::Arc};

use knowngood::{
    model::{Fact, Seq, VersionNo},
    ports::{Archive, Batch, Remembered, Rows, StatKey, StoreError},
    store::{self, Opened, memory::MemoryStore},
};

use crate::store_samples::{Teller, all_facts, digest, some_rows, tool};

/// A store that can be stopped and opened again.
trait Backend {
    fn open(&self) -> Opened;
}

impl Backend for MemoryStore {
    fn open(&self) -> Opened {
        self.reopen()
    }
}

struct OnDisk(tempfile::TempDir);

impl Backend for OnDisk {
    fn open(&self) -> Opened {
        let opened = store::open(self.0.path(), &|_| ()).unwrap();
        assert_eq!(opened.notes, Vec::<String>::new());
        opened
    }
}

macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod in_memory {
            $(#[test] fn $case() { super::$case(&super::MemoryStore::default()); })+
        }
        mod on_disk {
            $(#[test] fn $case() { super::$case(&super::OnDisk(tempfile::tempdir().unwrap())); })+
        }
    };
}

contract! {
    begins_empty,
    keeps_what_was_acknowledged,
    tells_every_kind_of_fact,
    chains_alike,
    lists_versions_newest_first,
    finds_versions_by_their_hash,
    stores_a_content_once,
    refuses_what_does_not_follow,
    keeps_rows_and_says_as_of_when,
    rows_lag_until_they_are_refreshed,
    forgets_runtimes_that_are_gone,
    remembers_the_disk,
    reads_while_it_writes,
    finds_nothing_wrong,
}

fn begins_empty(backend: &dyn Backend) {
    let store = backend.open();
    assert_eq!(store.log.head().0, Seq(0));
    assert_eq!(store.archive.rows().unwrap(), (Seq(0), Rows::default()));
    assert_eq!(store.archive.records(Seq(0), 10).unwrap(), []);
    assert_eq!(store.archive.versions(&tool("a.py"), None, 10).unwrap(), []);
    assert_eq!(store.archive.version(&tool("a.py"), VersionNo(1)).unwrap(), None);
    assert_eq!(store.archive.content(&digest(b"")).unwrap(), None);
    assert_eq!(store.memory.load().unwrap(), []);
}

fn keeps_what_was_acknowledged(backend: &dyn Backend) {
    let mut teller = Teller::new(1);
    for round in 0..4 {
        let mut store = backend.open();
        teller.find_all(&*store.archive).unwrap();
        for changes in [1, 1, 7, 30] {
            teller.tell(&mut store, changes).unwrap();
            assert_eq!(store.log.head().0, teller.seq());
        }
        teller.find_all(&*store.archive).unwrap();
        if round == 2 {
            store.log.checkpoint().unwrap();
        }
    }
    let store = backend.open();
    teller.find_all(&*store.archive).unwrap();
    assert_eq!(store.archive.rows().unwrap().0, teller.seq());
}

fn tells_every_kind_of_fact(backend: &dyn Backend) {
    let mut store = backend.open();
    let records = all_facts(Seq(0));
    store.log.append(&Batch { records: records.clone(), ..Batch::default() }).unwrap();
    assert_eq!(store.archive.records(Seq(0), 100).unwrap(), records);
    assert_eq!(store.archive.records(Seq(3), 2).unwrap(), records[3..5]);
    assert_eq!(store.archive.records(Seq(3), 0).unwrap(), []);
    drop(store);
    assert_eq!(backend.open().archive.records(Seq(0), 100).unwrap(), records);
}

/// The same facts give the same chain, whatever keeps them and however they are grouped.
fn chains_alike(backend: &dyn Backend) {
    let records = all_facts(Seq(0));
    let mut reference = store::memory::open();
    reference.log.append(&Batch { records: records.clone(), ..Batch::default() }).unwrap();
    let mut store = backend.open();
    for record in records {
        store.log.append(&Batch { records: vec![record], ..Batch::default() }).unwrap();
    }
    assert_eq!(store.log.head(), reference.log.head());
    let head = store.log.head();
    drop(store);
    assert_eq!(backend.open().log.head(), head);
}

fn lists_versions_newest_first(backend: &dyn Backend) {
    let mut store = backend.open();
    let mut teller = Teller::new(2);
    let id = tool("many.py");
    for number in 0..100_u32 {
        let mut batch = Batch::default();
        let mut told = teller.clone();
        told.version(&mut batch, &id, number.to_string().into_bytes(), &*store.pack);
        store.log.append(&batch).unwrap();
        teller.keep(&batch, &|_| number.to_string().into_bytes());
    }
    let numbers = |below: Option<u32>, limit| {
        let found = store.archive.versions(&id, below.map(VersionNo), limit).unwrap();
        found.into_iter().map(|it| it.number.0).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None, 3), [100, 99, 98]);
    assert_eq!(numbers(Some(50), 2), [49, 48]);
    assert_eq!(numbers(Some(3), 9), [2, 1]);
    assert_eq!(numbers(Some(1), 9), Vec::<u32>::new());
    assert_eq!(numbers(None, 0), Vec::<u32>::new());
    assert_eq!(numbers(None, usize::MAX), (1..=100).rev().collect::<Vec<_>>());
    for number in [1, 16, 17, 84, 85, 100] {
        let found = store.archive.version(&id, VersionNo(number)).unwrap();
        assert_eq!(found.as_ref(), teller.versions[&id].get(number as usize - 1));
    }
    assert_eq!(store.archive.version(&id, VersionNo(101)).unwrap(), None);
    assert_eq!(store.archive.version(&id, VersionNo(0)).unwrap(), None);
    teller.find_all(&*store.archive).unwrap();
}

fn finds_versions_by_their_hash(backend: &dyn Backend) {
    let mut store = backend.open();
    let mut teller = Teller::new(3);
    let id = tool("back-and-forth.py");
    for text in ["one", "two", "one", "three"] {
        let mut batch = Batch::default();
        let mut told = teller.clone();
        told.version(&mut batch, &id, text.into(), &*store.pack);
        store.log.append(&batch).unwrap();
        teller.keep(&batch, &|_| text.into());
    }
    let (one, three) = (digest(b"one"), digest(b"three"));
    let find = |hex: &str| store.archive.versions_by_hash(&id, hex).unwrap();
    for length in [8, 16, 17, 64] {
        assert_eq!(find(&one.hex()[..length]), [(one, VersionNo(3))]);
        assert_eq!(find(&three.hex()[..length]), [(three, VersionNo(4))]);
    }
    let other_end = format!("{}{}", &one.hex()[..40], "0".repeat(24));
    assert_eq!(find(&other_end), []);
    assert_eq!(find("").len(), 3);
    assert_eq!(store.archive.versions_by_hash(&tool("other.py"), &one.hex()).unwrap(), []);
}

fn stores_a_content_once(backend: &dyn Backend) {
    let mut store = backend.open();
    let mut teller = Teller::new(4);
    let big = vec![0xa5; 100_000];
    for name in ["a.py", "b.py", "a.py"] {
        let mut batch = Batch::default();
        let mut told = teller.clone();
        told.version(&mut batch, &tool(name), big.clone(), &*store.pack);
        told.version(&mut batch, &tool("twice.py"), big.clone(), &*store.pack);
        store.log.append(&batch).unwrap();
        teller.keep(&batch, &|_| big.clone());
    }
    teller.find_all(&*store.archive).unwrap();
    assert_eq!(store.archive.verify().unwrap().contents, 1);
}

fn refuses_what_does_not_follow(backend: &dyn Backend) {
    let mut store = backend.open();
    let records = all_facts(Seq(0));
    let batch = |records| Batch { records, ..Batch::default() };
    store.log.append(&batch(records[..3].to_vec())).unwrap();
    for wrong in [&records[2..5], &records[4..6]] {
        let expected = Seq(wrong[0].seq.0 - 1);
        match store.log.append(&batch(wrong.to_vec())) {
            Err(StoreError::NotNext { expected: e, found: Seq(3) }) => assert_eq!(e, expected),
            other => panic!("{other:?}"),
        }
    }
    let gap = vec![records[3].clone(), records[5].clone()];
    assert!(matches!(store.log.append(&batch(gap)), Err(StoreError::NotNext { .. })));
    assert_eq!(store.log.head().0, Seq(3));
    store.log.append(&batch(records[3..].to_vec())).unwrap();
    assert_eq!(store.archive.records(Seq(0), 100).unwrap(), records);
}

fn keeps_rows_and_says_as_of_when(backend: &dyn Backend) {
    let mut store = backend.open();
    let records = all_facts(Seq(0));
    let last = Seq(records.len() as u64);
    let rows = some_rows(last);
    store.log.append(&Batch { records, rows: rows.clone(), ..Batch::default() }).unwrap();
    assert_eq!(store.archive.rows().unwrap(), (last, rows.clone()));
    drop(store);
    assert_eq!(backend.open().archive.rows().unwrap(), (last, rows));
}

/// Rows that lack something say so: `as_of` does not move until a batch of rows alone completes them.
fn rows_lag_until_they_are_refreshed(backend: &dyn Backend) {
    let mut store = backend.open();
    let records = all_facts(Seq(0));
    let batch = |records: &[_], rows| Batch { records: records.to_vec(), rows, ..Batch::default() };
    store.log.append(&batch(&records[..4], some_rows(Seq(4)))).unwrap();
    assert_eq!(store.archive.rows().unwrap().0, Seq(4));
    let refreshed = some_rows(Seq(4));
    store.log.append(&batch(&[], refreshed.clone())).unwrap();
    assert_eq!(store.archive.rows().unwrap(), (Seq(4), refreshed));
    assert_eq!(store.log.head().0, Seq(4), "rows alone are no fact");
}

fn forgets_runtimes_that_are_gone(backend: &dyn Backend) {
    let mut store = backend.open();
    let mut rows = some_rows(Seq(0));
    store.log.append(&Batch { rows: rows.clone(), ..Batch::default() }).unwrap();
    // A shorter one leaves nothing of the longer one behind.
    let runtime = rows.runtimes[0].1.as_mut().unwrap();
    runtime.loaded = [(tool("only.py"), digest(b"x"))].into();
    store.log.append(&Batch { rows: rows.clone(), ..Batch::default() }).unwrap();
    assert_eq!(store.archive.rows().unwrap().1, rows);
    rows.runtimes[0].1 = None;
    store.log.append(&Batch { rows: rows.clone(), ..Batch::default() }).unwrap();
    rows.runtimes.clear();
    assert_eq!(store.archive.rows().unwrap().1, rows);
    drop(store);
    assert_eq!(backend.open().archive.rows().unwrap().1, rows);
}

fn remembers_the_disk(backend: &dyn Backend) {
    let known = |name: &str, ino| Remembered {
        tool: tool(name),
        key: StatKey {
            dev: 1,
            ino,
            size: u64::MAX,
            mode: 0o100_644,
            mtime_ns: -1,
            ctime_ns: i64::MAX,
        },
        digest: digest(name.as_bytes()),
    };
    let store = backend.open();
    let many: Vec<_> = (0..600).map(|it| known(&format!("{it:03}.py"), it)).collect();
    store.memory.save(&many, &[]).unwrap();
    assert_eq!(store.memory.load().unwrap(), many);
    store.memory.save(&[known("000.py", 77)], &[tool("001.py"), tool("nowhere.py")]).unwrap();
    let left = store.memory.load().unwrap();
    assert_eq!(left.len(), 599);
    assert_eq!(left[0], known("000.py", 77));
    drop(store);
    assert_eq!(backend.open().memory.load().unwrap(), left);
}

/// Whoever reads sees whole batches in order, never a part, never a gap.
fn reads_while_it_writes(backend: &dyn Backend) {
    let mut store = backend.open();
    let archive: Arc<dyn Archive> = store.archive.clone();
    let total = 200;
    let reader = std::thread::spawn(move || {
        let mut seen = Seq(0);
        while seen.0 < total * 2 {
            let records = archive.records(seen, 7).unwrap();
            for record in &records {
                assert_eq!(record.seq, seen.next());
                seen = record.seq;
                if let Fact::VersionRecorded(it) = &record.fact {
                    assert_eq!(archive.version(&it.tool, it.number).unwrap().as_ref(), Some(it));
                    assert!(archive.content(&it.digest).unwrap().is_some());
                }
            }
        }
    });
    let mut teller = Teller::new(5);
    while teller.seq().0 < total * 2 {
        teller.tell(&mut store, 1).unwrap();
    }
    reader.join().unwrap();
}

fn finds_nothing_wrong(backend: &dyn Backend) {
    let mut store = backend.open();
    let mut teller = Teller::new(6);
    for changes in [1, 40, 3] {
        teller.tell(&mut store, changes).unwrap();
    }
    let verified = store.archive.verify().unwrap();
    assert_eq!(verified.problems, Vec::<String>::new());
    assert_eq!(verified.facts, teller.records.len() as u64);
    assert_eq!(verified.contents, teller.contents.len() as u64);
    let figures = store.archive.figures();
    assert!(figures.backend == "memory" || (figures.log_bytes > 10_000 && figures.segments == 1));
}

#[test]
fn only_one_opens_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let open = |dir: &Path| store::open(dir, &|_| ());
    let first = open(dir.path()).unwrap();
    assert!(
        matches!(open(dir.path()).map(drop), Err(StoreError::Locked { path }) if path == dir.path())
    );
    drop(first);
    open(dir.path()).unwrap();
}
