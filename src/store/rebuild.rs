//! Opening the index with all the care that sled needs, and bringing it up to the journal's end: from where
//! it is, or from the beginning when it was lost, damaged, does not add up, or is of another format.

use std::{
    fs::{self, File},
    path::Path,
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{
    Progress,
    change::Change,
    checkpoint::Checkpoint,
    entry::META,
    index::{Draft, FORMAT, Index, Meta, contained, unusable},
    place::{Place, directory, failed, sync_directory},
    recovery::{End, Recovery, Spoilt, Start, beginning},
    segment::{self, corrupt},
};
use crate::ports::StoreError;

/// What sled keeps of its pages in memory.
const CACHE: u64 = 16 << 20;
/// A `Db` that was just dropped keeps its lock for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Keys that are changed together while the journal is read.
const DRAFT: usize = 4096;

/// The index, or why there is none that can be used.
pub(super) fn open(place: &Place, notes: &mut Vec<String>) -> Result<Index, StoreError> {
    let path = place.index();
    let is_new = !path.exists();
    let why = match attempt(&path) {
        Ok(it) if is_new || it.meta().format == FORMAT => return Ok(it),
        Ok(_) => "it is of another format, or was never finished".to_owned(),
        Err(it) if !place.is_cramped() => it.to_string(),
        Err(_) => {
            if place.release_reserve()? {
                notes.push("the disk is full: the reserve was released to open the index".into());
            }
            match attempt(&path) {
                Ok(it) if it.meta().format == FORMAT => return Ok(it),
                _ if place.is_cramped() => {
                    return Err(place.full());
                }
                Ok(_) => "it is of another format, or was never finished".to_owned(),
                Err(it) => it.to_string(),
            }
        }
    };
    notes.push(format!("the index is made again from the log: {why}"));
    anew(&path)
}

pub(super) fn anew(path: &Path) -> Result<Index, StoreError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(failed("remove", path))?;
    }
    attempt(path)
}

fn attempt(path: &Path) -> Result<Index, StoreError> {
    directory(path)?;
    remove_unfinished_snapshots(path)?;
    let config = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None);
    let deadline = Instant::now() + LOCK_PATIENCE;
    let db = loop {
        match contained(path, || config.open()) {
            Err(it) if it.to_string().contains("acquire lock") && Instant::now() < deadline => {
                sleep(Duration::from_millis(5));
            }
            other => break other?,
        }
    };
    let tree = contained(path, || db.open_tree("log"))?;
    let stats = contained(path, || db.open_tree("stats"))?;
    let meta = match contained(path, || tree.get(META))? {
        Some(it) => postcard::from_bytes(&it).map_err(|it| unusable(path, it.to_string()))?,
        None => Meta::default(),
    };
    let index = Index { db, tree, stats, path: path.to_owned(), meta: Mutex::new(meta) };
    if index.adds_up()? { Ok(index) } else { Err(unusable(path, "keys are missing".to_owned())) }
}

/// sled takes one of these, left behind by a crash or a full disk, for a whole one, and then opens never again.
fn remove_unfinished_snapshots(path: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(path).map_err(failed("read", path))? {
        let path = entry.map_err(failed("read", path))?.path();
        if path.extension().is_some_and(|it| it == "generating") {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

/// Makes everything in the index durable: sled's own flush does not sync.
pub(super) fn flush(index: &Index) -> Result<(), StoreError> {
    let db = index.path.join("db");
    contained(&index.path, || index.db.flush())?;
    File::open(&db).and_then(|it| it.sync_data()).map_err(failed("sync", &db))
}

/// Makes the names of sled's files durable, once.
pub(super) fn sync_names(index: &Index) -> Result<(), StoreError> {
    let conf = index.path.join("conf");
    File::open(&conf).and_then(|it| it.sync_all()).map_err(failed("sync", &conf))?;
    sync_directory(&index.path)
}

/// Where to begin to read: at the last group that the index has, which is read again, because a log
/// whose end was lost would otherwise look whole.
pub(super) fn start(log: &Path, meta: &Meta) -> Result<Start, StoreError> {
    match meta.segment {
        0 => beginning(log),
        segment => Ok(Start { segment, offset: meta.start, head: meta.before() }),
    }
}

/// What was read, and the damaged contents on the way.
pub(super) struct Brought {
    pub(super) start: Start,
    pub(super) end: End,
    pub(super) spoilt: Vec<Spoilt>,
}

/// Reads the journal on from where the index is, checks it, and takes it into the index.
pub(super) fn bring_up(
    index: &Index,
    log: &Path,
    segments: &[u32],
    checkpoint: Option<&Checkpoint>,
    progress: &dyn Fn(Progress),
) -> Result<Brought, StoreError> {
    let known = index.meta().clone();
    let last_segment = segments.last().copied().unwrap_or_default();
    let start = start(log, &known)?;
    let total = u64::from(last_segment - start.segment + 1) * segment::FULL;
    let mut draft = Draft::new(index);
    draft.meta.format = FORMAT;
    let mut chain_holds = true;
    let mut visit = |group: super::recovery::Group| {
        if checkpoint.is_some_and(|it| it.seq == group.head.seq && it.chain != group.head.chain) {
            chain_holds = false;
        }
        if (group.segment, group.start) == (known.segment, known.start) {
            return Ok(());
        }
        draft.take(&Change::read(log, &group)?)?;
        if draft.len() >= DRAFT {
            std::mem::replace(&mut draft, Draft::new(index)).commit()?;
            draft = Draft::new(index);
            let done = u64::from(group.segment - start.segment) * segment::FULL + group.end;
            progress(Progress { doing: "reading the log into the index", done, total });
        }
        Ok(())
    };
    let mut recovery = Recovery { log, last_segment, spoilt: Vec::new(), visit: &mut visit };
    let end = recovery.run(start)?;
    let spoilt = recovery.spoilt;
    draft.commit()?;
    check_head(log, end, &known, checkpoint, chain_holds)?;
    Ok(Brought { start, end, spoilt })
}

/// Whether somebody knows of a fact that the log does not have any more.
fn check_head(
    log: &Path,
    end: End,
    known: &Meta,
    checkpoint: Option<&Checkpoint>,
    chain_holds: bool,
) -> Result<(), StoreError> {
    let path = segment::path(log, end.segment);
    let anchored = checkpoint.map_or(0, |it| it.seq.0).max(known.head().seq.0);
    if end.head.seq.0 < anchored {
        let what = format!("the log ends with fact {}, fact {anchored} was lost", end.head.seq);
        return Err(corrupt(&path, end.offset, what));
    }
    if !chain_holds {
        return Err(corrupt(&path, end.offset, "the checkpoint belongs to another log"));
    }
    Ok(())
}
