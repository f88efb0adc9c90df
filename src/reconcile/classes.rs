//! What is known of the tools' classes: analyses, each made once for a content and what it rests on, and what was seen of
//! contents that ran. Asked by whoever answers requests and by the crew, never by the loop. It applies no waivers: those
//! are facts, and whoever asks has the state.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use crate::{
    model::{Analysis, Digest, Followed, Observed, ToolId},
    ports::{Analyzer, RootFiles, Siblings, Source},
};

pub struct Classes {
    analyzer: RwLock<Arc<dyn Analyzer>>,
    files: Arc<dyn RootFiles>,
    memo: Mutex<HashMap<(ToolId, Digest), Known>>,
    observed: Mutex<BTreeMap<(ToolId, Digest), Vec<Observed>>>,
}

/// Forgotten all at once when there are so many: an analysis takes milliseconds.
const MOST_KNOWN: usize = 4096;
/// Kinds of things that are kept of one content.
const MOST_OBSERVED: usize = 256;

#[derive(Clone)]
struct Known {
    table: Digest,
    analysis: Arc<Analysis>,
}

/// A content that is to go live, with what goes live together with it in the same root: `None` goes away.
pub struct Proposed<'a> {
    pub tool: &'a ToolId,
    pub bytes: &'a [u8],
    pub beside: &'a BTreeMap<ToolId, Option<Vec<u8>>>,
}

impl Classes {
    pub fn new(analyzer: Arc<dyn Analyzer>, files: Arc<dyn RootFiles>) -> Self {
        let (memo, observed) = (Mutex::default(), Mutex::default());
        Self { analyzer: RwLock::new(analyzer), files, memo, observed }
    }

    /// Another table of capabilities.
    pub fn set_analyzer(&self, analyzer: Arc<dyn Analyzer>) {
        *self.analyzer.write().unwrap_or_else(PoisonError::into_inner) = analyzer;
    }

    fn analyzer(&self) -> Arc<dyn Analyzer> {
        Arc::clone(&self.analyzer.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn memo(&self) -> MutexGuard<'_, HashMap<(ToolId, Digest), Known>> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a content that is in the log, among the files that are on disk now. `None`: the bytes are not to be had.
    pub fn analysis(
        &self,
        tool: &ToolId,
        digest: Digest,
        bytes: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Analysis> {
        let (analyzer, key) = (self.analyzer(), (tool.clone(), digest));
        let table = analyzer.table();
        let known = self.memo().get(&key).filter(|it| it.table == table).cloned();
        let known = known.filter(|it| self.still_holds(tool, &it.analysis.followed));
        let analysis = if let Some(known) = known {
            known.analysis
        } else {
            let nothing = BTreeMap::new();
            let bytes = bytes()?;
            let proposed = Proposed { tool, bytes: &bytes, beside: &nothing };
            let analysis = Arc::new(self.read(&*analyzer, &proposed));
            self.keep(key, table, &analysis);
            analysis
        };
        let mut analysis = Arc::unwrap_or_clone(analysis);
        analysis.observed = self.observed_of(tool, digest);
        Some(analysis)
    }

    /// As it was when somebody asked last; nothing is read for it.
    pub fn known(&self, tool: &ToolId, digest: Digest) -> Option<Analysis> {
        let analysis = self.memo().get(&(tool.clone(), digest))?.analysis.as_ref().clone();
        Some(Analysis { observed: self.observed_of(tool, digest), ..analysis })
    }

    /// Of a content that is to go live. It takes milliseconds, at most seconds: a worker's thread. One that goes alone is
    /// remembered: whoever compares versions asks for it next.
    pub fn proposed(&self, proposed: &Proposed<'_>, digest: Digest) -> Analysis {
        let (analyzer, tool) = (self.analyzer(), proposed.tool);
        let mut analysis = self.read(&*analyzer, proposed);
        let root = tool.root();
        if !proposed.beside.keys().any(|it| it != tool && it.is_in(&root)) {
            self.keep((tool.clone(), digest), analyzer.table(), &Arc::new(analysis.clone()));
        }
        analysis.observed = self.observed_of(tool, digest);
        analysis
    }

    fn keep(&self, key: (ToolId, Digest), table: Digest, analysis: &Arc<Analysis>) {
        let mut memo = self.memo();
        if memo.len() >= MOST_KNOWN {
            memo.clear();
        }
        memo.insert(key, Known { table, analysis: Arc::clone(analysis) });
    }

    /// What was seen while this content ran. It lasts as long as the process; whoever finds it keeps it durable.
    pub fn observe(&self, tool: &ToolId, digest: Digest, seen: Vec<Observed>) {
        let mut all = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry((tool.clone(), digest)).or_default();
        for it in seen {
            let same = |known: &&mut Observed| known.cap == it.cap && known.event == it.event;
            if let Some(known) = known.iter_mut().find(same) {
                known.count = known.count.saturating_add(it.count);
            } else if known.len() < MOST_OBSERVED {
                known.push(it);
            }
        }
    }

    pub(super) fn observed_of(&self, tool: &ToolId, digest: Digest) -> Vec<Observed> {
        let all = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(tool.clone(), digest)).cloned().unwrap_or_default()
    }

    fn still_holds(&self, tool: &ToolId, followed: &[Followed]) -> bool {
        let root = tool.root();
        followed.iter().all(|it| self.files.digest(&root, &it.path) == it.digest)
    }

    fn read(&self, analyzer: &dyn Analyzer, proposed: &Proposed<'_>) -> Analysis {
        let root = proposed.tool.root();
        let path = proposed.tool.path();
        let shown = || proposed.tool.shown_path().to_owned();
        let path = std::str::from_utf8(path.as_bytes()).map_or_else(|_| shown(), str::to_owned);
        let import_root = self.files.import_root(&root);
        let around = Around { files: &*self.files, tool: proposed.tool, beside: proposed.beside };
        analyzer.analyze(&Source {
            path: &path,
            bytes: proposed.bytes,
            import_root: &import_root,
            around: &around,
        })
    }
}

/// The root as it will be.
struct Around<'a> {
    files: &'a dyn RootFiles,
    tool: &'a ToolId,
    beside: &'a BTreeMap<ToolId, Option<Vec<u8>>>,
}

impl Siblings for Around<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let root = self.tool.root();
        let staged = self
            .beside
            .iter()
            .find(|(id, _)| id.is_in(&root) && id.path().as_bytes() == path.as_bytes());
        match staged {
            Some((_, bytes)) => bytes.clone(),
            None => self.files.read(&root, path),
        }
    }
}
