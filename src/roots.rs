//! A watched directory and which paths in it are tools. Shared by those who walk, watch and look.

use std::{path::PathBuf, sync::Arc};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::{RelPath, RootName};

/// A root, checked: the directory's path is absolute and its links were resolved once.
#[derive(Clone, Debug)]
pub struct WatchedRoot {
    pub name: RootName,
    pub path: PathBuf,
    pub globs: Arc<Globs>,
    /// Files over this many bytes are `unreadable`, cause `too_large`.
    pub file_size: u64,
}

/// Which paths are tools.
#[derive(Debug)]
pub struct Globs {
    include: GlobSet,
    exclude: GlobSet,
    /// Any file with an executable bit is a tool as well.
    executables: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{glob:?} is not a glob: {why}")]
pub struct BadGlob {
    pub glob: String,
    pub why: String,
}

/// Our own folder, in a root or beside a tool on a mount below it: it is in no list, whatever the globs say.
pub const STATE_FOLDER: &str = ".knowngood";

/// What counts as a tool when nobody says otherwise (with any executable file).
pub const INCLUDE: &[&str] = &["**/*.py", "**/*.sh", "**/*.js", "**/*.ts", "**/*.rb", "**/*.pl"];
/// What never does: dot files and folders, caches, dependencies, what editors leave lying about.
pub const EXCLUDE: &[&str] = &[
    "**/.*",
    "**/__pycache__",
    "**/venv",
    "**/node_modules",
    "**/*~",
    "**/*.swp",
    "**/#*#",
    "**/4913",
    "**/*.tmp",
];

impl Globs {
    pub fn new(include: &[String], exclude: &[String], executables: bool) -> Result<Self, BadGlob> {
        Ok(Self { include: set(include)?, exclude: set(exclude)?, executables })
    }

    pub fn standard() -> Result<Self, BadGlob> {
        let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        Self::new(&owned(INCLUDE), &owned(EXCLUDE), true)
    }

    /// Whether a file at `path` is a tool. A path below an excluded folder is excluded with it.
    pub fn is_tool(&self, path: &RelPath, executable: bool) -> bool {
        let included =
            self.include.is_match(os(path.as_bytes())) || (self.executables && executable);
        included && !self.is_excluded(path)
    }

    /// Whether anything at or below `path` can be a tool: if not, it need not be entered or watched.
    pub fn is_excluded(&self, path: &RelPath) -> bool {
        let bytes = path.as_bytes();
        let ends =
            bytes.iter().enumerate().filter(|it| *it.1 == b'/').map(|it| it.0).chain([bytes.len()]);
        // At any depth: on a mount below a root there is one beside the tools.
        path.segments().any(|it| it == STATE_FOLDER.as_bytes())
            || ends.filter_map(|it| bytes.get(..it)).any(|it| self.exclude.is_match(os(it)))
    }

    /// Whether a file at `path` can be a tool: by its name, or with an executable bit.
    pub fn can_be_tool(&self, path: &RelPath) -> bool {
        self.is_tool(path, true)
    }

    /// Whether the name alone makes it a tool, whatever its mode.
    pub fn includes(&self, path: &RelPath) -> bool {
        self.is_tool(path, false)
    }

    /// Whether a file that no glob names must be asked for its executable bit.
    pub fn asks_for_mode(&self) -> bool {
        self.executables
    }
}

fn set(globs: &[String]) -> Result<GlobSet, BadGlob> {
    let bad = |glob: &str, it: &globset::Error| BadGlob {
        glob: glob.to_owned(),
        why: it.kind().to_string(),
    };
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(
            GlobBuilder::new(glob).literal_separator(true).build().map_err(|it| bad(glob, &it))?,
        );
    }
    builder.build().map_err(|it| bad(it.glob().unwrap_or_default(), &it))
}

fn os(bytes: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt as _;
    std::path::Path::new(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_globs() {
        let globs = Globs::standard().unwrap();
        let is_tool = |path: &str, executable| {
            globs.is_tool(&RelPath::new(path.as_bytes()).unwrap(), executable)
        };
        for path in ["a.py", "deep/er/b.sh", "x.ts"] {
            assert!(is_tool(path, false), "{path}");
        }
        assert!(
            is_tool("bin/run", true) && !is_tool("bin/run", false) && !is_tool("notes.md", false)
        );
        for path in [
            ".git/hooks/x.py",
            "a/.hidden.py",
            "__pycache__/m.py",
            "a/venv/lib/b.py",
            "node_modules/c/index.js",
            "a.py~",
            ".a.py.swp",
            "#a.py#",
            "4913",
            "a.py.tmp",
            ".knowngood/stage/a.py",
            "deep/er/.knowngood/stage/a.py",
        ] {
            assert!(!is_tool(path, true), "{path}");
        }
    }

    #[test]
    fn a_bad_glob_is_named() {
        let bad = Globs::new(&["[".to_owned()], &[], false).unwrap_err();
        assert_eq!(bad.glob, "[");
    }
}
