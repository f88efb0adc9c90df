//! What stands between those who log and whoever reads. Lines wait here, and a thread of its own writes them, so that
//! the loop never waits for a pipe.
//!
//! A reader that is slow slows down who logs, for some seconds at most; one that takes nothing at all for a second is
//! given up. Then lines are dropped until the reader has taken all that waits, and a line says how many there were.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Lines that wait: 16,384 × about 400 B are 6 MiB.
const HOLDS: usize = 16 << 10;
/// How long, in all, a slow reader may hold up who logs before it has caught up.
const PATIENCE: Duration = Duration::from_secs(10);
/// A reader that takes nothing for this long is none.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Where lines go.
pub(super) type Sink = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    taken: Condvar,
}

enum Taken {
    Line(Vec<u8>),
    Lost(u64),
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// One is being written.
    writing: bool,
    lost: u64,
    /// Of these it is told once writing works again.
    failed: u64,
    /// How long somebody waited for the reader since it last had caught up.
    waited: Duration,
}

impl Queue {
    /// `lost` makes the line that says how many were.
    pub(super) fn start(
        self: &Arc<Self>,
        mut sink: Sink,
        lost: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<()> {
        let queue = Arc::clone(self);
        let body = move || loop {
            let (line, stands_for) = match queue.take() {
                Taken::Line(line) => (line, 1),
                Taken::Lost(lines) => (lost(lines), lines),
            };
            let written = sink(&line).is_ok();
            queue.done(written, stands_for);
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(body).map(drop)
    }

    pub(super) fn put(&self, line: Vec<u8>) {
        let mut waiting = self.lock();
        if waiting.is_full() {
            waiting = self.wait_for_room(waiting);
        }
        if waiting.is_full() {
            waiting.lost += 1;
        } else {
            waiting.lines.push_back(line);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Waits until all is written, at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let busy = |it: &mut Waiting| it.writing || !it.lines.is_empty() || it.lost > 0;
        drop(self.taken.wait_timeout_while(self.lock(), limit, busy));
    }

    fn wait_for_room<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        let limit = PATIENCE.saturating_sub(waiting.waited).min(STANDSTILL);
        let began = Instant::now();
        let full = |it: &mut Waiting| it.is_full();
        let (mut waiting, result) = self
            .taken
            .wait_timeout_while(waiting, limit, full)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.waited += if result.timed_out() { PATIENCE } else { began.elapsed() };
        waiting
    }

    /// The next line, or how many were lost since the last one, once there is either.
    fn take(&self) -> Taken {
        let idle = |it: &mut Waiting| it.lines.is_empty() && it.lost == 0;
        let mut waiting =
            self.arrived.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        waiting.writing = true;
        match waiting.lines.pop_front() {
            Some(line) => Taken::Line(line),
            None => Taken::Lost(std::mem::take(&mut waiting.lost)),
        }
    }

    fn done(&self, written: bool, lines: u64) {
        let mut waiting = self.lock();
        waiting.writing = false;
        if written {
            waiting.lost += std::mem::take(&mut waiting.failed);
        } else {
            waiting.failed += lines;
        }
        if waiting.lines.is_empty() {
            waiting.waited = Duration::ZERO;
        }
        drop(waiting);
        self.taken.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.lines.len() >= HOLDS
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}
