//! Whether a git operation is going on around a root: `index.lock` stands in the repository. Only
//! looks at that one file, and believes it for a limited time.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

#[derive(Debug, Default)]
pub(super) struct GitHold {
    lock: Option<PathBuf>,
    since: Option<Instant>,
    /// This lock has used up its time: one that a crash left behind must not hold for ever.
    spent: Option<LockId>,
}

/// Which lock file: device, inode, ctime.
type LockId = (u64, u64, i64, i64);

impl GitHold {
    pub(super) fn around(root: &Path) -> Self {
        Self { lock: root.ancestors().find_map(index_lock), ..Self::default() }
    }

    /// Whether to wait with what is due.
    pub(super) fn holds(&mut self, now: Instant, limit: Duration) -> bool {
        let lock = self.lock.as_ref().and_then(|it| fs::symlink_metadata(it).ok());
        let Some(lock) = lock.map(|it| (it.dev(), it.ino(), it.ctime(), it.ctime_nsec())) else {
            (self.since, self.spent) = (None, None);
            return false;
        };
        if self.spent == Some(lock) {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < limit {
            return true;
        }
        (self.since, self.spent) = (None, Some(lock));
        false
    }
}

/// `.git` is a directory, or in a worktree or submodule a file that says where it is.
fn index_lock(above: &Path) -> Option<PathBuf> {
    let git = above.join(".git");
    let kind = fs::metadata(&git).ok()?;
    if kind.is_dir() {
        return Some(git.join("index.lock"));
    }
    let text = fs::read_to_string(&git).ok()?;
    Some(above.join(text.strip_prefix("gitdir:")?.trim()).join("index.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    #[test]
    fn a_lock_above_the_root_holds_for_a_limited_time_and_another_one_anew() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("repo/tools");
        fs::create_dir_all(&root).unwrap();
        fs::create_dir(home.path().join("repo/.git")).unwrap();
        let (lock, start) = (home.path().join("repo/.git/index.lock"), Instant::now());
        let mut hold = GitHold::around(&root);
        assert!(!hold.holds(start, LIMIT));
        fs::write(&lock, "").unwrap();
        assert!(hold.holds(start, LIMIT) && hold.holds(start + LIMIT / 2, LIMIT));
        assert!(!hold.holds(start + LIMIT, LIMIT) && !hold.holds(start + LIMIT, LIMIT));
        fs::rename(&lock, home.path().join("index")).unwrap();
        fs::write(&lock, "").unwrap();
        assert!(hold.holds(start + LIMIT, LIMIT), "the next operation");
        fs::remove_file(&lock).unwrap();
        assert!(!hold.holds(start + LIMIT, LIMIT));
    }

    #[test]
    fn a_worktree_says_where_its_lock_is() {
        let home = tempfile::tempdir().unwrap();
        let (tree, git) = (home.path().join("tree"), home.path().join("main/.git/worktrees/tree"));
        fs::create_dir_all(&tree).unwrap();
        fs::create_dir_all(&git).unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
        fs::write(git.join("index.lock"), "").unwrap();
        assert!(GitHold::around(&tree).holds(Instant::now(), LIMIT));
    }
}
