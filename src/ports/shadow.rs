//! What is asked of shadow runs: is this content as good as the one that is live, on the same inputs?

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::StopFlag;
use crate::{
    model::{Replayed, ToolId, Verdict},
    shadow::{Counts, Effect, Finding, Input, Pattern, Value},
};

/// Runs two versions of a tool side by side in sandboxes, where they can change nothing, and compares what they do.
/// Nothing of it is left when the answer is given. It waits: it is asked on a thread that may.
pub trait Shadows: Send + std::marker::Sync {
    /// `told` hears how far it is. `stop`: nobody wants to know any more; the answer comes at once then.
    fn shadow(
        &self,
        order: &ShadowOrder,
        told: &dyn Fn(ShadowProgress),
        stop: &StopFlag,
    ) -> ShadowReport;

    /// Whether its manifest has examples.
    fn has_examples(&self, tool: &ToolId) -> bool;

    /// Runs the failing inputs again, each twice on both versions.
    fn replay(&self, order: &ReplayOrder, stop: &StopFlag) -> Replayed;
}

/// What is known of a tool beside its contents.
pub trait ShadowSources: Send + std::marker::Sync {
    /// Inputs that it was really called with, newest first, at most so many.
    fn recorded(&self, tool: &ToolId, most: usize) -> Vec<Input>;

    /// Its effective class, and the capabilities that it may use.
    fn class(&self, tool: &ToolId) -> (String, BTreeSet<String>);
}

/// There is nothing to run versions with.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoShadows;

impl Shadows for NoShadows {
    fn shadow(&self, _: &ShadowOrder, _: &dyn Fn(ShadowProgress), _: &StopFlag) -> ShadowReport {
        ShadowReport::without_runs(Verdict::Inconclusive, "no_sandbox: there is no runner")
    }

    fn has_examples(&self, _: &ToolId) -> bool {
        false
    }

    fn replay(&self, _: &ReplayOrder, _: &StopFlag) -> Replayed {
        Replayed::Cannot("there is no runner".to_owned())
    }
}

/// Where nobody records and nobody classifies.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingKnown;

impl ShadowSources for NothingKnown {
    fn recorded(&self, _: &ToolId, _: usize) -> Vec<Input> {
        Vec::new()
    }

    fn class(&self, _: &ToolId) -> (String, BTreeSet<String>) {
        ("unknown".to_owned(), BTreeSet::new())
    }
}

#[derive(Clone, Debug, Default)]
pub struct ShadowContent {
    pub bytes: Vec<u8>,
    pub executable: bool,
}

#[derive(Clone, Debug)]
pub struct ShadowOrder {
    pub tool: ToolId,
    /// None: there is no version yet that it could be compared with.
    pub control: Option<ShadowContent>,
    pub candidate: ShadowContent,
    /// What goes live together with the candidate in its root; `None` goes. The control runs without it.
    pub beside: BTreeMap<ToolId, Option<Vec<u8>>>,
    /// The effective class of the live version, `unknown` where nobody knows.
    pub class: String,
    /// Capabilities that may be used even if the live version does not use them on these inputs.
    pub accepted: BTreeSet<String>,
    /// Given and recorded ones, the latter newest first; those of the manifest and made-up ones are added.
    pub inputs: Vec<Input>,
    /// At most so many inputs.
    pub limit: Option<usize>,
    /// Where the author says that answers will differ.
    pub expect_changes: Vec<Pattern>,
    /// From which the order of the runs is drawn.
    pub seed: u64,
    /// All inputs together take no longer; what is left is left out.
    pub budget: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShadowProgress {
    pub done: usize,
    pub total: usize,
    /// What differed is being run again.
    pub repeating: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ShadowReport {
    pub verdict: Verdict,
    /// Where the counts do not say it: `no_sandbox: …`, `load: …`, `manifest: …`.
    pub why: Option<String>,
    /// The rung that it ran on; `none` where nothing ran.
    pub sandbox: &'static str,
    pub counts: Counts,
    /// How many inputs were run, by where they came from.
    pub origins: BTreeMap<&'static str, usize>,
    /// Inputs for which there was no time left, or no need any more.
    pub left_out: usize,
    pub runs: usize,
    pub wall_ms: u64,
    pub noisy_paths: Vec<String>,
    /// Differences in places that the manifest ignores.
    pub ignored: usize,
    pub bound95: Option<f64>,
    /// The worst first.
    pub findings: Vec<Finding>,
    pub latency: Option<ShadowLatency>,
    /// What the candidate was seen to use.
    pub observed: BTreeSet<Effect>,
    pub seed: u64,
}

/// Of the inputs that both answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShadowLatency {
    pub control_p50_ms: f64,
    pub candidate_p50_ms: f64,
    pub ratio: f64,
    /// By their ranks, as a normal score: above 0 where the candidate is slower.
    pub mw_z: f64,
}

#[derive(Clone, Debug)]
pub struct ReplayOrder {
    pub tool: ToolId,
    pub old: ShadowContent,
    pub new: ShadowContent,
    /// The arguments that failed; no more than five are run.
    pub inputs: Vec<Value>,
}

impl ShadowReport {
    pub fn without_runs(verdict: Verdict, why: impl Into<String>) -> Self {
        Self {
            verdict,
            why: Some(why.into()),
            sandbox: "none",
            counts: Counts::default(),
            origins: BTreeMap::new(),
            left_out: 0,
            runs: 0,
            wall_ms: 0,
            noisy_paths: Vec::new(),
            ignored: 0,
            bound95: None,
            findings: Vec::new(),
            latency: None,
            observed: BTreeSet::new(),
            seed: 0,
        }
    }
}

/// Integers that JSON cannot be held to come as floats, or as text.
pub fn value_of(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(it) => Value::Bool(it),
        Json::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::Text(it.to_string()),
        },
        Json::String(it) => Value::Text(it),
        Json::Array(all) => Value::List(all.into_iter().map(value_of).collect()),
        Json::Object(all) => {
            Value::Map(all.into_iter().map(|(key, it)| (key, value_of(it))).collect())
        }
    }
}

pub fn json_of(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Bool(it) => Json::Bool(*it),
        Value::Integer(it) => Json::from(*it),
        Value::Float(it) => Json::from(*it),
        Value::Text(it) => Json::String(it.clone()),
        Value::List(all) => Json::Array(all.iter().map(json_of).collect()),
        Value::Map(all) => {
            Json::Object(all.iter().map(|(key, it)| (key.clone(), json_of(it))).collect())
        }
    }
}
