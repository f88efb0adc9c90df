//! Whether what was verified may go live. A pure table; today of verification alone.

use crate::model::{AuthorKind, CheckOutcome, CheckRun, DeployKind, Proposal, ToolId};

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
    match proposal.changes.iter().find_map(|it| unchecked(&it.tool, checks)) {
        Some(why) if proposal.author.kind == AuthorKind::Ai => Gate::Approval(format!(
            "verification was skipped: {why}; somebody other than an ai has to look"
        )),
        _ => Gate::Open,
    }
}

/// Why nothing was checked of this tool. A check that was left out beside one that ran says nothing; one that stands
/// alone does.
fn unchecked<'a>(tool: &ToolId, checks: &'a [CheckRun]) -> Option<&'a str> {
    let of = || checks.iter().filter(|it| it.tool.as_ref().is_none_or(|it| it == tool));
    if of().any(|it| it.outcome == CheckOutcome::Passed) {
        return None;
    }
    of().find_map(|it| match &it.outcome {
        CheckOutcome::Skipped(why) => Some(why.as_str()),
        CheckOutcome::Passed | CheckOutcome::Failed(_) => None,
    })
}
