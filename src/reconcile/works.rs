//! What those who work for deploys are given: the world that they work on, and what the loop knows. It does nothing.

use std::sync::Arc;

use super::classes::Classes;
use crate::{
    decide::State,
    model::{Deploy, DeployNo, Digest, ToolId},
    ports::{After, Checks, Pack, Stage},
};

/// What a deploy needs of the world. Cheap to clone.
#[derive(Clone)]
pub struct Works {
    pub stage: Arc<dyn Stage>,
    pub checks: Arc<dyn Checks>,
    pub pack: Arc<dyn Pack>,
    pub classes: Arc<Classes>,
    pub after: Arc<dyn After>,
}

/// What the loop knows that those who work need.
pub(super) trait Known {
    fn deploy(&self, number: DeployNo) -> Option<Arc<Deploy>>;
    fn baseline(&self, tool: &ToolId) -> Option<Digest>;
}

impl Known for State {
    fn deploy(&self, number: DeployNo) -> Option<Arc<Deploy>> {
        Self::deploy(self, number).cloned()
    }

    fn baseline(&self, tool: &ToolId) -> Option<Digest> {
        self.tool(tool)?.baseline.as_ref().map(|it| it.digest)
    }
}
