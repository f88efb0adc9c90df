//! Shadow runs, run: two versions of a tool in a sandbox each, the same inputs, again where they differ. What it comes to
//! is judged by [`crate::shadow`]; here is who is called when, and when it is enough. Nothing is imported or run where
//! nothing isolates it.

mod course;
mod heard;
mod manifest;
mod version;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use self::{
    course::Course,
    manifest::Manifest,
    version::{NoRun, Version},
};
use super::Checker;
use crate::{
    model::{ReplayTable, Replayed, ToolId},
    ports::{
        CheckRules, ReplayOrder, ShadowContent, ShadowOrder, ShadowProgress, ShadowReport, Shadows,
        StopFlag,
    },
    shadow::{Compared, Input, Origin, RunSeen, Status, Verdict, choose, made_up},
};

const USUAL_INPUTS: usize = 30;
const MOST_REPLAYED: usize = 5;
const REPEATS: u32 = 2;
/// Of calls that answer nothing new any more, for a replay as a whole.
const PATIENCE: Duration = Duration::from_mins(1);

impl Shadows for Checker {
    fn shadow(
        &self,
        order: &ShadowOrder,
        told: &dyn Fn(ShadowProgress),
        stop: &StopFlag,
    ) -> ShadowReport {
        let began = Instant::now();
        let mut report = match self.compared(order, told, stop, began) {
            Ok(report) => report,
            Err(report) => *report,
        };
        report.wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.seed = order.seed;
        report
    }

    fn has_examples(&self, tool: &ToolId) -> bool {
        let manifest = self.rules(&tool.root()).map(|it| manifest::read(&it.path, tool));
        manifest.is_some_and(|it| it.is_ok_and(|it| !it.examples.is_empty()))
    }

    fn replay(&self, order: &ReplayOrder, stop: &StopFlag) -> Replayed {
        self.replayed(order, stop).unwrap_or_else(Replayed::Cannot)
    }
}

type Early = Box<ShadowReport>;
/// What goes live together with a version.
type Beside = BTreeMap<ToolId, Option<Vec<u8>>>;

fn early(verdict: Verdict, why: impl Into<String>) -> Early {
    Box::new(ShadowReport::without_runs(verdict, why))
}

impl Checker {
    fn compared(
        &self,
        order: &ShadowOrder,
        told: &dyn Fn(ShadowProgress),
        stop: &StopFlag,
        began: Instant,
    ) -> Result<ShadowReport, Early> {
        let Some(control) = &order.control else {
            let why = "no_control: there is no version to compare it with";
            return Err(early(Verdict::Inconclusive, why));
        };
        let (rules, manifest) = self.ready(order)?;
        let version = |content: &ShadowContent, beside: &Beside| {
            Version::new(&self.ladder, &rules, (&order.tool, content, beside), &manifest, stop)
                .map_err(|it| early(Verdict::Inconclusive, format!("no_interpreter: {it}")))
        };
        let mut old = version(control, &Beside::new())?;
        let mut new = version(&order.candidate, &order.beside)?;
        let loads = [old.load(), new.load()].map(|it| it.map_err(no_run));
        let [before, after] = loads;
        let (before, after) = (before?, after?);
        let sandbox = new.rung.map_or("none", |it| it.name());
        let loaded = Compared {
            control: vec![before.hello.as_run()],
            candidate: vec![after.hello.as_run()],
            ..Compared::default()
        };
        let mut all = order.inputs.clone();
        all.extend(manifest.examples.iter().cloned());
        if matches!(&*order.class, "pure" | "local_read") {
            all.extend(made_up(&before.hello.parameters()));
        }
        let inputs = choose(&all, order.limit.unwrap_or(USUAL_INPUTS));
        if !before.hello.ok {
            let why = format!("load: the live version does not load: {}", said(&before.hello));
            // Of what is only imported by others nobody knows an input: it cannot be asked by itself.
            let verdict = if inputs.is_empty() { Verdict::Inconclusive } else { Verdict::Error };
            return Err(Box::new(ShadowReport {
                sandbox,
                ..ShadowReport::without_runs(verdict, why)
            }));
        }
        let mut course = Course::new(order, &rules, &manifest, began);
        course.loaded = loaded;
        if after.hello.ok {
            match course.run(inputs, (&mut old, &mut new), told, stop) {
                Ok(()) => (),
                Err(it) => return Err(no_run(it)),
            }
        }
        let mut report = course.rest();
        report.sandbox = sandbox;
        if !after.hello.ok {
            report.why = Some(format!("load: {}: {}", after.hello.stage, said(&after.hello)));
        }
        Ok(report)
    }

    fn ready(&self, order: &ShadowOrder) -> Result<(CheckRules, Manifest), Early> {
        let root = order.tool.root();
        let rules = self
            .rules(&root)
            .ok_or_else(|| early(Verdict::Error, format!("there is no root {}", root.as_str())))?;
        if !self.ladder.best().isolates() {
            let why = "no_sandbox: nothing isolates a run here (see `knowngood doctor`)";
            return Err(early(Verdict::Inconclusive, why));
        }
        let manifest = manifest::read(&rules.path, &order.tool)
            .map_err(|it| early(Verdict::Error, format!("manifest: {it}")))?;
        Ok((rules, manifest))
    }

    fn replayed(&self, order: &ReplayOrder, stop: &StopFlag) -> Result<Replayed, String> {
        let root = order.tool.root();
        let rules = self.rules(&root).ok_or("its root is gone")?;
        if !self.ladder.best().isolates() {
            return Err("no_sandbox: nothing isolates a run here".to_owned());
        }
        if order.inputs.is_empty() {
            return Err("no_inputs: no arguments of a failing call are known".to_owned());
        }
        let manifest = manifest::read(&rules.path, &order.tool)?;
        let (tool, alone) = (&order.tool, Beside::new());
        let version =
            |content| Version::new(&self.ladder, &rules, (tool, content, &alone), &manifest, stop);
        let (mut old, mut new) = (version(&order.old)?, version(&order.new)?);
        let until = Instant::now() + PATIENCE;
        let (mut runs, mut failures) = (0, [0, 0]);
        for args in order.inputs.iter().take(MOST_REPLAYED) {
            let input = Input { args: args.clone(), origin: Origin::Recorded, ..Input::default() };
            for _ in 0..REPEATS {
                if Instant::now() > until {
                    return Err("it took too long".to_owned());
                }
                for (version, failures) in [&mut old, &mut new].into_iter().zip(&mut failures) {
                    let run = version.call(&input, None).map_err(why)?;
                    *failures += u32::from(failed(&run)?);
                }
                runs += 1;
            }
        }
        let [old, new] = failures;
        Ok(Replayed::Table(ReplayTable { runs, new, old }))
    }
}

/// `Err`: in a sandbox it cannot be known.
fn failed(run: &RunSeen) -> Result<bool, String> {
    match run.needs_more() {
        Some(why) => Err(format!("it {why}")),
        None => Ok(run.status != Status::Ok),
    }
}

fn why(it: NoRun) -> String {
    match it {
        NoRun::Stopped => "stopped".to_owned(),
        NoRun::NoSandbox(why) | NoRun::Unable(why) => why,
    }
}

fn no_run(it: NoRun) -> Early {
    match it {
        NoRun::Stopped => early(Verdict::Error, "stopped: nobody waits for it any more"),
        NoRun::NoSandbox(why) => early(Verdict::Inconclusive, format!("no_sandbox: {why}")),
        NoRun::Unable(why) => early(Verdict::Error, format!("workspace: {why}")),
    }
}

fn said(hello: &heard::Hello) -> String {
    hello.error.shown()
}

/// Where the workspace of an input is copied from.
fn fixture_of(input: &Input, rules: &CheckRules) -> Result<Option<PathBuf>, String> {
    input.fixture.as_ref().map(|it| manifest::fixture(&rules.path, it)).transpose()
}
