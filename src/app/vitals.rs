//! How the daemon is, told to systemd: that the start gets on and is over, signs of life, and one line that says what
//! it does. A sign of life is an answer that went through the loop and the look lane; while one of them is stuck, none
//! is given, and the watchdog ends a daemon that would only look alive.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use crate::{
    decide::Counts,
    ports::Watching,
    reconcile::{Handle, View},
    systemd,
};

/// A start that is seen to get on may take this much longer.
pub(super) const START_STEP: Duration = Duration::from_mins(1);
/// Between two looks at a start.
const START_PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at a daemon in which nothing happens.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After a change, so that a burst is told once.
const SETTLE: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct Vitals {
    told: Mutex<Told>,
    reloaded: Notify,
}

#[derive(Default)]
struct Told {
    ready: bool,
    status: String,
    /// Why the configuration on disk is not the one in force.
    rejected: Option<String>,
}

impl Vitals {
    /// Never ends: who stops the daemon stops this.
    pub(super) async fn tell(&self, handle: &Handle) {
        loop {
            let mut changes = handle.subscribe();
            if handle.pulse().await.is_err() {
                // The loop has ended; that is told by others.
                return std::future::pending().await;
            }
            let pause = self.show(&handle.view());
            tokio::select! {
                () = sleep(pause) => (),
                _ = changes.recv() => sleep(pause.min(SETTLE)).await,
                () = self.reloaded.notified() => (),
            }
        }
    }

    /// Until when nothing has to be shown.
    fn show(&self, view: &View) -> Duration {
        let mut told = self.lock();
        let status = summary(view, told.rejected.as_deref());
        if !told.ready && view.ready().is_ok() {
            told.ready = true;
            systemd::ready(&status);
        } else if told.status != status {
            systemd::status(&status);
        }
        told.status = status;
        if told.ready {
            systemd::alive();
            systemd::watchdog().map_or(LONGEST_PAUSE, |it| (it / 3).min(LONGEST_PAUSE))
        } else {
            systemd::still_starting(START_STEP);
            START_PAUSE
        }
    }

    pub(super) fn reloading(&self) {
        if self.lock().ready {
            systemd::reloading();
        }
    }

    /// The reload is over, well or not: what systemd waits for is the same.
    pub(super) fn reloaded(&self, errors: Option<&[String]>) {
        let mut told = self.lock();
        // The lines after its first show the place in the file.
        let first = |it: &[String]| it.first()?.lines().next().map(str::to_owned);
        told.rejected = errors.map(|it| first(it).unwrap_or_default());
        if told.ready {
            told.status = told.rejected.as_deref().map_or("reloaded".to_owned(), refused);
            systemd::ready(&told.status);
        }
        drop(told);
        self.reloaded.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn summary(view: &View, rejected: Option<&str>) -> String {
    let mut parts = Vec::from_iter(rejected.map(refused));
    parts.extend(view.ready().err().map(|it| it.to_string()));
    let counts = || view.rules.roots.keys().map(|it| view.counts(it));
    let tools: u64 = counts().map(Counts::tools).sum();
    let drifted = tools - counts().map(|it| it.in_sync).sum::<u64>();
    let (roots, seq) = (view.rules.roots.len(), view.as_of().0);
    parts.push(format!("roots {roots}, tools {tools}, drifted {drifted}, log at {seq}"));
    let polled = view.roots.iter().filter(|it| it.1.watching != Watching::Events);
    parts.extend(polled.map(|(root, _)| format!("{root} is polled")));
    parts.join("; ")
}

fn refused(why: &str) -> String {
    format!("the configuration was rejected, the former one is in force: {why}")
}
