//! The gates of a deploy, as a table: what a root demands of a content before it goes live without anybody looking, by
//! what it can do and by who proposes it. `judge` holds what was found out against it. An `ai` can neither lift a demand
//! nor change what it is examined with.

mod judge;

pub(super) use judge::{Subject, judge};

use std::collections::BTreeSet;

use super::class::{classified, delta};
use crate::model::{
    Analysis, Baseline, Capability, Change, Class, ClassSummary, Classification, Demand,
    DeployKind, Digest, Evidence, Examined, Policy, Proposal, Tool, ToolId, Waivers,
};

/// Both versions of a tool are to be run side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub tool: ToolId,
    /// The content that it is compared with.
    pub against: Option<Digest>,
    /// Of that content, and what it may do.
    pub class: Class,
    pub accepted: BTreeSet<Capability>,
}

/// Evidence that is kept of what is added.
const MOST_EVIDENCE: usize = 20;

fn is_wider(class: &ClassSummary) -> bool {
    class.raised || !class.added.is_empty()
}

/// Tools whose versions have to be run side by side before anything can be decided. With `force` a person has seen it, or
/// cannot wait.
pub(super) fn wants_shadow(subjects: &[Subject<'_>], proposal: &Proposal) -> Vec<Run> {
    if proposal.force || is_back(proposal.kind) {
        return Vec::new();
    }
    let wanted = subjects.iter().filter_map(|it| {
        it.change.to?;
        let demand = it.demand(proposal);
        // Nobody waits for a run that can show nothing, where nothing depends on it.
        let asked = match demand {
            Demand::Verify => false,
            Demand::Advise => it.examined.is_some_and(|it| it.has_inputs),
            Demand::Shadow | Demand::Approve => true,
        };
        let asked = asked && exempt(it.change, it.known).is_none();
        asked.then(|| it.run())
    });
    wanted.collect()
}

/// What a content is judged against: what was accepted, whatever stands on disk. An edit that nobody accepted is no measure:
/// what is proposed upon it would be nothing new.
pub(super) fn compared_with(known: Option<&Tool>) -> Option<Digest> {
    known?.baseline.as_ref().map(|it| it.digest)
}

/// What goes back was live before, and time matters.
pub(super) fn is_back(kind: DeployKind) -> bool {
    matches!(kind, DeployKind::Automatic(_) | DeployKind::Regressed)
}

/// What was accepted before need not pass the gates again, with the bit that it had then.
fn exempt(change: &Change, known: Option<&Tool>) -> Option<&'static str> {
    let (to, known) = (change.to?, known?);
    let bit = to.executable.or(known.on_disk().map(|it| it.executable)).unwrap_or(false);
    let is_it =
        |it: &Baseline| it.digest == to.digest && it.executable.is_none_or(|was| was == bit);
    if known.baseline.as_ref().is_some_and(is_it) {
        return Some("it is the baseline");
    }
    known.known_good().is_some_and(is_it).then_some("it is the known good")
}

/// The class of what is proposed, beside that of what it replaces. What was seen of runs raises the class; what is new
/// goes by what was read of both, since one may have run more than the other. `None`: the file goes.
fn summary(change: &Change, it: Option<&Examined>, waivers: &Waivers) -> Option<ClassSummary> {
    change.to?;
    let Some(proposed) = it.and_then(|it| it.proposed.as_ref()) else { return Some(unread()) };
    let whole = classified(proposed.clone(), waivers);
    let after = classified(unseen(proposed), waivers);
    let live = it.and_then(|it| it.live.as_ref());
    let before = live.map(|it| classified(unseen(it), waivers));
    let delta = match &before {
        Some(before) => delta(before, &after),
        // What is not there can do nothing.
        None => delta(&Classification { effective: BTreeSet::new(), ..after.clone() }, &after),
    };
    let is_new = |it: &&Evidence| delta.added.contains(&it.cap);
    let evidence = proposed.inferred.iter().filter(is_new).take(MOST_EVIDENCE).cloned().collect();
    Some(ClassSummary {
        class: whole.class,
        read: after.class,
        before: before.as_ref().map(|it| it.class),
        raised: delta.class_change > 0,
        evidence,
        added: delta.added,
        removed: delta.removed,
    })
}

/// Nobody could look: it may be able to do anything.
fn unread() -> ClassSummary {
    ClassSummary {
        class: Class::Unknown,
        read: Class::Unknown,
        before: None,
        raised: true,
        added: BTreeSet::from([Capability::Unanalyzed]),
        removed: BTreeSet::new(),
        evidence: Vec::new(),
    }
}

fn unseen(analysis: &Analysis) -> Analysis {
    Analysis { observed: Vec::new(), ..analysis.clone() }
}
