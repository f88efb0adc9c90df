//! A run that is talked with: line by line over a socket of its own. Nothing that comes from there is believed without
//! a bound in size and time, and when the session ends nothing of the run is left.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use super::{
    call::{NoRunner, Talk, what},
    channel,
    job::{Ended, How, Job},
    launch::{Launched, Rung, Settings, launch},
    protocol,
};
use crate::ports::StopFlag;

/// How often it is asked whether anybody still wants to know.
const STEP: Duration = Duration::from_millis(20);
/// A job of some files is with its runner by then.
const STARTING: Duration = Duration::from_secs(15);
/// For the end of what was begun.
const ENDING: Duration = Duration::from_secs(5);

pub struct Session {
    launched: Launched,
    channel: UnixStream,
    /// What came behind the last line.
    rest: Vec<u8>,
    pub rung: Rung,
}

/// What came of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Line(Vec<u8>),
    Late,
    /// It is gone, or closed its side.
    Ended,
    TooLong,
    Stopped,
}

pub(super) fn open(
    rung: Rung,
    settings: &Settings,
    job: &Job,
    stop: &StopFlag,
) -> Result<Session, NoRunner> {
    let failed = |it: io::Error| NoRunner(format!("{}: {it}", what(rung)));
    let launched = launch(rung, settings, job).map_err(failed)?;
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let mut talk = Talk { with: &launched.connection, stop, until: Instant::now() + STARTING };
    let asked = talk.prepare().and_then(|()| {
        protocol::ask(job, &mut talk)?;
        channel::send(&theirs, &launched.connection)?;
        ours.set_read_timeout(Some(STEP))?;
        ours.set_write_timeout(Some(STEP))
    });
    match asked {
        Ok(()) => Ok(Session { launched, channel: ours, rest: Vec::new(), rung }),
        Err(error) => {
            let said = launched.complaint().unwrap_or_else(|| error.to_string());
            Err(NoRunner(format!("{} took no job: {said}", what(rung))))
        }
    }
}

impl Session {
    /// Whether it was taken in time.
    pub fn say(&mut self, line: &[u8], until: Instant, stop: &StopFlag) -> io::Result<()> {
        Talk { with: &self.channel, stop, until }.write_all(line)
    }

    pub fn hear(&mut self, most: usize, until: Instant, stop: &StopFlag) -> Heard {
        let mut buffer = [0; 16 << 10];
        let mut searched = 0;
        loop {
            let new = self.rest.get(searched..).unwrap_or_default();
            if let Some(at) = new.iter().position(|it| *it == b'\n') {
                let after = self.rest.split_off(searched + at + 1);
                return Heard::Line(std::mem::replace(&mut self.rest, after));
            }
            searched = self.rest.len();
            if searched > most {
                return Heard::TooLong;
            }
            match (Talk { with: &self.channel, stop, until }).read(&mut buffer) {
                Ok(0) => return Heard::Ended,
                Ok(count) => self.rest.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(_) if stop.is_set() => return Heard::Stopped,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Heard::Late,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(_) => return Heard::Ended,
            }
        }
    }

    /// Lets it end, and tells how it did.
    pub fn end(self, stop: &StopFlag) -> Ended {
        drop(self.channel.shutdown(std::net::Shutdown::Both));
        let until = Instant::now() + ENDING;
        let answer =
            protocol::read_answered(&mut Talk { with: &self.launched.connection, stop, until });
        match answer {
            Ok(ended) => ended,
            Err(_) if stop.is_set() => Ended::without_output(How::Stopped),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Ended::without_output(How::TimedOut)
            }
            Err(error) => {
                Ended::not_run(self.launched.complaint().unwrap_or_else(|| error.to_string()))
            }
        }
    }
}
