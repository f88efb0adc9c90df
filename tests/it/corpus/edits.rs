//! How often a real edit of a tool gains capabilities, which asks a person: consecutive contents of Python files in the
//! histories of repositories that are kept elsewhere, each analyzed with what stood around it then. Nothing is run:
//!
//! ```text
//! KNOWNGOOD_EDITS=/path/to/repo:/path/to/other cargo test --release --test it corpus -- --nocapture
//! ```
//!
//! Every edit that gained some is printed with its evidence, to be judged by a reader.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

use knowngood::{
    analyze::{Reader, Table},
    decide::{classified, delta},
    model::{Capability, Classification, Parse},
    ports::{Analyzer as _, Siblings, Source},
};

/// Of one repository, evenly chosen.
const MOST: usize = 400;
const NO_TOOLS: &[&str] = &["test", "tests", "docs", "setup.py", "conftest.py"];

#[test]
fn few_real_edits_gain_capabilities() {
    let repositories = given();
    if repositories.is_empty() {
        println!("SKIPPED: KNOWNGOOD_EDITS names no repositories");
        return;
    }
    let reader = Reader::new(Table::shipped().unwrap());
    let mut all = Told::default();
    for repository in &repositories {
        let mut told = Told::default();
        let edits = edits(repository);
        let apart = edits.len().div_ceil(MOST).max(1);
        let blobs = Blobs::open(repository);
        for (commit, path) in edits.iter().step_by(apart) {
            one(&reader, &blobs, commit, path, &mut told);
        }
        println!("{}: {told}", repository.display());
        all.add(told);
    }
    println!("{all}");
    assert!(all.edits > 0, "there is no edit of any Python file");
    assert_eq!(all.crashed, 0, "the analyzer gave up");
}

fn one(reader: &Reader, blobs: &Blobs, commit: &str, path: &str, told: &mut Told) {
    let then = |commit: &str| {
        let bytes = blobs.read(&format!("{commit}:{path}"))?;
        let around = Then { blobs, commit: commit.to_owned() };
        let source = Source { path, bytes: &bytes, import_root: "", around: &around };
        Some(classified(reader.analyze(&source), &[]))
    };
    let (Some(before), Some(after)) = (then(&format!("{commit}^")), then(commit)) else { return };
    told.edits += 1;
    let broken = |it: &Classification| matches!(it.analysis.parse, Parse::Failed { .. });
    let gave_up = |it: &Classification| matches!(&it.analysis.parse, Parse::Failed { why, .. } if why.contains("gave up"));
    told.crashed += usize::from(gave_up(&before) || gave_up(&after));
    if broken(&before) || broken(&after) {
        told.broken += 1;
        return;
    }
    let added = delta(&before, &after).added;
    if added.is_empty() {
        return;
    }
    told.gained += 1;
    told.class_rose += usize::from(after.class > before.class);
    for cap in &added {
        *told.caps.entry(word(cap)).or_default() += 1;
    }
    show(commit, path, &added, &after);
}

fn show(commit: &str, path: &str, added: &BTreeSet<Capability>, after: &Classification) {
    println!("{} {path}", &commit[..9]);
    for cap in added {
        let of_it = after.analysis.inferred.iter().find(|it| it.cap == *cap);
        let place = of_it.map(|it| (&it.via, &it.file, it.line));
        println!("    + {cap}  {place:?}");
    }
}

fn word(cap: &Capability) -> String {
    cap.to_string().split(':').next().unwrap_or_default().to_owned()
}

#[derive(Default)]
struct Told {
    edits: usize,
    broken: usize,
    crashed: usize,
    gained: usize,
    class_rose: usize,
    caps: BTreeMap<String, usize>,
}

impl Told {
    fn add(&mut self, it: Self) {
        self.edits += it.edits;
        self.broken += it.broken;
        self.crashed += it.crashed;
        self.gained += it.gained;
        self.class_rose += it.class_rose;
        for (cap, count) in it.caps {
            *self.caps.entry(cap).or_default() += count;
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per_mille = |it: usize| it * 1000 / self.edits.max(1);
        write!(
            f,
            "{} edits, {} with a side that does not parse, {} gained capabilities ({} of 1000), the class rose in {} ({} of 1000): {:?}",
            self.edits,
            self.broken,
            self.gained,
            per_mille(self.gained),
            self.class_rose,
            per_mille(self.class_rose),
            self.caps
        )
    }
}

/// Of files that may be tools, oldest first.
fn edits(repository: &Path) -> Vec<(String, String)> {
    let log = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["log", "--reverse", "--no-merges", "--no-renames", "--diff-filter=M"])
        .args(["--name-only", "--format=@%H", "--", "*.py"])
        .output()
        .unwrap();
    assert!(log.status.success(), "{}", String::from_utf8_lossy(&log.stderr));
    let (mut edits, mut commit) = (Vec::new(), String::new());
    for line in String::from_utf8_lossy(&log.stdout).lines().filter(|it| !it.is_empty()) {
        match line.strip_prefix('@') {
            Some(hash) => hash.clone_into(&mut commit),
            None if line.split('/').any(|it| NO_TOOLS.contains(&it) || it.starts_with("test_")) => {
            }
            None => edits.push((commit.clone(), line.to_owned())),
        }
    }
    edits
}

/// What stood around a tool at a commit.
struct Then<'a> {
    blobs: &'a Blobs,
    commit: String,
}

impl Siblings for Then<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.blobs.read(&format!("{}:{path}", self.commit))
    }
}

/// Git itself, asked for one content after the other.
struct Blobs(Mutex<Git>);

struct Git {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    fn open(repository: &Path) -> Self {
        let mut git = Command::new("git");
        git.arg("-C").arg(repository).args(["cat-file", "--batch"]);
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let asked = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self(Mutex::new(Git { child, asked, answers }))
    }

    /// `None`: there is no file of that name.
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut git = self.0.lock().unwrap();
        assert!(!name.contains('\n'), "{name:?}");
        writeln!(git.asked, "{name}").unwrap();
        let mut head = String::new();
        git.answers.read_line(&mut head).unwrap();
        let mut words = head.trim_end().rsplit(' ');
        let length = words.next()?.parse::<usize>().ok()?;
        let mut bytes = vec![0; length + 1];
        git.answers.read_exact(&mut bytes).unwrap();
        bytes.pop();
        (words.next() == Some("blob")).then_some(bytes)
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn given() -> Vec<PathBuf> {
    let paths = std::env::var_os("KNOWNGOOD_EDITS");
    paths.iter().flat_map(|it| std::env::split_paths(it).collect::<Vec<_>>()).collect()
}
