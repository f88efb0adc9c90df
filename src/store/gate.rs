//! Serde twins of what gates go by and what was decided, version 1. Decides nothing.

use serde::{Deserialize, Serialize};

use super::{
    check::CheckV1,
    fact::tool_id,
    twin::{BadText, Hex, read, words},
};
use crate::model::{
    ClassSummary, Decision, Evidence, Examination, Gate, GateResult, GateRun, Judgement,
    ShadowOutcome, ShadowProof, ShadowSummary, ToolJudged, Verdict,
};

words!(DecisionV1 of Decision { Activate, Pending, Reject });
words!(GateV1 of Gate { Verification, Class, Shadow, Approval });
words!(GateResultV1 of GateResult { Skipped, Passed, Warned, Waits, Blocked });
words!(VerdictV1 of Verdict {
    Error, Unsafe, Regressed, Changed, ChangedAsDeclared, Inconclusive, Improved, Equivalent
});

/// Before there were gates it was the checks alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ExaminationV1 {
    Checks(Vec<CheckV1>),
    Judged { checks: Vec<CheckV1>, judgement: JudgementV1 },
}

#[derive(Serialize, Deserialize)]
pub(super) struct JudgementV1 {
    decision: DecisionV1,
    tools: Vec<ToolV1>,
}

#[derive(Serialize, Deserialize)]
struct ToolV1 {
    tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<ClassV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowV1>,
    gates: Vec<(GateV1, GateResultV1, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rests_on: Option<Hex>,
    policy: Hex,
}

#[derive(Serialize, Deserialize)]
struct ClassV1 {
    class: String,
    read: String,
    before: Option<String>,
    raised: bool,
    added: Vec<String>,
    removed: Vec<String>,
    evidence: Vec<EvidenceV1>,
}

#[derive(Serialize, Deserialize)]
struct EvidenceV1 {
    cap: String,
    via: String,
    file: String,
    line: Option<u32>,
    path: Vec<String>,
    site: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ShadowV1 {
    verdict: VerdictV1,
    why: Option<String>,
    sandbox: String,
    inputs: u64,
    compared: u64,
    runs: u64,
    took_ms: u64,
    differ_at_most: Option<u32>,
    findings: Vec<ProofV1>,
}

#[derive(Serialize, Deserialize)]
struct ProofV1 {
    kind: String,
    origin: String,
    args: String,
    control: OutcomeV1,
    candidate: OutcomeV1,
    differences: Vec<(String, Option<String>, Option<String>)>,
    new_effects: Vec<String>,
    why: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct OutcomeV1 {
    status: String,
    value: Option<String>,
    error: Option<(String, String)>,
    frames: Vec<String>,
}

impl From<&Examination> for ExaminationV1 {
    fn from(it: &Examination) -> Self {
        let checks = it.checks.iter().map(CheckV1::from).collect();
        match &it.judgement {
            None => Self::Checks(checks),
            Some(judgement) => Self::Judged { checks, judgement: (&**judgement).into() },
        }
    }
}

impl ExaminationV1 {
    pub(super) fn read(self) -> Result<Examination, BadText> {
        let (checks, judgement) = match self {
            Self::Checks(checks) => (checks, None),
            Self::Judged { checks, judgement } => (checks, Some(Box::new(judgement.read()?))),
        };
        let checks = checks.into_iter().map(CheckV1::read).collect::<Result<_, _>>()?;
        Ok(Examination { checks, judgement })
    }
}

impl From<&Judgement> for JudgementV1 {
    fn from(it: &Judgement) -> Self {
        let tools = it.tools.iter().map(ToolV1::from).collect();
        Self { decision: it.decision.into(), tools }
    }
}

impl JudgementV1 {
    pub(super) fn read(self) -> Result<Judgement, BadText> {
        let tools = self.tools.into_iter().map(ToolV1::read).collect::<Result<_, _>>()?;
        Ok(Judgement { decision: self.decision.into(), tools })
    }
}

impl From<&ToolJudged> for ToolV1 {
    fn from(it: &ToolJudged) -> Self {
        let gate = |it: &GateRun| (it.gate.into(), it.result.into(), it.why.clone());
        Self {
            tool: it.tool.to_string(),
            class: it.class.as_ref().map(Into::into),
            shadow: it.shadow.as_ref().map(Into::into),
            gates: it.gates.iter().map(gate).collect(),
            rests_on: it.rests_on.map(Hex),
            policy: Hex(it.policy),
        }
    }
}

impl ToolV1 {
    fn read(self) -> Result<ToolJudged, BadText> {
        let gate = |it: (GateV1, GateResultV1, String)| GateRun {
            gate: it.0.into(),
            result: it.1.into(),
            why: it.2,
        };
        Ok(ToolJudged {
            tool: tool_id(&self.tool)?,
            class: self.class.map(ClassV1::read).transpose()?,
            shadow: self.shadow.map(Into::into),
            gates: self.gates.into_iter().map(gate).collect(),
            rests_on: self.rests_on.map(|it| it.0),
            policy: self.policy.0,
        })
    }
}

impl From<&ClassSummary> for ClassV1 {
    fn from(it: &ClassSummary) -> Self {
        let words = |all: &std::collections::BTreeSet<crate::model::Capability>| {
            all.iter().map(ToString::to_string).collect()
        };
        Self {
            class: it.class.to_string(),
            read: it.read.to_string(),
            before: it.before.map(|it| it.to_string()),
            raised: it.raised,
            added: words(&it.added),
            removed: words(&it.removed),
            evidence: it.evidence.iter().map(Into::into).collect(),
        }
    }
}

impl ClassV1 {
    fn read(self) -> Result<ClassSummary, BadText> {
        let all = |words: Vec<String>| {
            words.iter().map(|it| read("a capability", it)).collect::<Result<_, _>>()
        };
        Ok(ClassSummary {
            class: read("a class", &self.class)?,
            read: read("a class", &self.read)?,
            before: self.before.map(|it| read("a class", &it)).transpose()?,
            raised: self.raised,
            added: all(self.added)?,
            removed: all(self.removed)?,
            evidence: self.evidence.into_iter().map(EvidenceV1::read).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Evidence> for EvidenceV1 {
    fn from(it: &Evidence) -> Self {
        let Evidence { via, file, line, path, site, .. } = it.clone();
        Self { cap: it.cap.to_string(), via, file, line, path, site }
    }
}

impl EvidenceV1 {
    fn read(self) -> Result<Evidence, BadText> {
        let Self { cap, via, file, line, path, site } = self;
        Ok(Evidence { cap: read("a capability", &cap)?, via, file, line, path, site })
    }
}

impl From<&ShadowSummary> for ShadowV1 {
    fn from(it: &ShadowSummary) -> Self {
        Self {
            verdict: it.verdict.into(),
            why: it.why.clone(),
            sandbox: it.sandbox.clone(),
            inputs: it.inputs,
            compared: it.compared,
            runs: it.runs,
            took_ms: it.took_ms,
            differ_at_most: it.differ_at_most,
            findings: it.findings.iter().map(Into::into).collect(),
        }
    }
}

impl From<ShadowV1> for ShadowSummary {
    fn from(it: ShadowV1) -> Self {
        Self {
            verdict: it.verdict.into(),
            why: it.why,
            sandbox: it.sandbox,
            inputs: it.inputs,
            compared: it.compared,
            runs: it.runs,
            took_ms: it.took_ms,
            differ_at_most: it.differ_at_most,
            findings: it.findings.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&ShadowProof> for ProofV1 {
    fn from(it: &ShadowProof) -> Self {
        let ShadowProof { kind, origin, args, differences, new_effects, why, .. } = it.clone();
        let (control, candidate) = ((&it.control).into(), (&it.candidate).into());
        Self { kind, origin, args, control, candidate, differences, new_effects, why }
    }
}

impl From<ProofV1> for ShadowProof {
    fn from(it: ProofV1) -> Self {
        let ProofV1 { kind, origin, args, control, candidate, differences, new_effects, why } = it;
        let (control, candidate) = (control.into(), candidate.into());
        Self { kind, origin, args, control, candidate, differences, new_effects, why }
    }
}

impl From<&ShadowOutcome> for OutcomeV1 {
    fn from(it: &ShadowOutcome) -> Self {
        let ShadowOutcome { status, value, error, frames } = it.clone();
        Self { status, value, error, frames }
    }
}

impl From<OutcomeV1> for ShadowOutcome {
    fn from(it: OutcomeV1) -> Self {
        let OutcomeV1 { status, value, error, frames } = it;
        Self { status, value, error, frames }
    }
}
