//! What is true about one tool and one root. Plain data with the questions one may ask of it; it is
//! changed by `decide::State::apply` alone.

use std::{collections::BTreeSet, sync::Arc};

use super::{Author, DeployNo, Digest, SafetyCause, Seq, Timestamp, VersionNo, Waiver, Waivers};

/// One tool. A tool with neither baseline nor file is in no list, but keeps its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    pub head: Option<Head>,
    pub baseline: Option<Baseline>,
    pub disk: Disk,
    /// Since when disk has differed from expected.
    pub drift_since: Option<Timestamp>,
    /// It had the executable bit once, or was told of before it was ever seen: where any executable file is a tool, it
    /// is one whatever its name and its bit are now.
    pub by_mode: bool,
    /// Behind one pointer, since most tools have none of it.
    pub rare: Option<Arc<Rare>>,
    /// The row is true as of this fact: replaying an older one over it changes nothing.
    pub as_of: Seq,
}

/// What only few tools have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rare {
    /// What stands on disk, or stood there last, where that is not the head: a file that was displaced got its last bytes
    /// afterwards.
    pub stands: Option<Head>,
    pub provisional: Option<Provisional>,
    /// The baseline before the one that holds.
    pub before: Option<Baseline>,
    /// Contents that were blamed: refused on deploy, flagged on disk.
    pub quarantined: BTreeSet<Digest>,
    /// What people signed for.
    pub waivers: Vec<Waiver>,
    /// The known good, where it is not the baseline: the baseline is not proven yet.
    pub proven: Option<Baseline>,
    /// The root's policy put the baseline back.
    pub put_back: Option<PutBack>,
    /// When a switch was settled last. What was seen before says nothing.
    pub settled: Seq,
}

/// A restore that nobody asked for, so that the same edit is not undone twice in a row, and others ever later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutBack {
    /// What stood there instead; none where nothing did.
    pub away: Option<Digest>,
    /// How many in a row.
    pub times: u32,
    pub at: Timestamp,
}

/// An open deploy that is live: what it expects on disk comes before the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisional {
    pub deploy: DeployNo,
    /// `None`: the file is gone.
    pub expected: Option<Baseline>,
}

/// The newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: VersionNo,
    pub digest: Digest,
    pub size: u64,
    pub executable: bool,
    pub author: Author,
    pub mtime: Timestamp,
    pub seq: Seq,
}

/// A content accepted as known good. A manifest may name one that was never seen: no version then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    pub digest: Digest,
    pub version: Option<VersionNo>,
    /// Known where the version is: the executable bit belongs to what was accepted.
    pub executable: Option<bool>,
}

/// What stands in the tool's place. A file there is the head, or [`Rare::stands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    Absent,
    Standing(VersionNo),
    Unreadable(Cause),
}

/// Why a tool's content cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    Symlink,
    Directory,
    Fifo,
    Socket,
    Device,
    TooLarge,
    Denied,
    Io,
}

/// Disk against expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sync {
    InSync,
    Modified,
    Orphaned,
    Missing,
    Unreadable,
}

/// One root, as the log knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// Its first scan is complete: from now on a new file is an orphan, not a baseline.
    pub adopted: bool,
    /// The manifest that was applied last.
    pub manifest: Option<Digest>,
    pub safety: Option<SafetyCause>,
    pub as_of: Seq,
}

impl Default for Tool {
    fn default() -> Self {
        Self {
            head: None,
            baseline: None,
            disk: Disk::Absent,
            drift_since: None,
            by_mode: false,
            rare: None,
            as_of: Seq(0),
        }
    }
}

impl Tool {
    /// What should stand on disk: what an open provisional deploy put there, else the baseline.
    pub fn expected(&self) -> Option<&Baseline> {
        match self.provisional() {
            Some(it) => it.expected.as_ref(),
            None => self.baseline.as_ref(),
        }
    }

    pub fn provisional(&self) -> Option<&Provisional> {
        self.rare.as_ref()?.provisional.as_ref()
    }

    /// The newest baseline that did well; a tool's first one until then.
    pub fn known_good(&self) -> Option<&Baseline> {
        let proven = self.rare.as_ref().and_then(|it| it.proven.as_ref());
        proven.or(self.baseline.as_ref())
    }

    /// The version that stands on disk.
    pub fn on_disk(&self) -> Option<&Head> {
        let number = self.disk.version()?;
        let is_it = |it: &&Head| it.number == number;
        let apart = self.rare.as_ref().and_then(|it| it.stands.as_ref());
        self.head.as_ref().filter(is_it).or(apart.filter(is_it))
    }

    pub fn is_quarantined(&self, digest: &Digest) -> bool {
        self.rare.as_ref().is_some_and(|it| it.quarantined.contains(digest))
    }

    pub fn waivers(&self) -> &Waivers {
        self.rare.as_ref().map_or(&[], |it| &it.waivers)
    }

    /// One signature for each capability and detail: the latest.
    pub fn waive(&mut self, waiver: Waiver, withdrawn: bool) {
        self.change_rare(|rare| {
            rare.waivers.retain(|it| it.cap != waiver.cap || it.detail != waiver.detail);
            if !withdrawn {
                rare.waivers.push(waiver);
            }
        });
    }

    /// What was seen before this says nothing.
    pub fn settled(&self) -> Seq {
        self.rare.as_ref().map_or(Seq(0), |it| it.settled)
    }

    /// Changes what only few tools have; where nothing of it is left, the tool has none again.
    pub fn change_rare(&mut self, change: impl FnOnce(&mut Rare)) {
        let mut rare = self.rare.as_deref().cloned().unwrap_or_default();
        change(&mut rare);
        self.rare = (rare != Rare::default()).then(|| Arc::new(rare));
    }

    pub fn sync(&self) -> Sync {
        match (self.disk, self.expected()) {
            (Disk::Unreadable(_), _) => Sync::Unreadable,
            (Disk::Absent, None) => Sync::InSync,
            (Disk::Absent, Some(_)) => Sync::Missing,
            (Disk::Standing(_), None) => Sync::Orphaned,
            (Disk::Standing(_), Some(expected)) => match self.on_disk() {
                Some(stands) if expected.is(stands) => Sync::InSync,
                _ => Sync::Modified,
            },
        }
    }

    /// Whether it belongs in lists and summaries.
    pub fn is_listed(&self) -> bool {
        self.expected().is_some() || self.baseline.is_some() || self.disk != Disk::Absent
    }
}

impl Baseline {
    /// Whether a file with this head's content and bit is what was accepted.
    pub fn is(&self, head: &Head) -> bool {
        self.digest == head.digest && self.executable.is_none_or(|it| it == head.executable)
    }

    pub fn of(head: &Head) -> Self {
        Self { digest: head.digest, version: Some(head.number), executable: Some(head.executable) }
    }
}

impl Disk {
    pub fn version(self) -> Option<VersionNo> {
        match self {
            Self::Standing(number) => Some(number),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

impl Sync {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Modified => "modified",
            Self::Orphaned => "orphaned",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Symlink => "symlink",
            Self::Directory => "directory",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Device => "device",
            Self::TooLarge => "too_large",
            Self::Denied => "permission_denied",
            Self::Io => "io_error",
        }
    }
}
