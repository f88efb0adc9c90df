//! Dice that fall the same way for the same seed: splitmix64 (Steele, Lea, Flood 2014).

/// The distance between two places of the sequence.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

pub(in super::super) struct Dice(u64);

impl Dice {
    /// The seed is mixed, so that neighbours begin far from each other: unmixed, each would throw what the one before
    /// it throws a roll later, and 20,000 histories would be one.
    pub(in super::super) fn new(seed: u64) -> Self {
        Self(mixed(seed.wrapping_add(STEP)))
    }

    /// 0 ≤ roll < sides.
    pub(in super::super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0) % sides
    }

    pub(in super::super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

fn mixed(it: u64) -> u64 {
    let it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
