//! What the gates made of a deploy, as it is shown: enough for a machine to mend its proposal, and for a person to approve it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, FindingShown, ShadowDifference, ShadowSide};
use crate::model::{self, GateResult};

/// What was decided, and from what. An approval is of exactly this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// `activate`, `pending` or `reject`.
    pub decision: String,
    /// In the order in which they were asked, tool by tool.
    pub gates: Vec<GateShown>,
    pub tools: Vec<ToolJudged>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateShown {
    /// `verification`, `class`, `shadow` or `approval`.
    pub gate: String,
    pub tool: String,
    /// `passed`, `skipped`, `warned`, `waits` or `blocked`.
    pub result: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What was found out about one change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolJudged {
    pub tool: String,
    /// Of the proposed content; null: the tool is to go.
    pub class: Option<String>,
    /// Of what it is compared with; null: there is nothing.
    pub class_before: Option<String>,
    /// Capabilities that it did not have.
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// For what is added, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Null: nobody ran it.
    pub shadow: Option<ShadowJudged>,
    /// Of the root's policy, as it was then.
    pub policy: String,
}

/// What a shadow run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowJudged {
    pub verdict: String,
    pub why: Option<String>,
    pub sandbox: String,
    pub inputs: u64,
    /// That say something of how the two compare.
    pub compared: u64,
    pub runs: u64,
    pub took_ms: u64,
    /// At most this share of all inputs differs, with 95 % confidence.
    pub bound95: Option<f64>,
    /// The worst first, at most 10, and 40 of a whole deploy; none in a list of deploys.
    pub findings: Vec<ProofShown>,
}

/// An input on which the two differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofShown {
    /// `new_effect`, `broken`, `new_error`, `changed`, …
    pub kind: String,
    /// `recorded`, `example`, `synthetic` or `load`.
    pub origin: String,
    /// As JSON, cut where it is long.
    pub args: String,
    pub control: ShadowSide,
    pub candidate: ShadowSide,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<ShadowDifference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_effects: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl From<&model::Judgement> for Judgement {
    fn from(it: &model::Judgement) -> Self {
        let gates = it.tools.iter().flat_map(|it| it.gates.iter().map(|gate| gate_of(it, gate)));
        Self {
            decision: it.decision.as_str().to_owned(),
            gates: gates.collect(),
            tools: it.tools.iter().map(Into::into).collect(),
        }
    }
}

fn gate_of(of: &model::ToolJudged, it: &model::GateRun) -> GateShown {
    GateShown {
        gate: it.gate.as_str().to_owned(),
        tool: of.tool.to_string(),
        result: it.result.as_str().to_owned(),
        why: Some(it.why.clone()).filter(|it| !it.is_empty()),
    }
}

impl From<&model::ToolJudged> for ToolJudged {
    fn from(it: &model::ToolJudged) -> Self {
        let class = it.class.as_ref();
        let words = |all: Option<&std::collections::BTreeSet<model::Capability>>| {
            all.into_iter().flatten().map(ToString::to_string).collect()
        };
        Self {
            tool: it.tool.to_string(),
            class: class.map(|it| it.class.to_string()),
            class_before: class.and_then(|it| it.before).map(|it| it.to_string()),
            added: words(class.map(|it| &it.added)),
            removed: words(class.map(|it| &it.removed)),
            evidence: class
                .into_iter()
                .flat_map(|it| &it.evidence)
                .map(|it| Evidence::of(it, false))
                .collect(),
            shadow: it.shadow.as_ref().map(Into::into),
            policy: it.policy.to_string(),
        }
    }
}

impl From<&model::ShadowSummary> for ShadowJudged {
    fn from(it: &model::ShadowSummary) -> Self {
        Self {
            verdict: it.verdict.as_str().to_owned(),
            why: it.why.clone(),
            sandbox: it.sandbox.clone(),
            inputs: it.inputs,
            compared: it.compared,
            runs: it.runs,
            took_ms: it.took_ms,
            bound95: it.differ_at_most.map(|it| f64::from(it) / 1000.0),
            findings: it.findings.iter().map(Into::into).collect(),
        }
    }
}

impl From<&model::ShadowProof> for ProofShown {
    fn from(it: &model::ShadowProof) -> Self {
        let difference = |it: &(String, Option<String>, Option<String>)| ShadowDifference {
            path: it.0.clone(),
            control: it.1.clone(),
            candidate: it.2.clone(),
        };
        Self {
            kind: it.kind.clone(),
            origin: it.origin.clone(),
            args: it.args.clone(),
            control: (&it.control).into(),
            candidate: (&it.candidate).into(),
            differences: it.differences.iter().map(difference).collect(),
            new_effects: it.new_effects.clone(),
            why: it.why.clone(),
        }
    }
}

impl From<&model::ShadowOutcome> for ShadowSide {
    fn from(it: &model::ShadowOutcome) -> Self {
        let (kind, message) = it.error.clone().unzip();
        let (status, value, frames) = (it.status.clone(), it.value.clone(), it.frames.clone());
        Self { status, value, kind, message, frames }
    }
}

/// What stopped it, in the form of what verification finds: shadow runs with the line where the candidate failed.
pub(super) fn findings(judgement: &model::Judgement) -> Vec<FindingShown> {
    let mut found = Vec::new();
    for tool in &judgement.tools {
        let name = || Some(tool.tool.to_string());
        let blocked = tool.gates.iter().filter(|it| it.result == GateResult::Blocked);
        found.extend(blocked.filter(|it| it.gate != model::Gate::Verification).map(|it| {
            let message = format!("{}: {}", it.gate.as_str(), it.why);
            FindingShown { tool: name(), line: None, column: None, message }
        }));
        let proofs = tool.shadow.iter().flat_map(|it| &it.findings);
        found.extend(proofs.map(|it| FindingShown {
            tool: name(),
            line: it.candidate.frames.last().and_then(|it| line_of(it)),
            column: None,
            message: told(it),
        }));
    }
    found
}

/// `fetch.py:12 in execute`
fn line_of(frame: &str) -> Option<u32> {
    let place = frame.split(" in ").next()?;
    place.rsplit(':').next()?.parse().ok()
}

fn told(it: &model::ShadowProof) -> String {
    let side = |it: &model::ShadowOutcome| match (&it.error, &it.value) {
        (Some((kind, message)), _) => format!("{kind}: {message}"),
        (None, Some(value)) => value.clone(),
        (None, None) => it.status.clone(),
    };
    let effects = it.new_effects.join(", ");
    let what = if effects.is_empty() {
        format!("{} instead of {}", side(&it.candidate), side(&it.control))
    } else {
        effects
    };
    format!("{} on {}: {what}", it.kind, it.args)
}
