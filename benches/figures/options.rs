//! What was asked for on the command line.

use std::path::PathBuf;

const USAGE: &str = "usage: cargo bench --bench figures [-- latency|scan|restart|memory …] \
    [--tools N] [--saves N] [--rounds N] [--dir DIR]";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Latency,
    Scan,
    Restart,
    Memory,
}

pub(crate) struct Options {
    pub(crate) parts: Vec<Part>,
    pub(crate) tools: usize,
    pub(crate) saves: usize,
    pub(crate) rounds: usize,
    /// Where the files are made, on the file system to be measured.
    pub(crate) dir: PathBuf,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Self {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let mut it = Self { parts: Vec::new(), tools: 100_000, saves: 300, rounds: 3, dir };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word}: {USAGE}"));
            match word.as_str() {
                "latency" => it.parts.push(Part::Latency),
                "scan" => it.parts.push(Part::Scan),
                "restart" => it.parts.push(Part::Restart),
                "memory" => it.parts.push(Part::Memory),
                "--tools" => it.tools = number(&value()),
                "--saves" => it.saves = number(&value()),
                "--rounds" => it.rounds = number(&value()),
                "--dir" => it.dir = value().into(),
                // Cargo's own.
                "--bench" => (),
                other => panic!("{other}: {USAGE}"),
            }
        }
        if it.parts.is_empty() {
            it.parts = vec![Part::Latency, Part::Scan, Part::Restart, Part::Memory];
        }
        it
    }
}

fn number(text: &str) -> usize {
    let number = text.parse().ok().filter(|it| *it > 0);
    number.unwrap_or_else(|| panic!("{text} is no number above 0; {USAGE}"))
}
