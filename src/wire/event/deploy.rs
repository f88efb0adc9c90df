//! What an event says of a deploy: enough to follow it. Contents, and what checks printed, are asked for by its number.

use serde_json::{Value, json};

use crate::model::{
    Author, CheckOutcome, CheckRun, Class, Judgement, LiveChange, Proposal, Step, ToolId,
};

pub(super) fn author(step: &Step) -> Option<&Author> {
    match step {
        Step::Accepted(it) | Step::NoOp(it) => Some(&it.author),
        Step::Switching { approved_by, .. } => approved_by.as_ref(),
        Step::Staged(_)
        | Step::Verified(_)
        | Step::AwaitingApproval { .. }
        | Step::Activated { .. }
        | Step::Confirmed { .. }
        | Step::Rejected(_)
        | Step::Conflicted { .. }
        | Step::Aborted { .. }
        | Step::RolledBack { .. }
        | Step::Superseded { .. }
        | Step::Abandoned { .. } => None,
    }
}

pub(super) fn detail(tools: &[ToolId], step: &Step) -> Value {
    let mut detail = match step {
        Step::Accepted(it) | Step::NoOp(it) => proposed(it),
        Step::Verified(it) | Step::Rejected(it) => {
            let checks = it.checks.iter().map(check).collect::<Vec<_>>();
            json!({ "checks": checks, "judgement": it.judgement.as_deref().map(judged) })
        }
        Step::Activated { live, .. } => {
            json!({ "changes": live.iter().map(change).collect::<Vec<_>>() })
        }
        Step::Conflicted { tools, why } => json!({ "conflicts": names(tools), "why": why }),
        Step::RolledBack { by, why } => json!({ "by": by.0, "why": why }),
        Step::Superseded { by, why } => json!({ "by": by.map(|it| it.0), "why": why }),
        Step::AwaitingApproval { why, expires_ms } => {
            json!({ "why": why, "expires_ms": expires_ms })
        }
        Step::Confirmed { why } | Step::Aborted { why } | Step::Abandoned { why } => {
            json!({ "why": why })
        }
        Step::Staged(_) | Step::Switching { .. } => json!({}),
    };
    if let Value::Object(detail) = &mut detail {
        detail.insert("tools".to_owned(), json!(names(tools)));
    }
    detail
}

fn names(tools: &[ToolId]) -> Vec<&str> {
    tools.iter().map(ToolId::as_str).collect()
}

fn proposed(it: &Proposal) -> Value {
    json!({
        "kind": it.kind.as_str(), "reason": it.reason.as_str(), "message": it.message,
        "confirm_within_ms": it.confirm_within_ms,
    })
}

/// Without the evidence and what shadow runs found.
fn judged(it: &Judgement) -> Value {
    let tools = it.tools.iter().map(|it| {
        let (class, shadow) = (it.class.as_ref(), it.shadow.as_ref());
        let added = class.map(|it| it.added.iter().map(ToString::to_string).collect::<Vec<_>>());
        json!({
            "tool": it.tool.as_str(), "class": class.map(|it| it.class.as_str()),
            "class_before": class.and_then(|it| it.before).map(Class::as_str), "added": added,
            "verdict": shadow.map(|it| it.verdict.as_str()),
        })
    });
    let tools: Vec<Value> = tools.collect();
    json!({ "decision": it.decision.as_str(), "tools": tools })
}

fn check(it: &CheckRun) -> Value {
    let (outcome, why) = match &it.outcome {
        CheckOutcome::Passed => ("passed", None),
        CheckOutcome::Skipped(why) => ("skipped", Some(why.as_str())),
        CheckOutcome::Failed(it) => ("failed", Some(it.why.as_str())),
    };
    json!({
        "tool": it.tool.as_ref().map(ToolId::as_str), "check": it.check, "outcome": outcome, "why": why,
        "sandbox": it.sandbox, "took_ms": it.took_ms,
    })
}

fn change(it: &LiveChange) -> Value {
    json!({
        "tool": it.tool.as_str(), "version": it.version.map(|it| it.0), "displaced": it.displaced.map(|it| it.0),
    })
}
