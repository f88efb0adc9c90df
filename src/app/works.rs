//! What deploys work with: the stage on the disk, the checks in their sandbox, the command that a root wants run afterwards.

use std::{path::PathBuf, sync::Arc};

use crate::{
    model::{
        Change, CheckRun, Deploy, Late, Marker, RootName, SwitchOrder, Switched, ToolId, Undone,
    },
    ports::{Ability, CheckOrder, Checks, Pack, Stage, StageFailure, StopFlag},
    reconcile::Works,
};

pub(super) fn works(pack: &Arc<dyn Pack>) -> Works {
    Works {
        stage: Arc::new(Unstaged),
        checks: Arc::new(Unchecked),
        pack: Arc::clone(pack),
        after: Arc::new(|_: &Deploy| ()),
    }
}

struct Unstaged;
struct Unchecked;

impl Checks for Unchecked {
    fn nothing_to_run(&self, _: &CheckOrder) -> Option<Vec<CheckRun>> {
        Some(Vec::new())
    }
    fn verify(&self, _: &CheckOrder, _: &StopFlag) -> Vec<CheckRun> {
        Vec::new()
    }
    fn sandbox(&self) -> &'static str {
        "none"
    }
}

impl Stage for Unstaged {
    fn stage(&self, change: &Change, _: Option<&[u8]>) -> Result<Marker, StageFailure> {
        Err(StageFailure::ReadOnly { tool: change.tool.clone(), why: "not yet".to_owned() })
    }
    fn staged(&self, _: &ToolId, _: &Marker) -> Option<PathBuf> {
        None
    }
    fn switch(&self, orders: &[SwitchOrder]) -> Vec<Switched> {
        orders.iter().map(|it| self.settle(it)).collect()
    }
    fn settle(&self, _: &SwitchOrder) -> Switched {
        Switched::Undone { why: Undone::Interrupted, seen: Vec::new() }
    }
    fn discard(&self, _: &ToolId, _: &Marker) {}
    fn sweep(&self, _: &RootName, _: &[String]) {}
    fn late(&self) -> Vec<Late> {
        Vec::new()
    }
    fn holds_displaced(&self) -> bool {
        false
    }
    fn release(&self, _: &Late) {}
    fn ability(&self, _: &RootName) -> Ability {
        Ability::ReadOnly("not yet".to_owned())
    }
}
