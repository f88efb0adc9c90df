//! File systems to put a root on, and mounts that nobody else sees.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Where temporary files lie: ext4, as a rule.
    Disk,
    /// tmpfs.
    Memory,
    /// overlayfs; needs [`private`].
    Overlay,
}

/// A directory on a file system of its kind.
pub(crate) struct Ground {
    pub(crate) path: PathBuf,
    mounts: Vec<PathBuf>,
    #[expect(dead_code, reason = "removed when dropped")]
    home: TempDir,
}

impl Ground {
    pub(crate) fn new(kind: Kind) -> Self {
        let shared_memory = Path::new("/dev/shm");
        let home = match kind {
            Kind::Memory if shared_memory.is_dir() => TempDir::new_in(shared_memory),
            Kind::Disk | Kind::Memory | Kind::Overlay => TempDir::new(),
        };
        let home = home.unwrap();
        let path = home.path().canonicalize().unwrap();
        let mut ground = Self { path, mounts: Vec::new(), home };
        if kind == Kind::Overlay {
            ground.lay_over();
        }
        ground
    }

    /// Below `lower`, above `upper`; both are beside `merged`, which becomes the ground. The directory `below` holds
    /// files of the lower layer.
    fn lay_over(&mut self) {
        for name in ["lower/tools", "lower/below", "upper", "work", "merged"] {
            fs::create_dir_all(self.path.join(name)).unwrap();
        }
        for (name, text) in [("x.py", "one\n"), ("gone.py", "gone\n")] {
            fs::write(self.path.join("lower/below").join(name), text).unwrap();
        }
        let [lower, upper, work, merged] =
            ["lower", "upper", "work", "merged"].map(|it| self.path.join(it));
        lay_over(&lower, &upper, &work, &merged).unwrap();
        self.mounts.push(merged.clone());
        self.path = merged;
    }

    /// The layers of an overlay: `lower` or `upper`.
    pub(crate) fn layer(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for mount in self.mounts.drain(..).rev() {
            if let Err(error) = umount2(&mount, MntFlags::MNT_DETACH) {
                println!("{} stays mounted: {error}", mount.display());
            }
        }
    }
}

pub(crate) fn lay_over(lower: &Path, upper: &Path, work: &Path, merged: &Path) -> nix::Result<()> {
    let [lower, upper, work] = [lower, upper, work].map(|it| it.display());
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    mount(Some("overlay"), merged, Some("overlay"), MsFlags::empty(), Some(&*options))
}

pub(crate) fn mount_memory(at: &Path, options: &str) {
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(options)).unwrap();
}

pub(crate) fn bind(from: &Path, at: &Path) {
    mount(Some(from), at, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

pub(crate) fn unmount(at: &Path) {
    umount2(at, MntFlags::MNT_DETACH).unwrap();
}

/// Runs the test on a thread with a mount namespace of its own, which the daemons that it starts share. Who may
/// not mount cannot run it, and is told so.
pub(crate) fn private(test: impl FnOnce() + Send) {
    let ran = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if let Err(error) = unshare(CloneFlags::CLONE_NEWNS) {
                println!("SKIPPED: it takes the right to mount file systems ({error})");
                return;
            }
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
            test();
        });
        thread.join()
    });
    if let Err(panic) = ran {
        std::panic::resume_unwind(panic);
    }
}
