//! Prepares one change: where it goes, what stands there, and a durable file in the stage that only has to change its
//! name. Nobody sees anything of it.

use std::{
    ffi::OsStr,
    io::Write as _,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use rustix::{
    fs::{
        Access, AtFlags, FileType, Gid, Mode, Stat, accessat, fchown, fstat, openat, statat,
        symlinkat, unlinkat,
    },
    io::Errno,
};

use super::{
    super::{obstacle::Obstacle, open, stat},
    attributes::{self, Lost},
    folder::{self, Folder, NEW},
    ground::{self, Ground},
    name::{LEADS, StageName},
};
use crate::{
    model::{Change, Marker, RelPath, Target, Timestamp, ToolId},
    ports::StageFailure,
};

const NEW_FILE: u32 = 0o644;
const HANDS_DOWN: u32 = 0o2000;
/// The longest that a link can hold.
const LONGEST: usize = 4095;

/// A file in a tool's place.
struct Live {
    file: OwnedFd,
    stat: Stat,
}

/// One change on its way into the stage.
pub(super) struct Staging<'a> {
    tool: &'a ToolId,
    path: RelPath,
    name: StageName,
    folder: Folder,
    live: Option<Live>,
    /// Of a new file, where its directory hands its own group down.
    group: Option<Gid>,
}

impl<'a> Staging<'a> {
    pub(super) fn new(
        base: BorrowedFd<'_>,
        change: &'a Change,
        token: String,
    ) -> Result<Self, StageFailure> {
        let tool = &change.tool;
        let path = tool.path();
        if path.as_bytes().len() > LONGEST {
            return Err(obstructed(tool, format!("its path is longer than {LONGEST} bytes")));
        }
        let ground = Ground::reach(base, &path).map_err(|it| in_the_way(tool, it))?;
        accessat(&ground.directory, c".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
            .map_err(|it| read_only(tool, format!("writing in its directory: {it}")))?;
        let live = if ground.missing == 0 { live(&ground, tool, &path)? } else { None };
        let (folder, depth) = place(base, &ground, tool, &path)?;
        let (_, file) = ground::segments(&path);
        let name = StageName::new(token, depth, ground.missing).with_ending_of(file);
        let above = fstat(&ground.directory).map_err(|it| in_the_way(tool, it.into()))?;
        let group = (above.st_mode & HANDS_DOWN != 0).then(|| Gid::from_raw(above.st_gid));
        Ok(Self { tool, path, name, folder, live, group })
    }

    /// Nothing is left behind if it fails.
    pub(super) fn finish(
        mut self,
        to: Option<(Target, &[u8])>,
        after: Option<Timestamp>,
    ) -> Result<Marker, StageFailure> {
        let prepared = self.prepare(to, after);
        if prepared.is_err() {
            for name in [self.name.to_string(), format!("{}{LEADS}", self.name)] {
                unlinkat(&self.folder.stage, &name, AtFlags::empty()).ok();
                unlinkat(&self.folder.displaced, &name, AtFlags::empty()).ok();
            }
        }
        prepared
    }

    fn prepare(
        &mut self,
        to: Option<(Target, &[u8])>,
        after: Option<Timestamp>,
    ) -> Result<Marker, StageFailure> {
        let at = attributes::mtime_after(self.live.as_ref().map(|it| &it.stat), after);
        let had = self.live.as_ref().is_some_and(|it| stat::is_executable(&it.stat));
        // The moment is in the name: what is told in it is what the file is given.
        if to.is_some() {
            self.name.mtime = attributes::told(at);
        }
        let name = self.name.to_string();
        // Before the sync of the file, which takes it along where changes are kept in their order.
        lead(&self.folder, &name, &self.path).map_err(|it| self.failed("making a link for", it))?;
        let mut marker = Marker { name, inode: None, executable: had, size: 0 };
        if let Some((target, bytes)) = to {
            marker.executable = target.executable.unwrap_or(had);
            marker.inode = Some(self.write(bytes, marker.executable, at)?);
            marker.size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        }
        Ok(marker)
    }

    fn write(
        &self,
        bytes: &[u8],
        executable: bool,
        at: rustix::fs::Timespec,
    ) -> Result<(u64, u64), StageFailure> {
        let name = self.name.to_string();
        let opened = openat(&self.folder.stage, &name, NEW, Mode::RUSR | Mode::WUSR);
        let mut file = std::fs::File::from(opened.map_err(|it| self.failed("making", it))?);
        file.write_all(bytes)
            .map_err(|it| self.failed("writing", Errno::from_io_error(&it).unwrap_or(Errno::IO)))?;
        let mode = self.take_over(file.as_fd(), executable)?;
        attributes::set_mode(file.as_fd(), mode).map_err(|it| self.lost(it))?;
        attributes::set_mtime(file.as_fd(), at)
            .map_err(|it| self.failed("setting the mtime of", it))?;
        rustix::fs::fsync(&file).map_err(|it| self.failed("syncing", it))?;
        let stat = fstat(&file).map_err(|it| self.failed("asking of", it))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// All but the mode, which comes last: this is what it is to be.
    fn take_over(&self, file: BorrowedFd<'_>, executable: bool) -> Result<u32, StageFailure> {
        let Some(live) = &self.live else {
            // Who may not give it to that group makes files of his own there, too.
            fchown(file, None, self.group).ok();
            return Ok(attributes::with_bit(NEW_FILE, executable));
        };
        attributes::take_over(live.file.as_fd(), &live.stat, file).map_err(|it| self.lost(it))?;
        let mode = live.stat.st_mode;
        // A file that has the bit keeps it for whom it has it.
        let is_same = stat::is_executable(&live.stat) == executable;
        Ok(if is_same { mode } else { attributes::with_bit(mode, executable) })
    }

    fn lost(&self, lost: Lost) -> StageFailure {
        StageFailure::CannotKeepOwner { tool: self.tool.clone(), what: lost.what, why: lost.why }
    }

    fn failed(&self, doing: &str, errno: Errno) -> StageFailure {
        failure(self.tool, format!("{doing} the staged file of {}: {errno}", self.tool), errno)
    }
}

/// From what may be kept of it one day to its tool. No link of ours is ever followed: it is a text that is made as a whole
/// or not at all.
pub(super) fn lead(folder: &Folder, name: &str, path: &RelPath) -> Result<(), Errno> {
    let to = Path::new(OsStr::from_bytes(path.as_bytes()));
    symlinkat(to, &folder.displaced, format!("{name}{LEADS}"))
}

/// What stands in the tool's place. Only a regular file can be replaced.
fn live(ground: &Ground, tool: &ToolId, path: &RelPath) -> Result<Option<Live>, StageFailure> {
    let (_, name) = ground::segments(path);
    let named = match statat(&ground.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(in_the_way(tool, errno.into())),
    };
    if FileType::from_raw_mode(named.st_mode) != FileType::RegularFile {
        let obstacle = stat::readable(&named, u64::MAX).err().unwrap_or(Obstacle::Unsettled);
        return Err(in_the_way(tool, obstacle));
    }
    let file = open::file(ground.directory.as_fd(), name).map_err(|it| in_the_way(tool, it))?;
    let stat = fstat(&file).map_err(|it| in_the_way(tool, it.into()))?;
    stat::readable(&stat, u64::MAX).map_err(|it| in_the_way(tool, it))?;
    Ok(Some(Live { file, stat }))
}

/// The root's own stage, or one beside the tool where that is on another mount.
fn place(
    base: BorrowedFd<'_>,
    ground: &Ground,
    tool: &ToolId,
    path: &RelPath,
) -> Result<(Folder, usize), StageFailure> {
    let world = |why: String| StageFailure::World { why };
    let folder = Folder::make(base, b"").map_err(|it| read_only(tool, it))?;
    let here = folder::mount(folder.stage.as_fd()).map_err(|it| world(it.to_string()))?;
    let there = folder::mount(ground.directory.as_fd()).map_err(|it| world(it.to_string()))?;
    if here == there {
        return Ok((folder, 0));
    }
    let place = ground::place(path, ground.depth);
    let beside = Folder::make(base, &place).map_err(|it| read_only(tool, it))?;
    if let Ok(place) = RelPath::new(&place) {
        let written = ToolId::new(&tool.root(), &place);
        folder::note_place(base, written.shown_path()).map_err(world)?;
    }
    Ok((beside, ground.depth))
}

pub(super) fn in_the_way(tool: &ToolId, obstacle: Obstacle) -> StageFailure {
    let why = match obstacle {
        Obstacle::Gone => "its directory is gone".to_owned(),
        Obstacle::Unsettled => {
            "something that is no directory is on its way, or it is being replaced; try again"
                .to_owned()
        }
        Obstacle::Odd(cause) => format!("{} is in its place or on its way", cause.as_str()),
    };
    obstructed(tool, why)
}

fn obstructed(tool: &ToolId, why: String) -> StageFailure {
    StageFailure::Obstructed { tool: tool.clone(), why }
}

fn read_only(tool: &ToolId, why: String) -> StageFailure {
    StageFailure::ReadOnly { tool: tool.clone(), why }
}

fn failure(tool: &ToolId, why: String, errno: Errno) -> StageFailure {
    match errno {
        Errno::NOSPC | Errno::DQUOT => StageFailure::DiskFull { why },
        Errno::ROFS | Errno::ACCESS | Errno::PERM => read_only(tool, why),
        _ => StageFailure::World { why },
    }
}
