//! A stand-in for the loop: looks at every path the moment it is handed over and remembers what it
//! saw. If what it saw last is what stands on disk, no hint was lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use knowngood::{
    model::{Dirty, RelPath, RootName, ToolId},
    ports::{BarrierNo, Notice, Watching},
    roots::{Globs, WatchedRoot},
    watch::{Watch, WatchSettings},
};

/// Longer than anything here takes, unless it never happens.
const NEVER: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(crate) struct Looker {
    roots: Mutex<BTreeMap<RootName, PathBuf>>,
    log: Mutex<Log>,
    bell: Condvar,
}

/// All that was told, and what was seen because of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) seen: BTreeMap<ToolId, Vec<u8>>,
    /// One for each batch.
    pub(crate) batches: Vec<Dirty>,
    pub(crate) scans: usize,
    pub(crate) barriers: BTreeSet<BarrierNo>,
    pub(crate) watching: Vec<Watching>,
    pub(crate) overflows: usize,
    pub(crate) root_changes: Vec<bool>,
}

impl Notice for Looker {
    fn dirty(&self, dirty: Dirty, barriers: Vec<BarrierNo>) {
        let roots = self.roots.lock().unwrap().clone();
        let mut log = self.log.lock().unwrap();
        for root in &dirty.roots {
            log.scans += 1;
            log.seen.retain(|it, _| !it.is_in(root));
            log.seen.extend(on_disk(root, &roots[root]));
        }
        for path in &dirty.paths {
            let below: Vec<ToolId> =
                log.seen.keys().filter(|it| it.is_under(path)).cloned().collect();
            for id in below.into_iter().chain([path.clone()]) {
                match fs::read(place(&roots[&id.root()], &id)) {
                    Ok(bytes) => log.seen.insert(id, bytes),
                    Err(_) => log.seen.remove(&id),
                };
            }
        }
        log.batches.push(dirty);
        log.barriers.extend(barriers);
        self.bell.notify_all();
    }

    fn watching(&self, _: &RootName, state: Watching) {
        self.log.lock().unwrap().watching.push(state);
        self.bell.notify_all();
    }

    fn overflowed(&self) {
        self.log.lock().unwrap().overflows += 1;
        self.bell.notify_all();
    }

    fn root_changed(&self, _: &RootName, there: bool) {
        self.log.lock().unwrap().root_changes.push(there);
        self.bell.notify_all();
    }
}

impl Looker {
    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it holds.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Log) -> bool) {
        let start = Instant::now();
        let mut log = self.log.lock().unwrap();
        while !holds(&log) {
            assert!(
                start.elapsed() < NEVER,
                "never came: {what}; the last of it: {:?}",
                tail(&log)
            );
            log = self.bell.wait_timeout(log, Duration::from_secs(1)).unwrap().0;
        }
    }
}

fn tail(log: &Log) -> (Vec<&Dirty>, usize, &[Watching], &[bool]) {
    let batches = log.batches.iter().rev().take(3).collect();
    (batches, log.scans, &log.watching, &log.root_changes)
}

fn place(root: &Path, id: &ToolId) -> PathBuf {
    root.join(std::ffi::OsStr::from_bytes(id.path().as_bytes()))
}

fn on_disk(name: &RootName, root: &Path) -> BTreeMap<ToolId, Vec<u8>> {
    let globs = Globs::standard().unwrap();
    let mut out = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                dirs.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                let below = path.strip_prefix(root).unwrap().as_os_str().as_bytes();
                let below = RelPath::new(below).unwrap();
                if !globs.is_excluded(&below) {
                    out.insert(ToolId::new(name, &below), bytes);
                }
            }
        }
    }
    out
}

/// One root `t` in a directory of its own, watched by the real thing.
pub(crate) struct Scene {
    pub(crate) home: tempfile::TempDir,
    pub(crate) root: PathBuf,
    pub(crate) looker: Arc<Looker>,
    pub(crate) watch: Watch,
    pub(crate) watched: WatchedRoot,
    barrier: AtomicU64,
}

impl Scene {
    /// Where the system puts temporary files.
    pub(crate) fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), WatchSettings::default())
    }

    /// `home/root` is watched; it is made unless it is there.
    pub(crate) fn at(home: tempfile::TempDir, settings: WatchSettings) -> Self {
        fs::create_dir_all(home.path().join("root")).unwrap();
        let scene = Self::waiting(home, settings);
        scene.looker.wait("the root is armed", |it| it.scans > 0);
        scene
    }

    /// The same, but the root may be absent.
    pub(crate) fn waiting(home: tempfile::TempDir, settings: WatchSettings) -> Self {
        let home_path = home.path().canonicalize().unwrap();
        let root = home_path.join("root");
        let looker = Arc::new(Looker::default());
        let name = RootName::new("t").unwrap();
        looker.roots.lock().unwrap().insert(name.clone(), root.clone());
        let globs = Arc::new(Globs::standard().unwrap());
        let watched = WatchedRoot { name, path: root.clone(), globs, file_size: 1 << 24 };
        let cookies = home_path.join("state/cookies");
        let notice: Arc<dyn Notice> = looker.clone();
        let watch = Watch::start(vec![watched.clone()], &cookies, notice, settings).unwrap();
        Self { home, root, looker, watch, watched, barrier: AtomicU64::new(0) }
    }

    pub(crate) fn barrier(&self) {
        let no = self.barrier.fetch_add(1, Ordering::Relaxed);
        self.watch.barrier(no);
        self.looker.wait("the barrier", |it| it.barriers.contains(&no));
    }

    /// What was seen last at a path.
    pub(crate) fn seen(&self, path: &str) -> Option<Vec<u8>> {
        self.looker.log.lock().unwrap().seen.get(&id(path)).cloned()
    }

    pub(crate) fn wait_seen(&self, path: &str, content: &str) {
        self.looker.wait(&format!("{path} with {content:?}"), |it| {
            it.seen.get(&id(path)).is_some_and(|it| it == content.as_bytes())
        });
    }

    /// Paths whose last sight is not what stands there.
    pub(crate) fn wrong(&self) -> Vec<ToolId> {
        let disk = on_disk(&RootName::new("t").unwrap(), &self.root);
        let seen = self.looker.log().seen;
        let differs = |it: &&ToolId| disk.get(*it) != seen.get(*it);
        let all: BTreeSet<&ToolId> = disk.keys().chain(seen.keys()).collect();
        all.into_iter().filter(differs).cloned().collect()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        fs::write(self.root.join(path), content).unwrap();
    }
}

pub(crate) fn id(path: &str) -> ToolId {
    format!("t/{path}").parse().unwrap()
}
