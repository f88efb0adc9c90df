//! Roots: taking one in, noticing that it went, came back or is another one now, and asking again
//! where no event will come. Decides nothing about the tools in it.

use std::{path::Path, time::Instant};

use super::{
    git::GitHold,
    identity::{Identity, Standing},
    mounts,
    place::Place,
    run::Runner,
};
use crate::roots::WatchedRoot;

impl Runner {
    pub(super) fn set_places(&mut self, roots: Vec<WatchedRoot>, now: Instant) {
        let former = std::mem::take(&mut self.places);
        let (kept, gone): (Vec<_>, Vec<_>) =
            former.into_iter().partition(|place| roots.iter().any(|it| place.is_as(it)));
        for place in gone {
            self.ground.forget(&place.root.path);
        }
        self.inbox.set_interest(roots.iter().map(|it| it.path.clone()).collect());
        self.places = kept;
        for root in roots {
            if let Some(place) = self.places.iter_mut().find(|it| it.is_as(&root)) {
                place.root = root;
            } else {
                self.places.push(Place::new(root));
                self.take_in(self.places.len() - 1, now);
            }
        }
    }

    fn take_in(&mut self, at: usize, now: Instant) {
        let Some(root) = self.places.get(at).map(|it| it.root.clone()) else { return };
        self.keep_above_armed(&root.path);
        match Standing::at(&root.path).directory() {
            Some(identity) => self.adopt(at, identity, now),
            None => self.notice.root_changed(&root.name, false),
        }
    }

    /// The directory above tells when the root comes or goes; without it the regular check does.
    fn keep_above_armed(&mut self, root: &Path) {
        if let Some(above) = root.parent() {
            self.ground.keep_armed(above);
        }
    }

    /// Arms all of a root and marks it as a whole: armed first, so the scan that follows misses nothing.
    fn adopt(&mut self, at: usize, identity: Identity, now: Instant) {
        let Some(place) = self.places.get_mut(at) else { return };
        place.here = Some(identity);
        place.mounts = mounts::at_or_below(&place.root.path);
        place.find_git();
        let covered = self.ground.cover(&place.root.path, &place.walk(false));
        place.uncovered = covered.uncovered.into_iter().collect();
        place.marks.whole_root(now);
    }

    /// Adopts a root anew, whatever directory stands there by now.
    pub(super) fn readopt(&mut self, at: usize, now: Instant) {
        if self.check_place(at, now) {
            return;
        }
        if let Some(identity) = self.places.get(at).and_then(|it| it.here) {
            self.adopt(at, identity, now);
        }
    }

    pub(super) fn check_places(&mut self, now: Instant) {
        let remounted = self.mounts.changed();
        for at in 0..self.places.len() {
            let changed = self.check_place(at, now);
            if remounted && !changed {
                self.check_mounts(at, now);
            }
        }
    }

    /// Whether the root's directory is another one than before, or gone, or back: then all is done.
    pub(super) fn check_place(&mut self, at: usize, now: Instant) -> bool {
        let Some(place) = self.places.get_mut(at) else { return false };
        let (name, path) = (place.root.name.clone(), place.root.path.clone());
        let (before, after) = (place.here, Standing::at(&path).directory());
        let same = match (before, &after) {
            (Some(before), Some(after)) => before.is_same_directory(after),
            (before, after) => before.is_none() && after.is_none(),
        };
        if !same {
            place.here = None;
            place.told = None;
            place.marks.clear();
            self.forget(at, &path);
        }
        self.keep_above_armed(&path);
        if let (false, Some(identity)) = (same, after) {
            self.adopt(at, identity, now);
        }
        if !same {
            self.notice.root_changed(&name, after.is_some());
        }
        !same
    }

    fn check_mounts(&mut self, at: usize, now: Instant) {
        let Some(place) = self.places.get(at) else { return };
        if mounts::at_or_below(&place.root.path) != place.mounts {
            let path = place.root.path.clone();
            self.forget(at, &path);
            self.readopt(at, now);
        }
    }

    /// Where arming failed it is tried again, and what stands there is looked at.
    pub(super) fn poll(&mut self, now: Instant) {
        if self.places.iter().all(|it| it.uncovered.is_empty()) {
            return;
        }
        if !self.ground.has_source() {
            drop(self.open());
        }
        for at in 0..self.places.len() {
            self.poll_place(at, now);
        }
    }

    fn poll_place(&mut self, at: usize, now: Instant) {
        let Some(place) = self.places.get_mut(at) else { return };
        if place.is_polled_as_a_whole() {
            return self.readopt(at, now);
        }
        for dir in std::mem::take(&mut place.uncovered).into_keys() {
            self.cover(at, &dir, now);
        }
    }
}

impl Place {
    pub(super) fn find_git(&mut self) {
        self.git = GitHold::around(&self.root.path);
    }
}
