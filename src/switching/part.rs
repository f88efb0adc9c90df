//! One part of an order: what it ought to be, what it is judged to be, and what is to be set aside of it at the end.

use super::{Hitch, Inode, Kept, Met, Names, Side, Standing, Stop, Stuck, Verdict};
use crate::model::{Change, Digest, FileSeen, Marker};

/// One file of an order, with its two names.
pub struct Part<'a, N> {
    pub(super) change: &'a Change,
    pub(super) marker: &'a Marker,
    pub(super) names: N,
    /// Something was renamed: what stands under the stage's name at the end may have been live.
    moved: bool,
    /// What stands under the stage's name, with its bit, where that content is known to the log or was handed out.
    out: Option<(Digest, bool)>,
}

/// How far a part had come.
pub(super) struct Stood {
    pub(super) switched: bool,
    /// What came out is not its base.
    pub(super) is_wrong: bool,
    /// What was decided before the crash.
    pub(super) verdict: Option<Verdict>,
}

impl<'a, N: Names> Part<'a, N> {
    pub fn new(change: &'a Change, marker: &'a Marker, names: N) -> Self {
        Self { change, marker, names, moved: false, out: None }
    }

    /// Gives the names back.
    pub fn into_names(self) -> N {
        self.names
    }

    pub(super) fn exchange(&mut self) -> Result<(), Hitch> {
        self.names.exchange()?;
        self.moved = true;
        Ok(())
    }

    /// Leaves nothing under the stage's name.
    pub(super) fn put(&mut self) -> Result<(), Hitch> {
        self.names.put()?;
        self.out = None;
        Ok(())
    }

    pub(super) fn take(&mut self) -> Result<(), Hitch> {
        self.names.take()?;
        self.moved = true;
        Ok(())
    }

    pub(super) fn look(&mut self, side: Side) -> Standing {
        self.names.look(side)
    }

    /// It has the content that the change was made from, and the executable bit that it had when the change was staged,
    /// unless the change says what the bit is to be.
    pub(super) fn is_base(&self, it: &Standing) -> bool {
        let Standing::File { seen, .. } = it else { return false };
        let said = self.change.to.is_some_and(|it| it.executable.is_some());
        (said || seen.executable == self.marker.executable)
            && self.change.base.is_some_and(|base| base.digest == seen.digest)
    }

    /// It is the file that was staged, whatever was written to it since.
    pub(super) fn is_ours(&self, it: &Standing) -> bool {
        it.inode().is_some_and(|inode| self.is_staged(inode))
    }

    /// It is the file that was staged, and nobody has changed it.
    pub(super) fn is_as_staged(&self, it: &Standing) -> bool {
        let Standing::File { inode, seen, .. } = it else { return false };
        self.is_staged(*inode) && self.is_target(seen)
    }

    /// Another's content is handed out; what is known is not.
    pub(super) fn meet(&self, it: &Standing, met: &mut Met) {
        if let Standing::File { seen, settled: true, .. } = it
            && !self.is_base(it)
            && !self.is_as_staged(it)
        {
            met.add(&self.change.tool, seen);
        }
    }

    /// As [`Part::meet`], of what stands under the stage's name and will stay out.
    pub(super) fn leave_out(&mut self, it: &Standing, met: &mut Met) {
        self.meet(it, met);
        self.out = match it {
            Standing::File { seen, settled, .. } => {
                let known = *settled || self.is_base(it) || self.is_as_staged(it);
                known.then_some((seen.digest, seen.executable))
            }
            Standing::Nothing | Standing::Other { .. } => None,
        };
    }

    /// Whether this is what stands under the stage's name.
    pub(super) fn has_out(&self, seen: &FileSeen) -> bool {
        self.out == Some((seen.digest, seen.executable))
    }

    pub(super) fn conflict(&self) -> Stop {
        Stop::Conflict(self.change.tool.clone())
    }

    /// Who stands where says how far it came.
    pub(super) fn stood(&mut self, met: &mut Met) -> Stood {
        self.moved = true;
        let staged = self.look(Side::Staged);
        if let Some(inode) = staged.inode() {
            self.leave_out(&staged, met);
            let switched = !self.is_staged(inode);
            let is_wrong = switched && !self.is_base(&staged);
            return Stood { switched, is_wrong, verdict: None };
        }
        if let Some(Kept { inode, verdict, was }) = self.names.kept() {
            let switched = !self.is_staged(inode);
            let is_wrong = switched && was != self.change.base.map(|it| it.digest);
            return Stood { switched, is_wrong, verdict: Some(verdict) };
        }
        let switched = match (self.change.base, self.change.to) {
            // Put, and never taken again.
            (None, _) => true,
            // Nothing was taken.
            (Some(_), None) => false,
            // Whatever came out is gone, or what was staged is.
            (Some(_), Some(_)) => {
                let live = self.look(Side::Live);
                self.is_ours(&live)
            }
        };
        Stood { switched, is_wrong: false, verdict: None }
    }

    /// Nothing of it is renamed any more: what is out, and may have been live, is set aside. Where all of it is live, that
    /// is the base, whatever was written to it since.
    pub(super) fn rest(&mut self, verdict: Verdict) -> Result<(), Stuck> {
        if !self.moved {
            return Ok(());
        }
        let was = match verdict {
            Verdict::Live => self.change.base.map(|it| it.digest),
            Verdict::Undone => self.out.map(|it| it.0),
        };
        match self.names.keep(verdict, was) {
            Ok(()) | Err(Hitch::Missing) => Ok(()),
            Err(Hitch::Taken) => {
                Err(Stuck(format!("setting aside what came out for {}", self.change.tool)))
            }
            Err(Hitch::Failed(why)) => Err(Stuck(why)),
        }
    }

    fn is_staged(&self, inode: Inode) -> bool {
        self.marker.inode.is_some_and(|it| it.1 == inode.1)
    }

    fn is_target(&self, seen: &FileSeen) -> bool {
        self.change.to.is_some_and(|to| to.digest == seen.digest)
            && seen.executable == self.marker.executable
    }
}

impl Standing {
    pub(super) fn inode(&self) -> Option<Inode> {
        match self {
            Self::Nothing => None,
            Self::File { inode, .. } | Self::Other { inode } => Some(*inode),
        }
    }

    /// The same file, and nobody has changed it.
    pub(super) fn is_still(&self, former: &Self) -> bool {
        match (self, former) {
            (Self::File { inode, seen, .. }, Self::File { inode: other, seen: then, .. }) => {
                inode.1 == other.1
                    && seen.digest == then.digest
                    && seen.executable == then.executable
            }
            (Self::Other { inode }, Self::Other { inode: other }) => inode.1 == other.1,
            _ => false,
        }
    }
}
