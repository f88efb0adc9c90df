//! One file with its two names on a real file system: what [`crate::switching`] asks to be done, done through the
//! directories' descriptors. Nothing is judged here.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::{
    fs::{AtFlags, FileType, RenameFlags, Stat, renameat, renameat_with, statat},
    io::Errno,
};

use super::{
    super::{obstacle::Obstacle, open, read::Reader, stat},
    folder::{self, Folder},
    ground::{self, Ground},
    name::{KeptName, StageName},
    replace::{self, At},
    sync::Syncs,
    write::lead,
};
use crate::{
    model::{Change, DeployNo, Digest, FileSeen, Marker, RelPath, Timestamp},
    ports::Pack,
    roots::WatchedRoot,
    switching::{Hitch, Kept, Names, Side, Standing, Verdict},
};

/// How often a content that moves is read again before it counts as being written.
const TRIES: usize = 3;
/// The executable bits are judged with the content.
const READ_AND_WRITE: u32 = 0o666;

pub(super) struct Spot<'a> {
    change: &'a Change,
    marker: &'a Marker,
    deploy: DeployNo,
    pack: &'a dyn Pack,
    base: OwnedFd,
    path: RelPath,
    /// The live directory; `None`: it is not there, or not one of ours to enter.
    live: Option<OwnedFd>,
    folder: Folder,
    staged: StageName,
    limit: u64,
    exchanges: bool,
    reader: Reader,
    /// An entry of its directories changed.
    pub(super) touched: bool,
    /// Its names changed, or may have changed, in more than one step: nothing says that one directory tells of all.
    stepwise: bool,
    /// Under this name something was set aside.
    pub(super) kept: Option<String>,
}

/// How one order's files are treated.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) root: &'a WatchedRoot,
    pub(super) pack: &'a dyn Pack,
    pub(super) deploy: DeployNo,
    pub(super) exchanges: bool,
}

impl<'a> Spot<'a> {
    pub(super) fn open(
        terms: Terms<'a>,
        change: &'a Change,
        marker: &'a Marker,
    ) -> Result<Self, String> {
        let tool = &change.tool;
        let failed = |doing: &str, it: Obstacle| format!("opening {doing} of {tool}: {it:?}");
        let staged = StageName::parse(&marker.name)
            .ok_or_else(|| format!("{:?} is no name of the stage", marker.name))?;
        let base = open::root(&terms.root.path)
            .map_err(|it| format!("opening {}: {it}", terms.root.path.display()))?
            .0;
        let path = tool.path();
        let place = ground::place(&path, staged.depth);
        let folder = Folder::open(base.as_fd(), &place).map_err(|it| failed("the stage", it))?;
        let live = match Ground::reach(base.as_fd(), &path) {
            Ok(ground) if ground.missing == 0 => Some(ground.directory),
            Ok(_) | Err(Obstacle::Gone | Obstacle::Unsettled | Obstacle::Odd(_)) => None,
        };
        let limit = marker.size.max(terms.root.file_size);
        let Terms { pack, deploy, exchanges, .. } = terms;
        let (touched, stepwise, kept, reader) = (false, false, None, Reader::default());
        Ok(Self {
            change,
            marker,
            deploy,
            pack,
            base,
            path,
            live,
            folder,
            staged,
            limit,
            exchanges,
            reader,
            touched,
            stepwise,
            kept,
        })
    }

    /// After a crash, before anybody looks.
    pub(super) fn mend(&mut self) -> Result<(), String> {
        let (_, name) = ground::segments(&self.path);
        let live = self.live.as_ref().map(|it| At(it.as_fd(), name));
        // What was renamed before the crash may not be durable yet.
        (self.touched, self.stepwise) = (true, true);
        let failed =
            |it: Errno| format!("putting the stage of {} in order: {it}", self.change.tool);
        // The link may not have been durable; what is set aside now could not be told of without it.
        match lead(&self.folder, &self.marker.name, &self.path) {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(errno) => return Err(failed(errno)),
        }
        replace::mend(live, self.at_stage()).map_err(failed)
    }

    /// Before a switch: the staged file still has the owner and the rights of the one whose place it takes.
    pub(super) fn fits(&self) -> Result<(), String> {
        let stat = |it: At<'_>| statat(it.0, it.1, AtFlags::SYMLINK_NOFOLLOW).ok();
        let live = self.at_live().ok().and_then(stat);
        let (Some(_), Some(live), Some(staged)) = (self.change.base, live, stat(self.at_stage()))
        else {
            return Ok(());
        };
        let dress = |it: &Stat| (it.st_uid, it.st_gid, it.st_mode & READ_AND_WRITE);
        let is_file = FileType::from_raw_mode(live.st_mode) == FileType::RegularFile;
        if !is_file || dress(&live) == dress(&staged) {
            return Ok(());
        }
        let tool = &self.change.tool;
        Err(format!("owner, group or mode of {tool} changed after it was staged; deploy it again"))
    }

    /// After it was undone: directories that were made for it, as far as they are empty.
    pub(super) fn remove_directories(&self) {
        if self.change.base.is_none() && self.staged.missing > 0 {
            ground::remove_empty(self.base.as_fd(), &self.path, self.staged.missing);
        }
    }

    /// What must be durable before anybody is told: the live directory. A rename between two directories is one change
    /// of the file system, which is kept in both or in none, so that the stage needs no sync of its own. Where what came
    /// out is set aside after that, a power cut may leave it under the stage's name, which says the same. (A file system
    /// without a journal has to be checked after a cut; the check gives the file its second name.)
    pub(super) fn note(&self, syncs: &mut Syncs) -> Result<(), Errno> {
        if !self.touched {
            return Ok(());
        }
        let near = self.folder.stage.as_fd();
        if self.stepwise {
            syncs.add(near, near)?;
            syncs.add(self.folder.displaced.as_fd(), near)?;
        }
        if let Some(live) = &self.live {
            syncs.add(live.as_fd(), near)?;
        }
        // The directories that were made, or removed, are entries of those above them.
        for up in 1..=self.staged.missing {
            let (above, _) = ground::segments(&self.path);
            let place = ground::place(&self.path, above.len().saturating_sub(up));
            if place.is_empty() {
                syncs.add(self.base.as_fd(), near)?;
            } else if let Ok(directory) = open::directory(self.base.as_fd(), &place) {
                syncs.add(directory.as_fd(), near)?;
            }
        }
        Ok(())
    }

    fn at_stage(&self) -> At<'_> {
        At(self.folder.stage.as_fd(), self.marker.name.as_bytes())
    }

    fn at_live(&self) -> Result<At<'_>, Hitch> {
        let (_, name) = ground::segments(&self.path);
        self.live.as_ref().map(|it| At(it.as_fd(), name)).ok_or(Hitch::Missing)
    }

    /// The live directory, with all that is missing on the way to it.
    fn complete(&mut self) -> Result<(), Hitch> {
        if self.live.is_some() {
            return Ok(());
        }
        let ground = Ground::reach(self.base.as_fd(), &self.path).map_err(|it| match it {
            Obstacle::Gone => Hitch::Failed(format!("the root of {} is gone", self.change.tool)),
            Obstacle::Unsettled | Obstacle::Odd(_) => Hitch::Taken,
        })?;
        self.touched = true;
        let made = ground.complete(&self.path).map_err(|it| match it {
            Errno::LOOP | Errno::NOTDIR => Hitch::Taken,
            other => self.failed("making the directories", other),
        });
        self.live = Some(made?);
        Ok(())
    }

    fn read(&mut self, side: Side) -> Result<Standing, Errno> {
        let (_, live_name) = ground::segments(&self.path);
        let (directory, name) = match (side, &self.live) {
            (Side::Live, None) => return Ok(Standing::Nothing),
            (Side::Live, Some(it)) => (it.as_fd(), live_name),
            (Side::Staged, _) => (self.folder.stage.as_fd(), self.marker.name.as_bytes()),
        };
        let named = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Standing::Nothing),
            Err(errno) => return Err(errno),
        };
        let other = Standing::Other { inode: (named.st_dev, named.st_ino) };
        if stat::readable(&named, self.limit).is_err() {
            return Ok(other);
        }
        let Some((still, settled)) = still(&mut self.reader, directory, name, self.limit) else {
            return Ok(other);
        };
        let known = [self.change.base.map(|it| it.digest), self.change.to.map(|it| it.digest)];
        let content = (!known.contains(&Some(still.digest)))
            .then(|| self.pack.pack(still.digest, &self.reader.bytes));
        let seen = FileSeen {
            digest: still.digest,
            size: stat::size(&still.stat),
            executable: stat::is_executable(&still.stat),
            mtime: stat::mtime(&still.stat),
            content,
            links: stat::links(&still.stat),
        };
        Ok(Standing::File { inode: (still.stat.st_dev, still.stat.st_ino), seen, settled })
    }

    fn failed(&self, doing: &str, errno: Errno) -> Hitch {
        Hitch::Failed(format!("{doing} of {}: {errno}", self.change.tool))
    }

    fn hitch(&self, doing: &str, errno: Errno) -> Hitch {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Hitch::Missing,
            Errno::EXIST => Hitch::Taken,
            other => self.failed(doing, other),
        }
    }

    /// Whether it was done in one step.
    fn shift(&self, from: At<'_>, to: At<'_>) -> Result<bool, Errno> {
        let moved = if self.exchanges {
            renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE)
        } else {
            Err(Errno::NOSYS)
        };
        match moved {
            Err(errno) if is_unknown(errno) => replace::shift(from, to).map(|()| false),
            other => other.map(|()| true),
        }
    }

    fn renamed(&mut self, at_once: bool) {
        self.touched = true;
        self.stepwise |= !at_once;
    }
}

impl Names for Spot<'_> {
    fn exchange(&mut self) -> Result<(), Hitch> {
        let (live, staged) = (self.at_live()?, self.at_stage());
        let exchanged = if self.exchanges {
            renameat_with(staged.0, staged.1, live.0, live.1, RenameFlags::EXCHANGE)
        } else {
            Err(Errno::NOSYS)
        };
        let exchanged = match exchanged {
            Err(errno) if is_unknown(errno) => replace::exchange(live, staged).map(|()| false),
            other => other.map(|()| true),
        };
        let at_once = exchanged.map_err(|it| self.hitch("exchanging the file", it))?;
        self.renamed(at_once);
        Ok(())
    }

    fn put(&mut self) -> Result<(), Hitch> {
        self.complete()?;
        let (from, to) = (self.at_stage(), self.at_live()?);
        let at_once = self.shift(from, to).map_err(|it| self.hitch("putting the file", it))?;
        self.renamed(at_once);
        Ok(())
    }

    fn take(&mut self) -> Result<(), Hitch> {
        let (from, to) = (self.at_live()?, self.at_stage());
        let at_once = self.shift(from, to).map_err(|it| self.hitch("taking the file", it))?;
        self.renamed(at_once);
        Ok(())
    }

    fn look(&mut self, side: Side) -> Standing {
        // Something is there, and no more can be known.
        self.read(side).unwrap_or(Standing::Other { inode: (0, 0) })
    }

    fn keep(&mut self, verdict: Verdict, was: Option<Digest>) -> Result<(), Hitch> {
        let staged = self.marker.name.clone();
        let kept = KeptName { deploy: self.deploy, verdict, was, staged }.to_string();
        let at = self.at_stage();
        renameat(at.0, at.1, &self.folder.displaced, &kept)
            .map_err(|it| self.hitch("setting aside the former file", it))?;
        self.touched = true;
        self.kept = Some(kept);
        Ok(())
    }

    fn kept(&mut self) -> Option<Kept> {
        let entries = folder::names(self.folder.displaced.as_fd());
        let mut entries = entries.iter().filter_map(|it| KeptName::parse(it));
        let kept = entries.find(|it| it.staged == self.marker.name)?;
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = statat(&self.folder.displaced, kept.to_string(), flags).ok()?;
        Some(Kept { inode: (stat.st_dev, stat.st_ino), verdict: kept.verdict, was: kept.was })
    }

    fn mtime(&self) -> Timestamp {
        self.staged.mtime
    }
}

/// A content that did not move, and whether nobody has it open for writing.
fn still(
    reader: &mut Reader,
    directory: BorrowedFd<'_>,
    name: &[u8],
    limit: u64,
) -> Option<(super::super::read::Still, bool)> {
    for _ in 0..TRIES {
        match reader.read(directory, name, limit) {
            Ok(still) => return Some((still, true)),
            Err(Obstacle::Unsettled) => (),
            Err(Obstacle::Gone | Obstacle::Odd(_)) => return None,
        }
        if let Ok(still) = reader.read_held(directory, name, limit) {
            return Some((still, false));
        }
    }
    None
}

/// The file system does not know the flag.
fn is_unknown(errno: Errno) -> bool {
    [Errno::NOSYS, Errno::INVAL, Errno::OPNOTSUPP].contains(&errno)
}
