//! The score of a version, call by call: up by the weight of a failure, down by one. It forgets good times, so that a version
//! that gets worse later is found as well.

use crate::model::{Bar, Gauge};

/// So many times the limit of a version that is being proven does one have to pass that is proven.
pub(super) const PROVEN: u32 = 2;

pub(super) fn step(score: u32, weight: u32, failed: bool) -> u32 {
    if failed { score.saturating_add(weight) } else { score.saturating_sub(1) }
}

impl Gauge {
    pub(super) fn new(bar: Bar) -> Self {
        Self { bar, score: 0, over: false }
    }

    pub(super) fn take(&mut self, failed: bool) {
        self.score = step(self.score, self.bar.weight, failed);
        self.over |= self.score >= self.bar.high;
    }
}
