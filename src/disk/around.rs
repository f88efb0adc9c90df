//! The files around a tool, for those who read its source: by name, inside the root, regular ones of a bounded size.
//! It follows no link, waits for nobody, and believes nothing about who is writing: what is read here decides no version.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    os::fd::AsFd as _,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use rustix::fs::{FileType, fstat};
use sha2::{Digest as _, Sha256};

use super::open;
use crate::{
    model::{Digest, RootName},
    ports::RootFiles,
};

/// A source over this size is read by nobody.
const MOST: u64 = 1 << 20;

/// Directories, and where their tools import from.
#[derive(Debug, Default)]
pub struct Around(RwLock<Arc<BTreeMap<RootName, (PathBuf, String)>>>);

impl Around {
    /// Of each root its directory, and the import root as a path relative to it.
    pub fn set_roots(&self, roots: impl IntoIterator<Item = (RootName, PathBuf, String)>) {
        let roots = roots.into_iter().map(|it| (it.0, (it.1, it.2))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
    }

    fn root(&self, root: &RootName) -> Option<(PathBuf, String)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }
}

impl RootFiles for Around {
    fn read(&self, root: &RootName, path: &str) -> Option<Vec<u8>> {
        let plain = |it: &str| !it.is_empty() && it != "." && it != ".." && !it.contains('\0');
        if !path.split('/').all(plain) {
            return None;
        }
        let (directory, _) = open::root(&self.root(root)?.0).ok()?;
        let (above, name) = open::split(path.as_bytes());
        let parent = if above.is_empty() {
            directory
        } else {
            open::directory(directory.as_fd(), above).ok()?
        };
        let file = open::file(parent.as_fd(), name).ok()?;
        let stat = fstat(&file).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut bytes = Vec::new();
        // One more than may be: who reads it sees that it is too large.
        File::from(file).take(MOST + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn digest(&self, root: &RootName, path: &str) -> Option<Digest> {
        self.read(root, path).map(|it| Digest(Sha256::digest(&it).into()))
    }

    fn import_root(&self, root: &RootName) -> String {
        self.root(root).map(|it| it.1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_regular_files_inside_the_root() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path().join("root");
        fs::create_dir_all(root.join("pack")).unwrap();
        fs::write(root.join("pack/a.py"), "inside").unwrap();
        fs::write(site.path().join("out.py"), "outside").unwrap();
        symlink(site.path(), root.join("away")).unwrap();
        symlink("pack/a.py", root.join("link.py")).unwrap();
        fs::write(root.join("large.py"), vec![b'x'; 2 << 20]).unwrap();
        let (around, name) = (Around::default(), RootName::new("tools").unwrap());
        around.set_roots([(name.clone(), root, "src".to_owned())]);
        let read = |path: &str| around.read(&name, path);
        assert_eq!(read("pack/a.py").unwrap(), b"inside");
        assert_eq!(read("large.py").unwrap().len(), (1 << 20) + 1);
        for path in [
            "away/out.py",
            "link.py",
            "../out.py",
            "pack",
            "",
            "pack//a.py",
            "pack/a.py/",
            "/etc/passwd",
            "a\0",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
        assert_eq!(around.read(&RootName::new("other").unwrap(), "pack/a.py"), None);
    }
}
