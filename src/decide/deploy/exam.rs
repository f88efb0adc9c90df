//! What has to be known of a deploy before it is judged, and whether what was judged still looks the same.

use std::{collections::BTreeSet, sync::Arc};

use super::Exam;
use crate::{
    decide::{
        Rules, State,
        policy::{Subject, is_back, wants_shadow},
    },
    model::{
        Capability, Change, CheckRun, Class, Digest, Examined, Policy, Proposal, ToolId, ToolJudged,
    },
};

/// What was found out: by verification, and about each change.
pub(super) type Found = (Vec<CheckRun>, Vec<Examined>);

/// `Err`: that has to be found out before anything is decided.
pub(super) fn known_enough(
    state: &State,
    rules: &Rules,
    proposal: &Proposal,
    skipped: Option<Vec<CheckRun>>,
    examined: Vec<Examined>,
) -> Result<Found, Exam> {
    if is_back(proposal.kind) {
        return Ok((Vec::new(), examined));
    }
    let shadow = wants_shadow(&subjects(state, rules, proposal, &examined), proposal);
    match skipped {
        Some(checks) if shadow.is_empty() => Ok((checks, examined)),
        Some(_) | None => Err(Exam { examined, shadow, contents: Arc::default() }),
    }
}

pub(super) fn subjects<'a>(
    state: &'a State,
    rules: &'a Rules,
    proposal: &'a Proposal,
    examined: &'a [Examined],
) -> Vec<Subject<'a>> {
    let subject = |change: &'a Change| {
        let (tool, known) = (&change.tool, state.tool(&change.tool));
        let policy = rules.roots.get(&tool.root()).map_or(&Policy::USUAL, |it| &it.policy);
        let examined = examined.iter().find(|it| it.tool == *tool);
        Subject::new(change, policy, examined, known, is_exam(state, proposal, tool))
    };
    proposal.changes.iter().map(subject).collect()
}

/// `web/fetch.toml` says how `web/fetch.py` is compared, whatever that ends with.
fn is_exam(state: &State, proposal: &Proposal, tool: &ToolId) -> bool {
    let Some(stem) = tool.as_str().strip_suffix(".toml") else { return false };
    let is_beside = |it: &ToolId| it != tool && it.stem() == stem;
    let root = tool.root();
    let mut known = state.in_root(&root).filter(|it| it.1.head.is_some()).map(|it| it.0);
    known.any(is_beside) || proposal.changes.iter().any(|it| is_beside(&it.tool))
}

/// What was read of it, and of what it imports.
#[derive(PartialEq, Eq)]
pub(super) struct Powers<'a> {
    own: Option<(Class, bool, &'a BTreeSet<Capability>)>,
    rests_on: Option<Digest>,
}

pub(super) fn powers(it: &ToolJudged) -> Powers<'_> {
    let own = it.class.as_ref().map(|it| (it.read, it.raised, &it.added));
    Powers { own, rests_on: it.rests_on }
}

pub(super) fn judged_anew(seen: &ToolJudged, now: &ToolJudged) -> String {
    let class = |it: &ToolJudged| it.class.as_ref().map_or("none", |it| it.read.as_str());
    let tool = &now.tool;
    match (powers(seen).own == powers(now).own, class(seen), class(now)) {
        (true, _, _) => format!("what {tool} imports was changed"),
        (false, was, is) if was != is => format!("{tool} is {is}, and was {was}"),
        (false, _, is) => format!("what {tool} ({is}) can do is another thing"),
    }
}
