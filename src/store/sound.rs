//! Reads at every start the part of the journal that is in the index already, in threads beside the work on the
//! index, and judges it as bringing up would: damage is met at the start, not months later when somebody asks.
//!
//! A damaged content that was stored again later is no loss: every read finds the new one. It is told at each
//! start and by `verify`, and does not stand in the way. Any other damage refuses the log, that in the header of a
//! content as well: what a frame without a header was cannot be told.
//!
//! What it costs: with 170 MB of journal in the page cache, on two busy cores, opening took 0.2 to 0.24 s with it and
//! 0.12 to 0.19 s without. In memory it holds a piece of each of two segments, or their longest frame.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Progress,
    index::Index,
    place::failed,
    recovery::{Recovery, Spoilt, Start, beginning, opening},
    segment::{self, FULL, Pointer, corrupt},
};
use crate::ports::StoreError;

/// Segments that are read side by side. More would be in the way of the work on the index.
const THREADS: u32 = 2;
/// Progress is told of what takes longer than this, and then as often.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What the threads found, segment by segment.
pub(super) struct Found(Vec<Seen>);

struct Seen {
    segment: u32,
    spoilt: Vec<Spoilt>,
    /// Where its last group ends.
    end: Result<u64, StoreError>,
}

/// Does the work on the index, which says in which segment it begins to read, with the check beside it.
pub(super) fn beside<T>(
    log: &Path,
    last_segment: u32,
    progress: &dyn Fn(Progress),
    work: impl FnOnce(&OnceLock<u32>) -> Result<T, StoreError>,
) -> Result<(T, Found), StoreError> {
    let begun = OnceLock::new();
    let next = AtomicU32::new(1);
    let (tell, told) = mpsc::channel();
    let check = Check { log, last_segment, begun: &begun, next: &next };
    thread::scope(|scope| {
        let spawn = |_| {
            let tell = tell.clone();
            let named = thread::Builder::new().name("log-check".to_owned());
            named.spawn_scoped(scope, move || check.run(&tell))
        };
        let threads = (0..THREADS.min(last_segment)).map(spawn).collect::<Result<Vec<_>, _>>();
        let threads = threads.map_err(failed("start a thread to check", log))?;
        drop(tell);
        let done = work(&begun);
        tell_all(&told, u64::from(last_segment) * FULL, progress);
        let mut seen = Vec::new();
        for it in threads {
            seen.extend(it.join().unwrap_or_else(|it| std::panic::resume_unwind(it)));
        }
        seen.sort_unstable_by_key(|it| it.segment);
        Ok((done?, Found(seen)))
    })
}

/// Until the threads have ended.
fn tell_all(told: &Receiver<u64>, total: u64, progress: &dyn Fn(Progress)) {
    let mut last = Instant::now();
    let mut done = 0;
    for more in told {
        done += more;
        if last.elapsed() >= TOLD_EVERY {
            last = Instant::now();
            progress(Progress { doing: "checking the log", done, total });
        }
    }
}

#[derive(Clone, Copy)]
struct Check<'a> {
    log: &'a Path,
    last_segment: u32,
    /// The segment in which bringing up begins: later ones are its affair.
    begun: &'a OnceLock<u32>,
    next: &'a AtomicU32,
}

impl Check<'_> {
    fn run(&self, tell: &Sender<u64>) -> Vec<Seen> {
        let mut seen = Vec::new();
        loop {
            let segment = self.next.fetch_add(1, Ordering::Relaxed);
            let last = self.begun.get().map_or(self.last_segment, |it| (*it).max(1));
            if segment > last {
                return seen;
            }
            let mut spoilt = Vec::new();
            let end = self.segment(segment, &mut spoilt, tell);
            seen.push(Seen { segment, spoilt, end });
        }
    }

    fn segment(
        &self,
        segment: u32,
        spoilt: &mut Vec<Spoilt>,
        tell: &Sender<u64>,
    ) -> Result<u64, StoreError> {
        let start = if segment == 1 {
            beginning(self.log)?
        } else {
            let (_, head, offset) = opening(self.log, segment)?;
            Start { segment, offset, head }
        };
        let mut at = 0;
        let mut visit = |group: super::recovery::Group| {
            if group.end - at >= segment::STEP {
                // Nobody listens any more: the start failed for another reason.
                tell.send(group.end - at).ok();
                at = group.end;
            }
            Ok(())
        };
        let (log, last_segment) = (self.log, self.last_segment);
        let mut recovery = Recovery { log, last_segment, spoilt: Vec::new(), visit: &mut visit };
        let end = recovery.segment(start);
        spoilt.append(&mut recovery.spoilt);
        let end = end?;
        if segment < last_segment {
            recovery.cross(end)?;
        }
        Ok(end.offset)
    }
}

impl Found {
    /// The damage before the place where bringing up began: that behind it has been judged there.
    pub(super) fn before(self, log: &Path, start: Start) -> Result<Vec<Spoilt>, StoreError> {
        let here = (start.segment, start.offset);
        let mut spoilt = Vec::new();
        for it in self.0 {
            match it.end {
                Err(error) if (it.segment, place(log, it.segment, &error)) < here => {
                    return Err(error);
                }
                Ok(end) if it.segment == start.segment && end < start.offset => {
                    let what = format!("facts are missing up to byte {}", start.offset);
                    return Err(corrupt(&segment::path(log, it.segment), end, what));
                }
                _ => (),
            }
            spoilt.extend(it.spoilt);
        }
        spoilt.retain(|it| (it.pointer.segment, u64::from(it.pointer.offset)) < here);
        Ok(spoilt)
    }
}

/// Where in this segment: at its end, if the next one is meant.
fn place(log: &Path, segment: u32, error: &StoreError) -> u64 {
    let StoreError::Corrupt { path, offset, .. } = error else { return 0 };
    if *path == segment::path(log, segment) { *offset } else { u64::MAX }
}

/// What to tell of damaged contents that were stored again. One that was not refuses the log.
pub(super) fn healed(
    index: &Index,
    log: &Path,
    spoilt: &[Spoilt],
) -> Result<Vec<String>, StoreError> {
    let told = |it: &Spoilt| {
        let Spoilt { pointer: Pointer { segment, offset }, digest } = it;
        let path = segment::path(log, *segment);
        match segment::is_whole(log, digest, index.content(digest)?) {
            Ok(true) => Ok(format!(
                "{} is damaged at byte {offset}, but nothing is missing: the content {digest} was stored again",
                path.display()
            )),
            Err(StoreError::Corrupt { .. }) | Ok(false) => {
                let what = format!("the content {digest} does not fit its checksum");
                Err(corrupt(&path, (*offset).into(), what))
            }
            Err(other) => Err(other),
        }
    };
    spoilt.iter().map(told).collect()
}
