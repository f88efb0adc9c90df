//! The configuration that is in force, and how another one takes its place: read and checked as a whole first, applied
//! only then. Any error leaves everything as it was.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::{error, info, warn};

use super::{Failed, claims::Claims, vitals::Vitals};
use crate::{
    config::{self, Config},
    decide::{RootRules, Rules},
    log,
    reconcile::{Manifest, Running, Setup},
    socket::{Limits, Reload, RootFacts, Service, Settings},
    watch::Watch,
};

pub(super) struct Current {
    pub(super) vitals: Vitals,
    request: config::Request,
    log: log::Control,
    force: Mutex<InForce>,
    started: OnceLock<(Arc<OnceLock<Watch>>, Arc<Running>)>,
}

struct InForce {
    config: Config,
    claims: Claims,
}

impl Current {
    pub(super) fn new(
        request: config::Request,
        config: Config,
        claims: Claims,
        log: log::Control,
    ) -> Self {
        let force = Mutex::new(InForce { config, claims });
        Self { vitals: Vitals::default(), request, log, force, started: OnceLock::new() }
    }

    /// From now on a reload has something to apply to.
    pub(super) fn started(&self, watch: &Arc<OnceLock<Watch>>, running: &Arc<Running>) {
        // Called once, by the one who starts.
        drop(self.started.set((Arc::clone(watch), Arc::clone(running))));
    }

    fn force(&self) -> std::sync::MutexGuard<'_, InForce> {
        self.force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn config(&self) -> Config {
        self.force().config.clone()
    }

    /// What the front door needs to know of it.
    pub(super) fn settings(&self) -> Settings {
        let force = self.force();
        let facts = |it: &config::RootConfig| RootFacts {
            name: it.watched.name.clone(),
            path: it.watched.path.clone(),
            writable: force.claims.writable(&it.watched.name),
        };
        Settings {
            access: force.config.access.clone(),
            roots: force.config.roots.iter().map(facts).collect(),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let limits = self.config().limits;
        Limits {
            connections: usize::try_from(limits.connections).unwrap_or(usize::MAX),
            per_peer: usize::try_from(limits.connections_per_peer).unwrap_or(usize::MAX),
            body_size: usize::try_from(limits.body_size).unwrap_or(usize::MAX),
            header_time: limits.header_timeout,
            body_time: limits.body_timeout,
            ..Limits::default()
        }
    }

    /// `POST /v1/reload`.
    pub(super) fn answer(self: Arc<Self>) -> Reload {
        Box::new(move || {
            let current = Arc::clone(&self);
            Box::pin(async move {
                let reloaded = tokio::task::spawn_blocking(move || current.reload()).await;
                reloaded.unwrap_or_else(|panic| Err(vec![panic.to_string()]))
            })
        })
    }

    fn reload(&self) -> Result<Settings, Vec<String>> {
        self.vitals.reloading();
        let result = self.try_reload();
        self.vitals.reloaded(result.as_ref().err().map(Vec::as_slice));
        match &result {
            Ok(()) => info!(event = "config.reloaded"),
            Err(errors) => error!(
                event = "config.rejected",
                errors = errors.join("; "),
                "the former configuration stays in force"
            ),
        }
        result.map(|()| self.settings())
    }

    fn try_reload(&self) -> Result<(), Vec<String>> {
        let Some((watch, running)) = self.started.get() else {
            return Err(vec!["the daemon is still starting".to_owned()]);
        };
        let read = Config::load(&self.request, &config::environment(), &config::System);
        let config = read.map_err(|it| it.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let setup = setup(&config).map_err(|it| vec![it.to_string()])?;
        let mut force = self.force();
        let claims = force.claims.renewed(&config.roots).map_err(|it| vec![it.to_string()])?;
        tell_what_waits(&force.config, &config);
        self.log.set_level(config.log.level);
        let roots_stay = force.config.roots == config.roots;
        let watched = config.roots.iter().map(|it| it.watched.clone()).collect();
        running.configure(setup);
        *force = InForce { config, claims };
        drop(force);
        if !roots_stay && let Some(watch) = watch.get() {
            watch.set_roots(watched);
        }
        Ok(())
    }
}

/// What the loop is told of a configuration. Manifests are read now: one that cannot be is an error of the configuration.
pub(super) fn setup(config: &Config) -> Result<Setup, Failed> {
    let mut setup = Setup { rules: Rules::default(), roots: Vec::new(), manifests: Vec::new() };
    for root in &config.roots {
        let name = root.watched.name.clone();
        let manifest = root.manifest().map_err(|it| {
            super::world("reading", &it.to_string(), std::io::ErrorKind::InvalidData.into())
        })?;
        let rules = RootRules { edits_by: root.edits_by.clone(), has_manifest: manifest.is_some() };
        setup.rules.roots.insert(name.clone(), rules);
        setup.roots.push(root.watched.clone());
        setup.manifests.extend(manifest.map(|it| Manifest {
            root: name,
            digest: it.digest,
            entries: it.tools,
        }));
    }
    Ok(setup)
}

/// Some things are settled when the process starts.
fn tell_what_waits(before: &Config, after: &Config) {
    let needs = [
        ("state_dir", before.state_dir != after.state_dir),
        ("socket", before.socket != after.socket),
        ("limits", before.limits != after.limits),
        ("audit", before.audit != after.audit),
        ("log.format", before.log.format != after.log.format),
    ];
    for (key, _) in needs.iter().filter(|it| it.1) {
        warn!(event = "config.reloaded", key, "this key takes effect at the next start");
    }
}

/// SIGHUP: the same, with nobody to answer to but the log.
pub(super) async fn because_of_signal(current: &Arc<Current>, service: &Service) {
    let current = Arc::clone(current);
    match tokio::task::spawn_blocking(move || current.reload()).await {
        Ok(Ok(settings)) => service.configure(settings),
        // Told by whoever reloaded.
        Ok(Err(_)) => (),
        Err(panic) => error!(event = "config.rejected", %panic),
    }
}
