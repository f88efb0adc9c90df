//! Serde twins of what verification did, version 1. Decides nothing.

use serde::{Deserialize, Serialize};

use super::{fact::tool_id, twin::BadText};
use crate::model::{CheckFailure, CheckOutcome, CheckRun, Finding};

#[derive(Serialize, Deserialize)]
pub(super) struct CheckV1 {
    tool: Option<String>,
    check: String,
    outcome: OutcomeV1,
    sandbox: String,
    took_ms: u64,
    output_tail: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeV1 {
    Passed,
    Skipped(String),
    Failed {
        why: String,
        exit_status: Option<i32>,
        signal: Option<i32>,
        timed_out: bool,
        findings: Vec<(Option<u32>, Option<u32>, String)>,
    },
}

impl From<&CheckRun> for CheckV1 {
    fn from(it: &CheckRun) -> Self {
        let outcome = match &it.outcome {
            CheckOutcome::Passed => OutcomeV1::Passed,
            CheckOutcome::Skipped(why) => OutcomeV1::Skipped(why.clone()),
            CheckOutcome::Failed(it) => OutcomeV1::Failed {
                why: it.why.clone(),
                exit_status: it.exit_status,
                signal: it.signal,
                timed_out: it.timed_out,
                findings: it
                    .findings
                    .iter()
                    .map(|it| (it.line, it.column, it.message.clone()))
                    .collect(),
            },
        };
        Self {
            tool: it.tool.as_ref().map(ToString::to_string),
            check: it.check.clone(),
            outcome,
            sandbox: it.sandbox.clone(),
            took_ms: it.took_ms,
            output_tail: it.output_tail.clone(),
        }
    }
}

impl CheckV1 {
    pub(super) fn read(self) -> Result<CheckRun, BadText> {
        let outcome = match self.outcome {
            OutcomeV1::Passed => CheckOutcome::Passed,
            OutcomeV1::Skipped(why) => CheckOutcome::Skipped(why),
            OutcomeV1::Failed { why, exit_status, signal, timed_out, findings } => {
                let finding = |(line, column, message)| Finding { line, column, message };
                let findings = findings.into_iter().map(finding).collect();
                CheckOutcome::Failed(CheckFailure { why, exit_status, signal, timed_out, findings })
            }
        };
        let tool = self.tool.as_deref().map(tool_id).transpose()?;
        let Self { check, sandbox, took_ms, output_tail, .. } = self;
        Ok(CheckRun { tool, check, outcome, sandbox, took_ms, output_tail })
    }
}
