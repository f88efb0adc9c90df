//! From a chain of names in one file to what it stands for: through imports, through what was bound to a name, and from
//! file to file. Bounded, since names can be bound in circles.

use std::borrow::Cow;

use super::program::{File, Program, Target};

const MOST_STEPS: usize = 200;
const DEEPEST: usize = 8;

/// All that the chain may stand for; empty: nobody knows.
pub(super) fn resolve(program: &Program<'_>, file: usize, chain: &str) -> Vec<Target> {
    let mut search = Search { program, steps: 0, found: Vec::new() };
    search.chain(file, chain, 0);
    search.found
}

struct Search<'a> {
    program: &'a Program<'a>,
    steps: usize,
    found: Vec<Target>,
}

impl Search<'_> {
    fn chain(&mut self, index: usize, chain: &str, depth: usize) {
        self.steps += 1;
        let Some(file) = self.program.file(index).filter(|_| depth <= DEEPEST) else { return };
        if self.steps > MOST_STEPS {
            return;
        }
        for (name, rest) in beginnings(chain) {
            let imported = file.imported.get(name);
            let bound = file.names.bound.get(name);
            for target in imported.into_iter().flatten() {
                self.through(target, rest, depth);
            }
            for value in bound.into_iter().flatten().filter(|it| !begins_with(it, name)) {
                self.chain(index, &format!("{value}{rest}"), depth + 1);
            }
            if imported.is_some() || bound.is_some() {
                break;
            }
        }
        if let Some(node) = defined(file, chain) {
            self.put(Target::Inside { file: index, chain: node });
        }
    }

    fn through(&mut self, target: &Target, rest: &str, depth: usize) {
        match target {
            Target::Module(module) => self.put(Target::Module(format!("{module}{rest}"))),
            Target::Inside { file, chain } => {
                let inner = format!("{chain}{rest}");
                self.chain(*file, inner.trim_start_matches('.'), depth + 1);
            }
        }
    }

    fn put(&mut self, target: Target) {
        if !self.found.contains(&target) {
            self.found.push(target);
        }
    }
}

/// What is bound to itself leads nowhere.
fn begins_with(value: &str, name: &str) -> bool {
    value.strip_prefix(name).is_some_and(|it| it.is_empty() || it.starts_with(['.', '(']))
}

/// The longest first: `a.b().c` → `a.b().c`, `a.b()`, `a.b`, `a`, each with its rest.
pub(super) fn beginnings(chain: &str) -> impl Iterator<Item = (&str, &str)> {
    let cuts = chain.rmatch_indices(['.', '(']).map(|it| it.0);
    std::iter::once(chain.len()).chain(cuts).map(|cut| chain.split_at(cut))
}

/// A function or class of the file, as its definition is called.
pub(super) fn defined(file: &File, chain: &str) -> Option<String> {
    let plain = if chain.contains('(') { chain.replace("()", "").into() } else { Cow::from(chain) };
    let mut name = &*plain;
    loop {
        if file.names.defined.contains(name) {
            return Some(name.to_owned());
        }
        name = name.rsplit_once('.')?.0;
    }
}
