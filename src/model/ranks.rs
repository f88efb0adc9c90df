//! Whether one lot of durations lies above another, told from their ranks: one slow call moves a mean as far as it likes, and
//! a rank by one place.

/// The normal score of the sum of the ranks of the new ones (Mann and Whitney), in thousandths, with ties at the middle of
/// their ranks: above 0 where the new ones are slower, 0 where nothing can be said.
pub fn rank_score_milli<T: Copy + Ord>(new: &[T], old: &[T]) -> i32 {
    let tagged = new.iter().map(|it| (*it, true)).chain(old.iter().map(|it| (*it, false)));
    let mut all: Vec<(T, bool)> = tagged.collect();
    all.sort_unstable();
    let (mut ranks, mut ties, mut before) = (0_i128, 0_i128, 0_i128);
    for tied in all.chunk_by(|one, other| one.0 == other.0) {
        let count = wide(tied.len());
        // Twice the middle of the ranks from `before + 1` on.
        let middle = 2 * before + count + 1;
        ranks += middle * wide(tied.iter().filter(|it| it.1).count());
        ties += count * count * count - count;
        before += count;
    }
    let (ours, theirs, total) = (wide(new.len()), wide(old.len()), wide(all.len()));
    let distance = ranks - ours * (ours + 1) - ours * theirs;
    let pairs = total * (total - 1);
    let spread = ours * theirs * ((total + 1) * pairs - ties);
    if spread <= 0 {
        return 0;
    }
    let size = (3_000_000 * distance * distance * pairs / spread).isqrt() * distance.signum();
    i32::try_from(size).unwrap_or(i32::MAX)
}

fn wide(count: usize) -> i128 {
    i128::try_from(count).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_give_the_score_of_the_books() {
        // U = 25 of 25 for five against five without ties: (25 - 12.5) / sqrt(22.9166) = 2.611.
        let old: Vec<u32> = (1..=5).collect();
        let new: Vec<u32> = (11..=15).collect();
        assert_eq!(rank_score_milli(&new, &old), 2611);
        assert_eq!(rank_score_milli(&old, &new), -2611);
        assert_eq!(rank_score_milli(&[7; 10], &[7; 10]), 0, "all the same");
        // With ties: ranks 4.5, 4.5, 7 and 8, U = 14 of 16, variance 16 / 12 * (9 - 60 / 56) = 10.571; 6 / 3.2514.
        assert_eq!(rank_score_milli(&[3, 3, 4, 5], &[1, 2, 3, 3]), 1845);
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(rank_score_milli::<u64>(&[], &[]), 0);
        assert_eq!(rank_score_milli(&[1], &[]), 0);
        assert_eq!(rank_score_milli(&[], &[1]), 0);
        assert_eq!(rank_score_milli(&[2], &[1]), 1000, "one of each");
    }
}
