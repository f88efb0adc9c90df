//! Whether a Python file compiles, and whether it can be imported as it will stand.

use std::{
    ffi::OsStr,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Seen,
    judge::{self, MARK},
    part::Part,
    plan::What,
    programs,
    sandbox::{Ended, How, Job, JobFile, Limits, Piece, Rung, Word},
};
use crate::{
    model::{CheckFailure, CheckOutcome, Finding, ToolId},
    ports::CheckRules,
};

const COMPILE: &str = include_str!("compile.py");
const LOAD: &str = concat!(include_str!("overlay.py"), "\n\n", include_str!("load.py"));

/// A job that answers in a line of its own.
pub(super) struct Probe {
    pub(super) job: Job,
    mark: String,
}

/// The import of a file: as it will stand, and as it stands now.
pub(super) struct Load {
    will: Probe,
    now: Probe,
    target: PathBuf,
}

#[derive(Deserialize)]
struct Report {
    stage: String,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    line: Option<u32>,
    column: Option<u32>,
    message: String,
}

/// How far an import came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Nothing,
    Compile,
    Import,
    Loaded,
}

pub(super) fn compile(part: &Part, file: &JobFile, rules: &CheckRules, limits: Limits) -> What {
    let python = match interpreter(rules) {
        Ok(it) => it,
        Err(what) => return what,
    };
    let mark = mark();
    let mut arguments: Vec<_> = ["-I", "-S", "-B", "-c", COMPILE, &mark].map(Job::text).into();
    arguments.extend([vec![Piece::File(0)], Job::text(&part.name)]);
    let readable = programs::homes(&python);
    let files = vec![file.clone()];
    let job = Job { program: Job::text(python), arguments, files, readable, limits, talks: false };
    What::Compile(Probe { job, mark })
}

pub(super) fn load(
    part: &Part,
    all: &[Part],
    rules: &CheckRules,
    limits: Limits,
    rung: Rung,
) -> What {
    if !rung.isolates() {
        return What::Skip("nothing is imported where nothing isolates it".to_owned());
    }
    let python = match interpreter(rules) {
        Ok(it) => it,
        Err(what) => return what,
    };
    let target = real(part, rules);
    let staged: Vec<_> = all.iter().filter_map(|it| it.staged.clone()).collect();
    let probe = |files: Vec<JobFile>, overlay: Vec<Word>| {
        let mark = mark();
        let root = rules.import_root.clone().unwrap_or_else(|| rules.path.clone());
        let module = module(&target, &root).unwrap_or_default();
        let mut arguments: Vec<_> = ["-I", "-B", "-c", LOAD, &mark].map(Job::text).into();
        arguments.extend([Job::text(&root), Job::text(&target), Job::text(module)]);
        arguments.extend(overlay);
        let mut readable = vec![rules.path.clone(), root];
        readable.extend(programs::homes(&python));
        let limits = Limits { isolated: true, ..limits };
        Probe {
            job: Job {
                program: Job::text(&python),
                arguments,
                files,
                readable,
                limits,
                talks: false,
            },
            mark,
        }
    };
    let will = probe(staged, overlay(all, rules));
    What::Load(Load { will, now: probe(Vec::new(), Vec::new()), target: target.clone() })
}

/// Pairs of a path and where its copy stands.
fn overlay(all: &[Part], rules: &CheckRules) -> Vec<Word> {
    let mut index = 0;
    let mut words = Vec::new();
    for part in all {
        words.push(Job::text(real(part, rules)));
        if part.staged.is_some() {
            words.push(vec![Piece::File(index)]);
            index += 1;
        } else {
            words.push(Job::text(""));
        }
    }
    words
}

fn real(part: &Part, rules: &CheckRules) -> PathBuf {
    real_path(&part.tool, rules)
}

/// Where it stands, or is to.
pub(super) fn real_path(tool: &ToolId, rules: &CheckRules) -> PathBuf {
    rules.path.join(OsStr::from_bytes(tool.path().as_bytes()))
}

/// `web/fetch.py` → `web.fetch`. `None`: it cannot be imported by a name.
pub(super) fn module(target: &Path, root: &Path) -> Option<String> {
    let path = target.strip_prefix(root).ok()?.to_str()?.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let is_name = |it: &str| {
        !it.is_empty()
            && !it.starts_with(|it: char| it.is_ascii_digit())
            && it.chars().all(|it| it.is_alphanumeric() || it == '_')
    };
    path.split('/').all(is_name).then(|| path.replace('/', "."))
}

#[expect(clippy::result_large_err, reason = "made a few times a deploy, and told at once")]
fn interpreter(rules: &CheckRules) -> Result<PathBuf, What> {
    let missing = |why| if rules.python.is_some() { What::Fail(why) } else { What::Skip(why) };
    program(rules).map_err(missing)
}

/// The root's interpreter, or the system's.
pub(super) fn program(rules: &CheckRules) -> Result<PathBuf, String> {
    match &rules.python {
        Some(path) if programs::is_program(path) => Ok(path.clone()),
        Some(path) => {
            Err(format!("the root's python cannot be run: there is no program {}", path.display()))
        }
        None => programs::find("python3").ok_or_else(|| "python3 is not installed".to_owned()),
    }
}

fn mark() -> String {
    format!("{MARK}{:016x}", RandomState::new().build_hasher().finish())
}

pub(super) fn compiled(ended: &Ended, probe: &Probe) -> CheckOutcome {
    match (report(ended, probe), judge::failure(ended, &probe.job)) {
        (Some(Report { problem: None, .. }), None) => CheckOutcome::Passed,
        (Some(Report { problem: Some(it), .. }), _) => {
            judge::found(CheckFailure::default(), it.into())
        }
        (_, Some(failure)) => CheckOutcome::Failed(failure),
        (None, None) => {
            let why = "the interpreter ended without a verdict".to_owned();
            CheckOutcome::Failed(CheckFailure { why, ..CheckFailure::default() })
        }
    }
}

/// Refuses only at a stage that the live file passes.
pub(super) fn loaded(
    load: &Load,
    mut run: impl FnMut(&Job, &mut Seen) -> Ended,
    seen: &mut Seen,
) -> CheckOutcome {
    let ended = run(&load.will.job, seen);
    let (stage, problem) = stage(&ended, &load.will);
    if stage == Stage::Loaded {
        return CheckOutcome::Passed;
    }
    let failure = judge::failure(&ended, &load.will.job).unwrap_or_else(|| CheckFailure {
        why: "ended before it was loaded".to_owned(),
        ..CheckFailure::default()
    });
    if matches!(ended.how, How::NotRun(_) | How::Stopped) {
        return CheckOutcome::Failed(failure);
    }
    let said = problem.as_ref().map_or_else(|| failure.why.clone(), |it| it.message.clone());
    if !load.target.is_file() {
        return CheckOutcome::Skipped(format!(
            "it does not load here ({said}), and there is no live version to compare it with"
        ));
    }
    let live = run(&load.now.job, &mut Seen::default());
    if matches!(live.how, How::NotRun(_) | How::Stopped) {
        // Nothing to compare it with, and no reason to believe in it.
        return CheckOutcome::Failed(judge::failure(&live, &load.now.job).unwrap_or(failure));
    }
    if self::stage(&live, &load.now).0 <= stage {
        return CheckOutcome::Passed;
    }
    match problem {
        Some(it) => judge::found(CheckFailure::default(), it.into()),
        None => CheckOutcome::Failed(failure),
    }
}

fn stage(ended: &Ended, probe: &Probe) -> (Stage, Option<Problem>) {
    match report(ended, probe) {
        Some(it) => {
            let stage = match &*it.stage {
                "loaded" => Stage::Loaded,
                "import" => Stage::Import,
                _ => Stage::Compile,
            };
            (stage, it.problem)
        }
        // It began, and ended or hung before it could say how far it came.
        None if !matches!(ended.how, How::NotRun(_)) => (Stage::Import, None),
        None => (Stage::Nothing, None),
    }
}

/// The last line that bears the mark. Whatever else was printed is the file's own.
fn report(ended: &Ended, probe: &Probe) -> Option<Report> {
    let text = String::from_utf8_lossy(&ended.tail);
    let line = text.lines().rev().find_map(|it| it.strip_prefix(&*probe.mark))?;
    serde_json::from_str(line.trim()).ok()
}

impl From<Problem> for Finding {
    fn from(it: Problem) -> Self {
        Self { line: it.line, column: it.column, message: it.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_imported_by_the_name_that_others_import_it_by() {
        let module = |path: &str| module(Path::new(path), Path::new("/srv/tools"));
        assert_eq!(module("/srv/tools/a.py").as_deref(), Some("a"));
        assert_eq!(module("/srv/tools/web/fetch_tool.py").as_deref(), Some("web.fetch_tool"));
        assert_eq!(module("/srv/tools/web/__init__.py").as_deref(), Some("web"));
        for path in ["/srv/tools/my-tool.py", "/srv/tools/1.py", "/srv/other/a.py", "/srv/tools/a"]
        {
            assert_eq!(module(path), None, "{path}");
        }
    }
}
