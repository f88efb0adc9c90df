//! What the answers are made from: the loop's handle once there is one, who may do what, the limits.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    compare::StatsCache,
    problem::{Code, Problem},
    requests::Requests,
};
use crate::{
    access::Access,
    model::RootName,
    ports::{NothingKnown, ShadowSources, Shadows},
    reconcile::{Handle, View},
};

/// Reads the configuration again, and says what of it concerns the front door. The errors are told to whoever asked,
/// one per line of the list.
pub type Reload = Box<
    dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<Reconfigured, Vec<String>>> + Send>>
        + Send
        + Sync,
>;

/// What a reload did.
#[derive(Clone, Debug)]
pub struct Reconfigured {
    pub settings: Settings,
    /// Keys whose value differs from the one before.
    pub changed: Vec<String>,
    /// Keys that wait for the next start.
    pub needs_restart: Vec<String>,
}

/// What every request is answered from. Made before the log is loaded, so that `info` and `ready` can
/// say how far the start is.
pub struct Service {
    started: Instant,
    handle: OnceLock<Handle>,
    settings: RwLock<Arc<Settings>>,
    phase: RwLock<String>,
    last_reload: AtomicBool,
    /// Every root was looked at once. A root that a reload adds later is waited for by `ready` alone.
    looked: AtomicBool,
    pub(super) requests: Requests,
    pub(super) reload: Reload,
    pub(super) stats: StatsCache,
    /// One `verify` at a time: it reads everything there is.
    pub(super) verifying: Semaphore,
    /// For bodies that are larger than usual.
    rooms: Arc<Semaphore>,
    shadows: OnceLock<(Arc<dyn Shadows>, Arc<dyn ShadowSources>)>,
    shadow_rooms: Arc<Semaphore>,
}

/// With the usual limits they take 128 MiB.
const ROOMS: usize = 4;
/// Each runs two sandboxes, with all the memory that the root's checks may have.
const SHADOW_ROOMS: usize = 2;

/// What a reload may change.
#[derive(Clone, Debug)]
pub struct Settings {
    pub access: Access,
    pub limits: Limits,
    pub roots: Vec<RootFacts>,
    /// For those who ask how the daemon is configured.
    pub keys: Vec<KeyFacts>,
}

/// A key of the configuration as it is in force.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    pub key: String,
    /// As TOML.
    pub value: Option<String>,
    pub origin: String,
    pub restart: bool,
    /// What it will be after a restart, where that is something else.
    pub after_restart: Option<String>,
}

/// What is known of a root apart from the loop.
#[derive(Clone, Debug)]
pub struct RootFacts {
    pub name: RootName,
    pub path: PathBuf,
    /// Or why it cannot be written.
    pub writable: Result<(), String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    /// How many of them one uid may have.
    pub per_peer: usize,
    pub body_size: usize,
    /// Of a body that carries contents of tools, where that is more.
    pub deploy_size: usize,
    /// Of a tool.
    pub file_size: usize,
    /// For the head of a request, and between two requests of one connection.
    pub header_time: Duration,
    /// For a whole body.
    pub body_time: Duration,
    /// For what is being answered when the daemon stops.
    pub drain_time: Duration,
    /// Between two signs of life in a stream in which nothing happens.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            per_peer: 32,
            body_size: 1 << 20,
            deploy_size: 32 << 20,
            file_size: 16 << 20,
            header_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(5),
            keep_alive: Duration::from_secs(15),
        }
    }
}

impl Service {
    pub fn new(settings: Settings, reload: Reload) -> Self {
        Self {
            started: Instant::now(),
            handle: OnceLock::new(),
            settings: RwLock::new(Arc::new(settings)),
            phase: RwLock::new("the log is being loaded".to_owned()),
            last_reload: AtomicBool::new(true),
            looked: AtomicBool::new(false),
            requests: Requests::default(),
            reload,
            stats: StatsCache::default(),
            verifying: Semaphore::new(1),
            rooms: Arc::new(Semaphore::new(ROOMS)),
            shadows: OnceLock::new(),
            shadow_rooms: Arc::new(Semaphore::new(SHADOW_ROOMS)),
        }
    }

    /// The state is loaded: from now on everything is answered.
    pub fn loaded(&self, handle: Handle) {
        if self.handle.set(handle).is_err() {
            tracing::error!("the state was loaded twice; the first one stays");
        }
    }

    /// Who runs shadow runs, and what is known for them. Before the state is loaded.
    pub fn shadows_by(&self, shadows: Arc<dyn Shadows>, sources: Arc<dyn ShadowSources>) {
        if self.shadows.set((shadows, sources)).is_err() {
            tracing::error!("who runs shadow runs was said twice; the first one stays");
        }
    }

    pub(super) fn shadows(&self) -> Result<Arc<dyn Shadows>, Problem> {
        let shadows = self.shadows.get().map(|it| Arc::clone(&it.0));
        shadows.ok_or_else(|| Problem::new(Code::Starting, self.phase()))
    }

    pub(super) fn shadow_sources(&self) -> Arc<dyn ShadowSources> {
        self.shadows.get().map_or_else(|| Arc::new(NothingKnown) as _, |it| Arc::clone(&it.1))
    }

    /// Room for one more shadow run; nobody waits for it.
    pub(super) fn shadow_room(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.shadow_rooms).try_acquire_owned().map_err(|_| {
            Problem::new(Code::Busy, format!("{SHADOW_ROOMS} shadow runs are under way"))
        })
    }

    /// What the start is busy with, for `ready` and `info`.
    pub fn starting(&self, phase: impl Into<String>) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = phase.into();
    }

    /// Whether the last reload was taken over.
    pub fn reloaded(&self, taken: bool) {
        self.last_reload.store(taken, Ordering::Relaxed);
    }

    pub(super) fn last_reload(&self) -> bool {
        self.last_reload.load(Ordering::Relaxed)
    }

    /// What holds from now on; a connection that is open keeps what it began with.
    pub(super) fn limits(&self) -> Limits {
        self.settings().limits
    }

    /// Waits until a large body may be taken in.
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let room = Arc::clone(&self.rooms).acquire_owned().await;
        room.map_err(|_| Problem::new(Code::Stopping, "the daemon is stopping"))
    }

    pub fn configure(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn handle(&self) -> Result<&Handle, Problem> {
        self.handle.get().ok_or_else(|| {
            Problem::new(Code::Starting, self.phase()).hint("GET /v1/ready says when it is done")
        })
    }

    /// One moment of the truth. Before everything was looked at there is none: the log says what was, not what is.
    pub(super) fn view(&self) -> Result<Arc<View>, Problem> {
        let view = self.handle()?.view();
        if !self.looked.load(Ordering::Relaxed) {
            if view.scanned().is_err() {
                view.ready().map_err(Problem::from)?;
            }
            self.looked.store(true, Ordering::Relaxed);
        }
        Ok(view)
    }

    pub(super) fn phase(&self) -> String {
        self.phase.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}
