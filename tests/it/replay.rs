//! Replays a git repository onto disk, commit by commit, under the eyes of the real daemon, and compares its log with
//! git's own list of contents: every settled content recorded once, in order, none torn, none invented; what goes is
//! told as gone, and what returns as it was makes no new version. Git itself writes the files.
//!
//! Any repository will do (its work tree is left alone; a clone is checked out in a temporary directory):
//!
//! ```text
//! KNOWNGOOD_REPLAY=/path/to/repo cargo test --release --test it replay -- --nocapture
//! ```
//!
//! Without the variable it is the small history that `tests/fixtures/history.sh` writes. At every 17th commit the
//! daemon is killed, and started again only when git is done.

mod daemon;
mod expected;
mod history;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Instant,
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::{
    daemon::{Daemon, Place},
    expected::{Change, Expected},
    history::{Blobs, History, Oid},
};

/// What counts as a tool here, beside every program: enough to have most files of any repository.
const ENDINGS: &[&str] = &[
    ".py", ".sh", ".js", ".ts", ".rb", ".pl", ".html", ".css", ".md", ".txt", ".json", ".toml",
    ".yaml", ".yml", ".ipynb", ".svg", ".png",
];
const RESTART_EVERY: usize = 17;
/// Mismatches that are told; one usually brings others with it.
const TOLD: usize = 20;

#[test]
fn the_log_of_a_replayed_history_is_what_git_lists() {
    let began = Instant::now();
    let place = Place::new(ENDINGS);
    let history = match repository() {
        Some(path) => History::clone_of(&path, &place.root),
        None => History::of_script("tests/fixtures/history.sh", &place.root),
    };
    let mut replay = Replay::begin(&place, &history);
    for (number, commit) in history.commits.iter().enumerate() {
        replay.step(number, commit);
    }
    replay.compare_contents();
    replay.finish(began);
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn repository() -> Option<PathBuf> {
    std::env::var_os("KNOWNGOOD_REPLAY").map(PathBuf::from)
}

struct Replay<'a> {
    place: &'a Place,
    history: &'a History,
    daemon: Option<Daemon>,
    expected: Expected,
    blobs: Blobs,
    mismatches: Vec<String>,
    seen: u64,
    removed: usize,
    compared: usize,
    bytes: usize,
    restarts: usize,
}

impl<'a> Replay<'a> {
    fn begin(place: &'a Place, history: &'a History) -> Self {
        Self {
            place,
            history,
            daemon: None,
            expected: Expected::new(ENDINGS),
            blobs: history.blobs(),
            mismatches: Vec::new(),
            seen: 0,
            removed: 0,
            compared: 0,
            bytes: 0,
            restarts: 0,
        }
    }

    /// Git writes one commit; then the daemon knows it, and nothing else happened.
    fn step(&mut self, number: usize, commit: &str) {
        if (number + 1).is_multiple_of(RESTART_EVERY)
            && let Some(daemon) = self.daemon.take()
        {
            daemon.kill();
            self.restarts += 1;
        }
        self.history.check_out(commit);
        let daemon = self.daemon.get_or_insert_with(|| Daemon::start(self.place));
        let unreadable = daemon.sync();
        let (told, as_of) = daemon.changes(self.seen);
        self.seen = as_of;
        let tree = self.history.tree(commit);
        let wanted = self.expected.step(&tree, number == 0);
        let at = format!("commit {} ({commit})", number + 1);
        let wanted_changes: BTreeMap<String, Change<(String, bool)>> = wanted
            .into_iter()
            .map(|(id, it)| (id, it.map(|(oid, bit)| (self.sha256(&oid), bit))))
            .collect();
        self.compare(&at, &wanted_changes, &told);
        let wanted: BTreeSet<(String, String)> = self.expected.unreadable().collect();
        if unreadable != wanted {
            self.mismatch(format!("{at}: unreadable are {unreadable:?}, not {wanted:?}"));
        }
    }

    fn compare(
        &mut self,
        at: &str,
        wanted: &BTreeMap<String, Change<(String, bool)>>,
        told: &[(String, Change<(String, bool)>)],
    ) {
        let mut seen = BTreeSet::new();
        for (id, change) in told {
            self.removed += usize::from(*change == Change::Removed);
            if wanted.get(id) != Some(change) || !seen.insert(id) {
                self.mismatch(format!("{at}: {id}: told {change:?}, git has {:?}", wanted.get(id)));
            }
        }
        for (id, change) in wanted.iter().filter(|it| !seen.contains(it.0)) {
            self.mismatch(format!("{at}: {id}: nothing was told of {change:?}"));
        }
    }

    /// The whole history of every tool, byte by byte.
    fn compare_contents(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let all: Vec<(String, Vec<(Oid, bool)>)> = self.expected.histories().collect();
        for (id, wanted) in &all {
            let found = daemon.history(id);
            let wanted_here: Vec<(String, bool)> =
                wanted.iter().map(|it| (self.sha256(&it.0), it.1)).collect();
            if found != wanted_here {
                self.mismatch(format!("{id}: its versions are {found:?}, not {wanted_here:?}"));
            }
            for (number, (oid, _)) in wanted.iter().enumerate().take(found.len()) {
                let (bytes, here) = (self.blobs.read(oid), daemon.content(id, number + 1));
                self.compared += 1;
                self.bytes += bytes.len();
                if bytes != here {
                    self.mismatch(format!("{id} v{}: not the bytes of {oid}", number + 1));
                }
            }
        }
        let listed: BTreeSet<String> = daemon.tools();
        let wanted: BTreeSet<String> = self.expected.listed().collect();
        for id in listed.symmetric_difference(&wanted) {
            self.mismatch(format!("{id} is in one list only; git's: {}", wanted.contains(id)));
        }
        let verified = daemon.verify();
        if verified["ok"] != true || verified["missed"] != Value::Array(Vec::new()) {
            self.mismatch(format!("verify says {verified}"));
        }
        self.daemon = Some(daemon);
    }

    fn finish(mut self, began: Instant) {
        let status = self.daemon.take().map(Daemon::stop);
        if status != Some(true) {
            self.mismatch(format!("the daemon did not stop well: {status:?}"));
        }
        println!(
            "{} commits, {} restarts, {} tools, {} contents compared ({:.1} MB), {} removals, {} mismatches, {:.1} s",
            self.history.commits.len(),
            self.restarts,
            self.expected.histories().count(),
            self.compared,
            f64::from(u32::try_from(self.bytes >> 10).unwrap_or(u32::MAX)) / 1024.0,
            self.removed,
            self.mismatches.len(),
            began.elapsed().as_secs_f64()
        );
        let told = self.mismatches.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>();
        assert!(self.mismatches.is_empty(), "{}", told.join("\n"));
        assert!(self.compared > 0, "nothing was compared");
    }

    fn mismatch(&mut self, what: String) {
        self.mismatches.push(what);
    }

    fn sha256(&mut self, oid: &Oid) -> String {
        self.blobs.digest(oid, |bytes| {
            Sha256::digest(bytes)
                .iter()
                .fold("sha256:".to_owned(), |hex, it| format!("{hex}{it:02x}"))
        })
    }
}
