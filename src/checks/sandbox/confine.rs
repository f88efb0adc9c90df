//! What a process gives up between its fork and its program: its session, descriptors, rights, other people's files and
//! more of everything than it was granted. Whatever it begins inherits that, and none of it can be taken back.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, Scope,
};
use rustix::{
    process::{
        Gid, Resource, Rlimit, Signal, Uid, getpid, set_child_subreaper,
        set_parent_process_death_signal, setrlimit, setsid,
    },
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};

use super::{hidden::shown, job::Limits, tree};

/// The newest that we know; an older kernel does what it can.
const KNOWN: ABI = ABI::V6;
/// What everybody may write to and nobody can fill.
const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];
/// Where a system keeps its programs and libraries, and what they need to know of it. No secret is in here.
pub(super) const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/etc/alternatives",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/perl",
    "/etc/python3",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// Everything that is asked of the kernel, prepared where there is time for it.
pub(super) struct Confinement {
    limits: Limits,
    /// How many processes its user may have, where that is counted for it.
    processes: Option<u64>,
    /// Whom it becomes.
    pub(super) user: Option<u32>,
    files: Option<RulesetCreated>,
    /// Whoever loses its parent below it becomes its child.
    adopts: bool,
}

impl Confinement {
    /// `own_namespace`: its processes are counted in a place of their own.
    pub(super) fn new(limits: Limits, user: Option<u32>, own_namespace: bool) -> Self {
        let uid = user.unwrap_or_else(|| rustix::process::geteuid().as_raw());
        // Nobody counts those of root. In a namespace of users older kernels count those outside as well.
        let counted = uid != 0 && !own_namespace;
        let processes = counted.then(|| tree::tasks_of(uid).saturating_add(limits.processes));
        Self { limits, processes, user, files: None, adopts: false }
    }

    pub(super) fn adopting(self, adopts: bool) -> Self {
        Self { adopts, ..self }
    }

    /// With Landlock: what may be read, and the directories that may be written.
    pub(super) fn within(
        mut self,
        readable: &[PathBuf],
        writable: &[&Path],
    ) -> Result<Self, String> {
        self.files = Some(rules(readable, writable).map_err(|it| it.to_string())?);
        Ok(self)
    }

    /// The same, where the kernel has it.
    pub(super) fn within_if_known(mut self, readable: &[PathBuf], writable: &[&Path]) -> Self {
        self.files = rules(readable, writable).ok();
        self
    }

    /// Lets the command begin so.
    pub(super) fn put_on(mut self, command: &mut Command) {
        let enter = move || self.enter();
        #[expect(unsafe_code, reason = "what a process gives up is given up between fork and exec")]
        // SAFETY: the closure makes system calls. It allocates a little as well, which is safe here: the allocator gets
        // through a fork (it holds its locks over it), and the runner has no threads of its own.
        unsafe {
            command.pre_exec(enter);
        }
    }

    fn enter(&mut self) -> io::Result<()> {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if self.adopts {
            set_child_subreaper(Some(getpid()))?;
        }
        self.limit()?;
        if let Some(rules) = self.files.take() {
            rules.restrict_self().map_err(io::Error::other)?;
        }
        let _ignored = clear_ambient_capability_set();
        for it in CapabilitySet::all().iter() {
            // Those that nobody has need not be taken away.
            let _ignored = remove_capability_from_bounding_set(it);
        }
        if let Some(user) = self.user {
            let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
            set_thread_groups(&[])?;
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)?;
        }
        let none = CapabilitySet::empty();
        let bare = CapabilitySets { effective: none, permitted: none, inheritable: none };
        // The unit's filter forbids the call to whoever has none anyway.
        if capabilities(None)? != bare {
            set_capabilities(None, bare)?;
        }
        set_no_new_privs(true)?;
        // A change of user forgets it.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        close_all()
    }

    fn limit(&self) -> io::Result<()> {
        let Limits { time, memory, open_files, file_size, .. } = self.limits;
        let limits = [
            (Resource::Cpu, time.as_secs() + 2),
            // Not the address space: some interpreters reserve far more of it than they ever use.
            (Resource::Data, memory),
            (Resource::Nofile, open_files),
            (Resource::Fsize, file_size),
            (Resource::Core, 0),
            (Resource::Memlock, 0),
            (Resource::Msgqueue, 0),
        ];
        let processes = self.processes.map(|it| (Resource::Nproc, it));
        for (resource, most) in limits.into_iter().chain(processes) {
            setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
        }
        Ok(())
    }
}

/// Whatever was open here is closed by its program's start.
#[expect(unsafe_code, reason = "no crate in the tree wraps close_range")]
fn close_all() -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: it takes three numbers and touches no memory; nothing is closed but by exec.
    let answer =
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
    let error = io::Error::last_os_error();
    // Before Linux 5.11 each descriptor of ours closes by itself, and nobody else's is here.
    let closed = answer == 0 || matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL));
    if closed { Ok(()) } else { Err(error) }
}

fn rules(
    readable: &[PathBuf],
    writable: &[&Path],
) -> Result<RulesetCreated, landlock::RulesetError> {
    let system = SYSTEM.iter().map(Path::new).chain([Path::new("/proc"), Path::new("/dev")]);
    let readable = system.chain(readable.iter().map(PathBuf::as_path));
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    for (path, rights) in readable.flat_map(shown) {
        // What is not there cannot be read.
        let Ok(it) = PathFd::new(&path) else { continue };
        rules = rules.add_rule(PathBeneath::new(it, rights))?;
    }
    for device in DEVICES {
        let Ok(it) = PathFd::new(device) else { continue };
        rules = rules.add_rule(PathBeneath::new(it, AccessFs::from_file(ABI::V4)))?;
    }
    for path in writable {
        let Ok(it) = PathFd::new(path) else { continue };
        rules = rules.add_rule(PathBeneath::new(it, AccessFs::from_all(KNOWN)))?;
    }
    Ok(rules)
}
