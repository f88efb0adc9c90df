//! What is asked of verification: may this content go live?

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::model::{CheckRun, Digest, RootName, ToolId};

/// Runs checks over staged contents, in a sandbox, with limits. Whatever is run cannot change the live files, and nothing
/// of it is left when the answer is given.
pub trait Checks: Send + std::marker::Sync {
    /// What is known without running anything: `Some` where every part is skipped, each with its reason.
    fn nothing_to_run(&self, order: &CheckOrder) -> Option<Vec<CheckRun>>;

    /// Runs what there is to run. `stop`: the daemon stops or the deploy was given up; the answer comes at once then.
    fn verify(&self, order: &CheckOrder, stop: &StopFlag) -> Vec<CheckRun>;

    /// The best rung of the ladder that works here: `runner`, `bwrap`, `landlock`, `limits`. None: it is being found out.
    fn sandbox(&self) -> Option<&'static str>;
}

/// All that goes live together: a load probe sees all of it in its place.
#[derive(Clone, Debug)]
pub struct CheckOrder {
    pub root: RootName,
    pub parts: Vec<CheckPart>,
}

#[derive(Clone, Debug)]
pub struct CheckPart {
    pub tool: ToolId,
    /// Where the staged content stands; none where the file is to go.
    pub staged: Option<PathBuf>,
    pub executable: bool,
    /// What the staged content has to be when it is read; where it is not, the check fails.
    pub digest: Option<Digest>,
    /// The content of the baseline, for commands that ask for it; none where there is none.
    pub baseline: Option<Vec<u8>>,
}

/// What the configuration says about verifying in one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRules {
    pub root: RootName,
    /// The root's directory.
    pub path: PathBuf,
    /// With `{path}`, `{tool}` and `{baseline}`. Empty: none.
    pub command: Vec<String>,
    pub timeout: Duration,
    /// In bytes.
    pub memory: u64,
    pub load_probe: bool,
    /// The root's interpreter; `None`: `python3` as found in the search path.
    pub python: Option<PathBuf>,
    /// What is put first on the module path; `None`: the root's directory.
    pub import_root: Option<PathBuf>,
}

impl CheckRules {
    /// What holds where nothing is said.
    pub fn new(root: RootName, path: PathBuf) -> Self {
        Self {
            root,
            path,
            command: Vec::new(),
            timeout: Duration::from_secs(30),
            memory: 512 << 20,
            load_probe: false,
            python: None,
            import_root: None,
        }
    }
}

/// Set once.
#[derive(Debug, Default)]
pub struct StopFlag(AtomicBool);

impl StopFlag {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
