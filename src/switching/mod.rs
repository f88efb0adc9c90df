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
    ports::{LiveFile, LivePart, MetFile, Switched, Undone},
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
    /// was decided, and what it was when it came out (`None`: that could not be known).
    fn keep(&mut self, verdict: Verdict, was: Option<Digest>) -> Result<(), Hitch>;

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
    pub verdict: Verdict,
    pub was: Option<Digest>,
}

/// What was decided of a whole order. From the first file that is set aside it stands, whatever is written late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Live,
    Undone,
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
    Stuck(Stuck),
}

/// It could not be undone, or what came out not be set aside; in words.
struct Stuck(String);

/// Contents of others that were met on the way, each once.
#[derive(Default)]
struct Met(Vec<(ToolId, FileSeen)>);

/// Puts all parts in place, or none.
pub fn switch<N: Names>(parts: &mut [Part<'_, N>]) -> Switched {
    let mut met = Met::default();
    let mut switched = 0;
    for part in parts.iter_mut() {
        match forward::part(part, &mut met) {
            Ok(()) => switched += 1,
            Err(stop) => return undo(parts, |index| index < switched, stop, met),
        }
    }
    finish(parts)
}

/// After a crash between intent and outcome: goes by who stands where. Whatever it did before it was itself
/// interrupted, it may be asked again.
pub fn settle<N: Names>(parts: &mut [Part<'_, N>]) -> Switched {
    let mut met = Met::default();
    let stood: Vec<_> = parts.iter_mut().map(|it| it.stood(&mut met)).collect();
    let is_right = || stood.iter().all(|it| it.switched && !it.is_wrong);
    let decided = stood.iter().find_map(|it| it.verdict).map(|it| it == Verdict::Live);
    if decided.unwrap_or_else(is_right) {
        return finish(parts);
    }
    let wrong: Vec<_> = parts
        .iter()
        .zip(&stood)
        .filter(|it| it.1.is_wrong)
        .map(|it| it.0.change.tool.clone())
        .collect();
    let why = if wrong.is_empty() { Undone::Interrupted } else { Undone::Conflict(wrong) };
    let switched = |index: usize| stood.get(index).is_some_and(|it| it.switched);
    undone(parts, switched, why, met)
}

/// All of it is live: what came out is set aside.
fn finish<N: Names>(parts: &mut [Part<'_, N>]) -> Switched {
    if let Err(Stuck(doing)) = rest(parts, Verdict::Live) {
        return Switched::Unknown { doing };
    }
    let live = parts.iter().map(|part| LivePart {
        tool: part.change.tool.clone(),
        live: part
            .change
            .to
            .map(|_| LiveFile { executable: part.marker.executable, mtime: part.names.mtime() }),
        displaced: part.change.base.map(|it| it.digest),
    });
    Switched::Live(live.collect())
}

fn undo<N: Names>(
    parts: &mut [Part<'_, N>],
    switched: impl Fn(usize) -> bool,
    stop: Stop,
    met: Met,
) -> Switched {
    match stop {
        Stop::Conflict(tool) => undone(parts, switched, Undone::Conflict(vec![tool]), met),
        Stop::Failed(why) => undone(parts, switched, Undone::Failed(why), met),
        Stop::Stuck(Stuck(doing)) => Switched::Unknown { doing },
    }
}

/// The last one first; only then anything is set aside.
fn undone<N: Names>(
    parts: &mut [Part<'_, N>],
    switched: impl Fn(usize) -> bool,
    why: Undone,
    mut met: Met,
) -> Switched {
    let mut back = parts.iter_mut().enumerate().filter(|it| switched(it.0)).rev();
    let undone = back.try_for_each(|(_, part)| back::part(part, &mut met));
    match undone.and_then(|()| rest(parts, Verdict::Undone)) {
        Ok(()) => Switched::Undone { why, seen: met.told(parts) },
        Err(Stuck(doing)) => Switched::Unknown { doing },
    }
}

fn rest<N: Names>(parts: &mut [Part<'_, N>], verdict: Verdict) -> Result<(), Stuck> {
    parts.iter_mut().try_for_each(|it| it.rest(verdict))
}

impl From<Stuck> for Stop {
    fn from(it: Stuck) -> Self {
        Self::Stuck(it)
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

    /// Now that nothing is renamed any more: which of it stays out.
    fn told<N: Names>(self, parts: &[Part<'_, N>]) -> Vec<MetFile> {
        let is_out = |tool: &ToolId, file: &FileSeen| {
            parts.iter().any(|it| it.change.tool == *tool && it.has_out(file))
        };
        let met = self.0.into_iter();
        met.map(|(tool, file)| MetFile { is_out: is_out(&tool, &file), tool, file }).collect()
    }
}
