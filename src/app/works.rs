//! What deploys work with: the stage on the disk, the checks in their sandbox, the command that a root wants run
//! afterwards. Made here, told of every configuration.

use std::{path::PathBuf, sync::Arc};

use super::{Failed, place::SCRATCH, shadows::Replays};
use crate::{
    after::Commands,
    analyze::{Reader, Table},
    checks::{
        Checker,
        sandbox::{Ladder, Settings},
    },
    config::{Config, RootConfig},
    disk::{Around, DiskStage},
    model::RootName,
    ports::{Analyzer, Inputs, Pack},
    reconcile::{self, Classes},
};

pub(super) struct Works {
    pub(super) stage: Arc<DiskStage>,
    pub(super) checks: Arc<Checker>,
    around: Arc<Around>,
    classes: Arc<Classes>,
    after: Arc<Commands>,
}

impl Works {
    pub(super) fn new(config: &Config, pack: &Arc<dyn Pack>) -> Result<Self, Failed> {
        let settings = Settings { scratch: config.state_dir.join(SCRATCH), ..Settings::default() };
        let stage = Arc::new(DiskStage::new(Arc::clone(pack)));
        let checks = Arc::new(Checker::new(Ladder::climb(settings), Vec::new()));
        let around = Arc::new(Around::default());
        let reader = reader(config)?;
        let classes = Arc::new(Classes::new(Arc::clone(&reader), Arc::clone(&around) as _));
        let works = Self { stage, checks, after: Arc::default(), around, classes };
        works.configure(config, reader);
        works.try_the_ladder();
        Ok(works)
    }

    /// Beside the start, which does not wait for it. Whoever verifies before it is done waits.
    fn try_the_ladder(&self) {
        let checks = Arc::clone(&self.checks);
        let tried = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            // Not in the macro: it asks nothing where nobody listens at this level.
            let rung = checks.find_rung();
            tracing::debug!(event = "daemon.sandbox", rung);
        });
        if let Err(error) = tried {
            tracing::debug!(%error, "the sandbox is tried when it is first needed");
        }
    }

    /// `reader`: of the same configuration.
    pub(super) fn configure(&self, config: &Config, reader: Arc<dyn Analyzer>) {
        let roots: Vec<_> = config.roots.iter().map(|it| it.watched.clone()).collect();
        self.stage.set_roots(&roots);
        self.checks.set_rules(config.roots.iter().map(|it| it.checks.clone()).collect());
        self.around.set_roots(config.roots.iter().map(around));
        self.classes.set_analyzer(reader);
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
            classes: Arc::clone(&self.classes),
            after: Arc::clone(&self.after) as _,
            shadow: Arc::new(Replays(Arc::clone(&self.checks))),
            shadows: Arc::clone(&self.checks) as _,
            inputs,
        }
    }
}

/// With the table that the configuration names, as it is now. One that cannot be read is an error of the configuration.
pub(super) fn reader(config: &Config) -> Result<Arc<dyn Analyzer>, Failed> {
    let Some(path) = &config.class.table else {
        return Table::shipped().map(read_by).map_err(|it| bad(&it.to_string()));
    };
    let failed = |it: &dyn std::fmt::Display| bad(&format!("{}: {it}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|it| failed(&it))?;
    Table::extended(Some(&text)).map(read_by).map_err(|it| failed(&it))
}

fn read_by(table: Table) -> Arc<dyn Analyzer> {
    Arc::new(Reader::new(table))
}

fn bad(what: &str) -> Failed {
    super::world("reading class.table", what, std::io::ErrorKind::InvalidData.into())
}

/// An import root outside of the root is none here: nothing is followed there.
fn around(root: &RootConfig) -> (RootName, PathBuf, String) {
    let (name, path) = (root.watched.name.clone(), root.watched.path.clone());
    let inside = root.checks.import_root.as_ref().and_then(|it| it.strip_prefix(&path).ok());
    let import_root = inside.and_then(|it| it.to_str()).unwrap_or_default();
    (name, path, import_root.trim_matches('/').to_owned())
}
