//! Where hints and requests wait for the watch thread. Whoever puts something in holds a lock for
//! a moment and never waits; what is equal is merged; what grows too large becomes "look at everything".

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::hints::Hint;
use crate::{ports::BarrierNo, roots::WatchedRoot};

/// Four kernel queues (16,384 events each), some 10 MB: more than this comes of a storm, and then one
/// scan is cheaper than as many looks.
const MOST_HINTS: usize = 65_536;

/// What had come in since the last time.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) hints: BTreeMap<PathBuf, Hint>,
    /// The highest cookie whose event arrived. All hints from before it are in here or came earlier.
    pub(super) cookie: u64,
    /// Hints were dropped, by the kernel, by us, or because the source broke.
    pub(super) lost: bool,
    pub(super) barriers: Vec<BarrierNo>,
    pub(super) roots: Option<Vec<WatchedRoot>>,
    pub(super) stop: bool,
}

#[derive(Debug)]
pub(super) struct Inbox {
    cookies: PathBuf,
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: Taken,
    rung: bool,
    /// Which source is believed about cookies and losses: during a change two are open.
    generation: u64,
    /// Hints from elsewhere (beside a root, in the directory above it) wake nobody.
    roots: Vec<PathBuf>,
}

/// What a source speaks into.
#[derive(Clone, Debug)]
pub(super) struct Ear {
    inbox: Arc<Inbox>,
    generation: u64,
}

impl Inbox {
    pub(super) fn new(cookies: PathBuf) -> Self {
        Self { cookies, state: Mutex::default(), bell: Condvar::new() }
    }

    pub(super) fn cookies(&self) -> &Path {
        &self.cookies
    }

    /// The ear of the next source. Ears given before are no longer believed about cookies and losses.
    pub(super) fn next_ear(self: &Arc<Self>) -> Ear {
        let mut state = self.lock();
        state.generation += 1;
        state.taken.lost = false;
        Ear { inbox: Arc::clone(self), generation: state.generation }
    }

    pub(super) fn set_interest(&self, roots: Vec<PathBuf>) {
        self.lock().roots = roots;
    }

    pub(super) fn ask_barrier(&self, no: BarrierNo) {
        self.put(|it| it.barriers.push(no));
    }

    pub(super) fn ask_roots(&self, roots: Vec<WatchedRoot>) {
        self.put(|it| it.roots = Some(roots));
    }

    pub(super) fn ask_stop(&self) {
        self.put(|it| it.stop = true);
    }

    /// Waits until something is in, at the longest until `until`, and takes all of it.
    pub(super) fn wait(&self, until: Instant) -> Taken {
        let mut state = self.lock();
        while !state.rung {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.rung = false;
        std::mem::take(&mut state.taken)
    }

    fn put(&self, change: impl FnOnce(&mut Taken)) {
        let mut state = self.lock();
        change(&mut state.taken);
        state.rung = true;
        self.bell.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps whoever speaks into an ear waiting, as a slow handler would.
    #[cfg(test)]
    pub(super) fn stall(&self) -> impl Drop + '_ {
        self.lock()
    }
}

impl Ear {
    pub(super) fn hint(&self, path: PathBuf, hint: Hint) {
        let mut state = self.inbox.lock();
        if path.parent() == Some(self.inbox.cookies.as_path()) {
            return self.cookie(&mut state, &path);
        }
        if !state.roots.iter().any(|it| path.starts_with(it)) {
            return;
        }
        if state.taken.hints.len() >= MOST_HINTS {
            state.taken.hints.clear();
            state.taken.lost = true;
        }
        state.taken.hints.entry(path).and_modify(|it| *it = it.then(hint)).or_insert(hint);
        self.ring(&mut state);
    }

    /// The kernel dropped events.
    pub(super) fn overflowed(&self) {
        self.broken();
    }

    /// The source works no longer.
    pub(super) fn broken(&self) {
        let mut state = self.inbox.lock();
        if self.generation == state.generation {
            state.taken.lost = true;
            self.ring(&mut state);
        }
    }

    fn cookie(&self, state: &mut State, path: &Path) {
        let number = path.file_name().and_then(|it| it.to_str()).and_then(|it| it.parse().ok());
        let Some(number) = number else { return };
        if self.generation == state.generation && number > state.taken.cookie {
            state.taken.cookie = number;
            self.ring(state);
        }
    }

    fn ring(&self, state: &mut State) {
        state.rung = true;
        self.inbox.bell.notify_one();
    }
}
