//! The composition root: chooses backends, starts what has to run, in order, and stops it in order. The only place
//! that knows all of them; it decides nothing.
//!
//! Start: state directory → log → socket (which says what is still missing) → state → loop → watcher → answers.
//! Stop: listener → watcher → loop → log. A second signal does not wait.

mod allocator;
mod claims;
mod clock;
mod place;
mod reload;
mod vitals;
mod works;

use std::{
    ffi::{OsStr, OsString},
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    config::{self, Config, ConfigErrors},
    disk::{self, Disk},
    log, reconcile,
    signals::{self, Signal},
    socket::{self, BindError, Service, Socket},
    store::{self, Opened},
    systemd,
    watch::{Watch, WatchSettings},
};
use claims::{Claims, Taken};
use clock::SystemClock;
use reload::Current;
use works::Works;

/// A stop that takes longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Signals that follow one another more closely are one.
const ONE_SIGNAL: Duration = Duration::from_millis(300);
/// What the log still holds at the end is written within this time.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why the daemon does not run (any more).
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Log(#[from] reconcile::Fatal),
    #[error(transparent)]
    Install(#[from] log::InstallError),
    #[error(transparent)]
    Socket(#[from] BindError),
    #[error(transparent)]
    Root(#[from] Taken),
    #[error("{doing} {what}: {source}")]
    World { doing: &'static str, what: String, source: std::io::Error },
}

impl From<crate::ports::StoreError> for Failed {
    fn from(error: crate::ports::StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// Runs until a signal or a failure ends it.
pub fn run(request: config::Request) -> Result<(), Failed> {
    let result = run_told(request);
    if let Err(error) = &result {
        systemd::status(&error.to_string());
    }
    result
}

fn run_told(request: config::Request) -> Result<(), Failed> {
    let environment = config::environment();
    let (config, values) = Config::load_with_origins(&request, &environment, &config::System)?;
    let journal = environment.get(OsStr::new("JOURNAL_STREAM")).map(OsString::as_os_str);
    let config::Log { format, level } = config.log;
    let control = log::install(format, level, Box::new(|| clock::now().0), journal)?;
    let result = run_logged(request, config, values, control.clone());
    control.flush(LAST_WORDS);
    result
}

fn run_logged(
    request: config::Request,
    config: Config,
    values: Vec<config::Effective>,
    control: log::Control,
) -> Result<(), Failed> {
    disk::ignore_lease_signals().map_err(|it| world("handling", "SIGIO", it))?;
    let stop = CancellationToken::new();
    let reloads = Arc::new(tokio::sync::Notify::new());
    let _signals = signals::listen(on_signal(stop.clone(), Arc::clone(&reloads), control.clone()))
        .map_err(|it| world("handling", "signals", it))?;
    place::make(&config)?;
    let claims = Claims::take(&config.roots)?;
    let opened = store::open(&config.state_dir, &tell_progress)?;
    for note in &opened.notes {
        warn!(event = "log.opened", "{note}");
    }
    let metrics = config.metrics.listen.map(listen).transpose()?;
    let socket = place::socket(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("socket")
        .enable_all()
        .build()
        .map_err(|it| world("starting", "the runtime", it))?;
    let current = Arc::new(Current::new(request, config, values, claims, control));
    let result = runtime.block_on(serve(opened, Doors { socket, metrics }, current, reloads, stop));
    // Streams and connections have had their time to drain; what still hangs is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Where it is asked: the socket, and for its figures alone an address of this machine.
struct Doors {
    socket: Socket,
    metrics: Option<TcpListener>,
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failed> {
    TcpListener::bind(address)
        .map_err(|it| world("listening for metrics.listen at", &address.to_string(), it))
}

/// The first signal stops gently; one more does not wait for anything.
fn on_signal(
    stop: CancellationToken,
    reloads: Arc<tokio::sync::Notify>,
    log: log::Control,
) -> impl FnMut(Signal) + Send + 'static {
    let mut asked = None;
    move |signal| match signal {
        Signal::Stop => {
            asked = Some(Instant::now());
            stop.cancel();
        }
        Signal::Reload => reloads.notify_one(),
        // Some programs send the same signal to a process and to its group.
        Signal::StopNow if asked.is_some_and(|it| it.elapsed() < ONE_SIGNAL) => (),
        Signal::StopNow => {
            warn!(event = "daemon.stopping", "a second signal: not waiting any longer");
            log.flush(LAST_WORDS);
            #[expect(
                clippy::exit,
                reason = "the log is whole at every moment; waiting was declined"
            )]
            std::process::exit(130)
        }
    }
}

fn tell_progress(progress: store::Progress) {
    systemd::still_starting(vitals::START_STEP);
    info!(
        event = "log.opening",
        doing = progress.doing,
        done = progress.done,
        total = progress.total
    );
}

async fn serve(
    opened: Opened,
    doors: Doors,
    current: Arc<Current>,
    reloads: Arc<tokio::sync::Notify>,
    stop: CancellationToken,
) -> Result<(), Failed> {
    let service = Arc::new(Service::new(current.settings(), Arc::clone(&current).answer()));
    let listening = open(doors, &service, &stop);
    let ended = stop.clone();
    let started = tokio::task::spawn_blocking({
        let (current, service) = (Arc::clone(&current), Arc::clone(&service));
        move || start_loop(opened, &current, &service, move || ended.cancel())
    })
    .await;
    let running = match started {
        Ok(running) => running?,
        Err(panic) => {
            return Err(world("starting", "the loop", std::io::Error::other(panic.to_string())));
        }
    };
    tokio::select! {
        () = until_stopped(&current, &service, &reloads, &stop) => (),
        () = current.vitals.tell(&running.handle) => (),
    }
    info!(event = "daemon.stopping");
    systemd::stopping();
    wind_down(listening, running).await
}

fn open(
    doors: Doors,
    service: &Arc<Service>,
    stop: &CancellationToken,
) -> tokio::task::JoinSet<std::io::Result<()>> {
    let Doors { socket, metrics } = doors;
    let address = metrics.as_ref().and_then(|it| it.local_addr().ok());
    info!(
        event = "daemon.started",
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        socket = socket.path().display().to_string(),
        metrics = address.map(tracing::field::display)
    );
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(socket::serve(socket, Arc::clone(service), stop.clone()));
    if let Some(metrics) = metrics {
        tasks.spawn(socket::serve_metrics(metrics, Arc::clone(service), stop.clone()));
    }
    tasks
}

/// The loop, the watcher and the handle through which the front door answers.
fn start_loop(
    opened: Opened,
    current: &Arc<Current>,
    service: &Service,
    ended: impl FnOnce() + Send + 'static,
) -> Result<Started, Failed> {
    let config = current.config();
    let watch: Arc<OnceLock<Watch>> = Arc::default();
    let raise = {
        let watch = Arc::clone(&watch);
        move |number| watch.get().into_iter().for_each(|it| it.barrier(number))
    };
    let Opened { log, archive, memory, pack, .. } = opened;
    let works = Arc::new(Works::new(&config, &pack)?);
    service.shadows_by(Arc::clone(&works.checks) as _, Arc::new(crate::ports::NothingKnown));
    let inputs = Arc::new(store::RecordedInputs::open(&config.state_dir));
    let for_loop = works.for_loop(Arc::clone(&pack), inputs);
    let tree = Box::new(Disk::new(pack, memory));
    let world =
        reconcile::World { log, archive, tree, clock: Arc::new(SystemClock), works: for_loop };
    let settings = reconcile::Settings { audit: reload::audit(&config) };
    let (handle, running, notice) = reconcile::start(world, settings, raise, ended)?;
    running.configure(reload::setup(&config)?);
    let cookies = config.state_dir.join("cookies");
    let watched = config.roots.iter().map(|it| it.watched.clone()).collect();
    let started = Watch::start(watched, &cookies, notice, WatchSettings::default())
        .map_err(|it| world_at("starting to watch, with cookies in", &cookies, it))?;
    let watch = keep(&watch, started);
    let running = Arc::new(running);
    current.started(&watch, &running, works);
    service.loaded(handle.clone());
    Ok(Started { handle, watch, running })
}

fn keep(place: &Arc<OnceLock<Watch>>, watch: Watch) -> Arc<OnceLock<Watch>> {
    // It was empty: this is the only place that fills it.
    drop(place.set(watch));
    Arc::clone(place)
}

struct Started {
    handle: reconcile::Handle,
    watch: Arc<OnceLock<Watch>>,
    running: Arc<reconcile::Running>,
}

async fn until_stopped(
    current: &Arc<Current>,
    service: &Service,
    reloads: &tokio::sync::Notify,
    stop: &CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = reloads.notified() => reload::because_of_signal(current, service).await,
        }
    }
}

async fn wind_down(
    mut listening: tokio::task::JoinSet<std::io::Result<()>>,
    started: Started,
) -> Result<(), Failed> {
    let all = async { while listening.join_next().await.is_some() {} };
    let drained = tokio::time::timeout(PATIENCE, all).await;
    if drained.is_err() {
        warn!(event = "daemon.stopping", "connections did not end in time");
    }
    let Started { watch, running, .. } = started;
    let stopped = tokio::task::spawn_blocking(move || {
        if let Some(watch) = watch.get() {
            watch.stop();
        }
        running.stop()
    });
    match stopped.await {
        Ok(result) => Ok(result?),
        Err(panic) => Err(world("stopping", "the loop", std::io::Error::other(panic.to_string()))),
    }
}

fn world(doing: &'static str, what: &str, source: std::io::Error) -> Failed {
    Failed::World { doing, what: what.to_owned(), source }
}

fn world_at(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Failed {
    world(doing, &path.display().to_string(), source)
}
