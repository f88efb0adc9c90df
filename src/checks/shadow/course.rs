//! The course of a shadow run: each input once on both versions, who goes first by a coin; then those that differed, again.
//! It ends early where enough is broken, and in time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::{
    fixture_of,
    manifest::Manifest,
    version::{NoRun, Version},
};
use crate::{
    model::rank_score_milli,
    ports::{CheckRules, ShadowLatency, ShadowOrder, ShadowProgress, ShadowReport, StopFlag},
    shadow::{
        Coins, Compared, Counts, Input, Judgement, Kind, MORE_ROUNDS, RunSeen, Status, Verdict,
        bound95, findings, judge, verdict,
    },
};

const ENOUGH_BROKEN: usize = 3;
const MOST_REPEATED: usize = 20;
const REPEATS: usize = 2;

pub(super) struct Course<'a> {
    order: &'a ShadowOrder,
    rules: &'a CheckRules,
    manifest: &'a Manifest,
    until: Instant,
    coins: Coins,
    /// What loading did; judged like an input that all share.
    pub(super) loaded: Compared,
    all: Vec<Compared>,
    left_out: usize,
    runs: usize,
}

type Both<'a, 'b> = (&'a mut Version<'b>, &'a mut Version<'b>);

impl<'a> Course<'a> {
    pub(super) fn new(
        order: &'a ShadowOrder,
        rules: &'a CheckRules,
        manifest: &'a Manifest,
        began: Instant,
    ) -> Self {
        Self {
            order,
            rules,
            manifest,
            until: began + order.budget,
            coins: Coins::new(order.seed),
            loaded: Compared::default(),
            all: Vec::new(),
            left_out: 0,
            runs: 0,
        }
    }

    pub(super) fn run(
        &mut self,
        inputs: Vec<Input>,
        (old, new): Both<'_, '_>,
        told: &dyn Fn(ShadowProgress),
        stop: &StopFlag,
    ) -> Result<(), NoRun> {
        let total = inputs.len();
        for (done, input) in inputs.into_iter().enumerate() {
            told(ShadowProgress { done, total, repeating: false });
            if Instant::now() > self.until || self.broken() >= ENOUGH_BROKEN {
                self.left_out = total - done;
                break;
            }
            let mut compared = Compared { input, ..Compared::default() };
            self.once(&mut compared, (&mut *old, &mut *new))?;
            self.all.push(compared);
        }
        self.repeat((old, new), told)?;
        if stop.is_set() { Err(NoRun::Stopped) } else { Ok(()) }
    }

    fn once(&mut self, it: &mut Compared, (old, new): Both<'_, '_>) -> Result<(), NoRun> {
        let fixture = fixture_of(&it.input, self.rules).map_err(NoRun::Unable)?;
        let fixture = fixture.as_deref();
        if self.coins.flip() {
            it.control.push(old.call(&it.input, fixture)?);
            it.candidate.push(new.call(&it.input, fixture)?);
        } else {
            let first = new.call(&it.input, fixture)?;
            it.control.push(old.call(&it.input, fixture)?);
            it.candidate.push(first);
        }
        self.runs += 2;
        Ok(())
    }

    fn repeat(
        &mut self,
        (old, new): Both<'_, '_>,
        told: &dyn Fn(ShadowProgress),
    ) -> Result<(), NoRun> {
        let judged = self.judged();
        let differ = judged.inputs.iter().enumerate().filter(|(_, it)| {
            !matches!(it.kind, Kind::Same | Kind::Noise | Kind::Skipped | Kind::NewEffect)
        });
        let differ: Vec<usize> = differ.map(|it| it.0).take(MOST_REPEATED).collect();
        for (done, at) in differ.iter().enumerate() {
            told(ShadowProgress { done, total: differ.len(), repeating: true });
            for _ in 0..REPEATS {
                if Instant::now() < self.until {
                    self.again(*at, (&mut *old, &mut *new))?;
                }
            }
        }
        self.until_it_is_told((old, new), told)
    }

    /// What may be chance on one side is run again, until both sides say what it is.
    fn until_it_is_told(
        &mut self,
        (old, new): Both<'_, '_>,
        told: &dyn Fn(ShadowProgress),
    ) -> Result<(), NoRun> {
        let mut done = 0;
        loop {
            let judged = self.judged();
            let inputs = judged.inputs.iter().enumerate();
            let open: Vec<usize> =
                inputs.filter(|it| !it.1.unproven.is_empty()).map(|it| it.0).collect();
            if open.is_empty() {
                return Ok(());
            }
            for at in open {
                if done == MORE_ROUNDS || Instant::now() > self.until {
                    return Ok(());
                }
                told(ShadowProgress { done, total: MORE_ROUNDS, repeating: true });
                self.again(at, (&mut *old, &mut *new))?;
                done += 1;
            }
        }
    }

    fn again(&mut self, at: usize, both: Both<'_, '_>) -> Result<(), NoRun> {
        let Some(mut it) = self.all.get_mut(at).map(std::mem::take) else { return Ok(()) };
        self.once(&mut it, both)?;
        if let Some(place) = self.all.get_mut(at) {
            *place = it;
        }
        Ok(())
    }

    fn broken(&self) -> usize {
        let broke = |it: &&Compared| {
            let of = |all: &[RunSeen]| all.first().map(|it| it.status);
            of(&it.control) == Some(Status::Ok) && of(&it.candidate).is_some_and(Status::broke)
        };
        self.all.iter().filter(broke).count()
    }

    fn judged(&self) -> Judgement {
        judge(&self.all, &self.manifest.rules, &self.order.accepted)
    }

    /// What it comes to.
    pub(super) fn rest(self) -> ShadowReport {
        let loads = std::slice::from_ref(&self.loaded);
        let at_load = judge(loads, &self.manifest.rules, &self.order.accepted);
        let bad = at_load
            .inputs
            .first()
            .map(|it| it.kind)
            .filter(|it| matches!(it, Kind::NewEffect | Kind::Broken));
        let mut judgement = self.judged();
        let mut counts = Counts::of(&self.all, &judgement);
        let mut told = findings(&self.all, &judgement);
        if let Some(kind) = bad {
            *counts.kinds.entry(kind).or_default() += 1;
            let mut loads = findings(loads, &at_load);
            for it in &mut loads {
                it.origin = "load";
            }
            told.splice(0..0, loads);
            judgement.inputs.extend(at_load.inputs);
        }
        let verdict = verdict(&counts, &judgement, &self.order.expect_changes);
        let mut origins = BTreeMap::new();
        for it in &self.all {
            *origins.entry(it.input.origin.as_str()).or_default() += 1;
        }
        let observed: BTreeSet<_> = self
            .all
            .iter()
            .chain([&self.loaded])
            .flat_map(|it| &it.candidate)
            .flat_map(|it| it.effects.iter().cloned())
            .collect();
        let report = ShadowReport {
            verdict,
            bound95: bound95(verdict, counts.comparable),
            counts,
            origins,
            left_out: self.left_out,
            runs: self.runs,
            noisy_paths: judgement.noisy_paths,
            ignored: judgement.ignored,
            findings: told,
            latency: latency(&self.all),
            observed,
            ..ShadowReport::without_runs(verdict, String::new())
        };
        let why = (verdict == Verdict::Inconclusive).then(|| too_little(&report));
        ShadowReport { why, ..report }
    }
}

fn too_little(report: &ShadowReport) -> String {
    let counts = &report.counts;
    let skipped = counts.kind(Kind::Skipped);
    if skipped * 2 > counts.total {
        return format!("skipped: {skipped} of {} inputs", counts.total);
    }
    format!(
        "few_inputs: {} could be compared, and fewer than 5 say nothing; give some, or write \
         examples into the tool's manifest",
        counts.comparable
    )
}

fn latency(all: &[Compared]) -> Option<ShadowLatency> {
    let both = all.iter().filter_map(|it| Some((it.control.first()?, it.candidate.first()?)));
    let (control, candidate): (Vec<_>, Vec<_>) = both
        .filter(|it| it.0.status == Status::Ok && it.1.status == Status::Ok)
        .map(|it| (it.0.wall_us, it.1.wall_us))
        .unzip();
    let (control_p50_ms, candidate_p50_ms) = (median(&control)?, median(&candidate)?);
    let ratio = candidate_p50_ms / control_p50_ms.max(0.001);
    let mw_z = f64::from(rank_score_milli(&candidate, &control)) / 1000.0;
    Some(ShadowLatency { control_p50_ms, candidate_p50_ms, ratio, mw_z })
}

fn median(micros: &[u64]) -> Option<f64> {
    let mut micros = micros.to_vec();
    micros.sort_unstable();
    let middle = u32::try_from(*micros.get(micros.len() / 2)?).unwrap_or(u32::MAX);
    Some(f64::from(middle) / 1000.0)
}
