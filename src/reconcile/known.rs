//! What the loop knows that those who work for deploys need. Asked when a job is taken on: the state may be another one when
//! its turn comes.

use std::sync::Arc;

use crate::{
    decide::State,
    model::{Deploy, DeployNo, Digest, ToolId},
};

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
