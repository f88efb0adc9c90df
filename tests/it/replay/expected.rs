//! What the log must say, worked out from git's trees alone: a small second telling of the product's promises, with
//! nothing of its code but how an id is written.

use std::collections::{BTreeMap, BTreeSet};

use knowngood::model::{RelPath, RootName, ToolId};

use super::{
    daemon::ROOT,
    history::{Entry, Oid, Tree},
};

/// The default of `limits.file_size`.
const LARGEST: u64 = 16 << 20;

/// What a commit does to one tool, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change<T> {
    Recorded(T),
    Removed,
}

impl<T> Change<T> {
    pub(super) fn map<U>(self, make: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Recorded(it) => Change::Recorded(make(it)),
            Self::Removed => Change::Removed,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Tool {
    versions: Vec<(Oid, bool)>,
    stands: Stands,
    /// It was there at the first scan, so its absence is missed.
    has_baseline: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stands {
    #[default]
    Absent,
    File,
    Unreadable(&'static str),
}

pub(super) struct Expected {
    endings: &'static [&'static str],
    tools: BTreeMap<Vec<u8>, Tool>,
}

/// What git has put at a path.
enum Found {
    File(Oid, bool),
    Odd(&'static str),
    Nothing,
}

impl Expected {
    pub(super) fn new(endings: &'static [&'static str]) -> Self {
        Self { endings, tools: BTreeMap::new() }
    }

    /// What must be told of each tool, by its id, when this tree takes the place of the former one.
    pub(super) fn step(
        &mut self,
        tree: &Tree,
        first: bool,
    ) -> BTreeMap<String, Change<(Oid, bool)>> {
        let directories: BTreeSet<&[u8]> = tree.keys().flat_map(|it| above(it)).collect();
        let mut paths: BTreeSet<Vec<u8>> = self.tools.keys().cloned().collect();
        paths.extend(tree.keys().cloned());
        paths.extend(directories.iter().map(|it| it.to_vec()));
        let mut changes = BTreeMap::new();
        for path in paths {
            let found = found(&path, tree, &directories);
            if let Some(change) = self.turn(&path, found, first) {
                changes.insert(id(&path), change);
            }
        }
        changes
    }

    fn turn(&mut self, path: &[u8], found: Found, first: bool) -> Option<Change<(Oid, bool)>> {
        let named = self.endings.iter().any(|it| path.ends_with(it.as_bytes()));
        let known = self.tools.get(path).is_some_and(Tool::is_listed);
        let program = matches!(found, Found::File(_, true));
        if !named && !known && !program {
            return None;
        }
        let tool = self.tools.entry(path.to_vec()).or_default();
        let before = tool.stands;
        match found {
            Found::File(oid, bit) => {
                tool.stands = Stands::File;
                tool.has_baseline |= first;
                if tool.versions.last() == Some(&(oid.clone(), bit)) {
                    return None;
                }
                tool.versions.push((oid.clone(), bit));
                Some(Change::Recorded((oid, bit)))
            }
            Found::Odd(cause) => {
                tool.stands = Stands::Unreadable(cause);
                None
            }
            Found::Nothing => {
                tool.stands = Stands::Absent;
                (before != Stands::Absent).then_some(Change::Removed)
            }
        }
    }

    /// Versions of every tool that has any, oldest first.
    pub(super) fn histories(&self) -> impl Iterator<Item = (String, Vec<(Oid, bool)>)> + '_ {
        let any = self.tools.iter().filter(|it| !it.1.versions.is_empty());
        any.map(|(path, it)| (id(path), it.versions.clone()))
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = String> + '_ {
        self.tools.iter().filter(|it| it.1.is_listed()).map(|it| id(it.0))
    }

    /// With their causes.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.tools.iter().filter_map(|(path, it)| match it.stands {
            Stands::Unreadable(cause) => Some((id(path), cause.to_owned())),
            Stands::Absent | Stands::File => None,
        })
    }
}

impl Tool {
    fn is_listed(&self) -> bool {
        self.has_baseline || self.stands != Stands::Absent
    }
}

fn found(path: &[u8], tree: &Tree, directories: &BTreeSet<&[u8]>) -> Found {
    match tree.get(path) {
        Some(Entry::File { size, .. }) if *size > LARGEST => Found::Odd("too_large"),
        Some(Entry::File { oid, executable, .. }) => Found::File(oid.clone(), *executable),
        Some(Entry::Link) => Found::Odd("symlink"),
        Some(Entry::Submodule) => Found::Odd("directory"),
        None if directories.contains(path) => Found::Odd("directory"),
        None if above(path).any(|it| tree.get(it) == Some(&Entry::Link)) => Found::Odd("symlink"),
        None => Found::Nothing,
    }
}

/// The directories that lead to a path.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|it| *it.1 == b'/').map(|it| &path[..it.0])
}

fn id(path: &[u8]) -> String {
    let root = RootName::new(ROOT).unwrap();
    ToolId::new(&root, &RelPath::new(path).unwrap()).to_string()
}
