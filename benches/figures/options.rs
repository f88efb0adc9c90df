//! What was asked for on the command line.

use std::path::PathBuf;

const USAGE: &str = "usage: cargo bench --bench figures [-- latency|scan|restart|memory|burst|deploys|requests|idle|cost|analysis|runs|outcomes …] \
    [--tools N] [--saves N] [--rounds N] [--dir DIR] [--corpus DIR …]";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Latency,
    Idle,
    Requests,
    Burst,
    Deploys,
    Analysis,
    Runs,
    Outcomes,
    Scan,
    Restart,
    Cost,
    Memory,
}

/// In the order in which they are run.
const PARTS: [(&str, Part); 12] = [
    ("latency", Part::Latency),
    ("idle", Part::Idle),
    ("requests", Part::Requests),
    ("burst", Part::Burst),
    ("deploys", Part::Deploys),
    ("analysis", Part::Analysis),
    ("runs", Part::Runs),
    ("outcomes", Part::Outcomes),
    ("scan", Part::Scan),
    ("restart", Part::Restart),
    ("cost", Part::Cost),
    ("memory", Part::Memory),
];

pub(crate) struct Options {
    pub(crate) parts: Vec<Part>,
    pub(crate) tools: usize,
    pub(crate) saves: usize,
    pub(crate) rounds: usize,
    /// Where the files are made, on the file system to be measured.
    pub(crate) dir: PathBuf,
    /// Folders of real tools; none: the standard library of Python.
    pub(crate) corpus: Vec<PathBuf>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Self {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let (parts, corpus) = (Vec::new(), Vec::new());
        let mut it = Self { parts, tools: 100_000, saves: 300, rounds: 3, dir, corpus };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word}: {USAGE}"));
            match word.as_str() {
                "--tools" => it.tools = number(&value()),
                "--saves" => it.saves = number(&value()),
                "--rounds" => it.rounds = number(&value()),
                "--dir" => it.dir = value().into(),
                "--corpus" => it.corpus.push(value().into()),
                // Cargo's own.
                "--bench" => (),
                other => it.parts.push(part(other)),
            }
        }
        if it.parts.is_empty() {
            it.parts = PARTS.map(|it| it.1).to_vec();
        }
        it
    }

    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

fn part(word: &str) -> Part {
    let found = PARTS.iter().find(|it| it.0 == word);
    found.unwrap_or_else(|| panic!("{word}: {USAGE}")).1
}

fn number(text: &str) -> usize {
    let number = text.parse().ok().filter(|it| *it > 0);
    number.unwrap_or_else(|| panic!("{text} is no number above 0; {USAGE}"))
}
