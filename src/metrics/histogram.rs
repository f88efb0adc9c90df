//! How long things took, in classes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of the classes in microseconds: from a sync on a fast disk to what somebody has to look into.
const BOUNDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 5_000_000];

/// Shared by whoever measures; nobody waits for anybody.
#[derive(Debug, Default)]
pub struct Histogram {
    /// The last class has no bound.
    classes: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// A histogram as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    pub(super) classes: [u64; BOUNDS.len() + 1],
    pub(super) micros: u64,
}

impl Histogram {
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = BOUNDS.iter().position(|it| micros <= *it).unwrap_or(BOUNDS.len());
        if let Some(class) = self.classes.get(class) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub fn samples(&self) -> Samples {
        Samples {
            classes: std::array::from_fn(|it| {
                self.classes.get(it).map_or(0, |it| it.load(Ordering::Relaxed))
            }),
            micros: self.micros.load(Ordering::Relaxed),
        }
    }
}

impl Samples {
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Each bound in microseconds with how many took at most so long; the last has no bound.
    pub(super) fn cumulated(&self) -> impl Iterator<Item = (Option<u64>, u64)> + '_ {
        let bounds = BOUNDS.iter().copied().map(Some).chain([None]);
        bounds.zip(&self.classes).scan(0, |sum, (bound, count)| {
            *sum += count;
            Some((bound, *sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_falls_into_its_class() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 5_000_000, 5_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let samples = histogram.samples();
        assert_eq!((samples.count(), samples.micros), (5, 10_000_202));
        let cumulated: Vec<_> = samples.cumulated().collect();
        assert_eq!(cumulated.first(), Some(&(Some(100), 2)));
        assert_eq!(cumulated.get(1), Some(&(Some(250), 3)));
        assert_eq!(cumulated.get(11), Some(&(Some(5_000_000), 4)));
        assert_eq!(cumulated.last(), Some(&(None, 5)));
    }
}
