//! The switch as control flow: what is renamed in which order, how both sides are judged, how it is undone, and how a
//! start goes on after a crash. Knows one file as a live name and a name in the stage, and no disk: it removes nothing,
//! overwrites nothing, and reads no clock. Whatever anybody else does between two of its calls is met by the next.
//!
//! In reading order: [`switch`] and [`settle`] over all parts of an order; [`forward`] puts one part in place,
//! [`back`] takes it out again, [`part`] knows what one part ought to be.

mod back;
mod forward;
mod part;

#[cfg(test)]
mod tests;

use crate::{
    model::{Digest, FileSeen, Timestamp, ToolId},
    ports::{LiveFile, LivePart, Switched, Undone},
};

pub use self::part::Part;

/// The two names of one file, and what may be done with them. Each call is atomic, and others may act before it.
pub trait Names {
    /// What stands under the two names changes places. Both must be filled.
    fn exchange(&mut self) -> Result<(), Hitch>;

    /// From the stage's name to the live one, which must be empty.
    fn put(&mut self) -> Result<(), Hitch>;

    /// From the live name to the stage's, which must be empty.
    fn take(&mut self) -> Result<(), Hitch>;

    fn look(&mut self, side: Side) -> Standing;

    /// What stands under the stage's name came out for good: it is set aside until its last writer is gone, with what
    /// it was when it came out (`None`: that could not be known).
    fn keep(&mut self, was: Option<Digest>) -> Result<(), Hitch>;

    /// What was set aside.
    fn kept(&mut self) -> Option<Kept>;

    /// The mtime that the staged file was given.
    fn mtime(&self) -> Timestamp;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Live,
    Staged,
}

/// Device and inode. Both names are on one file system, whose device may have another number after a restart of the
/// machine: files are told apart by the second part alone.
pub type Inode = (u64, u64);

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Nothing,
    /// A content that did not move while it was read. `settled`: as far as can be known, nobody has it open for writing.
    File {
        inode: Inode,
        seen: FileSeen,
        settled: bool,
    },
    /// Its content cannot be known: it is being written, or no file that can be read.
    Other {
        inode: Inode,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub inode: Inode,
    pub was: Option<Digest>,
}

/// Why a rename was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hitch {
    /// A name that must be filled is empty.
    Missing,
    /// A name that must be empty is filled.
    Taken,
    /// The disk said no; in words.
    Failed(String),
}

/// Why it does not go on.
enum Stop {
    /// In this tool's place stands something other than its base.
    Conflict(ToolId),
    Failed(String),
    /// It could not be undone either.
    Stuck(String),
}

/// Contents of others that were met on the way, each once.
#[derive(Default)]
struct Met(Vec<(ToolId, FileSeen)>);

/// Puts all parts in place, or none.
pub fn switch<N: Names>(parts: &mut [Part<'_, N>]) -> Switched {
    let mut met = Met::default();
    let mut done = Vec::new();
    for part in parts.iter_mut() {
        match forward::part(part, &mut met) {
            Ok(displaced) => done.push(displaced),
            Err(stop) => {
                let switched = done.len();
                return undo(parts, |index| index < switched, stop, met);
            }
        }
    }
    finish(parts, done)
}

/// After a crash between intent and outcome: goes by who stands where. Whatever it did before it was itself
/// interrupted, it may be asked again.
pub fn settle<N: Names>(parts: &mut [Part<'_, N>]) -> Switched {
    let mut met = Met::default();
    let stood: Vec<_> = parts.iter_mut().map(|it| it.stood(&mut met)).collect();
    if stood.iter().all(|it| it.switched && !it.is_wrong) {
        return finish(parts, stood.into_iter().map(|it| it.displaced).collect());
    }
    let wrong: Vec<_> = parts
        .iter()
        .zip(&stood)
        .filter(|it| it.1.is_wrong)
        .map(|it| it.0.change.tool.clone())
        .collect();
    let why = if wrong.is_empty() { Undone::Interrupted } else { Undone::Conflict(wrong) };
    let undone = undo_each(parts, |index| stood.get(index).is_some_and(|it| it.switched), &mut met);
    ended(undone.and_then(|()| rest(parts)), why, met)
}

/// All of it is live: what came out is set aside.
fn finish<N: Names>(parts: &mut [Part<'_, N>], displaced: Vec<Option<Digest>>) -> Switched {
    if let Err(stop) = rest(parts) {
        return ended(Err(stop), Undone::Interrupted, Met::default());
    }
    let live = parts.iter().zip(displaced).map(|(part, displaced)| LivePart {
        tool: part.change.tool.clone(),
        live: part
            .change
            .to
            .map(|_| LiveFile { executable: part.marker.executable, mtime: part.names.mtime() }),
        displaced,
    });
    Switched::Live(live.collect())
}

fn undo<N: Names>(
    parts: &mut [Part<'_, N>],
    switched: impl Fn(usize) -> bool,
    stop: Stop,
    mut met: Met,
) -> Switched {
    let why = match stop {
        Stop::Conflict(tool) => Undone::Conflict(vec![tool]),
        Stop::Failed(why) => Undone::Failed(why),
        Stop::Stuck(doing) => return Switched::Unknown { doing },
    };
    let undone = undo_each(parts, switched, &mut met);
    ended(undone.and_then(|()| rest(parts)), why, met)
}

/// The last one first.
fn undo_each<N: Names>(
    parts: &mut [Part<'_, N>],
    switched: impl Fn(usize) -> bool,
    met: &mut Met,
) -> Result<(), Stop> {
    let mut switched = parts.iter_mut().enumerate().filter(|it| switched(it.0)).rev();
    switched.try_for_each(|(_, part)| back::part(part, met))
}

fn rest<N: Names>(parts: &mut [Part<'_, N>]) -> Result<(), Stop> {
    parts.iter_mut().try_for_each(Part::rest)
}

fn ended(undone: Result<(), Stop>, why: Undone, met: Met) -> Switched {
    match undone {
        Ok(()) => Switched::Undone { why, seen: met.0 },
        Err(Stop::Stuck(doing) | Stop::Failed(doing)) => Switched::Unknown { doing },
        Err(Stop::Conflict(tool)) => Switched::Unknown { doing: format!("undoing {tool}") },
    }
}

impl Met {
    fn add(&mut self, tool: &ToolId, seen: &FileSeen) {
        let known = |it: &(ToolId, FileSeen)| {
            it.0 == *tool && it.1.digest == seen.digest && it.1.executable == seen.executable
        };
        if !self.0.iter().any(known) {
            self.0.push((tool.clone(), seen.clone()));
        }
    }
}
