//! A daemon in a box: loop, log, files and socket.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    client::{self, Reply},
    memory::{MemoryLog, MemoryTree, Thing, Ticking},
};
use crate::{
    access::Access,
    model::{Cause, Dirty, RootName, ToolId},
    ports::Notice,
    reconcile::{self, Handle, RootRules, Rules, Running, Setup, World},
    roots::{Globs, WatchedRoot},
    socket::{KeyFacts, Limits, Reconfigured, RootFacts, Service, Settings, Socket, serve},
};

pub(super) struct Rig {
    pub(super) service: Arc<Service>,
    pub(super) handle: Handle,
    pub(super) stop: CancellationToken,
    served: JoinSet<std::io::Result<()>>,
    pub(super) log: MemoryLog,
    files: MemoryTree,
    notice: Arc<dyn Notice>,
    running: Option<Running>,
    folder: tempfile::TempDir,
    reload_errors: Arc<Mutex<Vec<String>>>,
}

pub(super) fn id(text: &str) -> ToolId {
    text.parse().unwrap()
}

pub(super) fn limits() -> Limits {
    Limits { drain_time: Duration::from_secs(20), ..Limits::default() }
}

pub(super) fn ourselves() -> Access {
    Access::of_daemon(nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw())
}

fn settings(access: Access, limits: Limits) -> Settings {
    let root = RootFacts {
        name: RootName::new("tools").unwrap(),
        path: PathBuf::from("/srv/tools"),
        writable: Ok(()),
    };
    let level = KeyFacts {
        key: "log.level".to_owned(),
        value: Some("\"info\"".to_owned()),
        origin: "default".to_owned(),
        restart: false,
        after_restart: None,
    };
    Settings { access, limits, roots: vec![root], keys: vec![level] }
}

impl Rig {
    /// These files are there at the first scan.
    pub(super) async fn with(files: &[(&str, &str)]) -> Self {
        Self::limited(files, limits()).await
    }

    pub(super) async fn limited(files: &[(&str, &str)], limits: Limits) -> Self {
        let rig = Self::unloaded(files, limits);
        rig.service.loaded(rig.handle.clone());
        rig.handle.rescan(Vec::new(), false).await.unwrap();
        rig
    }

    /// The socket is there, the state is not loaded yet.
    pub(super) fn unloaded(files: &[(&str, &str)], limits: Limits) -> Self {
        let (tree, log) = (MemoryTree::default(), MemoryLog::default());
        for (name, text) in files {
            let thing = Thing::File { bytes: text.as_bytes().to_vec(), executable: false };
            tree.0.lock().unwrap().insert(id(name), thing);
        }
        let (handle, running, notice) = looping(&log, &tree);
        let reload_errors: Arc<Mutex<Vec<String>>> = Arc::default();
        let errors = Arc::clone(&reload_errors);
        let reload = Box::new(move || -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
            let errors = errors.lock().unwrap().clone();
            Box::pin(async move {
                if !errors.is_empty() {
                    return Err(errors);
                }
                let settings = settings(ourselves(), limits);
                let changed = vec!["log.level".to_owned()];
                Ok(Reconfigured { settings, changed, needs_restart: vec!["socket".to_owned()] })
            })
        });
        let service = Arc::new(Service::new(settings(ourselves(), limits), reload));
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::bind(&folder.path().join("s"), 0o660).unwrap();
        let stop = CancellationToken::new();
        let mut served = JoinSet::new();
        served.spawn(serve(socket, Arc::clone(&service), stop.clone()));
        Self {
            service,
            handle,
            stop,
            served,
            log,
            files: tree,
            notice,
            running: Some(running),
            folder,
            reload_errors,
        }
    }

    /// Waits until nothing is served any more.
    pub(super) async fn end(&mut self) {
        self.served.join_next().await.unwrap().unwrap().unwrap();
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub(super) fn access(&self, access: Access) {
        self.service.configure(settings(access, self.service.limits()));
    }

    pub(super) fn reload_fails(&self, errors: &[&str]) {
        *self.reload_errors.lock().unwrap() = errors.iter().map(ToString::to_string).collect();
    }

    fn put(&self, name: &str, thing: Option<Thing>) {
        match thing {
            Some(thing) => drop(self.files.0.lock().unwrap().insert(id(name), thing)),
            None => drop(self.files.0.lock().unwrap().remove(&id(name))),
        }
        self.notice.dirty(Dirty::path(id(name)), Vec::new());
    }

    pub(super) async fn save(&self, name: &str, text: impl AsRef<[u8]>) {
        let bytes = text.as_ref().to_vec();
        self.put(name, Some(Thing::File { bytes, executable: false }));
        self.settle().await;
    }

    pub(super) async fn remove(&self, name: &str) {
        self.put(name, None);
        self.settle().await;
    }

    pub(super) async fn place(&self, name: &str, cause: Cause) {
        self.put(name, Some(Thing::Odd(cause)));
        self.settle().await;
    }

    pub(super) fn begin_writing(&self, name: &str) {
        self.put(name, Some(Thing::BeingWritten));
    }

    /// While the answer lives, nobody can look at a file; a hint makes somebody try.
    pub(super) fn hold_files(&self, name: &str) -> impl Sized + '_ {
        let held = self.files.0.lock().unwrap();
        self.notice.dirty(Dirty::path(id(name)), Vec::new());
        held
    }

    async fn settle(&self) {
        let synced = self.handle.sync(Duration::from_secs(20)).await.unwrap();
        assert!(!synced.timed_out, "{synced:?}");
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, b"").await
    }

    /// The JSON of an answer that must be a good one.
    pub(super) async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {:?}", reply.body);
        reply.json()
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let request = client::whole(client::request(method, path, body), body);
        client::send(&self.socket(), request).await
    }

    pub(super) async fn get_with(&self, path: &str, header: &str, value: &str) -> Reply {
        let request = client::request("GET", path, b"").header(header, value);
        client::send(&self.socket(), client::whole(request, b"")).await
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.stop().unwrap();
        }
    }
}

fn looping(log: &MemoryLog, tree: &MemoryTree) -> (Handle, Running, Arc<dyn Notice>) {
    let world = World {
        log: Box::new(log.clone()),
        archive: Arc::new(log.clone()),
        tree: Box::new(tree.clone()),
        clock: Arc::new(Ticking::default()),
        works: super::stage::works(tree),
    };
    let day = Duration::from_hours(24);
    let settings = reconcile::Settings { audit: reconcile::Audit { walk: day, rehash: day } };
    // Hints are handed in by the test itself, so that a barrier is round as soon as it is raised.
    let notice: Arc<OnceLock<Arc<dyn Notice>>> = Arc::default();
    let raised = Arc::clone(&notice);
    let raise = move |number| {
        let notice = raised.get().unwrap();
        notice.dirty(Dirty::default(), vec![number]);
    };
    let (handle, running, told) = reconcile::start(world, settings, raise, || ()).unwrap();
    assert!(notice.set(Arc::clone(&told)).is_ok());
    let name = RootName::new("tools").unwrap();
    let globs = Arc::new(Globs::standard().unwrap());
    let rules = RootRules::new(Arc::clone(&globs));
    let root = WatchedRoot {
        name: name.clone(),
        path: PathBuf::from("/srv/tools"),
        globs,
        file_size: 16 << 20,
    };
    running.configure(Setup {
        rules: Rules { roots: [(name.clone(), rules)].into(), ..Rules::default() },
        roots: vec![root],
        manifests: Vec::new(),
        audit: None,
    });
    told.watching(&name, crate::ports::Watching::Events);
    (handle, running, told)
}
