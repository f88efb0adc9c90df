//! The daemon's side of one run: the job goes out, the answer comes back, or is waited for no longer.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use super::{
    job::{Ended, How, Job},
    launch::{Rung, Settings, launch},
    protocol,
};
use crate::ports::StopFlag;

/// How often it is asked whether anybody still wants to know.
const STEP: Duration = Duration::from_millis(20);
/// Beyond the job's own time: a start, a disk that is busy, the end of all that was begun.
const GRACE: Duration = Duration::from_secs(10);

/// The runner was not to be had, or ended without a word: nothing is known of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoRunner(pub(super) String);

pub(super) fn call(
    rung: Rung,
    settings: &Settings,
    job: &Job,
    stop: &StopFlag,
) -> Result<Ended, NoRunner> {
    let launched =
        launch(rung, settings, job).map_err(|it| NoRunner(format!("{}: {it}", what(rung))))?;
    let mut talk =
        Talk { with: &launched.connection, stop, until: Instant::now() + job.limits.time + GRACE };
    let answer = talk.prepare().and_then(|()| {
        protocol::ask(job, &mut talk)?;
        protocol::read_answered(&mut talk)
    });
    match answer {
        Ok(ended) => Ok(ended),
        Err(_) if stop.is_set() => Ok(Ended::without_output(How::Stopped)),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Ok(Ended::without_output(How::TimedOut))
        }
        Err(error) => {
            let said = launched.complaint().unwrap_or_else(|| error.to_string());
            Err(NoRunner(format!("{} gave no answer: {said}", what(rung))))
        }
    }
}

pub(super) fn what(rung: Rung) -> &'static str {
    match rung {
        Rung::Runner => "the runner's unit",
        Rung::Bubblewrap => "bwrap",
        Rung::Landlock(_) | Rung::Limits => "the runner",
    }
}

/// Reads and writes that give up at a time, or when nobody wants to know.
pub(super) struct Talk<'a> {
    pub(super) with: &'a UnixStream,
    pub(super) stop: &'a StopFlag,
    pub(super) until: Instant,
}

impl Talk<'_> {
    pub(super) fn prepare(&self) -> io::Result<()> {
        self.with.set_read_timeout(Some(STEP))?;
        self.with.set_write_timeout(Some(STEP))
    }

    /// Goes on where a step was too short.
    fn try_on(&self, mut act: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match act(self.with) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                done => return done,
            }
            if self.stop.is_set() || Instant::now() > self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

impl Read for Talk<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_on(|mut it| it.read(buffer))
    }
}

impl Write for Talk<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_on(|mut it| it.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
