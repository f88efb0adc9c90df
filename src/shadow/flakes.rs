//! A candidate that disagrees with itself where the live version does not: new flakiness, or a tool that was always noisy and
//! whose live version happened to be lucky?
//!
//! Here we differ from the first drawing, which called it flaky at once. Of two versions that do the same, each is the one
//! to stray as often as the other, so that one stray run is a fair coin: an unchanged tool that strays in 1 to 10 % of its
//! runs was called flaky in up to 24 % of shadow runs. What can be told from so few runs:
//!
//! - the candidate never once said what the live version always says: that is no chance, flaky at once;
//! - it sometimes does: each stray run is a coin, counted over all inputs by the template of its place. [`ENOUGH`] of them
//!   and not one of the live version's are chance in one of 64 unchanged tools at most. Fewer are run again, both sides alike,
//!   until one side says it or [`MORE_ROUNDS`] are over;
//! - what is still not enough then is noise on this input alone: no other input is excused by it, so that a change that
//!   always shows is found as before. It is told among the findings, and proves nothing in favour of the candidate.
//!
//! What it costs: a new fault in 5 % of all runs is mostly told and not called flaky; from 20 % on it is called so.

use std::collections::BTreeMap;

use super::{path::Place, rules::Rules, triage::Sight};

/// Runs of the candidate that strayed, without one of the live version's.
pub(super) const ENOUGH: usize = 6;
/// Rounds of both sides, over all inputs that wait for them.
pub const MORE_ROUNDS: usize = 24;

/// By template, how often the candidate strayed where the live version never did.
#[derive(Default)]
pub(super) struct Flakes(BTreeMap<Vec<String>, usize>);

/// How a candidate differs at a place where the live version always says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Always in the same way, or nobody asked again.
    Steady,
    Flaky,
    /// Too seldom to be told from noise.
    Unproven,
}

impl Flakes {
    /// A run that strays at many places of one template strayed once.
    pub(super) fn learn(&mut self, sight: &Sight, rules: &Rules) {
        let mut here: BTreeMap<&[String], usize> = BTreeMap::new();
        for place in sight.places.iter().filter(|it| sight.disagrees(it, rules)) {
            let strays = sight.strays(place, rules);
            let most = here.entry(&place.template).or_default();
            *most = strays.max(*most);
        }
        for (template, strays) in here.into_iter().filter(|it| it.1 < sight.runs()) {
            *self.0.entry(template.to_vec()).or_default() += strays;
        }
    }

    pub(super) fn way(&self, place: &Place, sight: &Sight, rules: &Rules) -> Way {
        if !sight.repeated() || !sight.disagrees(place, rules) {
            return Way::Steady;
        }
        let never_agrees = sight.strays(place, rules) == sight.runs();
        let strays = self.0.get(&place.template).copied().unwrap_or(0);
        if never_agrees || strays >= ENOUGH { Way::Flaky } else { Way::Unproven }
    }
}
