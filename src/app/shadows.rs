//! What connects shadow runs with what else the daemon knows: the arguments of calls that runtimes reported, and what the
//! live version can do. And the same runner for those who measure versions: it confirms that one is worse.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    checks::Checker,
    decide,
    model::{Class, Digest, Replayed, ToolId},
    ports::{
        RecordedInput, ReplayOrder, Shadow, ShadowContent, ShadowSources, Shadows as _, StopFlag,
        Trial, value_of,
    },
    reconcile::Handle,
    shadow::{Input, Origin, Value},
};

pub(super) struct Sources(pub(super) Handle);

impl ShadowSources for Sources {
    fn recorded(&self, tool: &ToolId, most: usize) -> Vec<Input> {
        let known = self.0.inputs().inputs(tool, most);
        let input = |it: &RecordedInput| {
            let (args, origin, failed) = (arguments(it)?, Origin::Recorded, it.failed);
            Some(Input { args, origin, failed, ..Input::default() })
        };
        known.iter().filter_map(input).collect()
    }

    /// Of what stands on disk. What cannot be read is `unknown`.
    fn class(&self, tool: &ToolId) -> (String, BTreeSet<String>) {
        let unknown = || (Class::Unknown.to_string(), BTreeSet::new());
        let view = self.0.view();
        let Some((known, live)) = view.state.tool(tool).zip(view.state.on_disk(tool)) else {
            return unknown();
        };
        let bytes = || self.0.archive().content(&live.digest).ok().flatten();
        let Some(analysis) = self.0.classes().analysis(tool, live.digest, bytes) else {
            return unknown();
        };
        let it = decide::classified(analysis, known.waivers());
        (it.class.to_string(), it.effective.iter().map(ToString::to_string).collect())
    }
}

/// Arguments that were never JSON, or are too deep, are left out.
fn arguments(input: &RecordedInput) -> Option<Value> {
    serde_json::from_str(&input.args).ok().map(value_of)
}

/// Whatever the tool does, its runs change nothing outside: where it needs more than that, the answer is that it cannot.
pub(super) struct Replays(pub(super) Arc<Checker>);

impl Shadow for Replays {
    fn replay(&self, trial: &Trial, stop: &StopFlag) -> Replayed {
        // The bit of the file is not known here; what has no interpreter is run by its first line.
        let content =
            |it: &(Digest, Vec<u8>)| ShadowContent { bytes: it.1.clone(), executable: true };
        let inputs: Vec<Value> = trial.inputs.iter().filter_map(arguments).collect();
        let (tool, old, new) = (trial.tool.clone(), content(&trial.old), content(&trial.new));
        self.0.replay(&ReplayOrder { tool, old, new, inputs }, stop)
    }
}
