//! What repeating shows: a place where the live version disagrees with itself says nothing (noise); one where it always
//! says the same and the candidate always something else has changed; one where the candidate disagrees with itself is
//! flaky, where that is no chance (`flakes`). Noise on one input is noise on all, by the template of its place. A candidate
//! that always fails where the live version never does has failed, whatever it says each time.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    choice::{Input, Origin},
    compare::{Difference, differences, fits, same_at},
    document::document,
    finding::Kind,
    flakes::{Flakes, Way},
    path::{Place, Pointer, value_at},
    rules::Rules,
    seen::{Effect, RunSeen, Status},
    value::Value,
};

/// One input with its runs: one of each version, or more where they were repeated. Empty: it was not run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    pub input: Input,
    pub control: Vec<RunSeen>,
    pub candidate: Vec<RunSeen>,
}

/// What came of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub kind: Kind,
    /// Where they differ, without noise.
    pub differences: Vec<Difference>,
    /// Where the candidate strayed, too seldom to be told from noise: running both again may tell.
    pub unproven: Vec<Difference>,
    pub expect_failed: bool,
    /// Effects that the live version did not have.
    pub new_effects: Vec<String>,
    /// Why it was skipped.
    pub why: Option<String>,
    /// How many of the candidate's runs ended like the first.
    pub repro: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// One for each of the inputs.
    pub inputs: Vec<Judged>,
    pub noisy_paths: Vec<String>,
    /// Differences in places that the manifest ignores.
    pub ignored: usize,
}

/// `accepted`: capabilities that the tool may use.
pub fn judge(inputs: &[Compared], rules: &Rules, accepted: &BTreeSet<String>) -> Judgement {
    let seen: Vec<_> = inputs.iter().map(|it| Sight::of(it, rules)).collect();
    let (mut noise, mut flakes) = (Noise::default(), Flakes::default());
    for it in &seen {
        noise.learn(it, rules);
        flakes.learn(it, rules);
    }
    let chance = Chance { noise: &noise, flakes: &flakes };
    let known: BTreeSet<&Effect> =
        inputs.iter().flat_map(|it| &it.control).flat_map(|it| &it.effects).collect();
    let allowed = |it: &Effect| known.contains(it) || accepted.contains(&it.capability);
    let judged = inputs.iter().zip(&seen);
    Judgement {
        inputs: judged.map(|(it, sight)| one(it, sight, &chance, rules, allowed)).collect(),
        noisy_paths: noise.0.keys().map(|it| Pointer(it).to_string()).collect(),
        ignored: seen.iter().map(|it| it.ignored).sum(),
    }
}

/// The documents of all runs of one input, and where they differ from the live version's first.
pub(super) struct Sight {
    control: Vec<Value>,
    candidate: Vec<Value>,
    /// Between the first of both.
    first: Vec<Difference>,
    ignored: usize,
    /// Between the first and any other.
    pub(super) places: Vec<Place>,
}

impl Sight {
    fn of(it: &Compared, rules: &Rules) -> Self {
        let documents = |all: &[RunSeen]| all.iter().map(|it| document(it, rules)).collect();
        let control: Vec<Value> = documents(&it.control);
        let candidate: Vec<Value> = documents(&it.candidate);
        let first = match (control.first(), candidate.first()) {
            (Some(a), Some(b)) => differences(a, b, rules),
            _ => super::compare::Differences::default(),
        };
        let mut places: Vec<Place> = Vec::new();
        for other in control.iter().chain(&candidate) {
            let Some(base) = control.first() else { continue };
            for it in differences(base, other, rules).found {
                if !places.contains(&it.place) {
                    places.push(it.place);
                }
            }
        }
        Self { control, candidate, first: first.found, ignored: first.ignored, places }
    }

    pub(super) fn repeated(&self) -> bool {
        self.control.len() > 1 && self.candidate.len() > 1
    }

    /// Of the candidate.
    pub(super) fn runs(&self) -> usize {
        self.candidate.len()
    }

    /// Whether the candidate disagrees with itself there.
    pub(super) fn disagrees(&self, place: &Place, rules: &Rules) -> bool {
        distinct(Self::at(&self.candidate, place), place, rules) > 1
    }

    /// In how many runs the candidate says something else there than the live version.
    pub(super) fn strays(&self, place: &Place, rules: &Rules) -> usize {
        let usual = self.control.first().and_then(|it| value_at(it, &place.path));
        let said = Self::at(&self.candidate, place);
        said.map(|it| usize::from(!same_at(place, usual, it, rules))).sum()
    }

    fn at<'a>(of: &'a [Value], place: &'a Place) -> impl Iterator<Item = Option<&'a Value>> {
        of.iter().map(|it| value_at(it, &place.path))
    }
}

/// Templates at which the live version disagreed with itself, with the types that it had there.
#[derive(Default)]
struct Noise(BTreeMap<Vec<String>, BTreeSet<&'static str>>);

const NOTHING: &str = "nothing";

impl Noise {
    fn learn(&mut self, sight: &Sight, rules: &Rules) {
        for place in &sight.places {
            if distinct(Sight::at(&sight.control, place), place, rules) > 1 {
                let kinds = Sight::at(&sight.control, place).map(kind_of);
                self.0.entry(place.template.clone()).or_default().extend(kinds);
            }
        }
    }

    /// Of a place that is noisy itself the type still counts.
    fn covers(&self, it: &Difference) -> bool {
        let template = &it.place.template;
        (0..=template.len()).filter_map(|end| Some((end, self.0.get(template.get(..end)?)?))).any(
            |(end, kinds)| end < template.len() || kinds.contains(kind_of(it.candidate.as_ref())),
        )
    }
}

fn kind_of(value: Option<&Value>) -> &'static str {
    value.map_or(NOTHING, Value::kind)
}

fn distinct<'a>(
    values: impl Iterator<Item = Option<&'a Value>>,
    place: &Place,
    rules: &Rules,
) -> usize {
    let mut kept: Vec<Option<&Value>> = Vec::new();
    for it in values {
        if !kept.iter().any(|known| same_at(place, *known, it, rules)) {
            kept.push(it);
        }
    }
    kept.len()
}

/// What is known of it over all inputs.
struct Chance<'a> {
    noise: &'a Noise,
    flakes: &'a Flakes,
}

fn one(
    it: &Compared,
    sight: &Sight,
    chance: &Chance<'_>,
    rules: &Rules,
    allowed: impl Fn(&Effect) -> bool,
) -> Judged {
    let mut judged = Judged {
        kind: Kind::Skipped,
        differences: Vec::new(),
        unproven: Vec::new(),
        expect_failed: false,
        new_effects: Vec::new(),
        why: None,
        repro: 0,
    };
    let (Some(control), Some(candidate)) = (it.control.first(), it.candidate.first()) else {
        judged.why = Some("was not run".to_owned());
        return judged;
    };
    judged.repro = it.candidate.iter().filter(|run| run.status == candidate.status).count();
    judged.new_effects = new_effects(it, allowed);
    if !judged.new_effects.is_empty() {
        judged.kind = Kind::NewEffect;
        judged.differences.clone_from(&sight.first);
        return judged;
    }
    let skipped = it.control.iter().find_map(RunSeen::needs_more);
    if skipped.is_some() {
        judged.why = skipped;
        return judged;
    }
    let wrong = |it: &Value| candidate.status != Status::Ok || !fits(it, &candidate.value, rules);
    judged.expect_failed = it.input.expect.as_ref().is_some_and(wrong);
    let all = sight.first.iter().cloned();
    let (noise_alone, rest): (Vec<_>, Vec<_>) = all.partition(|it| chance.noise.covers(it));
    let way = |it: &Difference| chance.flakes.way(&it.place, sight, rules);
    let (unproven, real): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|it| way(it) == Way::Unproven);
    judged.kind = if real.is_empty() {
        let quiet = noise_alone.is_empty() && unproven.is_empty();
        if quiet { Kind::Same } else { Kind::Noise }
    } else if real.iter().all(|it| way(it) == Way::Flaky) && !ends_otherwise(it) {
        Kind::Flaky
    } else {
        kind(control.status, candidate.status, &real)
    };
    judged.unproven = if real.is_empty() { unproven } else { Vec::new() };
    judged.differences = real;
    if it.input.origin == Origin::Synthetic && judged.kind != Kind::Broken {
        // Nobody knows what it should have answered.
        judged.kind = Kind::Same;
        judged.differences.clear();
        judged.unproven.clear();
    }
    judged
}

/// Each side always ends alike, and the candidate not like the live version.
fn ends_otherwise(it: &Compared) -> bool {
    let always = |all: &[RunSeen]| {
        let first = all.first().map(|it| it.status);
        first.filter(|status| all.iter().all(|it| it.status == *status))
    };
    match (always(&it.control), always(&it.candidate)) {
        (Some(control), Some(candidate)) => control != candidate,
        _ => false,
    }
}

fn kind(control: Status, candidate: Status, differences: &[Difference]) -> Kind {
    let only = |part: &str| {
        differences.iter().all(|it| it.place.path.first().is_some_and(|it| it == part))
    };
    let failing =
        differences.iter().any(|it| it.place.path.first().is_some_and(|it| it == "error"));
    match (control, candidate) {
        (Status::Ok, Status::Handled) if failing => Kind::NewError,
        (Status::Ok, it) if failing && it.broke() => Kind::Broken,
        (it, Status::Ok) if failing && it != Status::Ok => Kind::Fixed,
        _ if only("effects") => Kind::EffectChanged,
        (control, candidate) if control != Status::Ok && candidate != Status::Ok => {
            Kind::ErrorChanged
        }
        _ => Kind::Changed,
    }
}

/// What the candidate used or was kept from, and the live version did not and was not on this input.
fn new_effects(it: &Compared, allowed: impl Fn(&Effect) -> bool) -> Vec<String> {
    let before: BTreeSet<_> = it.control.iter().flat_map(|it| &it.effects).collect();
    let denied: BTreeSet<_> = it.control.iter().flat_map(|it| &it.denied).collect();
    let used = it.candidate.iter().flat_map(|it| &it.effects);
    let used = used.filter(|it| !before.contains(it) && !allowed(it));
    let used = used.map(|it| format!("{} {}", it.capability, it.place));
    let kept = it.candidate.iter().flat_map(|it| &it.denied).filter(|it| !denied.contains(it));
    let kept = kept.map(|it| format!("denied {it}"));
    used.chain(kept).collect::<BTreeSet<_>>().into_iter().collect()
}
