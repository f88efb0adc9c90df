//! Runs the looks of one call side by side, on threads that end with the call. The answers come in the order asked.

use std::{
    num::NonZero,
    panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::look::{Eye, Job, Outcome, Scene};

/// Neighbours share their directory, so a worker takes some at once; for so few another thread is not worth starting.
const SHARE: usize = 8;

/// Asked once: the answer takes the system several file reads.
pub(super) fn available() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

pub(super) fn run(scene: &Scene<'_>, jobs: &[Job<'_>], workers: usize) -> Vec<Outcome> {
    let shares: Vec<_> = jobs.chunks(SHARE).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut eye = Eye::new(scene);
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(share) = shares.get(number) else { return done };
            done.push((number, share.iter().map(|it| eye.look(*it)).collect::<Vec<_>>()));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..workers.min(shares.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(cause) => panic::resume_unwind(cause),
            }
        }
        done
    });
    done.sort_unstable_by_key(|it| it.0);
    done.into_iter().flat_map(|it| it.1).collect()
}
