//! The store: an append-only journal, which is the truth, and a sled index made from it, which is what is asked.
//! What it refuses: to acknowledge what is not synced, to guess at damage, to answer with less than was stored.
//!
//! ```text
//! <dir>/lock         held while open
//! <dir>/log/         0000000001.log …   frames: facts in a chain, contents by sha256 (`frame`, `segment`)
//! <dir>/checkpoint   a fact known to be durable: the anchor of the log's head
//! <dir>/index/       sled: versions, rows, contents, marks; may be deleted at any time
//! <dir>/reserve      disk space to be given up when the index must open on a full disk
//! ```
//!
//! Reading order: `frame`, `segment`, `recovery`, `journal` (the truth); `entry`, `index`, `rebuild` (what is derived);
//! `writer`, `archive`, `verify`, `remember` (the ports); `memory` (the reference that needs no disk).

mod archive;
mod change;
mod check;
mod checkpoint;
mod class;
mod deploy;
mod entry;
mod fact;
mod frame;
mod gate;
mod health;
mod index;
mod inputs;
mod journal;
pub mod memory;
mod monitor;
mod outcome;
mod pack;
mod place;
mod rebuild;
mod recovery;
mod remember;
mod rows;
mod segment;
mod sound;
mod step;
mod twin;
mod verify;
mod version;
mod writer;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

pub use health::{Health, health};
pub use inputs::RecordedInputs;
#[doc(hidden)]
pub use journal::{Manner, Sync};

use crate::{
    metrics::Histogram,
    model::Digest,
    ports::{Archive, Log, Memory, Pack, StoreError},
};
use checkpoint::Found;
use index::Index;
use journal::Journal;
use place::Place;
use rebuild::Brought;
use recovery::End;
use segment::{Head, Opening, Pointer, corrupt};

/// How far a long piece of work at the start has come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub doing: &'static str,
    pub done: u64,
    pub total: u64,
}

pub struct Opened {
    pub log: Box<dyn Log>,
    pub archive: Arc<dyn Archive>,
    pub memory: Arc<dyn Memory>,
    pub pack: Arc<dyn Pack>,
    /// What an operator must know: what was cut, what was made again, and why.
    pub notes: Vec<String>,
}

/// What both halves hold. The index is dropped before the lock is released.
struct Shared {
    index: Index,
    log: PathBuf,
    place: Place,
    syncs: Arc<Histogram>,
    /// Damage that the daemon's log knows of.
    told: Mutex<BTreeSet<(PathBuf, u64)>>,
}

/// Places of damage that are told of: a disk that is gone would give one for every frame.
const MOST_TOLD: usize = 1000;

pub fn open(dir: &Path, progress: &dyn Fn(Progress)) -> Result<Opened, StoreError> {
    open_with(dir, progress, Manner::default())
}

/// For tests of the store itself.
#[doc(hidden)]
pub fn open_with(
    dir: &Path,
    progress: &dyn Fn(Progress),
    manner: Manner,
) -> Result<Opened, StoreError> {
    let place = Place::open(dir)?;
    let log = place.log();
    let mut notes = Vec::new();
    let checkpoint = checkpoint::read(dir)?;
    let segments = segments(&place, &checkpoint)?;
    let (index, end) = checked(&place, &segments, &checkpoint, progress, &mut notes)?;
    place.keep_reserve();
    let journal = Journal::open(&log, end, manner, place.floor())?;
    if end.torn {
        let path = segment::path(&log, end.segment);
        notes.push(format!(
            "{}: a write that was never acknowledged was cut off at byte {}; the log ends with fact {}",
            path.display(),
            end.offset,
            end.head.seq
        ));
    }
    let shared =
        Arc::new(Shared { index, log, place, syncs: journal.syncs(), told: Mutex::default() });
    let mut writer = writer::Writer { shared: shared.clone(), journal, poison: None };
    let is_old = end.segment > 1 || end.head != Head::default();
    finish(&mut writer, &checkpoint, is_old, &mut notes)?;
    Ok(Opened {
        log: Box::new(writer),
        archive: Arc::new(archive::Reader { shared: shared.clone() }),
        memory: Arc::new(remember::Stats { shared }),
        pack: Arc::new(pack::Zstd),
        notes,
    })
}

/// The journal's files, checked to be all there. Where there is no log yet, it is begun.
fn segments(place: &Place, checkpoint: &Found) -> Result<Vec<u32>, StoreError> {
    let log = place.log();
    let mut found = segment::list(&log)?;
    let anchored = match checkpoint {
        Found::Whole(it) => it.segment,
        Found::Lost(_) => 0,
    };
    if found.is_empty() && anchored == 0 && !place.index().exists() {
        let opening = Opening { segment: 1, previous_end: 0 };
        segment::begin(&log, &opening, Head::default())?;
        found.push(1);
    }
    let last = found.last().copied().unwrap_or_default().max(anchored).max(1);
    if let Some(missing) = (1..=last).find(|it| found.binary_search(it).is_err()) {
        return Err(corrupt(&segment::path(&log, missing), 0, "this part of the log is gone"));
    }
    found.iter().try_for_each(|it| segment::check_length(&log, *it))?;
    Ok(found)
}

/// The index at the journal's end, and all of the journal checked.
fn checked(
    place: &Place,
    segments: &[u32],
    checkpoint: &Found,
    progress: &dyn Fn(Progress),
    notes: &mut Vec<String>,
) -> Result<(Index, End), StoreError> {
    let log = place.log();
    let last_segment = segments.last().copied().unwrap_or_default();
    let work = |begun: &OnceLock<u32>| index(place, segments, checkpoint, begun, progress, notes);
    let ((index, brought), found) = sound::beside(&log, last_segment, progress, work)?;
    let mut spoilt = found.before(&log, brought.start)?;
    spoilt.extend(brought.spoilt);
    notes.extend(sound::healed(&index, &log, &spoilt)?);
    Ok((index, brought.end))
}

/// The index at the journal's end. One that fails on the way is made again, once.
fn index(
    place: &Place,
    segments: &[u32],
    checkpoint: &Found,
    begun: &OnceLock<u32>,
    progress: &dyn Fn(Progress),
    notes: &mut Vec<String>,
) -> Result<(Index, Brought), StoreError> {
    let log = place.log();
    let checkpoint = match checkpoint {
        Found::Whole(it) => Some(it),
        Found::Lost(_) => None,
    };
    let index = rebuild::open(place, notes)?;
    let last = segments.last().copied().unwrap_or_default();
    let ahead = index.meta().segment;
    if ahead > last {
        return Err(corrupt(&segment::path(&log, last + 1), 0, "this part of the log is gone"));
    }
    begun.get_or_init(|| ahead);
    match rebuild::bring_up(&index, &log, segments, checkpoint, progress) {
        Ok(it) => Ok((index, it)),
        Err(StoreError::Corrupt { path, what, .. }) if path.starts_with(place.index()) => {
            notes.push(format!("the index is made again from the log: {what}"));
            drop(index);
            let index = rebuild::anew(&place.index())?;
            let brought = rebuild::bring_up(&index, &log, segments, checkpoint, progress)?;
            Ok((index, brought))
        }
        Err(it) => Err(it),
    }
}

/// Leaves a checkpoint behind where there is none, or none that can be read.
fn finish(
    writer: &mut writer::Writer,
    checkpoint: &Found,
    is_old: bool,
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    let Found::Lost(how) = checkpoint else { return Ok(()) };
    if is_old {
        let path = writer.shared.place.dir().join("checkpoint");
        notes.push(format!("{} {how}; it was written anew", path.display()));
    }
    rebuild::sync_names(&writer.shared.index)?;
    match writer.checkpoint() {
        // Nothing depends on it: on a full disk it is left for later.
        Err(StoreError::Full { .. }) => Ok(()),
        other => other,
    }
}

impl Shared {
    /// Where this very content stands. If it was found damaged once and stored again, the new one.
    fn find(&self, digest: &Digest) -> Result<Option<Pointer>, StoreError> {
        segment::find(&self.log, digest, self.index.content(digest)?)
    }

    /// Damage that is met goes to the daemon's log, once for each place: who asked may not be who must act.
    fn tell<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error @ StoreError::Corrupt { path, offset, .. }) = &result {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() < MOST_TOLD && told.insert((path.clone(), *offset)) {
                let file = path.display();
                tracing::error!(event = "log.damaged", %file, offset, "{error}");
            }
        }
        result
    }
}
