//! Programs, and what two authors did to them at the same time: seeded, so that a case can be made again by its number.

/// A xorshift generator.
pub(super) struct Dice(u64);

pub(super) struct Case {
    pub(super) base: Vec<u8>,
    pub(super) current: Vec<u8>,
    pub(super) proposed: Vec<u8>,
}

/// Lines that stand in every program again and again, so that a diff may pair them off in more than one way.
const USUAL: &[&str] = &[
    "",
    "",
    "",
    "    pass",
    "    return None",
    "    return result",
    "    try:",
    "    else:",
    "}",
    "        continue",
    "import os",
    "import json",
    "    \"\"\"",
    "        raise",
    "    result = []",
];

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn line(&mut self) -> String {
        match self.below(10) {
            0..=3 => USUAL[self.below(USUAL.len())].to_owned(),
            4 => format!("def tool_{}(query):", self.below(30)),
            5..=7 => format!("    x{} = call(x{})", self.below(40), self.below(40)),
            8 => format!("    if x{} is None:", self.below(20)),
            _ => format!("    # note {}", self.below(1000)),
        }
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.line()).collect()
    }
}

impl Case {
    pub(super) fn numbered(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let length = 3 + dice.below(90);
        let base = dice.lines(length);
        let (mut current, mut proposed) = (base.clone(), base.clone());
        // Sometimes both begin with the same change.
        if dice.below(5) == 0 {
            edit(&mut current, &mut dice);
            proposed.clone_from(&current);
        }
        for side in [&mut current, &mut proposed] {
            for _ in 0..=dice.below(4) {
                edit(side, &mut dice);
            }
        }
        let mut text = |lines: Vec<String>| {
            let end = if dice.below(12) == 0 { "" } else { "\n" };
            (lines.join("\n") + end).into_bytes()
        };
        let [base, current, proposed] = [base, current, proposed].map(&mut text);
        Self { base, current, proposed }
    }
}

/// What people and programs do to a file.
fn edit(lines: &mut Vec<String>, dice: &mut Dice) {
    let at = dice.below(lines.len() + 1);
    let end = (at + 1 + dice.below(4)).min(lines.len());
    match dice.below(9) {
        0..=2 => {
            let count = 1 + dice.below(5);
            drop(lines.splice(at..at, dice.lines(count)));
        }
        3 | 4 => drop(lines.drain(at..end)),
        5 => {
            let new = dice.lines(end - at);
            drop(lines.splice(at..end, new));
        }
        6 => lines[at..end].iter_mut().for_each(|it| it.insert_str(0, "    ")),
        7 => {
            let copy = lines[at..end].to_vec();
            let to = dice.below(lines.len() + 1);
            drop(lines.splice(to..to, copy));
        }
        _ => {
            let block: Vec<String> = lines.drain(at..end).collect();
            let to = dice.below(lines.len() + 1);
            drop(lines.splice(to..to, block));
        }
    }
}
