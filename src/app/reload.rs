//! The configuration that is in force, and how another one takes its place: read and checked as a whole first, applied
//! only then. Any error leaves everything as it was.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tracing::{error, info, warn};

use super::{Failed, claims::Claims, vitals::Vitals, works::Works};
use crate::{
    config::{self, Config, Effective, OnDrift, RootConfig},
    decide::{self, HealthRules, RecordArgs, RootRules, Rules},
    log,
    reconcile::{self, Manifest, Running, Setup},
    socket::{KeyFacts, Limits, Reconfigured, Reload, RootFacts, Service, Settings},
    watch::Watch,
};

pub(super) struct Current {
    pub(super) vitals: Vitals,
    request: config::Request,
    log: log::Control,
    /// What the process was started with: what waits for a restart still is as it was then.
    first: Vec<Effective>,
    force: Mutex<InForce>,
    started: OnceLock<Started>,
}

/// What a reload applies to.
type Started = (Arc<OnceLock<Watch>>, Arc<Running>, Arc<Works>);

struct InForce {
    config: Config,
    values: Vec<Effective>,
    claims: Claims,
}

impl Current {
    pub(super) fn new(
        request: config::Request,
        config: Config,
        values: Vec<Effective>,
        claims: Claims,
        log: log::Control,
    ) -> Self {
        let first = values.clone();
        let force = Mutex::new(InForce { config, values, claims });
        let vitals = Vitals::default();
        Self { vitals, request, log, first, force, started: OnceLock::new() }
    }

    /// From now on a reload has something to apply to.
    pub(super) fn started(
        &self,
        watch: &Arc<OnceLock<Watch>>,
        running: &Arc<Running>,
        works: Arc<Works>,
    ) {
        // Called once, by the one who starts.
        drop(self.started.set((Arc::clone(watch), Arc::clone(running), works)));
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
            limits: limits(&force.config.limits),
            roots: force.config.roots.iter().map(facts).collect(),
            keys: force.values.iter().map(|it| self.key(it)).collect(),
        }
    }

    /// A key as it is in force: one that waits for a restart is as it was at the start.
    fn key(&self, now: &Effective) -> KeyFacts {
        let first = self.first.iter().find(|it| now.restart && it.key == now.key);
        let it = first.unwrap_or(now);
        let waits = it.value != now.value;
        KeyFacts {
            key: it.key.clone(),
            value: it.value.clone(),
            origin: it.origin.clone(),
            restart: it.restart,
            after_restart: now.value.clone().filter(|_| waits),
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

    fn reload(&self) -> Result<Reconfigured, Vec<String>> {
        self.vitals.reloading();
        let result = self.try_reload();
        self.vitals.reloaded(result.as_ref().err().map(Vec::as_slice));
        match &result {
            Ok(it) => tell(it),
            Err(errors) => error!(
                event = "config.rejected",
                errors = errors.join("; "),
                "the former configuration stays in force"
            ),
        }
        result
    }

    fn try_reload(&self) -> Result<Reconfigured, Vec<String>> {
        let Some((watch, running, works)) = self.started.get() else {
            return Err(vec!["the daemon is still starting".to_owned()]);
        };
        let read =
            Config::load_with_origins(&self.request, &config::environment(), &config::System);
        let (mut config, values) =
            read.map_err(|it| it.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let mut force = self.force();
        keep_what_stays(&force.config.roots, &mut config.roots);
        let setup = setup(&config).map_err(|it| vec![it.to_string()])?;
        let reader = super::works::reader(&config).map_err(|it| vec![it.to_string()])?;
        let claims = force.claims.renewed(&config.roots).map_err(|it| vec![it.to_string()])?;
        let changed = config::changed(&force.values, &values);
        self.log.set_level(config.log.level);
        let roots_stay = force.config.roots == config.roots;
        let watched = config.roots.iter().map(|it| it.watched.clone()).collect();
        works.configure(&config, reader);
        running.configure(setup);
        let waits = config::changed(&self.first, &values).into_iter().filter(|it| it.1);
        let needs_restart = waits.map(|it| it.0).collect();
        super::place::let_in(&config);
        *force = InForce { config, values, claims };
        if !roots_stay && let Some(watch) = watch.get() {
            watch.set_roots(watched);
        }
        drop(force);
        let changed = changed.into_iter().map(|it| it.0).collect();
        Ok(Reconfigured { settings: self.settings(), changed, needs_restart })
    }
}

/// A root of which nothing changed keeps its globs, by which the watcher knows that it may keep its watches.
fn keep_what_stays(before: &[RootConfig], after: &mut [RootConfig]) {
    for root in after {
        if let Some(same) = before.iter().find(|it| *it == root) {
            root.watched = same.watched.clone();
        }
    }
}

fn limits(limits: &config::Limits) -> Limits {
    Limits {
        connections: usize::try_from(limits.connections).unwrap_or(usize::MAX),
        per_peer: usize::try_from(limits.connections_per_peer).unwrap_or(usize::MAX),
        body_size: usize::try_from(limits.body_size).unwrap_or(usize::MAX),
        deploy_size: usize::try_from(limits.deploy_size).unwrap_or(usize::MAX),
        file_size: usize::try_from(limits.file_size).unwrap_or(usize::MAX),
        header_time: limits.header_timeout,
        body_time: limits.body_timeout,
        ..Limits::default()
    }
}

pub(super) fn audit(config: &Config) -> reconcile::Audit {
    reconcile::Audit { walk: config.audit.walk, rehash: config.audit.rehash }
}

/// What the loop is told of a configuration. Manifests are read now: one that cannot be is an error of the configuration.
pub(super) fn setup(config: &Config) -> Result<Setup, Failed> {
    let audit = Some(audit(config));
    let rules = Rules { health: health(config), ..Rules::default() };
    let mut setup = Setup { rules, roots: Vec::new(), manifests: Vec::new(), audit };
    for root in &config.roots {
        let name = root.watched.name.clone();
        let manifest = root.manifest().map_err(|it| {
            super::world("reading", &it.to_string(), std::io::ErrorKind::InvalidData.into())
        })?;
        let rules = RootRules {
            edits_by: root.edits_by.clone(),
            has_manifest: manifest.is_some(),
            globs: Arc::clone(&root.watched.globs),
            confirm_within_ms: root.confirm_within_ms,
            on_drift: match root.on_drift {
                OnDrift::Flag => decide::OnDrift::Flag,
                OnDrift::Examine => decide::OnDrift::Examine,
                OnDrift::Accept => decide::OnDrift::Accept,
                OnDrift::Restore => decide::OnDrift::Restore,
            },
            policy: root.policy.clone(),
        };
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

/// How versions are measured.
fn health(config: &Config) -> HealthRules {
    let it = &config.health;
    let ms = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
    let kept = |it: &RootConfig| match it.record_args {
        config::RecordArgs::Full => RecordArgs::Full,
        config::RecordArgs::Hash => RecordArgs::Hash,
        config::RecordArgs::Off => RecordArgs::Off,
    };
    HealthRules {
        bake_calls: it.bake_calls,
        bake_min: it.bake_min,
        bake_min_ms: ms(it.bake_min_time),
        bake_max_ms: ms(it.bake_max),
        auto_rollback: it.auto_rollback,
        max_rollbacks: it.max_rollbacks,
        quarantine_ms: ms(it.quarantine),
        args_size: it.args_size,
        record_args: config.roots.iter().map(|it| (it.watched.name.clone(), kept(it))).collect(),
    }
}

fn tell(reloaded: &Reconfigured) {
    let Reconfigured { changed, needs_restart, .. } = reloaded;
    info!(event = "config.reloaded", changed = changed.join(" "));
    if !needs_restart.is_empty() {
        let keys = needs_restart.join(" ");
        warn!(event = "config.reloaded", needs_restart = keys, "take effect at the next start");
    }
}

/// SIGHUP: the same, with nobody to answer to but the log.
pub(super) async fn because_of_signal(current: &Arc<Current>, service: &Service) {
    let current = Arc::clone(current);
    match tokio::task::spawn_blocking(move || current.reload()).await {
        Ok(Ok(reloaded)) => {
            service.reloaded(true);
            service.configure(reloaded.settings);
        }
        // Told by whoever reloaded.
        Ok(Err(_)) => service.reloaded(false),
        Err(panic) => {
            service.reloaded(false);
            error!(event = "config.rejected", %panic);
        }
    }
}
