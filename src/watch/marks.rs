//! The quiet window: which paths wait, and until when. Pure: the time is an argument. Merges what
//! it is told of the same path, drops nothing, and looks at nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::hints::Urgency;
use crate::model::{Dirty, RootName, ToolId};

/// Nothing more was heard of a path for so long: whoever wrote is done, or pauses.
pub(super) const QUIET: Duration = Duration::from_millis(10);
/// A path that is never quiet is handed over all the same.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// More paths than this in one root: one scan of it is cheaper.
const MOST_MARKS: usize = 100_000;

/// What waits in one root.
#[derive(Debug)]
pub(super) struct Marks {
    root: RootName,
    waiting: BTreeMap<What, Mark>,
    queue: BTreeSet<(Instant, What)>,
    /// When the oldest of the marks handed over since the last question was made.
    heard: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Root,
    Path(ToolId),
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    first: Instant,
    due: Instant,
}

impl Marks {
    pub(super) fn new(root: RootName) -> Self {
        Self { root, waiting: BTreeMap::new(), queue: BTreeSet::new(), heard: None }
    }

    pub(super) fn path(&mut self, path: ToolId, urgency: Urgency, now: Instant) {
        if self.waiting.len() >= MOST_MARKS {
            self.clear();
            return self.whole_root(now);
        }
        self.mark(What::Path(path), urgency, now);
    }

    pub(super) fn whole_root(&mut self, now: Instant) {
        self.mark(What::Root, Urgency::Now, now);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.queue.clear();
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.queue.first().map(|it| it.0)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Dirty {
        let mut dirty = Dirty::default();
        while self.queue.first().is_some_and(|it| it.0 <= now) {
            let Some((_, what)) = self.queue.pop_first() else { break };
            if let Some(mark) = self.waiting.remove(&what) {
                self.note(mark);
            }
            self.put(what, &mut dirty);
        }
        dirty
    }

    pub(super) fn take_all(&mut self) -> Dirty {
        let mut dirty = Dirty::default();
        let waiting = std::mem::take(&mut self.waiting);
        self.queue.clear();
        for (what, mark) in waiting {
            self.note(mark);
            self.put(what, &mut dirty);
        }
        dirty
    }

    /// When the oldest of what was taken since the last question was first heard of.
    pub(super) fn take_heard(&mut self) -> Option<Instant> {
        self.heard.take()
    }

    fn note(&mut self, mark: Mark) {
        self.heard = Some(self.heard.map_or(mark.first, |it| it.min(mark.first)));
    }

    /// The latest word on when counts, the first on how long at most.
    fn mark(&mut self, what: What, urgency: Urgency, now: Instant) {
        let before = self.waiting.get(&what).copied();
        let first = before.map_or(now, |it| it.first);
        let due = match urgency {
            Urgency::Now => now,
            Urgency::Quiet => (now + QUIET).min(first + PATIENCE),
        };
        if let Some(before) = before {
            self.queue.remove(&(before.due, what.clone()));
        }
        self.queue.insert((due, what.clone()));
        self.waiting.insert(what, Mark { first, due });
    }

    fn put(&self, what: What, dirty: &mut Dirty) {
        match what {
            What::Root => dirty.roots.insert(self.root.clone()),
            What::Path(path) => dirty.paths.insert(path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> (Marks, Instant) {
        (Marks::new(RootName::new("t").unwrap()), Instant::now())
    }

    fn id(text: &str) -> ToolId {
        text.parse().unwrap()
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_finished_write_is_due_at_once_and_an_unfinished_one_when_it_is_quiet() {
        let (mut marks, start) = marks();
        marks.path(id("t/done"), Urgency::Now, start);
        marks.path(id("t/more"), Urgency::Quiet, start);
        assert_eq!(marks.take_due(start).paths, [id("t/done")].into());
        assert_eq!(marks.next_due(), Some(start + ms(10)));
        assert!(marks.take_due(start + ms(9)).is_empty());
        assert_eq!(marks.take_due(start + ms(10)).paths, [id("t/more")].into());
        assert_eq!(marks.next_due(), None);
    }

    #[test]
    fn the_latest_word_counts() {
        let (mut marks, start) = marks();
        marks.path(id("t/a"), Urgency::Quiet, start);
        marks.path(id("t/a"), Urgency::Quiet, start + ms(8));
        assert!(marks.take_due(start + ms(12)).is_empty());
        marks.path(id("t/a"), Urgency::Now, start + ms(13));
        assert_eq!(marks.take_due(start + ms(13)).paths.len(), 1);
        marks.path(id("t/a"), Urgency::Now, start + ms(20));
        marks.path(id("t/a"), Urgency::Quiet, start + ms(20));
        assert!(marks.take_due(start + ms(20)).is_empty());
        assert_eq!(marks.take_due(start + ms(30)).paths.len(), 1);
    }

    #[test]
    fn a_path_that_is_never_quiet_is_due_after_the_patience() {
        let (mut marks, start) = marks();
        for at in (0..500).step_by(5) {
            marks.path(id("t/log"), Urgency::Quiet, start + ms(at));
            assert!(marks.take_due(start + ms(at)).is_empty(), "{at}");
        }
        assert_eq!(marks.next_due(), Some(start + PATIENCE));
        assert_eq!(marks.take_due(start + PATIENCE).paths.len(), 1);
        marks.path(id("t/log"), Urgency::Quiet, start + ms(505));
        assert_eq!(marks.next_due(), Some(start + ms(515)), "a new wait begins");
    }

    #[test]
    fn all_can_be_taken_before_it_is_due() {
        let (mut marks, start) = marks();
        marks.path(id("t/a"), Urgency::Quiet, start);
        marks.whole_root(start);
        let all = marks.take_all();
        assert_eq!((all.paths.len(), all.roots.len()), (1, 1));
        assert_eq!(marks.next_due(), None);
        assert!(marks.take_all().is_empty());
    }

    #[test]
    fn too_many_paths_become_their_root() {
        let (mut marks, start) = marks();
        for at in 0..=MOST_MARKS {
            marks.path(id(&format!("t/{at}")), Urgency::Quiet, start);
        }
        let all = marks.take_due(start);
        assert_eq!((all.paths.len(), all.roots.len()), (0, 1));
    }
}
