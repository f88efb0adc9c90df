//! A root with a tool in it, and two versions of that tool.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use knowngood::{
    checks::{
        Checker,
        sandbox::{Ladder, Namespaces, Rung, Settings, survey},
    },
    model::{RelPath, Replayed, RootName, ToolId},
    ports::{
        CheckRules, ReplayOrder, ShadowContent, ShadowOrder, ShadowReport, Shadows as _, StopFlag,
        value_of,
    },
    shadow::{Input, Origin, Value, Verdict},
};

pub(super) fn settings() -> Settings {
    Settings { program: env!("CARGO_BIN_EXE_knowngood").into(), ..Settings::default() }
}

/// Those that are to be had here.
pub(super) fn isolating() -> Vec<Rung> {
    static FOUND: std::sync::OnceLock<Vec<Rung>> = std::sync::OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let works = survey(&settings()).into_iter().filter(|it| it.works.is_ok());
        works.map(|it| it.rung).filter(|it| it.isolates()).collect()
    });
    if found.is_empty() {
        println!("SKIPPED: no rung isolates here");
    } else {
        println!("rungs: {found:?}");
    }
    found.clone()
}

/// The one that most tests of what is judged need.
pub(super) fn best() -> Option<Rung> {
    isolating().into_iter().next()
}

pub(super) fn has_own_namespaces(rung: Rung) -> bool {
    matches!(rung, Rung::Runner | Rung::Bubblewrap | Rung::Landlock(Namespaces::Own))
}

pub(super) struct Site {
    folder: tempfile::TempDir,
    pub(super) rules: CheckRules,
    pub(super) order: ShadowOrder,
}

impl Site {
    /// The versions are of this file.
    pub(super) fn new(tool: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().canonicalize().unwrap().join("root");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(&path).unwrap();
        let root = RootName::new("tools").unwrap();
        let tool = ToolId::new(&root, &RelPath::new(tool.as_bytes()).unwrap());
        let order = ShadowOrder {
            tool,
            control: None,
            candidate: ShadowContent::default(),
            class: "unknown".to_owned(),
            accepted: BTreeSet::new(),
            inputs: Vec::new(),
            limit: None,
            expect_changes: Vec::new(),
            seed: 7,
            beside: BTreeMap::new(),
            budget: std::time::Duration::from_mins(1),
        };
        Self { folder, rules: CheckRules::new(root, path), order }
    }

    pub(super) fn root(&self) -> &Path {
        &self.rules.path
    }

    pub(super) fn above(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn file(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn inputs(&mut self, all: impl IntoIterator<Item = serde_json::Value>) {
        let input = |it| Input { args: value_of(it), origin: Origin::Given, ..Input::default() };
        self.order.inputs = all.into_iter().map(input).collect();
    }

    /// The live version, and the one that is to take its place.
    pub(super) fn versions(&mut self, control: &str, candidate: &str) {
        let path = self.order.tool.path();
        self.file(std::str::from_utf8(path.as_bytes()).unwrap(), control);
        self.order.control = Some(content(control));
        self.order.candidate = content(candidate);
    }

    pub(super) fn checker(&self, rung: Rung) -> Checker {
        Checker::new(Ladder::at(rung, settings()), vec![self.rules.clone()])
    }

    pub(super) fn shadow(&self, rung: Rung) -> ShadowReport {
        let report = self.checker(rung).shadow(&self.order, &|_| (), &StopFlag::default());
        if report.sandbox != "none" {
            assert_eq!(report.sandbox, rung.name(), "{report:#?}");
        }
        report
    }

    /// With what it says where it is another one.
    pub(super) fn is(&self, rung: Rung, verdict: Verdict) -> ShadowReport {
        let report = self.shadow(rung);
        assert_eq!(report.verdict, verdict, "{rung:?}: {report:#?}");
        report
    }

    pub(super) fn replay(&self, rung: Rung, inputs: Vec<Value>) -> Replayed {
        let order = ReplayOrder {
            tool: self.order.tool.clone(),
            old: self.order.control.clone().unwrap(),
            new: self.order.candidate.clone(),
            inputs,
        };
        self.checker(rung).replay(&order, &StopFlag::default())
    }
}

pub(super) fn content(text: &str) -> ShadowContent {
    ShadowContent { bytes: text.as_bytes().to_vec(), executable: false }
}

/// How many on the whole machine have this word on their command line.
pub(super) fn somebody(word: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
    let has_it = |it: &Vec<u8>| it.split(|it| *it == 0).any(|it| it == word.as_bytes());
    lines.filter(has_it).count()
}

pub(super) fn nobody_is_left(word: &str, within: std::time::Duration) {
    let until = std::time::Instant::now() + within;
    while somebody(word) > 0 {
        assert!(std::time::Instant::now() < until, "somebody is left");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}
