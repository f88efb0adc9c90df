//! One daemon to a writable root: a lock in the root's own `.knowngood/`. A root that cannot be written needs none,
//! since nobody can deploy there; why it cannot is kept, to be told.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::FlockOperation;

use super::place;
use crate::{config::RootConfig, model::RootName, roots::STATE_FOLDER};

#[derive(Debug, thiserror::Error)]
#[error("the root {} is in use by another knowngood (it holds {}); stop that one, or watch another directory", root.display(), lock.display())]
pub struct Taken {
    root: PathBuf,
    lock: PathBuf,
}

#[derive(Default)]
pub(super) struct Claims(BTreeMap<RootName, (PathBuf, Claim)>);

struct Claim {
    writable: Result<(), String>,
    /// Held as long as the root is watched.
    lock: Option<File>,
}

impl Claims {
    pub(super) fn take(roots: &[RootConfig]) -> Result<Self, Taken> {
        Self::default().renewed(roots)
    }

    /// The claims for these roots; those that stay are kept, those that go are released when this one is dropped.
    pub(super) fn renewed(&self, roots: &[RootConfig]) -> Result<Self, Taken> {
        let mut claims = Self::default();
        for root in roots {
            let (name, path) = (&root.watched.name, &root.watched.path);
            let held = self.0.get(name).filter(|it| it.0 == *path).and_then(|it| it.1.again());
            let claim = match held {
                Some(claim) => claim,
                None => Claim::take(path)?,
            };
            claims.0.insert(name.clone(), (path.clone(), claim));
        }
        Ok(claims)
    }

    pub(super) fn writable(&self, root: &RootName) -> Result<(), String> {
        self.0.get(root).map_or_else(|| Err("not claimed".to_owned()), |it| it.1.writable.clone())
    }
}

impl Claim {
    fn take(root: &Path) -> Result<Self, Taken> {
        match lock(root) {
            Ok(lock) => Ok(Self { writable: Ok(()), lock: Some(lock) }),
            Err(Unlocked::Taken(taken)) => Err(taken),
            Err(Unlocked::NotWritable(why)) => Ok(Self { writable: Err(why), lock: None }),
        }
    }

    /// The same lock once more, for a configuration that keeps the root.
    fn again(&self) -> Option<Self> {
        let lock = self.lock.as_ref()?.try_clone().ok()?;
        Some(Self { writable: self.writable.clone(), lock: Some(lock) })
    }
}

enum Unlocked {
    Taken(Taken),
    NotWritable(String),
}

fn lock(root: &Path) -> Result<File, Unlocked> {
    place::is_writable(root).map_err(Unlocked::NotWritable)?;
    let folder = root.join(STATE_FOLDER);
    let not_writable = |it: super::Failed| Unlocked::NotWritable(it.to_string());
    place::private_directory(&folder).map_err(not_writable)?;
    place::ignore_itself(&folder).map_err(not_writable)?;
    let path = folder.join("root.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .map_err(|it| Unlocked::NotWritable(format!("opening {}: {it}", path.display())))?;
    if is_free(&file) {
        Ok(file)
    } else {
        Err(Unlocked::Taken(Taken { root: root.to_owned(), lock: path }))
    }
}

/// A daemon that was just killed holds its lock until the kernel has taken it apart.
fn is_free(file: &File) -> bool {
    for _ in 0..50 {
        if rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
