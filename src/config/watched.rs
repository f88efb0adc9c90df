//! The `[[root]]` tables → directories to watch. A directory may be absent (it may be mounted later),
//! but what is there must be a directory, and no two may lie in each other.

use std::{
    io,
    ops::Range,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{
    check::full_path,
    finding::{Finding, Source},
    layers::cause,
    manifest::{Manifest, ManifestError},
    policy::policy,
    verify,
    written::{At, Layer, Table, Value},
};
use crate::{
    model::{Author, AuthorKind, Policy, RootName},
    ports::{AfterRules, CheckRules},
    roots::{EXCLUDE, Globs, INCLUDE, WatchedRoot},
};

#[derive(Clone, Debug)]
pub struct RootConfig {
    pub watched: WatchedRoot,
    /// What `watched.globs` was made from, to be compared on a reload.
    pub patterns: Patterns,
    /// Who edits the files here, as far as anybody can say.
    pub edits_by: Author,
    /// The manifest with the accepted hashes.
    pub baseline: Option<PathBuf>,
    /// What is kept of the arguments of calls.
    pub record_args: RecordArgs,
    /// How what is to go live here is verified.
    pub checks: CheckRules,
    /// What is run once a deploy is confirmed here.
    pub after: AfterRules,
    /// Deploys that ask for nothing else are provisional for so long.
    pub confirm_within_ms: Option<u64>,
    pub on_drift: OnDrift,
    pub policy: Policy,
}

/// What is done about an edit that nobody deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDrift {
    Flag,
    Examine,
    Accept,
    Restore,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub executables: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordArgs {
    #[default]
    Full,
    Hash,
    Off,
}

impl PartialEq for RootConfig {
    fn eq(&self, other: &Self) -> bool {
        let key =
            |it: &Self| (it.watched.name.clone(), it.watched.path.clone(), it.watched.file_size);
        key(self) == key(other)
            && self.patterns == other.patterns
            && self.edits_by == other.edits_by
            && self.baseline == other.baseline
            && self.record_args == other.record_args
            && self.checks == other.checks
            && self.after == other.after
            && self.confirm_within_ms == other.confirm_within_ms
            && self.on_drift == other.on_drift
            && self.policy == other.policy
    }
}

impl RootConfig {
    /// Reads the manifest as it stands now. `None`: the root has none.
    pub fn manifest(&self) -> Result<Option<Manifest>, ManifestError> {
        self.baseline.as_deref().map(|it| Manifest::read(&self.watched.name, it)).transpose()
    }
}

/// A root that can be watched, with the place where it was written.
struct Placed<'a> {
    root: RootConfig,
    source: &'a Source,
    span: Range<usize>,
}

pub(super) fn roots(
    layers: &[Layer],
    file_size: u64,
    findings: &mut Vec<Finding>,
) -> Vec<RootConfig> {
    let written: Vec<_> =
        layers.iter().flat_map(|layer| layer.roots.iter().map(|it| (&layer.source, it))).collect();
    if written.is_empty() {
        findings.push(Finding::general(
            layers.first().map_or("configuration", |it| &it.source.name),
            "there is nothing to watch: add a [[root]] with a path",
        ));
    }
    let placed: Vec<_> =
        written.iter().filter_map(|it| root(it.0, it.1, file_size, findings)).collect();
    for (index, later) in placed.iter().enumerate() {
        for former in placed.iter().take(index) {
            findings.extend(clash(former, later));
        }
    }
    placed.into_iter().map(|it| it.root).collect()
}

/// Reads all keys before it gives up, so that all that is wrong is found.
fn root<'a>(
    source: &'a Source,
    table: &'a Table,
    file_size: u64,
    findings: &mut Vec<Finding>,
) -> Option<Placed<'a>> {
    let found = findings.len();
    let get = |path: &str| table.get(source, path);
    let at = get("root.path");
    if at.is_none() {
        findings.push(source.finding(table.span.clone(), "a root needs a `path`"));
    }
    let path = at
        .as_ref()
        .and_then(|at| directory(at.path()?).map_err(|it| findings.push(at.finding(it))).ok());
    let named = get("root.name");
    let name = match &named {
        Some(_) => {
            read(named.as_ref(), |it| RootName::new(it).map_err(|it| it.to_string()), findings)
        }
        None => path.as_deref().map(named_after),
    };
    let given = get("root.edits_by");
    let edits_by = match &given {
        Some(_) => read(given.as_ref(), author, findings),
        None => Some(Author::unknown()),
    };
    let given = get("root.record_args");
    let record_args = match &given {
        Some(_) => read(given.as_ref(), recorded, findings),
        None => Some(RecordArgs::Full),
    };
    let patterns = patterns(source, table);
    let globs = globs(source, table, &patterns, findings);
    let (name, path, edits_by, record_args) = (name?, path?, edits_by?, record_args?);
    let manifest = get("root.baseline").and_then(|it| Some((it, path.join(it.text()?))));
    let baseline = manifest.as_ref().map(|it| it.1.clone());
    let watched = WatchedRoot { name, path, globs: Arc::new(globs?), file_size };
    let checks = verify::rules(source, table, &watched.name, &watched.path, findings);
    let after = AfterRules {
        root: watched.name.clone(),
        path: watched.path.clone(),
        command: get("root.after").map_or_else(Vec::new, |at| texts(&at)),
    };
    let confirm_within_ms = get("root.confirm_within").and_then(|at| number(&at, findings));
    let on_drift = read(get("root.on_drift").as_ref(), on_drift, findings);
    let root = RootConfig {
        watched,
        patterns,
        edits_by,
        baseline,
        record_args,
        checks,
        after,
        confirm_within_ms,
        on_drift: on_drift.unwrap_or(OnDrift::Flag),
        policy: policy(source, table, findings),
    };
    if let (Some((at, _)), true) = (&manifest, root.watched.path.is_dir()) {
        findings.extend(root.manifest().err().map(|it| at.finding(it)));
    }
    let span = named.or(at).map_or(0..0, |it| it.setting.span.clone());
    (findings.len() == found).then_some(Placed { root, source, span })
}

fn texts(at: &At<'_>) -> Vec<String> {
    at.items().iter().map(|it| it.text.clone()).collect()
}

/// A value that makes no sense is told, and stands for none.
fn number(at: &At<'_>, findings: &mut Vec<Finding>) -> Option<u64> {
    if at.setting.value == Value::Bad {
        return None;
    }
    at.setting.key.kind.number(&at.setting.value).map_err(|it| findings.push(at.finding(it))).ok()
}

fn on_drift(text: &str) -> Result<OnDrift, String> {
    match text {
        "flag" => Ok(OnDrift::Flag),
        "examine" => Ok(OnDrift::Examine),
        "accept" => Ok(OnDrift::Accept),
        "restore" => Ok(OnDrift::Restore),
        _ => Err(format!("{text:?} is none of flag, examine, accept, restore")),
    }
}

/// `None`: it cannot be read, and that has been told.
fn read<T>(
    given: Option<&At<'_>>,
    parse: impl FnOnce(&str) -> Result<T, String>,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    let given = given?;
    parse(given.text()?).map_err(|it| findings.push(given.finding(it))).ok()
}

fn directory(path: &Path) -> Result<PathBuf, String> {
    let path = full_path(path)?;
    match path.metadata() {
        Ok(it) if !it.is_dir() => Err(format!("{} is not a directory", path.display())),
        Ok(_) => Ok(path),
        Err(it) if it.kind() == io::ErrorKind::NotFound => Ok(path),
        Err(it) => Err(format!("cannot look at {}: {}", path.display(), cause(&it))),
    }
}

/// Resolves links once, as deep as the path exists, so that two names of one place compare equal.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, String> {
    if path.components().any(|it| it == Component::ParentDir) && !path.exists() {
        return Err(format!("{} goes up with `..` and does not exist", path.display()));
    }
    for existing in path.ancestors() {
        match existing.canonicalize() {
            Ok(real) => {
                let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
                return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
            }
            Err(it) if it.kind() == io::ErrorKind::NotFound => (),
            Err(it) => {
                return Err(format!("cannot look at {}: {}", existing.display(), cause(&it)));
            }
        }
    }
    Ok(path.to_owned())
}

fn named_after(path: &Path) -> RootName {
    let name = path.file_name().unwrap_or_default();
    RootName::from_directory(&name.to_string_lossy())
}

fn patterns(source: &Source, table: &Table) -> Patterns {
    let list = |path: &str, default: &[&str]| match table.get(source, path) {
        Some(it) => it.items().iter().map(|it| it.text.clone()).collect(),
        None => default.iter().map(|it| (*it).to_owned()).collect(),
    };
    let executables = table.get(source, "root.executables");
    Patterns {
        include: list("root.include", INCLUDE),
        exclude: list("root.exclude", EXCLUDE),
        executables: executables.is_none_or(|it| it.setting.value != Value::Switch(false)),
    }
}

/// Each glob is tried by itself first, which is how each bad one gets its own caret.
fn globs(
    source: &Source,
    table: &Table,
    patterns: &Patterns,
    findings: &mut Vec<Finding>,
) -> Option<Globs> {
    for at in ["root.include", "root.exclude"].iter().filter_map(|it| table.get(source, it)) {
        for item in at.items() {
            if let Err(bad) = Globs::new(std::slice::from_ref(&item.text), &[], false) {
                findings.push(at.item_finding(item, bad));
            }
        }
    }
    Globs::new(&patterns.include, &patterns.exclude, patterns.executables).ok()
}

fn author(text: &str) -> Result<Author, String> {
    let (kind, name) = text.split_once(':').map_or((text, None), |it| (it.0, Some(it.1)));
    let fits = name
        .is_none_or(|it| !it.is_empty() && it.len() <= 128 && !it.chars().any(char::is_control));
    match kind.parse::<AuthorKind>() {
        Ok(AuthorKind::Unknown) if name.is_none() => Ok(Author::unknown()),
        Ok(kind @ (AuthorKind::Human | AuthorKind::Ai)) if fits => {
            Ok(Author { kind, name: name.map(str::to_owned) })
        }
        _ => Err(format!("{text:?} is not an author: \"human:NAME\", \"ai:NAME\" or \"unknown\"")),
    }
}

fn recorded(text: &str) -> Result<RecordArgs, String> {
    match text {
        "full" => Ok(RecordArgs::Full),
        "hash" => Ok(RecordArgs::Hash),
        "off" => Ok(RecordArgs::Off),
        _ => Err(format!("{text:?} is none of full, hash, off")),
    }
}

fn clash(former: &Placed<'_>, later: &Placed<'_>) -> Option<Finding> {
    let (one, two) = (&former.root.watched, &later.root.watched);
    let other = former.source.position(former.span.clone());
    let message = if one.path.starts_with(&two.path) || two.path.starts_with(&one.path) {
        format!(
            "the roots {:?} ({}) and {:?} ({}, {other}) overlap",
            two.name.as_str(),
            two.path.display(),
            one.name.as_str(),
            one.path.display(),
        )
    } else if one.name == two.name {
        format!(
            "two roots are named {:?}, the other one at {other}; give one another `name`",
            one.name.as_str()
        )
    } else {
        return None;
    };
    Some(later.source.finding(later.span.clone(), message))
}
