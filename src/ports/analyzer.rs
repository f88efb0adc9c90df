//! What is asked of those who read a tool without running it: what can it do?

use crate::model::{Analysis, Digest, RootName};

/// Reads sources and runs nothing. Whatever it is given, it answers, in bounded time: what it cannot read is `unanalyzed`.
pub trait Analyzer: Send + std::marker::Sync {
    /// The method and its version: `py-caps/1`.
    fn name(&self) -> &'static str;

    /// Of the table of capabilities: with another one, answers may differ.
    fn table(&self) -> Digest;

    fn analyze(&self, source: &Source<'_>) -> Analysis;
}

/// One content of one tool, and the files around it.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Relative to the root.
    pub path: &'a str,
    pub bytes: &'a [u8],
    /// What comes first on the module path, relative to the root; empty: the root itself.
    pub import_root: &'a str,
    pub around: &'a dyn Siblings,
}

/// The files of one root, by their paths relative to it. `None`: there is no such regular file inside the root; a link is
/// none.
pub trait Siblings: std::marker::Sync {
    fn read(&self, path: &str) -> Option<Vec<u8>>;
}

/// The same for every root, as the disk has them.
pub trait RootFiles: Send + std::marker::Sync {
    fn read(&self, root: &RootName, path: &str) -> Option<Vec<u8>>;

    /// Of what `read` would give.
    fn digest(&self, root: &RootName, path: &str) -> Option<Digest>;

    /// Where the root's tools import from, relative to it.
    fn import_root(&self, root: &RootName) -> String;
}
