//! Which rung of the ladder works here: asked by really running something on it, from the best one down.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::{
    call::{NoRunner, call},
    job::{Ended, How, Job, Limits},
    launch::{Rung, Settings},
    talk::{self, Session},
};
use crate::ports::StopFlag;

/// One rung, and why it does not work where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub rung: Rung,
    pub works: Result<(), String>,
}

#[derive(Debug)]
pub struct Ladder {
    settings: Settings,
    /// The best one that worked when it was last asked.
    best: OnceLock<Mutex<Rung>>,
}

impl Ladder {
    /// Finds out which rung works when it is first asked: that takes some ten milliseconds for each one down to it.
    pub fn climb(settings: Settings) -> Self {
        Self { settings, best: OnceLock::new() }
    }

    /// That rung, whether it works or not.
    pub fn at(rung: Rung, settings: Settings) -> Self {
        Self { settings, best: OnceLock::from(Mutex::new(rung)) }
    }

    pub fn best(&self) -> Rung {
        *self.place().lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: it was not found out yet. Does not wait.
    pub fn known(&self) -> Option<Rung> {
        self.best.get().map(|it| *it.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn place(&self) -> &Mutex<Rung> {
        self.best.get_or_init(|| Mutex::new(best_of(&self.settings, &Rung::ALL)))
    }

    /// Runs it on the best rung. What worked at the start need not work now (a unit was stopped, a program removed): then
    /// on the best of those below.
    pub fn run(&self, job: &Job, stop: &StopFlag) -> (Rung, Ended) {
        let rung = self.best();
        match call(rung, &self.settings, job, stop) {
            Ok(ended) => (rung, ended),
            Err(NoRunner(why)) => self.run_below(rung, why, job, stop),
        }
    }

    /// Begins a run that is talked with, on a rung that isolates. `Err`: why there is none.
    pub fn open(&self, job: &Job, stop: &StopFlag) -> Result<Session, String> {
        let mut why = "nothing isolates it here".to_owned();
        for _ in Rung::ALL {
            let rung = self.best();
            if !rung.isolates() {
                break;
            }
            match talk::open(rung, &self.settings, job, stop) {
                Ok(session) => return Ok(session),
                Err(NoRunner(it)) => why = it,
            }
            // It may have been this one job.
            if stop.is_set() || probe(rung, &self.settings).is_ok() {
                break;
            }
            let below: Vec<_> = Rung::ALL.into_iter().filter(|it| *it > rung).collect();
            let next = best_of(&self.settings, &below);
            *self.place().lock().unwrap_or_else(PoisonError::into_inner) = next;
        }
        Err(why)
    }

    fn run_below(&self, failed: Rung, why: String, job: &Job, stop: &StopFlag) -> (Rung, Ended) {
        // It may have been this one job.
        if probe(failed, &self.settings).is_ok() {
            return (failed, Ended::not_run(why));
        }
        let below: Vec<_> = Rung::ALL.into_iter().filter(|it| *it > failed).collect();
        if below.is_empty() {
            return (failed, Ended::not_run(why));
        }
        let next = best_of(&self.settings, &below);
        *self.place().lock().unwrap_or_else(PoisonError::into_inner) = next;
        // It was planned for a rung that isolates, and is run on no other.
        if job.limits.isolated && !next.isolates() {
            return (next, Ended::not_run(format!("nothing isolates it here any more: {why}")));
        }
        match call(next, &self.settings, job, stop) {
            Ok(ended) => (next, ended),
            Err(NoRunner(why)) => (next, Ended::not_run(why)),
        }
    }
}

/// Every rung, for a person who wants to know what would raise it.
pub fn survey(settings: &Settings) -> Vec<Standing> {
    Rung::ALL.into_iter().map(|rung| Standing { rung, works: probe(rung, settings) }).collect()
}

fn best_of(settings: &Settings, rungs: &[Rung]) -> Rung {
    let works = |it: &&Rung| **it == Rung::Limits || probe(**it, settings).is_ok();
    rungs.iter().find(works).copied().unwrap_or(Rung::Limits)
}

/// Runs a shell that says a word.
fn probe(rung: Rung, settings: &Settings) -> Result<(), String> {
    let words = ["-c", "test ! -s \"$0\" && echo knowngood"];
    let mut arguments: Vec<_> = words.into_iter().map(Job::text).collect();
    arguments.push(vec![super::job::Piece::File(0)]);
    let empty = super::job::JobFile { name: "empty".into(), executable: false, bytes: Vec::new() };
    let limits = Limits { time: std::time::Duration::from_secs(10), ..Limits::default() };
    let program = Job::text("/bin/sh");
    let files = vec![empty];
    let job = Job { program, arguments, files, readable: Vec::new(), limits, talks: false };
    match call(rung, settings, &job, &StopFlag::default()) {
        Ok(Ended { how: How::Exited(0), head, .. }) if head == b"knowngood\n" => Ok(()),
        Err(NoRunner(why)) | Ok(Ended { how: How::NotRun(why), .. }) => Err(why),
        Ok(it) => Err(format!("a trial ended with {:?}: {}", it.how, it.tail_text().trim())),
    }
}
