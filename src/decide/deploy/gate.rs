//! Whether what was verified may go live. A pure table; today of verification alone.

use crate::model::{AuthorKind, CheckOutcome, CheckRun, DeployKind, Proposal};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// Somebody has to look first, and why.
    Approval(String),
    /// Verification says no.
    Shut,
}

pub(super) fn gate(proposal: &Proposal, checks: &[CheckRun]) -> Gate {
    // What goes back was live before, and time matters.
    if matches!(proposal.kind, DeployKind::Automatic(_) | DeployKind::Regressed) {
        return Gate::Open;
    }
    if checks.iter().any(|it| matches!(it.outcome, CheckOutcome::Failed(_))) {
        return Gate::Shut;
    }
    match checks.iter().find_map(skipped) {
        Some(why) if proposal.author.kind == AuthorKind::Ai => Gate::Approval(format!(
            "verification was skipped: {why}; somebody other than an ai has to look"
        )),
        _ => Gate::Open,
    }
}

/// A check that was left out beside one that ran says nothing; one that stands alone does.
fn skipped(run: &CheckRun) -> Option<&str> {
    match &run.outcome {
        CheckOutcome::Skipped(why) => Some(why),
        CheckOutcome::Passed | CheckOutcome::Failed(_) => None,
    }
}
