//! Runs one program to its end and tells how that came: by itself, by its time, by a limit, or because nobody waits for
//! the answer any more. When this returns, nothing that it began is left.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt as _},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::{
    confine::Confinement,
    job::{Ended, How, Job, Limits, SEARCH_PATH},
    output::Output,
    place::{Place, size_of},
    tree,
};

/// How often it is asked what a run uses.
const TICK: Duration = Duration::from_millis(20);
const TICKS_PER_SIZE: u32 = 5;

pub(super) struct Setting<'a> {
    pub(super) place: &'a Place,
    pub(super) scratch: &'a Path,
    /// Who waits for the answer.
    pub(super) connection: &'a UnixStream,
    /// What becomes its standard input.
    pub(super) channel: Option<OwnedFd>,
}

pub(super) fn run(job: &Job, mut setting: Setting<'_>, confinement: Confinement) -> Ended {
    let begun = io::pipe().and_then(|(reader, writer)| {
        let output = Output::new(reader)?;
        let input = setting.channel.take().map_or_else(Stdio::null, Stdio::from);
        let child = begin(job, setting.place, (input, writer), confinement)?;
        Ok((output, child))
    });
    let (mut output, mut child) = match begun {
        Ok(it) => it,
        Err(error) => return Ended::not_run(why_not(job, setting.place, &error)),
    };
    let scratch = job.limits.scratch + job.files_bytes();
    let early = watch(&mut child, &mut output, &setting, Limits { scratch, ..job.limits });
    // Gone already, where it ended by itself.
    drop(child.kill());
    let status = child.wait();
    let cleared = tree::end();
    let (head, tail) = output.finish();
    let how = match (early, status) {
        (Some(how), _) => how,
        (None, Ok(status)) => ended(status),
        (None, Err(error)) => How::NotRun(format!("its end was not told: {error}")),
    };
    let how =
        if cleared { how } else { How::Over("some of its processes could not be ended".into()) };
    Ended { how, head, tail }
}

fn begin(
    job: &Job,
    place: &Place,
    (input, out): (Stdio, io::PipeWriter),
    it: Confinement,
) -> io::Result<Child> {
    let mut command = Command::new(place.word(&job.program));
    command
        .args(job.arguments.iter().map(|it| place.word(it)))
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("HOME", &place.work)
        .env("TMPDIR", &place.temporary)
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&place.work)
        .stdin(input)
        .stderr(out.try_clone()?)
        .stdout(out);
    if job.talks {
        command.env("PYTHONHASHSEED", "0").env("TZ", "UTC");
    }
    it.put_on(&mut command);
    command.spawn()
}

fn why_not(job: &Job, place: &Place, error: &io::Error) -> String {
    let program = place.word(&job.program);
    let program = program.display();
    match error.raw_os_error() {
        Some(libc::ENOENT) => format!("{program} could not be run: there is no such program"),
        Some(libc::EACCES) => format!(
            "{program} could not be run: whoever it would run as in the sandbox may not execute it"
        ),
        _ => format!("{program} could not be run, or not be put into its sandbox: {error}"),
    }
}

fn ended(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exited(code),
        (None, signal) => How::Signalled(signal.unwrap_or_default()),
    }
}

/// `None`: it ended by itself.
fn watch(child: &mut Child, output: &mut Output, at: &Setting<'_>, limits: Limits) -> Option<How> {
    let began = Instant::now();
    let handle = Pid::from_raw(child.id().cast_signed())
        .and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok());
    let mut counted = began;
    for tick in 0_u32.. {
        let left = limits.time.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Some(How::TimedOut);
        }
        let gone = wait(output, handle.as_ref(), at.connection, left.min(TICK));
        output.take();
        if gone {
            return Some(How::Stopped);
        }
        if !matches!(child.try_wait(), Ok(None)) {
            return None;
        }
        if counted.elapsed() < TICK {
            continue;
        }
        counted = Instant::now();
        if let Some(over) = over(limits, at.scratch, tick % TICKS_PER_SIZE == 0) {
            return Some(How::Over(over));
        }
    }
    None
}

/// Until something happens. Whether whoever asked is gone.
fn wait(output: &Output, child: Option<&OwnedFd>, asker: &UnixStream, most: Duration) -> bool {
    let mut all = vec![PollFd::new(asker, PollFlags::RDHUP)];
    if !output.ended {
        all.push(PollFd::new(output.pipe(), PollFlags::IN));
    }
    all.extend(child.map(|it| PollFd::new(it, PollFlags::IN)));
    let most = Timespec::try_from(most).ok();
    // Woken early or for nothing, the caller looks and comes back.
    let _woken = poll(&mut all, most.as_ref());
    let gone = PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR;
    all.first().is_some_and(|it| it.revents().intersects(gone))
}

fn over(limits: Limits, scratch: &Path, ask_size: bool) -> Option<String> {
    let census = tree::census();
    if census.processes > limits.processes {
        return Some(format!("had more than {} processes", limits.processes));
    }
    if census.memory > limits.memory {
        return Some(format!("used more memory than {} MiB", limits.memory >> 20));
    }
    if ask_size && size_of(scratch, limits.scratch) > limits.scratch {
        return Some(format!("wrote more than {} MiB", limits.scratch >> 20));
    }
    None
}
