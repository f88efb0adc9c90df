//! Which inputs are run, and who goes first on each: drawn from a seed, so that a run can be told again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::value::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    pub args: Value,
    pub origin: Origin,
    /// What the candidate has to answer.
    pub expect: Option<Value>,
    /// The directory below the root that its workspace is a copy of.
    pub fixture: Option<String>,
    /// It failed when it was recorded.
    pub failed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// By whoever asked.
    #[default]
    Given,
    Recorded,
    Example,
    /// From the schema of the parameters: only crashes are compared.
    Synthetic,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Recorded => "recorded",
            Self::Example => "example",
            Self::Synthetic => "synthetic",
        }
    }
}

const MOST_FAILED: usize = 10;
const MOST_NEWEST: usize = 10;

/// At most `most` distinct ones: what was given, what failed lately, the newest, the examples, then of each shape of
/// the rest in turn, and what was made up where there is room left. Recorded ones are handed in newest first.
pub fn choose(all: &[Input], most: usize) -> Vec<Input> {
    let mut chosen = Chosen { most, seen: BTreeSet::new(), inputs: Vec::new() };
    let of = |origin: Origin| all.iter().filter(move |it| it.origin == origin);
    chosen.take(of(Origin::Given), usize::MAX);
    chosen.take(of(Origin::Recorded).filter(|it| it.failed), MOST_FAILED);
    chosen.take(of(Origin::Recorded), MOST_NEWEST);
    chosen.take(of(Origin::Example), usize::MAX);
    chosen.take(by_shapes(of(Origin::Recorded)).into_iter(), usize::MAX);
    chosen.take(of(Origin::Synthetic), usize::MAX);
    chosen.inputs
}

struct Chosen {
    most: usize,
    seen: BTreeSet<String>,
    inputs: Vec<Input>,
}

impl Chosen {
    fn take<'a>(&mut self, from: impl Iterator<Item = &'a Input>, count: usize) {
        let mut taken = 0;
        for it in from {
            if taken == count || self.inputs.len() == self.most {
                return;
            }
            if self.seen.insert(format!("{} {:?}", it.args, it.fixture)) {
                self.inputs.push(it.clone());
                taken += 1;
            }
        }
    }
}

/// One of each shape, then a second of each, and so on.
fn by_shapes<'a>(all: impl Iterator<Item = &'a Input>) -> Vec<&'a Input> {
    let mut shapes: BTreeMap<String, VecDeque<&Input>> = BTreeMap::new();
    for it in all {
        shapes.entry(shape(&it.args)).or_default().push_back(it);
    }
    let mut turns = Vec::new();
    while !shapes.is_empty() {
        turns.extend(shapes.values_mut().filter_map(VecDeque::pop_front));
        shapes.retain(|_, it| !it.is_empty());
    }
    turns
}

/// Its keys with the types of what they hold, and how large it is by powers of four.
fn shape(args: &Value) -> String {
    let size = args.to_string().len().max(1).ilog2() / 2;
    let keys: Vec<_> = if let Value::Map(all) = args {
        all.iter().map(|(key, it)| format!("{key}:{}", it.kind())).collect()
    } else {
        vec![args.kind().to_owned()]
    };
    format!("{size} {}", keys.join(","))
}

/// Fair coins (splitmix64).
#[derive(Clone, Debug)]
pub struct Coins(u64);

impl Coins {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn flip(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) & 1 == 1
    }
}
