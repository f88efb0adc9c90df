//! From hints to marks: what a hint may mean for directories is seen to first (forget, arm, list),
//! then its path waits in the quiet window. Believes no hint: what stands at a path is looked up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    hints::{Hint, Shape, Urgency},
    identity::Standing,
    run::Runner,
};

impl Runner {
    pub(super) fn heed(&mut self, hints: BTreeMap<PathBuf, Hint>, now: Instant) {
        let mut to_cover: Vec<(usize, PathBuf)> = Vec::new();
        let mut whole: Vec<usize> = Vec::new();
        for (path, hint) in hints {
            let Some(at) = self.places.iter().position(|it| path.starts_with(&it.root.path)) else {
                continue;
            };
            if self.places.get(at).is_some_and(|it| it.here.is_none() || it.root.path == path) {
                if hint.shape == Shape::Names || self.access_changed(&path) {
                    self.forget(at, &path);
                    whole.push(at);
                }
            } else if self.heed_one(at, &path, hint, now) {
                to_cover.push((at, path));
            }
        }
        whole.dedup();
        for at in &whole {
            self.readopt(*at, now);
        }
        // In order, so what is covered already comes directly before what lies below it.
        to_cover.dedup_by(|below, above| below.1.starts_with(&above.1));
        to_cover.retain(|it| !whole.contains(&it.0));
        for (at, dir) in to_cover {
            self.cover(at, &dir, now);
        }
    }

    /// Marks the path, unless a directory stands there: whether it has to be covered.
    fn heed_one(&mut self, at: usize, path: &Path, hint: Hint, now: Instant) -> bool {
        let Some(place) = self.places.get_mut(at) else { return false };
        let Some(relative) = place.relative(path) else { return false };
        if relative.as_bytes() == b".git" {
            place.find_git();
        }
        if place.root.globs.is_excluded(&relative) {
            return false;
        }
        if hint.shape == Shape::Content {
            place.mark_file(&relative, hint.urgency, now);
            return false;
        }
        let standing = Standing::at(path);
        match standing {
            Standing::Directory(_) => {
                if hint.shape == Shape::Attributes && !self.access_changed(path) {
                    return false;
                }
            }
            Standing::Nothing => place.mark(&relative, hint.urgency, now),
            Standing::Other => place.mark_file(&relative, hint.urgency, now),
        }
        self.forget(at, path);
        standing.directory().is_some()
    }

    /// Whether `dir` is not armed as it stands there now, mode and owner included.
    fn access_changed(&self, dir: &Path) -> bool {
        Standing::at(dir).directory().as_ref() != self.ground.armed(dir)
    }

    pub(super) fn forget(&mut self, at: usize, dir: &Path) {
        self.ground.forget(dir);
        if let Some(place) = self.places.get_mut(at) {
            place.forget_uncovered(dir);
        }
    }

    /// Arms and lists, and marks what is found: it may have been written before anybody listened.
    pub(super) fn cover(&mut self, at: usize, dir: &Path, now: Instant) {
        let Some(place) = self.places.get_mut(at) else { return };
        let covered = self.ground.cover(dir, &place.walk(true));
        if let Some(relative) = place.relative(dir) {
            place.mark(&relative, Urgency::Quiet, now);
        }
        for file in &covered.files {
            if let Some(relative) = place.relative(file) {
                place.mark_file(&relative, Urgency::Quiet, now);
            }
        }
        place.uncovered.extend(covered.uncovered);
    }
}
