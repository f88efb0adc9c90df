//! notify 8.2.2 as a source of hints. Pinned, because what makes it safe is how its inotify loop
//! behaves; a newer one has to be read again. Only non-recursive watches are used: recursive
//! ones lose what is written into a new or renamed directory before its watch exists.
//!
//! What is known of its loop (one thread):
//! - it reads events until the queue is empty and calls the handler for each; only then does it remove the
//!   watches of directories that were told to be moved away or deleted, **by path**, with everything below
//!   that path; only after that does it take requests (`watch`, `unwatch`). So a request sent because
//!   of an event is served after the removals which that event caused;
//! - such a removal hits whatever the path is armed with by now, also a directory that just took the place of
//!   the one that went. That is harmless here, since the handler heard of the same path before: it
//!   is armed again afterwards;
//! - it knows one path for a watched directory (the kernel gives one descriptor to one inode), and keeps
//!   a former path as a trap: an event about it ends the watch of the new one. `ground` therefore disarms
//!   the old path before it arms an inode under a new one;
//! - an overflow comes as `Rescan` without paths, and nothing is repaired;
//! - each removal goes through all it watches, so removing 2,000 directories keeps it busy for 0.5 s and 20,000
//!   for 40 s; barriers that wait longer than they may are then answered by looking at everything;
//! - if its thread is dead, every call panics, and dropping it too.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use notify::{
    Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};

use super::{
    hints::{ArmError, Hint, Hints, OpenError, Shape, Source, Urgency},
    inbox::Ear,
    limits,
};

#[derive(Debug)]
pub(super) struct Notified;

struct Armory {
    watcher: Option<RecommendedWatcher>,
}

impl Source for Notified {
    fn open(&self, ear: Ear) -> Result<Box<dyn Hints>, OpenError> {
        let handler = move |heard: notify::Result<Event>| hear(&ear, heard);
        match RecommendedWatcher::new(handler, Config::default()) {
            Ok(watcher) => Ok(Box::new(Armory { watcher: Some(watcher) })),
            Err(error) => Err(OpenError(limits::no_instance(&error.to_string()))),
        }
    }
}

impl Hints for Armory {
    fn arm(&mut self, dir: &Path) -> Result<(), ArmError> {
        let Some(watcher) = &mut self.watcher else { return Err(ArmError::Dead) };
        let armed =
            catch_unwind(AssertUnwindSafe(|| watcher.watch(dir, RecursiveMode::NonRecursive)));
        match armed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(arm_error(&error)),
            Err(_) => Err(ArmError::Dead),
        }
    }

    fn disarm(&mut self, dir: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        // An error says that it was not armed; a panic shows itself at the next arming.
        drop(catch_unwind(AssertUnwindSafe(|| watcher.unwatch(dir))));
    }
}

impl Drop for Armory {
    fn drop(&mut self) {
        let watcher = self.watcher.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(watcher))));
    }
}

fn arm_error(error: &notify::Error) -> ArmError {
    match &error.kind {
        ErrorKind::PathNotFound => ArmError::Gone,
        ErrorKind::MaxFilesWatch => ArmError::Uncovered(limits::too_many_watches()),
        ErrorKind::Io(error) if is_gone(error) => ArmError::Gone,
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => ArmError::Denied,
        ErrorKind::Io(_)
        | ErrorKind::Generic(_)
        | ErrorKind::WatchNotFound
        | ErrorKind::InvalidConfig(_) => {
            ArmError::Uncovered(format!("it cannot be watched: {error}"))
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn hear(ear: &Ear, heard: notify::Result<Event>) {
    let Ok(event) = heard else { return ear.broken() };
    if event.need_rescan() {
        return ear.overflowed();
    }
    if let Some(hint) = hint(event.kind) {
        event.paths.into_iter().for_each(|path| ear.hint(path, hint));
    }
}

fn hint(kind: EventKind) -> Option<Hint> {
    let (urgency, shape) = match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => (Urgency::Now, Shape::Content),
        // Our own looking opens files and directories. Both halves of a rename came by themselves.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            return None;
        }
        EventKind::Modify(ModifyKind::Data(_)) => (Urgency::Quiet, Shape::Content),
        EventKind::Modify(ModifyKind::Metadata(_)) => (Urgency::Quiet, Shape::Attributes),
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => {
            (Urgency::Now, Shape::Names)
        }
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => {
            (Urgency::Quiet, Shape::Names)
        }
    };
    Some(Hint { urgency, shape })
}
