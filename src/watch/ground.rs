//! The directories that are armed, and the walk that arms them: each one **first armed, then listed**.
//! What is made in it before the listing is found by the listing, what is made after the arming is heard
//! of; so nothing falls between, however fast a tree is made. Judges no file and keeps no marks.
//!
//! What has to hold, whatever is renamed meanwhile:
//! 1. The source knows no directory that is not in `Armed` (it forgets by itself, it never learns by itself).
//! 2. One inode has one path. A directory found under a second path moved there: the first path is disarmed
//!    before the second is armed. Otherwise what is heard later of the first one would end the watch of the
//!    second, unheard. What the moved directory was told in the gap is found by the listing.
//! 3. All paths of a batch of hints are forgotten before any of them is covered, for the same reason: a
//!    disarming must not hit what the same batch has just armed.
//!
//! Then any end of a watch is announced by a hint for its path or one above, and the arming that answers
//! the hint is served after the end (see `notified`). Case by case:
//! - *mkdir, rm and mkdir:* the parent is armed, the hint for the name covers what stands there by then;
//!   a late "deleted" of the former one ends the new watch and is a hint for the same name.
//! - *`mv p q`:* `p` is forgotten, `q` covered. `q` found earlier, by a listing or by a former hint: rule 2;
//!   "moved from p" then finds nothing to end.
//! - *exchange, a swap through a third name:* both names get a "moved to" after their "moved from".
//! - *`mv p new/q` with `new` not yet armed:* no hint for `new/q` will come, but the listing of `new`
//!   finds it, and rule 2 frees it from `p`.
//! - *replaced between looking and arming:* the second look says so and disarms; the parent was armed before
//!   both, so a hint for this path is on its way.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    ops::Bound,
    path::{Path, PathBuf},
};

use super::{
    hints::{ArmError, Hints},
    identity::{Identity, Standing},
    limits,
};
use crate::{model::RelPath, roots::Globs};

pub(super) struct Ground {
    hints: Option<Box<dyn Hints>>,
    /// Why there is no source.
    why_none: String,
    dead: bool,
    armed: BTreeMap<PathBuf, Identity>,
    by_inode: HashMap<(u64, u64), PathBuf>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Covered {
    /// Everything in it that is not a directory, except what the globs exclude.
    pub(super) files: Vec<PathBuf>,
    /// Directories that could not be armed, and why: they stand for all below them.
    pub(super) uncovered: Vec<(PathBuf, String)>,
}

/// A walk that has begun. `globs` judge paths relative to `root`.
pub(super) struct Walk<'a> {
    pub(super) root: &'a Path,
    pub(super) globs: &'a Globs,
    /// Whether the files are wanted: not if the root is going to be scanned anyway.
    pub(super) files: bool,
}

struct Step {
    dir: PathBuf,
    arm: bool,
    /// The device above it: where it changes, another file system begins.
    dev: Option<u64>,
}

impl Ground {
    pub(super) fn new(hints: Result<Box<dyn Hints>, String>) -> Self {
        let (hints, why_none) = match hints {
            Ok(hints) => (Some(hints), String::new()),
            Err(why) => (None, why),
        };
        Self { hints, why_none, dead: false, armed: BTreeMap::new(), by_inode: HashMap::new() }
    }

    pub(super) fn has_source(&self) -> bool {
        self.hints.is_some()
    }

    /// The source broke while something was armed.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(super) fn armed(&self, dir: &Path) -> Option<&Identity> {
        self.armed.get(dir)
    }

    /// Disarms `dir` and all below it.
    pub(super) fn forget(&mut self, dir: &Path) {
        let below: Vec<PathBuf> = self
            .armed
            .range::<Path, _>((Bound::Included(dir), Bound::Unbounded))
            .take_while(|it| it.0.starts_with(dir))
            .map(|it| it.0.clone())
            .collect();
        for it in below {
            self.disarm(&it);
        }
    }

    /// Arms and lists `dir` and every directory below it that is not excluded.
    pub(super) fn cover(&mut self, dir: &Path, walk: &Walk<'_>) -> Covered {
        let mut covered = Covered::default();
        let mut steps = vec![Step { dir: dir.to_owned(), arm: true, dev: None }];
        while let Some(mut step) = steps.pop() {
            let Some(standing) = Standing::at(&step.dir).directory() else { continue };
            if step.arm {
                let armed = self.arm_as_is(&step.dir, step.dev != Some(standing.dev()));
                match armed.map_err(|it| why_uncovered(it, step.dir == walk.root)) {
                    Ok(()) => (),
                    Err(Some(why)) => {
                        step.arm = false;
                        covered.uncovered.push((step.dir.clone(), why));
                    }
                    Err(None) => continue,
                }
            }
            if step.arm || walk.files {
                list(&step, standing.dev(), walk, &mut covered, &mut steps);
            }
        }
        covered
    }

    /// Arms `dir` alone, if it is not armed as the directory that stands there now. Whether it is armed then.
    pub(super) fn keep_armed(&mut self, dir: &Path) -> bool {
        let Some(standing) = Standing::at(dir).directory() else { return false };
        if self.armed(dir).is_some_and(|it| it.is_same_directory(&standing)) {
            return true;
        }
        self.disarm(dir);
        self.arm_as_is(dir, false).is_ok()
    }

    fn arm_as_is(&mut self, dir: &Path, ask_file_system: bool) -> Result<(), ArmError> {
        if let Some(why) = ask_file_system.then(|| limits::remote(dir)).flatten() {
            return Err(ArmError::Uncovered(why));
        }
        // A directory that never stands still is told of again and again: each time is another try.
        for _ in 0..3 {
            let before = Standing::at(dir).directory().ok_or(ArmError::Gone)?;
            self.arm(dir, before)?;
            match Standing::at(dir).directory() {
                Some(after) if after.is_same_directory(&before) => return Ok(()),
                _ => self.disarm(dir),
            }
        }
        Err(ArmError::Gone)
    }

    fn arm(&mut self, dir: &Path, identity: Identity) -> Result<(), ArmError> {
        if let Some(former) = self.by_inode.get(&identity.inode()).filter(|it| *it != dir).cloned()
        {
            self.disarm(&former);
        }
        if self.armed.get(dir).is_some_and(|it| !it.is_same_directory(&identity)) {
            self.disarm(dir);
        }
        let Some(hints) = &mut self.hints else {
            return Err(ArmError::Uncovered(self.why_none.clone()));
        };
        let armed = hints.arm(dir);
        self.dead |= armed == Err(ArmError::Dead);
        armed?;
        self.armed.insert(dir.to_owned(), identity);
        self.by_inode.insert(identity.inode(), dir.to_owned());
        Ok(())
    }

    fn disarm(&mut self, dir: &Path) {
        let Some(identity) = self.armed.remove(dir) else { return };
        if self.by_inode.get(&identity.inode()).is_some_and(|it| it == dir) {
            self.by_inode.remove(&identity.inode());
        }
        if let Some(hints) = &mut self.hints {
            hints.disarm(dir);
        }
    }
}

/// Why a directory has to be polled, if it has to. A root that may not be read is told of, a directory in it
/// is left to whoever looks: nothing in it could be looked at.
fn why_uncovered(error: ArmError, is_root: bool) -> Option<String> {
    match error {
        ArmError::Uncovered(why) => Some(why),
        ArmError::Dead => {
            Some("the source of events broke, another one is being opened".to_owned())
        }
        ArmError::Denied if is_root => {
            Some("the daemon may not read its directory; give it the right to".to_owned())
        }
        ArmError::Denied | ArmError::Gone => None,
    }
}

/// One directory: its files into `covered`, its directories into `steps`.
fn list(step: &Step, dev: u64, walk: &Walk<'_>, covered: &mut Covered, steps: &mut Vec<Step>) {
    let Ok(entries) = fs::read_dir(&step.dir) else { return };
    // An entry that cannot be read any more is one that changes: a hint tells of it.
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if relative(walk.root, &path).is_none_or(|it| walk.globs.is_excluded(&it)) {
            continue;
        }
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            steps.push(Step { dir: path, arm: step.arm, dev: Some(dev) });
        } else if walk.files {
            covered.files.push(path);
        }
    }
}

/// `None`: it is the root itself, not in it, or too long for a tool.
pub(super) fn relative(root: &Path, path: &Path) -> Option<RelPath> {
    let below = path.strip_prefix(root).ok()?;
    RelPath::new(below.as_os_str().as_encoded_bytes()).ok()
}
