//! The rungs that work here, a root with tools, and what is staged for it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use knowngood::{
    checks::{
        Checker,
        sandbox::{Ended, Job, Ladder, Limits, Rung, Settings, Standing, survey},
    },
    model::{CheckOutcome, CheckRun, RelPath, RootName, ToolId},
    ports::{CheckOrder, CheckPart, CheckRules, Checks as _, StopFlag},
};

pub(super) fn settings() -> Settings {
    Settings { program: env!("CARGO_BIN_EXE_knowngood").into(), ..Settings::default() }
}

/// Every rung that is to be had; the others are named.
pub(super) fn rungs() -> Vec<Rung> {
    static STANDINGS: OnceLock<Vec<Standing>> = OnceLock::new();
    let standings = STANDINGS.get_or_init(|| survey(&settings()));
    for it in standings.iter().filter(|it| it.works.is_err()) {
        println!("SKIPPED: no rung {:?} here: {}", it.rung, it.works.as_ref().unwrap_err());
    }
    assert!(standings.last().is_some_and(|it| it.works.is_ok()), "the last rung is always there");
    standings.iter().filter(|it| it.works.is_ok()).map(|it| it.rung).collect()
}

/// Runs a line of shell on a rung.
pub(super) fn shell(rung: Rung, line: &str, limits: Limits, readable: &[PathBuf]) -> Ended {
    let arguments = vec![Job::text("-c"), Job::text(line)];
    let readable = readable.to_vec();
    let job = Job {
        program: Job::text("sh"),
        arguments,
        files: Vec::new(),
        readable,
        limits,
        talks: false,
    };
    let (ran, ended) = Ladder::at(rung, settings()).run(&job, &StopFlag::default());
    assert_eq!(ran, rung, "{ended:?}");
    ended
}

pub(super) fn seconds(count: u64) -> Limits {
    Limits { time: Duration::from_secs(count), ..Limits::default() }
}

/// Nobody on the whole machine has this word on its command line, at the latest within a second.
pub(super) fn nobody_is_left(word: &str, why: &str) {
    let until = Instant::now() + Duration::from_secs(1);
    while somebody(word) {
        assert!(Instant::now() < until, "{why}: somebody is left");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(super) fn somebody(word: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
    lines.into_iter().any(|it| it.split(|it| *it == 0).any(|it| it == word.as_bytes()))
}

/// A root with live files, and contents beside it that are to go live.
pub(super) struct Site {
    folder: tempfile::TempDir,
    pub(super) rules: CheckRules,
    order: CheckOrder,
}

impl Site {
    pub(super) fn new() -> Self {
        // The runner's unit has a `/tmp` of its own, and runs as somebody else.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(path.join("root")).unwrap();
        fs::create_dir(path.join("stage")).unwrap();
        let name = RootName::new("tools").unwrap();
        let rules = CheckRules::new(name.clone(), path.join("root"));
        Self { folder, rules, order: CheckOrder { root: name, parts: Vec::new() } }
    }

    pub(super) fn root(&self) -> &Path {
        &self.rules.path
    }

    pub(super) fn live(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// In the place of what was staged for this tool before.
    pub(super) fn stage(&mut self, name: &str, text: &str) -> &mut CheckPart {
        let path = self.folder.path().join("stage").join(self.order.parts.len().to_string());
        fs::write(&path, text).unwrap();
        self.part(name, Some(path))
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.part(name, None);
    }

    fn part(&mut self, name: &str, staged: Option<PathBuf>) -> &mut CheckPart {
        let tool = ToolId::new(&self.order.root, &RelPath::new(name.as_bytes()).unwrap());
        self.order.parts.retain(|it| it.tool != tool);
        let part = CheckPart { tool, staged, executable: false, digest: None, baseline: None };
        self.order.parts.push(part);
        self.order.parts.last_mut().unwrap()
    }

    pub(super) fn order(&self) -> &CheckOrder {
        &self.order
    }

    pub(super) fn checker(&self, rung: Rung) -> Checker {
        Checker::new(Ladder::at(rung, settings()), vec![self.rules.clone()])
    }

    pub(super) fn verify(&self, rung: Rung) -> Vec<CheckRun> {
        self.checker(rung).verify(&self.order, &StopFlag::default())
    }

    /// Of the one check that there is.
    pub(super) fn outcome(&self, rung: Rung) -> CheckOutcome {
        let mut all = self.verify(rung);
        assert_eq!(all.len(), 1, "{all:?}");
        let run = all.remove(0);
        match &run.outcome {
            CheckOutcome::Passed => assert_eq!(run.sandbox, rung.name(), "{run:?}"),
            CheckOutcome::Skipped(_) | CheckOutcome::Failed(_) => (),
        }
        run.outcome
    }

    /// Why it failed.
    pub(super) fn refused(&self, rung: Rung) -> knowngood::model::CheckFailure {
        match self.outcome(rung) {
            CheckOutcome::Failed(it) => it,
            it @ (CheckOutcome::Passed | CheckOutcome::Skipped(_)) => panic!("{rung:?}: {it:?}"),
        }
    }
}
