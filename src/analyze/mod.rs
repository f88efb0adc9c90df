//! What a tool can do, read from its source: Python by its imports and calls (`python`), shell scripts by a list of
//! harmless commands (`shell`), all else is not known. Modules and functions are judged by a table that users extend
//! (`table`, `caps.toml`). Nothing is ever run, imported or asked of the network; a way around this reading can always be
//! found, so it is evidence, and the sandbox is the fence.

mod declared;
mod python;
mod shell;
mod table;

use std::{collections::BTreeMap, path::Path, sync::Mutex, sync::PoisonError};

use sha2::Digest as _;

pub use self::table::{BadTable, Table};
use crate::{
    model::{Analysis, Digest, Followed, Language, Parse, language_of},
    ports::{Analyzer, Siblings, Source},
};

/// A source over this size is read by nobody: no person wrote it, and a parser's tree is many times as large.
const MOST_BYTES: usize = 1 << 20;
/// A tree as deep as `python::nesting` lets through is walked by recursion.
const STACK: usize = 256 << 20;
const NAME: &str = "py-caps/1";

#[derive(Debug)]
pub struct Reader {
    table: Table,
}

impl Reader {
    pub fn new(table: Table) -> Self {
        Self { table }
    }
}

impl Analyzer for Reader {
    fn name(&self) -> &'static str {
        NAME
    }

    fn table(&self) -> Digest {
        self.table.digest()
    }

    /// On a thread of its own: a deep source needs a deep stack, and what goes wrong there ends there. Of what there is no
    /// reader for, nothing is deep.
    fn analyze(&self, source: &Source<'_>) -> Analysis {
        if !has_reader(language(source)) {
            return self.read(source);
        }
        let failed = |why: String| {
            let parse = Parse::Failed { line: None, why };
            Analysis::unanalyzed(NAME, parse, source.path, "the analyzer failed")
        };
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("class".to_owned()).stack_size(STACK);
            match builder.spawn_scoped(scope, || self.read(source)) {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|_| failed("the parser gave up".to_owned()))
                }
                Err(error) => failed(format!("no thread to read it on: {error}")),
            }
        })
    }
}

impl Reader {
    fn read(&self, source: &Source<'_>) -> Analysis {
        let around = Remembering::new(source.around);
        let inside = Source { around: &around, ..*source };
        let mut analysis = match language(source) {
            _ if source.bytes.len() > MOST_BYTES => {
                let why = format!("larger than {} MiB", MOST_BYTES >> 20);
                let parse = Parse::Failed { line: None, why: why.clone() };
                Analysis::unanalyzed(NAME, parse, source.path, &why)
            }
            Language::Python => python::analyze(&self.table, &inside),
            Language::Script("sh" | "bash" | "dash") => shell::analyze(source),
            Language::Script(what) | Language::Other(what) => {
                let parse = Parse::None(what.to_owned());
                Analysis::unanalyzed(NAME, parse, source.path, what)
            }
        };
        analysis.declared = declared::beside(source, &around)
            .or(analysis.declared)
            .or_else(|| declared::in_header(source.path, source.bytes));
        analysis.followed = around.asked();
        analysis
    }
}

fn has_reader(language: Language) -> bool {
    matches!(language, Language::Python | Language::Script("sh" | "bash" | "dash"))
}

fn language(source: &Source<'_>) -> Language {
    let name = source.path.rsplit('/').next().unwrap_or(source.path);
    language_of(Path::new(name).as_os_str(), source.bytes)
}

/// Asked twice, it answers the same: an analysis is of one moment. What it answered is what the analysis rests on.
struct Remembering<'a> {
    around: &'a dyn Siblings,
    known: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
}

impl<'a> Remembering<'a> {
    fn new(around: &'a dyn Siblings) -> Self {
        Self { around, known: Mutex::default() }
    }

    fn asked(&self) -> Vec<Followed> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |(path, bytes): (&String, &Option<Vec<u8>>)| Followed {
            path: path.clone(),
            digest: bytes.as_ref().map(|it| digest(it)),
        };
        known.iter().map(one).collect()
    }
}

impl Siblings for Remembering<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(path.to_owned()).or_insert_with(|| self.around.read(path)).clone()
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests;
