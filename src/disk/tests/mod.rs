//! The rules of looking and walking, each on real files.

mod escape;
mod odd;
mod remember;
mod roots;
mod scale;
mod settle;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sha2::Digest as _;
use tempfile::TempDir;

use super::*;
use crate::{
    model::{Digest, RelPath},
    ports::{FileSeen, Packed, Remembered, Sight, StoreError},
    roots::Globs,
};

const LIMIT: u64 = 1 << 20;
/// As long as a test waits for a fact.
const DEADLINE: Duration = Duration::from_secs(20);

/// A root in a directory of its own, and the disk that looks at it.
struct Bench {
    directory: TempDir,
    disk: Disk,
    known: HashSet<ToolId>,
    memory: Arc<Notebook>,
}

/// Contents as they are.
struct Plain;

#[derive(Default)]
struct Notebook {
    entries: Mutex<BTreeMap<ToolId, Remembered>>,
    saved: Mutex<Vec<(usize, usize)>>,
}

impl Pack for Plain {
    fn pack(&self, digest: Digest, bytes: &[u8]) -> Packed {
        Packed { digest, size: bytes.len() as u64, codec: 0, bytes: bytes.to_vec() }
    }
}

impl Memory for Notebook {
    fn load(&self) -> Result<Vec<Remembered>, StoreError> {
        Ok(self.entries.lock().unwrap().values().cloned().collect())
    }

    fn save(&self, known: &[Remembered], gone: &[ToolId]) -> Result<(), StoreError> {
        let mut entries = self.entries.lock().unwrap();
        entries.extend(known.iter().map(|it| (it.tool.clone(), it.clone())));
        entries.retain(|it, _| !gone.contains(it));
        self.saved.lock().unwrap().push((known.len(), gone.len()));
        Ok(())
    }
}

impl Bench {
    fn new() -> Self {
        static SIGNALS: Once = Once::new();
        SIGNALS.call_once(|| ignore_lease_signals().unwrap());
        let directory = TempDir::new().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        let memory = Arc::new(Notebook::default());
        let mut disk = Disk::new(Arc::new(Plain), memory.clone());
        disk.set_roots(&[watched(&directory.path().join("root"))]);
        Self { directory, disk, known: HashSet::new(), memory }
    }

    /// Another disk on the same root, with what the first one saved.
    fn restart(&mut self) {
        self.disk = Disk::new(Arc::new(Plain), self.memory.clone());
        self.disk.set_roots(&[watched(&self.root())]);
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn path(&self, path: impl AsRef<[u8]>) -> PathBuf {
        self.root().join(std::ffi::OsStr::from_bytes(path.as_ref()))
    }

    fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn know(&mut self, path: impl AsRef<[u8]>) {
        self.known.insert(id(path));
    }

    fn look(&mut self, path: impl AsRef<[u8]>) -> Sight {
        self.settled(path, false)
    }

    fn fresh(&mut self, path: impl AsRef<[u8]>) -> Sight {
        self.settled(path, true)
    }

    /// Asks again while it is unsettled: another test that starts a process shares our descriptors with it for a moment.
    fn settled(&mut self, path: impl AsRef<[u8]>, fresh: bool) -> Sight {
        wait_for(|| {
            let sight = self.glance(path.as_ref(), fresh);
            (sight != Sight::Unsettled).then_some(sight)
        })
    }

    /// One look.
    fn glance(&mut self, path: impl AsRef<[u8]>, fresh: bool) -> Sight {
        let wanted = [Glance { tool: id(path), firm: false, fresh }];
        let mut seen = self.disk.look(&wanted, &|it| self.known.contains(it));
        seen.remove(0).sight
    }

    /// Looks until the file's stat is trusted.
    fn remember(&mut self, path: impl AsRef<[u8]>) -> FileSeen {
        wait_for(|| file(self.look(path.as_ref())).filter(|it| it.content.is_none()))
    }

    fn walk(&mut self) -> BTreeSet<ToolId> {
        let mut walk = self.disk.walk(&name()).unwrap();
        let mut found = BTreeSet::new();
        while let Some(chunk) = walk.next_paths() {
            assert!(chunk.len() <= 64);
            for tool in chunk {
                assert!(found.insert(tool.clone()), "{tool} twice");
            }
        }
        assert!(!walk.root_lost() && walk.closed_directories().is_empty());
        found
    }
}

fn name() -> RootName {
    RootName::new("tools").unwrap()
}

fn id(path: impl AsRef<[u8]>) -> ToolId {
    ToolId::new(&name(), &RelPath::new(path.as_ref()).unwrap())
}

fn watched(path: &Path) -> WatchedRoot {
    let globs = Arc::new(Globs::standard().unwrap());
    WatchedRoot { name: name(), path: path.to_owned(), globs, file_size: LIMIT }
}

fn digest(content: impl AsRef<[u8]>) -> Digest {
    Digest(sha2::Sha256::digest(content).into())
}

fn file(sight: Sight) -> Option<FileSeen> {
    match sight {
        Sight::File(it) => Some(it),
        Sight::Gone | Sight::NotATool | Sight::Unsettled | Sight::Unreadable(_) => None,
    }
}

/// The content that was read.
fn content(sight: Sight) -> Option<Vec<u8>> {
    file(sight).and_then(|it| it.content).map(|it| it.bytes)
}

fn wait_for<T>(mut fact: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = fact() {
            return it;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain");
        thread::yield_now();
    }
}

/// Ends the other thread of a test, however the test ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs where permissions bind: root passes them by, so on a thread that is another user.
fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let it = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            work()
        });
        it.join().unwrap()
    })
}
