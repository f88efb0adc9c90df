//! What is asked of the place beside the live files, where contents are prepared and from which they are put in place.

use std::path::PathBuf;

use crate::model::{Change, Marker, RootName, Timestamp, ToolId};
pub use crate::model::{Late, LiveFile, LivePart, MetFile, SwitchOrder, Switched, Undone};

/// Puts contents in place: beside the live files first, then at once. Writes below no root but through its own folder
/// there, and overwrites nothing: what stood in the way comes out under the stage's name and is judged.
pub trait Stage: Send + std::marker::Sync {
    /// Writes the change's content beside the live files, durable, with owner, group, mode, labels and an mtime in a later
    /// second than the live file's and than `after`. Changes nothing that anybody sees. `bytes`: the content; none where
    /// the file is to go.
    fn stage(
        &self,
        change: &Change,
        bytes: Option<&[u8]>,
        after: Option<Timestamp>,
    ) -> Result<Marker, StageFailure>;

    /// Where the staged content can be read (to be verified).
    fn staged(&self, tool: &ToolId, marker: &Marker) -> Option<PathBuf>;

    /// Switches these, one after the other, each as a whole or not at all; one sync per directory for all of them.
    /// The answers come in the same order.
    fn switch(&self, orders: &[SwitchOrder]) -> Vec<Switched>;

    /// After a crash between intent and outcome: finishes what was switched as a whole and right, undoes the rest. May be
    /// asked again until the outcome is durable. `Unknown` where the root cannot be opened, too.
    fn settle(&self, order: &SwitchOrder) -> Switched;

    /// Nothing more will be asked of this marker: it will not be switched, or what became of it is durable. Removes what was
    /// staged and is still there; displaced files stay. Nothing that is not the stage's own goes.
    fn discard(&self, tool: &ToolId, marker: &Marker);

    /// Removes everything in the stage of this root that is not in `keep` (names of markers) and was not staged by this
    /// process: litter of a crash. After all open orders were settled. Displaced files are kept until they were asked for
    /// by [`Stage::late`].
    fn sweep(&self, root: &RootName, keep: &[String]);

    /// Displaced files whose last writer is gone (or of which that could not be known for 24 h), as they are now; some dozens
    /// at once, each again until it is released.
    fn late(&self) -> Vec<Late>;

    /// Whether displaced files are still held by somebody, so that `late` is to be asked again.
    fn holds_displaced(&self) -> bool;

    /// What `late` told of is durable: the file may go.
    fn release(&self, late: &Late);

    /// How a root can be switched, or why it cannot be written.
    fn ability(&self, root: &RootName) -> Ability;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// `RENAME_EXCHANGE`: both sides are judged, nothing is ever overwritten.
    Exchange,
    /// The file system has no exchange: a link to the old file is kept and judged, then the new one is renamed over it. What
    /// is saved by rename within that moment is lost to it. Why, in words.
    Replace(String),
    ReadOnly(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageFailure {
    #[error("{tool} is in a root that cannot be written: {why}")]
    ReadOnly { tool: ToolId, why: String },
    #[error("{tool} would not keep its {what}: {why}")]
    CannotKeepOwner { tool: ToolId, what: &'static str, why: String },
    /// A component of the path is a link, or no directory; or something that is no file stands there.
    #[error("{tool}: {why}")]
    Obstructed { tool: ToolId, why: String },
    #[error("{why}")]
    DiskFull { why: String },
    #[error("{why}")]
    World { why: String },
}
