//! Hints that a path may differ. One thread arms directories, gathers what the kernel tells about
//! them, waits until a file has been still for a moment, and hands paths over. It never opens a
//! file, never judges what stands there, and schedules no scans: looking and audits are the loop's.
//!
//! Reading order: `hints` (what we need of a source), `notified` (notify as that source), `inbox`
//! (where hints wait), `marks` (the quiet window), `ground` (arm first, then list), `place` (one
//! root), `barrier`, `run` (the thread) with its parts `heed` (hints to marks) and `adopt` (roots).

mod adopt;
mod barrier;
mod git;
mod ground;
mod heed;
mod hints;
mod identity;
mod inbox;
mod limits;
mod marks;
mod mounts;
mod notified;
mod place;
mod run;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    ports::{BarrierNo, Notice},
    roots::WatchedRoot,
};
use hints::Source;
use inbox::Inbox;
use run::Runner;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchSettings {
    /// How often that which no event can cover is listed again, and arming it is tried again.
    pub poll: Duration,
    /// How often each root is asked whether it is still the same directory.
    pub root_check: Duration,
    /// How long a git operation in progress may hold back what it touches.
    pub git_limit: Duration,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            root_check: Duration::from_millis(500),
            git_limit: Duration::from_secs(2),
        }
    }
}

/// The running watcher. Dropping it stops it.
#[derive(Debug)]
pub struct Watch {
    inbox: Arc<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    /// Returns at once; each root is announced by `Notice::watching` and then marked dirty as a whole,
    /// once all of it is armed. `cookies` is a private directory of ours on a local file system: it is
    /// made if absent, and barriers put short-lived files into it.
    pub fn start(
        roots: Vec<WatchedRoot>,
        cookies: &Path,
        notice: Arc<dyn Notice>,
        settings: WatchSettings,
    ) -> io::Result<Self> {
        Self::start_with(Box::new(notified::Notified), roots, cookies, notice, settings)
    }

    fn start_with(
        source: Box<dyn Source>,
        roots: Vec<WatchedRoot>,
        cookies: &Path,
        notice: Arc<dyn Notice>,
        settings: WatchSettings,
    ) -> io::Result<Self> {
        // Hints come with absolute paths.
        let inbox = Arc::new(Inbox::new(std::path::absolute(cookies)?));
        inbox.ask_roots(roots);
        let mut runner = Runner::new(Arc::clone(&inbox), source, notice, settings);
        let thread =
            std::thread::Builder::new().name("watch".to_owned()).spawn(move || runner.run())?;
        Ok(Self { inbox, thread: Mutex::new(Some(thread)) })
    }

    /// Comes back through `Notice::dirty` after everything that changed before this call. Never blocks.
    pub fn barrier(&self, no: BarrierNo) {
        self.inbox.ask_barrier(no);
    }

    /// What stays the same (name, path, globs) keeps its watches; the rest is armed and marked dirty.
    pub fn set_roots(&self, roots: Vec<WatchedRoot>) {
        self.inbox.ask_roots(roots);
    }

    /// Hands over what is waiting and ends. Barriers not yet reached are not answered any more.
    pub fn stop(&self) {
        self.inbox.ask_stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(panic)) = thread.map(JoinHandle::join) {
            tracing::error!(?panic, "the watch thread had panicked");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}
