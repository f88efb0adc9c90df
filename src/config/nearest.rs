//! "Did you mean": the known word that a typo is nearest to.

/// `None` where nothing is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let far = |it: &str| distance(&word, it);
    let near = known.iter().map(|it| (far(it), *it)).min_by_key(|it| it.0)?;
    // One slip in three letters.
    (near.0 <= word.chars().count().max(near.1.len()) / 3).then_some(near.1)
}

/// Letters to be put in, taken out, replaced, or exchanged with their neighbour.
fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=two.len()).collect();
    for (row, here) in one.iter().enumerate() {
        let at =
            |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX / 2);
        let mut line = vec![row + 1];
        for (column, there) in two.iter().enumerate() {
            let replaced = at(&last, column) + usize::from(here != there);
            let moved = (at(&last, column + 1) + 1).min(at(&line, column) + 1);
            let swapped = row > 0
                && column > 0
                && one.get(row - 1) == Some(there)
                && two.get(column - 1) == Some(here);
            let swap = if swapped { at(&before, column - 1) + 1 } else { usize::MAX / 2 };
            line.push(replaced.min(moved).min(swap));
        }
        before = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_nonsense_is_not() {
        let known = ["format", "level", "connections", "connections_per_peer"];
        for (word, meant) in [
            ("levle", Some("level")),
            ("Level", Some("level")),
            ("lvel", Some("level")),
            ("conections", Some("connections")),
            ("connection_per_peers", Some("connections_per_peer")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(nearest("x", &[]), None);
    }
}
