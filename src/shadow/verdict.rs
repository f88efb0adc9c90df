//! What all inputs together come to. The first that fits: little evidence never hides a failure, and none is no pass.

use std::collections::BTreeMap;

use super::{
    choice::Origin,
    finding::{Finding, Kind},
    path::Pattern,
    triage::{Compared, Judged, Judgement},
};
use crate::model::Verdict;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub kinds: BTreeMap<Kind, usize>,
    pub expect_failed: usize,
    pub total: usize,
    /// Those that say something of how the two compare: neither skipped, nor made up, nor all noise, nor in doubt.
    pub comparable: usize,
}

/// Fewer comparable inputs say nothing good.
const MIN_INPUTS: usize = 5;

impl Counts {
    pub fn of(inputs: &[Compared], judgement: &Judgement) -> Self {
        let mut counts = Self { total: inputs.len(), ..Self::default() };
        // Of a tool whose whole answer is noise nothing is known.
        let all_noise = judgement.noisy_paths.iter().any(|it| it == "/value" || it.is_empty());
        for (input, it) in inputs.iter().zip(&judgement.inputs) {
            *counts.kinds.entry(it.kind).or_default() += 1;
            counts.expect_failed += usize::from(it.expect_failed);
            let silent = it.kind == Kind::Skipped
                || input.input.origin == Origin::Synthetic
                || it.kind == Kind::Noise && (all_noise || !it.unproven.is_empty());
            counts.comparable += usize::from(!silent);
        }
        counts
    }

    pub fn kind(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    fn any(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|it| self.kind(*it) > 0)
    }
}

pub fn verdict(counts: &Counts, judgement: &Judgement, expect_changes: &[Pattern]) -> Verdict {
    const DIFFER: &[Kind] =
        &[Kind::NewError, Kind::Changed, Kind::EffectChanged, Kind::ErrorChanged, Kind::Flaky];
    let skipped = counts.kind(Kind::Skipped);
    let too_few = counts.comparable < MIN_INPUTS || skipped * 2 > counts.total;
    if counts.any(&[Kind::NewEffect]) {
        return Verdict::Unsafe;
    }
    if counts.any(&[Kind::Broken]) || counts.expect_failed > 0 {
        return Verdict::Regressed;
    }
    if counts.any(DIFFER) {
        // What was declared is no failure, so that little evidence hides none: it must not pass for more than it is.
        return match judgement.inputs.iter().all(|it| is_declared(it, expect_changes)) {
            true if too_few => Verdict::Inconclusive,
            true => Verdict::ChangedAsDeclared,
            false => Verdict::Changed,
        };
    }
    if too_few {
        return Verdict::Inconclusive;
    }
    if counts.any(&[Kind::Fixed]) { Verdict::Improved } else { Verdict::Equivalent }
}

fn is_declared(it: &Judged, declared: &[Pattern]) -> bool {
    // What was mended need not be declared.
    it.kind == Kind::Fixed
        || it.differences.iter().all(|it| declared.iter().any(|at| at.covers(&it.place.path)))
}

/// With `n` inputs alike, at most this share of all inputs differs, with 95 % confidence. `None`: some differ, or none
/// was compared.
pub fn bound95(verdict: Verdict, comparable: usize) -> Option<f64> {
    let alike = matches!(verdict, Verdict::Equivalent | Verdict::Improved | Verdict::Inconclusive);
    let count = u32::try_from(comparable).ok().filter(|it| alike && *it > 0)?;
    Some(1.0 - 0.05_f64.powf(1.0 / f64::from(count)))
}

/// Of all inputs of which there is something to tell, the worst first.
pub fn findings(inputs: &[Compared], judgement: &Judgement) -> Vec<Finding> {
    let told = inputs.iter().zip(&judgement.inputs).enumerate();
    let mut all: Vec<_> =
        told.filter_map(|(at, (it, judged))| Finding::of(at, it, judged)).collect();
    all.sort_by_key(|it| (!it.expect_failed, it.kind));
    all
}
