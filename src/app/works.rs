//! What deploys work with: the stage on the disk, the checks in their sandbox, the command that a root wants run
//! afterwards. Made here, told of every configuration.

use std::sync::Arc;

use super::place::SCRATCH;
use crate::{
    after::Commands,
    checks::{
        Checker,
        sandbox::{Ladder, Settings},
    },
    config::Config,
    disk::DiskStage,
    ports::{Inputs, NoShadow, Pack},
    reconcile,
};

pub(super) struct Works {
    pub(super) stage: Arc<DiskStage>,
    pub(super) checks: Arc<Checker>,
    after: Arc<Commands>,
}

impl Works {
    pub(super) fn new(config: &Config, pack: &Arc<dyn Pack>) -> Self {
        let settings = Settings { scratch: config.state_dir.join(SCRATCH), ..Settings::default() };
        let stage = Arc::new(DiskStage::new(Arc::clone(pack)));
        let checks = Arc::new(Checker::new(Ladder::climb(settings), Vec::new()));
        let works = Self { stage, checks, after: Arc::default() };
        works.configure(config);
        works.try_the_ladder();
        works
    }

    /// Beside the start, which does not wait for it. Whoever verifies before it is done waits.
    fn try_the_ladder(&self) {
        let checks = Arc::clone(&self.checks);
        let tried = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            tracing::debug!(event = "daemon.sandbox", rung = checks.find_rung());
        });
        if let Err(error) = tried {
            tracing::debug!(%error, "the sandbox is tried when it is first needed");
        }
    }

    pub(super) fn configure(&self, config: &Config) {
        let roots: Vec<_> = config.roots.iter().map(|it| it.watched.clone()).collect();
        self.stage.set_roots(&roots);
        self.checks.set_rules(config.roots.iter().map(|it| it.checks.clone()).collect());
        self.after.set_rules(config.roots.iter().map(|it| it.after.clone()).collect());
    }

    pub(super) fn for_loop(
        &self,
        pack: Arc<dyn Pack>,
        inputs: Arc<dyn Inputs>,
    ) -> reconcile::Works {
        reconcile::Works {
            stage: Arc::clone(&self.stage) as _,
            checks: Arc::clone(&self.checks) as _,
            pack,
            after: Arc::clone(&self.after) as _,
            // The runner of shadow runs takes its place.
            shadow: Arc::new(NoShadow),
            inputs,
        }
    }
}
