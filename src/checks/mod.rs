//! Verification: may a staged content go live? Says which checks there are for it (`plan`), what each of them
//! runs (`command`, `python`, `syntax`), has it run in a sandbox (`sandbox`, which knows nothing of checks), and reads
//! what came of it (`judge`). It never runs anything outside the sandbox, and it writes to no root.

mod command;
mod judge;
mod part;
mod plan;
mod programs;
mod python;
pub mod sandbox;
mod shadow;
mod syntax;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use crate::{
    model::{CheckFailure, CheckOutcome, CheckRun, RootName, ToolId},
    ports::{CheckOrder, CheckRules, Checks, StopFlag},
};
use plan::{Planned, What};
use sandbox::{Ended, Job, Ladder, Rung};

/// The checks of all roots, on the best rung of the ladder that works.
#[derive(Debug)]
pub struct Checker {
    ladder: Ladder,
    rules: RwLock<Arc<BTreeMap<RootName, CheckRules>>>,
}

impl Checker {
    pub fn new(ladder: Ladder, rules: Vec<CheckRules>) -> Self {
        let checker = Self { ladder, rules: RwLock::default() };
        checker.set_rules(rules);
        checker
    }

    /// Other rules from now on; what runs goes on by the former ones.
    pub fn set_rules(&self, rules: Vec<CheckRules>) {
        let rules = rules.into_iter().map(|it| (it.root.clone(), it)).collect();
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Finds out on which rung it will run, which takes some time when it is first asked.
    pub fn find_rung(&self) -> &'static str {
        self.ladder.best().name()
    }

    fn rules(&self, root: &RootName) -> Option<CheckRules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }

    fn planned(&self, order: &CheckOrder) -> Vec<Planned> {
        match self.rules(&order.root) {
            Some(rules) => plan::of(order, &rules, self.ladder.best()),
            None => plan::refused(order, &format!("there is no root {}", order.root.as_str())),
        }
    }

    fn carry_out(&self, planned: &Planned, stop: &StopFlag) -> CheckRun {
        let began = Instant::now();
        let mut seen = Seen::default();
        let outcome = match &planned.what {
            What::Skip(why) => CheckOutcome::Skipped(why.clone()),
            What::Fail(why) => {
                CheckOutcome::Failed(CheckFailure { why: why.clone(), ..CheckFailure::default() })
            }
            What::Command(job) => judge::exit(&self.run(job, stop, &mut seen), job),
            What::Syntax(job) => syntax::judged(&self.run(job, stop, &mut seen), job),
            What::Compile(probe) => python::compiled(&self.run(&probe.job, stop, &mut seen), probe),
            What::Load(load) => {
                let run = |job: &Job, seen: &mut Seen| self.run(job, stop, seen);
                python::loaded(load, run, &mut seen)
            }
        };
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        CheckRun {
            tool: Some(planned.tool.clone()),
            check: planned.check.to_owned(),
            outcome,
            sandbox: seen.sandbox.to_owned(),
            took_ms: if seen.sandbox == NOWHERE { 0 } else { took },
            output_tail: seen.output_tail,
        }
    }

    fn run(&self, job: &Job, stop: &StopFlag, seen: &mut Seen) -> Ended {
        let (rung, ended) = self.ladder.run(job, stop);
        seen.sandbox = rung.name();
        seen.output_tail = judge::tail(&ended);
        ended
    }
}

const NOWHERE: &str = "none";

/// What is told of a run beside how it came out.
struct Seen {
    sandbox: &'static str,
    output_tail: String,
}

impl Default for Seen {
    fn default() -> Self {
        Self { sandbox: NOWHERE, output_tail: String::new() }
    }
}

impl Checks for Checker {
    fn nothing_to_run(&self, order: &CheckOrder) -> Option<Vec<CheckRun>> {
        let planned = self.planned(order);
        if !planned.iter().all(|it| matches!(it.what, What::Skip(_))) {
            return None;
        }
        let never = StopFlag::default();
        Some(planned.iter().map(|it| self.carry_out(it, &never)).collect())
    }

    fn verify(&self, order: &CheckOrder, stop: &StopFlag) -> Vec<CheckRun> {
        let mut runs: Vec<CheckRun> = Vec::new();
        for it in &self.planned(order) {
            // What does not compile is not loaded.
            let failed = |tool: &ToolId| {
                runs.iter().any(|run| {
                    run.tool.as_ref() == Some(tool)
                        && matches!(run.outcome, CheckOutcome::Failed(_))
                })
            };
            if !failed(&it.tool) {
                runs.push(self.carry_out(it, stop));
            }
        }
        runs
    }

    fn sandbox(&self) -> Option<&'static str> {
        self.ladder.known().map(Rung::name)
    }
}
