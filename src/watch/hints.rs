//! What we need of a source of hints, in plain data. Says nothing about how one is made: `notified`
//! is the one in use, tests bring a fake.

use std::path::Path;

use super::inbox::Ear;

/// A set of directories about whose direct entries we are told.
pub(super) trait Hints: Send {
    /// From the moment this returns, every change of an entry directly in `dir` is told to the ear.
    /// What is told about `dir` itself or a directory above may end this again, always after the ear
    /// heard of it: whoever hears of a directory arms it again.
    fn arm(&mut self, dir: &Path) -> Result<(), ArmError>;

    /// Forgets `dir`; nothing happens if it is not armed.
    fn disarm(&mut self, dir: &Path);
}

pub(super) trait Source: Send {
    fn open(&self, ear: Ear) -> Result<Box<dyn Hints>, OpenError>;
}

/// Why there is no source, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenError(pub(super) String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArmError {
    /// Not there any more, or not a directory: its parent tells of that too.
    Gone,
    /// We may not read it, so neither can anybody look at files in it: nothing to poll.
    Denied,
    /// Cannot be watched now: it has to be polled.
    Uncovered(String),
    /// The source itself is broken: a new one has to be opened.
    Dead,
}

/// What was heard of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) urgency: Urgency,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// The writer is done with it, or it is gone.
    Now,
    /// More may follow.
    Quiet,
}

/// How much of the tree a hint may have changed. In rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// A file's bytes.
    Content,
    /// Mode or times, of a file or a directory.
    Attributes,
    /// The name appeared, vanished or leads elsewhere: a directory's watch may have ended.
    Names,
}

impl Hint {
    /// Latest urgency, widest shape.
    pub(super) fn then(self, later: Self) -> Self {
        Self { urgency: later.urgency, shape: self.shape.max(later.shape) }
    }
}
