//! `knowngood runner`: the process beside the program that is run, in the same sandbox. It takes one job from its
//! standard input, which is a socket, runs it, sees to it that nothing is left, answers and ends. It knows nothing of
//! roots and tools, and reads no configuration.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use rustix::{
    io::fcntl_dupfd_cloexec,
    process::{
        DumpableBehavior, geteuid, getpid, set_child_subreaper, set_dumpable_behavior, umask,
    },
    stdio::dup2_stdin,
};

use super::{
    channel,
    confine::Confinement,
    hidden::hidden,
    job::{Ended, Job},
    place::Place,
    protocol, rooms,
    run::{Setting, run},
};

/// A job is there when the runner starts; this long it may take to be read.
const READING: Duration = Duration::from_secs(30);
/// Whom a run is where the runner is root and has no other wall.
const NOBODY: u32 = 65534;
/// The unit's own.
const VAR_TMP: &str = "/var/tmp";
const SHM: &str = "/dev/shm";

/// What stands between the run and the machine beside what the runner itself was put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walls {
    /// None: they stand around the runner already.
    Outer,
    /// Those of a unit, which reads what everybody may read: before a tool's own code, Landlock as well.
    Unit,
    /// Nothing but its limits.
    Limits,
    Landlock,
    /// Landlock, and the runner is the first process of its own namespaces.
    Rooms,
}

impl Walls {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Outer => "outer",
            Self::Unit => "unit",
            Self::Limits => "limits",
            Self::Landlock => "landlock",
            Self::Rooms => "rooms",
        }
    }
}

impl FromStr for Walls {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        let all = [Self::Outer, Self::Unit, Self::Limits, Self::Landlock, Self::Rooms];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no such walls"))
    }
}

/// Serves the one connection that is its standard input. `scratch`: a directory of its own.
pub fn serve(scratch: &Path, walls: &str) -> io::Result<()> {
    let walls = walls.parse()?;
    // The run is not to see, stop or question the process that watches it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_child_subreaper(Some(getpid()))?;
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    let mut connection = connection()?;
    let job = protocol::read_asked(&mut connection)?;
    let channel = if job.talks { Some(channel::receive(&connection)?) } else { None };
    let ended = carry_out(&job, scratch, walls, (&connection, channel));
    let ended = ended.unwrap_or_else(Ended::not_run);
    protocol::answer(&ended, &mut connection)
}

fn connection() -> io::Result<UnixStream> {
    let own: OwnedFd = fcntl_dupfd_cloexec(io::stdin().as_fd(), 3)?;
    let connection = UnixStream::from(own);
    if connection.peer_addr().is_err() {
        let what = "the runner is started by the daemon, with a socket as its standard input";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    dup2_stdin(File::open("/dev/null")?)?;
    connection.set_read_timeout(Some(READING))?;
    connection.set_write_timeout(Some(READING))?;
    Ok(connection)
}

fn carry_out(
    job: &Job,
    scratch: &Path,
    walls: Walls,
    (connection, channel): (&UnixStream, Option<OwnedFd>),
) -> Result<Ended, String> {
    let made = |it: io::Error| format!("its files could not be laid out: {it}");
    if walls == Walls::Rooms {
        let hide = |it: &PathBuf| !it.starts_with("/run");
        let hides = job.readable.iter().all(hide) && !scratch.starts_with("/run");
        rooms::furnish(scratch, job.limits.scratch + job.files_bytes(), hides)?;
        hidden(&job.readable).iter().try_for_each(|it| rooms::hide(it))?;
    }
    let user = (walls == Walls::Limits && geteuid().is_root()).then_some(NOBODY);
    let place = Place::make(scratch, job, user).map_err(made)?;
    let own_namespace = getpid().as_raw_pid() == 1;
    let confinement = Confinement::new(job.limits, user, own_namespace).adopting(job.talks);
    let confinement = match walls {
        Walls::Landlock | Walls::Rooms => confinement.within(&job.readable, &[scratch])?,
        // A kernel that has none leaves it to the unit.
        Walls::Unit if job.limits.isolated => {
            confinement.within_if_known(&job.readable, &[scratch, VAR_TMP.as_ref(), SHM.as_ref()])
        }
        Walls::Outer | Walls::Unit | Walls::Limits => confinement,
    };
    let setting = Setting { place: &place, scratch, connection, channel };
    let mut ended = run(job, setting, confinement);
    ended.head.truncate(super::job::HEAD_BYTES);
    Ok(ended)
}
