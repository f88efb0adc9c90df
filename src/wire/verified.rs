//! What verification did, and the members of a refusal that came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Judgement, judgement::findings};
use crate::model;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckShown {
    /// Null: of the whole deploy.
    pub tool: Option<String>,
    /// `command`, `compile`, `syntax` or `load`.
    pub check: String,
    pub outcome: OutcomeShown,
    /// Why it was skipped, or how it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingShown>,
    /// `runner`, `bwrap`, `landlock`, `limits`, or `none` where nothing ran.
    pub sandbox: String,
    pub took_ms: u64,
    /// The end of what it printed.
    pub output_tail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeShown {
    Passed,
    Skipped,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingShown {
    /// Null: it is about a deploy of several tools, and nobody knows which.
    pub tool: Option<String>,
    /// Of the proposed content, from 1.
    pub line: Option<u32>,
    pub column: Option<u32>,
    pub message: String,
}

/// What a `verification_failed` or `policy_rejected` brings beside its words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Null: a dry run.
    pub deploy: Option<u64>,
    /// Of the first check that failed.
    pub exit_status: Option<i32>,
    pub output_tail: String,
    /// Of all checks and gates.
    pub findings: Vec<FindingShown>,
    pub checks: Vec<CheckShown>,
    pub judgement: Option<Judgement>,
}

impl From<&model::CheckRun> for CheckShown {
    fn from(it: &model::CheckRun) -> Self {
        let mut shown = Self {
            tool: it.tool.as_ref().map(ToString::to_string),
            check: it.check.clone(),
            outcome: OutcomeShown::Passed,
            why: None,
            exit_status: None,
            signal: None,
            timed_out: false,
            findings: Vec::new(),
            sandbox: it.sandbox.clone(),
            took_ms: it.took_ms,
            output_tail: it.output_tail.clone(),
        };
        match &it.outcome {
            model::CheckOutcome::Passed => (),
            model::CheckOutcome::Skipped(why) => {
                shown.outcome = OutcomeShown::Skipped;
                shown.why = Some(why.clone());
            }
            model::CheckOutcome::Failed(failure) => shown.fail(failure),
        }
        shown
    }
}

impl CheckShown {
    fn fail(&mut self, failure: &model::CheckFailure) {
        self.outcome = OutcomeShown::Failed;
        self.why = Some(failure.why.clone());
        (self.exit_status, self.signal) = (failure.exit_status, failure.signal);
        self.timed_out = failure.timed_out;
        let findings = failure.findings.iter().map(|it| FindingShown {
            tool: self.tool.clone(),
            line: it.line,
            column: it.column,
            message: it.message.clone(),
        });
        self.findings = findings.collect();
    }
}

impl Rejection {
    pub fn of(
        deploy: Option<model::DeployNo>,
        checks: &[model::CheckRun],
        judgement: Option<&model::Judgement>,
    ) -> Self {
        let checks: Vec<CheckShown> = checks.iter().map(Into::into).collect();
        let failed = checks.iter().find(|it| it.outcome == OutcomeShown::Failed);
        let of_checks = checks.iter().flat_map(|it| it.findings.iter().cloned());
        Self {
            deploy: deploy.map(|it| it.0),
            exit_status: failed.and_then(|it| it.exit_status),
            output_tail: failed.map_or_else(String::new, |it| it.output_tail.clone()),
            findings: of_checks.chain(judgement.into_iter().flat_map(findings)).collect(),
            checks,
            judgement: judgement.map(Into::into),
        }
    }
}
