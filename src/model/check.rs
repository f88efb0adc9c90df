//! What verification did with a proposal, and what came of it.

use super::ToolId;

/// One thing that verification did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// `None`: of the whole deploy.
    pub tool: Option<ToolId>,
    /// `command`, `compile`, `syntax` or `load`.
    pub check: String,
    pub outcome: CheckOutcome,
    /// Which rung of the sandbox ladder it ran on: `runner`, `bwrap`, `landlock`, `limits`, or `none` where nothing ran.
    pub sandbox: String,
    pub took_ms: u64,
    /// The end of what it printed, at most 4 KiB, without control characters.
    pub output_tail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    Passed,
    /// Nothing could be checked, and why.
    Skipped(String),
    /// It said no, did not end in time, or could not be run at all.
    Failed(CheckFailure),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckFailure {
    /// In a sentence: `exited with status 1`, `was ended by signal 9`, `did not end within 30s`, …
    pub why: String,
    pub exit_status: Option<i32>,
    pub signal: Option<i32>,
    pub timed_out: bool,
    /// Where known: a line of the staged file and what is wrong there.
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub line: Option<u32>,
    pub column: Option<u32>,
    pub message: String,
}
