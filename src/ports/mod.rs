//! Needs: what the middle asks of the world, as small synchronous traits over plain data, and the
//! errors that come back. An error here means that the world failed; a refusal is a value elsewhere.

mod after;
mod analyzer;
mod checks;
mod replay;
mod shadow;
mod stage;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::model::{
    ChainHash, Deploy, DeployNo, Digest, Dirty, Health, Record, Root, RootName, Runtime,
    RuntimeName, Seq, Timestamp, Tool, ToolId, Version, VersionNo,
};
pub use crate::model::{FileSeen, Glance, Packed, Seen, Sight};
use crate::{metrics::Samples, roots::WatchedRoot};

pub use self::{
    after::{After, AfterRules},
    analyzer::{Analyzer, RootFiles, Siblings, Source},
    checks::{CheckOrder, CheckPart, CheckRules, Checks, StopFlag},
    replay::{Inputs, NoInputs, NoShadow, RecordedInput, Shadow, Trial},
    shadow::{
        NoShadows, NothingKnown, ReplayOrder, ShadowContent, ShadowLatency, ShadowOrder,
        ShadowProgress, ShadowReport, ShadowSources, Shadows, json_of, value_of,
    },
    stage::{
        Ability, Late, LiveFile, LivePart, MetFile, Stage, StageFailure, SwitchOrder, Switched,
        Undone,
    },
};

// ---------------------------------------------------------------------------------------- the log

/// What is derived from the log and kept beside it, so that a start need not replay everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub tools: Vec<(ToolId, Tool)>,
    pub roots: Vec<(RootName, Root)>,
    /// `None`: the runtime is gone.
    pub runtimes: Vec<(RuntimeName, Option<Runtime>)>,
    /// Written: those that changed. Read: those of which something is still to come, and the latest.
    pub deploys: Vec<Deploy>,
    pub health: Vec<(ToolId, Health)>,
}

/// One group commit. With no records it only refreshes rows, and nothing is synced.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub records: Vec<Record>,
    /// Contents that the records bring. One that is stored already is not stored again.
    pub contents: Vec<Packed>,
    pub rows: Rows,
}

/// The writing half, owned by the loop's thread alone.
pub trait Log: Send {
    /// The last durable fact and the hash that ends the chain.
    fn head(&self) -> (Seq, ChainHash);

    /// Appends after the head. `Ok` means: records and contents survive a power cut, and reads see them.
    /// [`StoreError::Full`] leaves the log as it was and may be tried again; after any other error
    /// nothing is accepted any more.
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// Lets the next start replay less. Called now and then, and at the end.
    fn checkpoint(&mut self) -> Result<(), StoreError>;
}

/// The reading half, shared by everybody.
pub trait Archive: Send + std::marker::Sync {
    /// The derived rows and the fact as of which they can be trusted: records after it are to be applied.
    fn rows(&self) -> Result<(Seq, Rows), StoreError>;

    /// Records with `seq > after`, in order, at most `limit`.
    fn records(&self, after: Seq, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Newest first, numbers below `below`.
    fn versions(
        &self,
        tool: &ToolId,
        below: Option<VersionNo>,
        limit: usize,
    ) -> Result<Vec<Version>, StoreError>;

    fn version(&self, tool: &ToolId, number: VersionNo) -> Result<Option<Version>, StoreError>;

    /// The distinct digests among a tool's versions that begin with these hex digits, each with its newest version.
    fn versions_by_hash(
        &self,
        tool: &ToolId,
        hex: &str,
    ) -> Result<Vec<(Digest, VersionNo)>, StoreError>;

    fn deploy(&self, number: DeployNo) -> Result<Option<Deploy>, StoreError>;

    /// Newest first, numbers below `below`.
    fn deploys(&self, below: Option<DeployNo>, limit: usize) -> Result<Vec<Deploy>, StoreError>;

    /// The bytes, checked against their digest.
    fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Reads everything: chain, frames, contents, index. Problems are findings, not errors.
    fn verify(&self) -> Result<Verified, StoreError>;

    fn figures(&self) -> Figures;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub facts: u64,
    pub contents: u64,
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// `journal+sled` or `memory`.
    pub backend: &'static str,
    pub log_bytes: u64,
    pub index_bytes: u64,
    pub segments: u64,
    /// How long the syncs took that made facts durable.
    pub syncs: Samples,
    /// What may still be written where the log lives. `None`: it does not live on a disk.
    pub free_bytes: Option<u64>,
}

pub trait Pack: Send + std::marker::Sync {
    fn pack(&self, digest: Digest, bytes: &[u8]) -> Packed;
}

/// What the disk knew when it was last at rest: lets a start look at a file without reading it.
pub trait Memory: Send + std::marker::Sync {
    fn load(&self) -> Result<Vec<Remembered>, StoreError>;
    /// Puts these in; forgets tools listed in `gone`. Not durable, not needed to be.
    fn save(&self, known: &[Remembered], gone: &[ToolId]) -> Result<(), StoreError>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub tool: ToolId,
    pub key: StatKey,
    pub digest: Digest,
}

/// What must be equal for a file to be the same without reading it. `ctime` cannot be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatKey {
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    pub mode: u32,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// Too little room: what was free, where it was asked, and what must be, in bytes.
    #[error("{}", too_little_room(path, *free, *needed))]
    Full { path: PathBuf, free: Option<u64>, needed: u64 },
    #[error("{} is damaged at byte {offset}: {what}; {way_out}", path.display())]
    Corrupt { path: PathBuf, offset: u64, what: String, way_out: &'static str },
    #[error("{} has format {found}, this program reads up to {known}; use a newer knowngood", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{} is in use by another knowngood (lock held on it); stop that one, or use another state_dir", path.display())]
    Locked { path: PathBuf },
    #[error("{} was removed or unmounted under the running daemon; restart it once the directory is back", path.display())]
    Unlinked { path: PathBuf },
    #[error("the log stopped accepting facts after an earlier failure: {0}; restart the daemon")]
    Poisoned(String),
    #[error("the log ends at {found}, the batch begins after {expected}: a second writer")]
    NotNext { expected: Seq, found: Seq },
}

fn too_little_room(path: &Path, free: Option<u64>, needed: u64) -> String {
    let (path, needed) = (path.display(), size(needed));
    let found = free.map_or_else(
        || "is full, or its quota is used up".to_owned(),
        |it| format!("has too little room: {} are free", size(it)),
    );
    format!(
        "the disk that holds {path} {found}, and knowngood needs {needed} free there to record \
         anything; make room, nothing was lost"
    )
}

/// `12.0 MiB (12582912 bytes)`.
fn size(count: u64) -> String {
    let tenths = count.saturating_mul(10) >> 20;
    format!("{}.{} MiB ({count} bytes)", tenths / 10, tenths % 10)
}

// --------------------------------------------------------------------------------------- the disk

/// The directories with the tools. Owned by the look lane, which makes it ordered.
pub trait Tree: Send {
    /// Looks at each, in parallel; answers in the order asked. `known` says whether a path is a tool already.
    fn look(&mut self, wanted: &[Glance], known: &dyn Fn(&ToolId) -> bool) -> Vec<Seen>;

    /// Starts a walk through a root.
    fn walk(&mut self, root: &RootName) -> Result<Box<dyn Walk>, RootMissing>;

    /// Other known names of the same file (hard links inside the roots).
    fn siblings(&self, tool: &ToolId) -> Vec<ToolId>;

    /// Whether the root's directory is the one that is being watched.
    fn root_is_there(&self, root: &RootName) -> bool;

    /// Whether the kernel could tell of every file read in this root that nobody was writing. If not, the watcher's close
    /// events and quiet window stand for it.
    fn knows_writers(&self, root: &RootName) -> bool;

    /// Other roots from now on; what is remembered of those that stay is kept.
    fn set_roots(&mut self, roots: &[WatchedRoot]);

    /// Saves what it remembers. Called after scans and at the end.
    fn rest(&mut self);
}

/// A walk in progress, taken in small steps so that fresh hints need not wait for it.
pub trait Walk: Send {
    /// The next regular or odd files that may be tools, at most some dozens. `None`: the walk is over.
    fn next_paths(&mut self) -> Option<Vec<ToolId>>;

    /// Directories that could not be listed: what was known below them is unreadable, not gone.
    fn closed_directories(&self) -> BTreeSet<ToolId>;

    /// The root vanished during the walk: what was not found is not gone.
    fn root_lost(&self) -> bool;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootMissing {
    pub why: String,
}

// ----------------------------------------------------------------------------------- watch, clock

/// A barrier's number: handed in with a question, handed back once all that was known then is on its way.
pub type BarrierNo = u64;

/// Where the watcher brings what it notices. Never blocks: what waits is merged.
pub trait Notice: Send + std::marker::Sync {
    /// These paths may differ. `barriers`: every change made before they were raised is in here or came before.
    fn dirty(&self, dirty: Dirty, barriers: Vec<BarrierNo>);
    /// The same, with how long ago the oldest of the hints behind it was heard.
    fn dirty_since(&self, dirty: Dirty, barriers: Vec<BarrierNo>, _heard: Duration) {
        self.dirty(dirty, barriers);
    }
    /// How a root is watched now.
    fn watching(&self, root: &RootName, state: Watching);
    /// The kernel dropped events: everything is being armed and looked at again.
    fn overflowed(&self);
    /// The root's directory went away (`false`) or came back, maybe as another one (`true`).
    fn root_changed(&self, root: &RootName, there: bool);
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watching {
    Events,
    /// Looked at every few seconds instead.
    Polling {
        why: String,
    },
    /// Part of it is polled.
    Degraded {
        why: String,
    },
}

pub trait Clock: Send + std::marker::Sync {
    /// Wall-clock time, for people. It may jump.
    fn now(&self) -> Timestamp;
}
