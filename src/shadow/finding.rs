//! What is told of an input on which the two differ: enough for an author to see what it broke and to try it again.

use super::{
    seen::RunSeen,
    triage::{Compared, Judged},
    value::Value,
};

/// What came of one input, from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It used a capability, or a place, that the live version did not.
    NewEffect,
    /// The live version answered; it crashed.
    Broken,
    /// The live version answered; it answered with an error.
    NewError,
    Changed,
    EffectChanged,
    ErrorChanged,
    Flaky,
    Fixed,
    Noise,
    Skipped,
    Same,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::NewEffect,
        Self::Broken,
        Self::NewError,
        Self::Changed,
        Self::EffectChanged,
        Self::ErrorChanged,
        Self::Flaky,
        Self::Fixed,
        Self::Noise,
        Self::Skipped,
        Self::Same,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewEffect => "new_effect",
            Self::Broken => "broken",
            Self::NewError => "new_error",
            Self::Changed => "changed",
            Self::EffectChanged => "effect_changed",
            Self::ErrorChanged => "error_changed",
            Self::Flaky => "flaky",
            Self::Fixed => "fixed",
            Self::Noise => "noise",
            Self::Skipped => "skipped",
            Self::Same => "same",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its place among the inputs.
    pub input: usize,
    pub origin: &'static str,
    pub kind: Kind,
    pub expect_failed: bool,
    pub expected: Option<String>,
    pub args: Value,
    pub control: Side,
    pub candidate: Side,
    /// Where they differ: path, there, here. `None`: nothing there.
    pub differences: Vec<(String, Option<String>, Option<String>)>,
    pub new_effects: Vec<String>,
    pub why: Option<String>,
    pub repro: usize,
    pub runs: usize,
}

/// How one version took an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    pub status: &'static str,
    pub value: Option<String>,
    pub error: Option<(String, String)>,
    pub frames: Vec<String>,
}

/// Of one text in a finding.
const LONGEST: usize = 2000;
/// Of a path, a type, a frame.
const SHORT: usize = 200;
const MOST_DIFFERENCES: usize = 20;

impl Finding {
    /// `None`: there is nothing to tell.
    pub(super) fn of(input: usize, it: &Compared, judged: &Judged) -> Option<Self> {
        let quiet = matches!(judged.kind, Kind::Same | Kind::Noise) && judged.unproven.is_empty();
        if quiet && !judged.expect_failed {
            return None;
        }
        let differences = judged.differences.iter().chain(&judged.unproven);
        let side = |all: &[RunSeen]| all.first().map(Side::of).unwrap_or_default();
        let told = |it: &Option<Value>| it.as_ref().map(|it| cut(&it.to_string()));
        let difference = |it: &super::compare::Difference| {
            (cut_to(SHORT, &it.path()), told(&it.control), told(&it.candidate))
        };
        Some(Self {
            input,
            origin: it.input.origin.as_str(),
            kind: judged.kind,
            expect_failed: judged.expect_failed,
            expected: told(&it.input.expect).filter(|_| judged.expect_failed),
            args: it.input.args.clone(),
            control: side(&it.control),
            candidate: side(&it.candidate),
            differences: differences.take(MOST_DIFFERENCES).map(difference).collect(),
            new_effects: short(&judged.new_effects),
            why: judged.why.clone().or_else(|| in_doubt(it, judged)),
            repro: judged.repro,
            runs: it.candidate.len(),
        })
    }
}

/// Little evidence is no reason to keep quiet.
fn in_doubt(it: &Compared, judged: &Judged) -> Option<String> {
    let place = judged.unproven.first()?.path();
    let runs = it.candidate.len();
    Some(format!(
        "strayed at {place} in some of {runs} runs, where the live version never did: too seldom to be told from noise"
    ))
}

impl Side {
    fn of(run: &RunSeen) -> Self {
        Self {
            status: run.status.as_str(),
            value: (run.value != Value::Null).then(|| cut(&run.value.to_string())),
            error: run.error.as_ref().map(|it| (cut_to(SHORT, &it.kind), cut(&it.message))),
            frames: run.error.as_ref().map_or_else(Vec::new, |it| last(&it.frames)),
        }
    }
}

/// Whatever a tool names itself: a name is no place for megabytes.
fn short(all: &[String]) -> Vec<String> {
    all.iter().take(MOST_DIFFERENCES).map(|it| cut_to(SHORT, it)).collect()
}

/// The innermost ones.
fn last(frames: &[String]) -> Vec<String> {
    short(frames.get(frames.len().saturating_sub(MOST_DIFFERENCES)..).unwrap_or_default())
}

fn cut(text: &str) -> String {
    cut_to(LONGEST, text)
}

fn cut_to(longest: usize, text: &str) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
