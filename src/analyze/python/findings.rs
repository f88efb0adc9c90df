//! What was found, gathered and told: once for each line, a bounded number for each detail, each with the functions
//! through which it is reached.

use std::collections::{BTreeMap, BTreeSet};

use ruff_text_size::{TextRange, TextSize};
use sha2::{Digest as _, Sha256};

use super::{
    paths::{Calls, Node},
    program::Program,
};
use crate::model::{Capability, Evidence};

/// Lines that are told of one detail in one file. What is beyond them is one more, whose site is the whole file.
const MOST_LINES: usize = 20;
/// All together.
const MOST: usize = 2000;

#[derive(Default)]
pub(super) struct Findings(BTreeMap<(usize, Capability, String), Vec<Place>>);

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: usize,
    /// Empty: at the top of the file.
    pub(super) function: String,
    pub(super) at: TextSize,
    /// What a person reads before waiving it.
    pub(super) read: Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The detail says it all.
    Detail,
    Text(TextRange),
    File,
}

impl Place {
    pub(super) fn top(file: usize, at: TextSize) -> Self {
        Self { file, function: String::new(), at, read: Read::Detail }
    }
}

impl Findings {
    pub(super) fn add(&mut self, place: Place, cap: Capability, via: String) {
        let places = self.0.entry((place.file, cap, via)).or_default();
        if places.len() > MOST_LINES {
            return;
        }
        let read = if places.len() == MOST_LINES { Read::File } else { place.read };
        places.push(Place { read, ..place });
    }

    pub(super) fn told(self, program: &Program<'_>, calls: &Calls) -> Vec<Evidence> {
        let mut told = BTreeSet::new();
        for ((file, cap, via), places) in self.0 {
            let Some(file) = program.file(file) else { continue };
            for place in places {
                let node = Node { file: place.file, function: place.function.clone() };
                told.insert(Evidence {
                    cap: cap.clone(),
                    via: shortened(&via),
                    file: file.path.clone(),
                    line: Some(file.line(place.at)),
                    path: calls.path_to(&node, program),
                    site: site(&file.text, place.read),
                });
            }
        }
        if told.len() > MOST {
            let first = told.first().map(|it| (it.file.clone(), it.line));
            told = told.into_iter().take(MOST).collect();
            let (file, line) = first.unwrap_or_default();
            let via = format!("more than {MOST} findings");
            let cap = Capability::Unanalyzed;
            told.insert(Evidence { cap, via, file, line, path: Vec::new(), site: None });
        }
        told.into_iter().collect()
    }
}

/// A detail is for people, and is written into the log where it is waived.
fn shortened(via: &str) -> String {
    const LONGEST: usize = 200;
    via.chars().take(LONGEST).filter(|it| !it.is_control()).collect()
}

fn site(text: &str, read: Read) -> Option<String> {
    let read = match read {
        Read::Detail => return None,
        Read::Text(range) => text.get(range.start().to_usize()..range.end().to_usize())?,
        Read::File => text,
    };
    let hash: [u8; 32] = Sha256::digest(read.as_bytes()).into();
    Some(crate::model::Digest(hash).hex().chars().take(16).collect())
}
