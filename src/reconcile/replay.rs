//! What the crew does to tell a version from the world: the inputs that failed and the contents of both versions, for the
//! runner. What is missing is an answer, too.

use super::crew::Works;
use crate::{
    decide::ReplayOrder,
    model::{Digest, Replayed},
    ports::{Archive, StopFlag, Trial},
};

/// Different inputs that are run at most.
const MOST_INPUTS: usize = 5;

pub(super) fn replay(
    works: &Works,
    archive: &dyn Archive,
    order: &ReplayOrder,
    stop: &StopFlag,
) -> Replayed {
    let inputs = works.inputs.failing(&order.tool, &order.new, MOST_INPUTS);
    if inputs.is_empty() {
        return Replayed::Cannot("no input of a failed call was kept".to_owned());
    }
    let content = |digest: Digest| match archive.content(&digest) {
        Ok(Some(bytes)) => Ok((digest, bytes)),
        Ok(None) => Err(format!("the content {digest} is not in the log")),
        Err(error) => Err(error.to_string()),
    };
    match content(order.old).and_then(|old| Ok((old, content(order.new)?))) {
        Ok((old, new)) => {
            works.shadow.replay(&Trial { tool: order.tool.clone(), old, new, inputs }, stop)
        }
        Err(why) => Replayed::Cannot(why),
    }
}
