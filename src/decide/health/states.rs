//! Judging what was counted: from one state of health to the next, what somebody has to be told, and whether a version is to
//! be taken back. Each answer is a fact with what it rests on, so that no later rule changes what was decided.

use super::{
    DAY,
    fold::EARLY,
    replay::{Verdict, verdict},
};
use crate::{
    decide::{Plan, State, deploy::keeper},
    model::{
        AlertKind, Fact, Grounds, Health, HealthState, Level, Record, Replayed, Rule, Timestamp,
        Tool, ToolId, Watch,
    },
};

/// The world is taken for well again after so many calls without failure, or after this time.
const WELL_CALLS: u32 = 5;
const WELL_AFTER: i64 = 30 * 60_000_000;
/// A known good that fails more often than this itself is too weak a witness without a replay.
const WEAK_PERCENT: u8 = 15;

/// Facts that these records bring with them, for the health of their tools.
pub(in crate::decide) fn consequences(state: &State, records: &[Record]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for record in records {
        if let Fact::OutcomesRecorded { tools, .. } = &record.fact {
            facts.extend(tools.iter().flat_map(|it| judge(state, it, record.time)));
        }
        if let Fact::RuntimeFailed { tool, .. } = &record.fact {
            facts.extend(not_loaded(state, tool, record.time));
        }
    }
    facts
}

/// What time alone brings: a version has baked long enough, a quarantine is over.
pub(in crate::decide) fn time_passed(state: &State, now: Timestamp) -> Plan {
    let mut facts = Vec::new();
    for (id, health) in state.healths() {
        facts.extend(judge(state, id, now));
        let term = micros(state.care.quarantine_ms);
        let over = health.quarantines.iter().filter(|it| now.0.saturating_sub(it.1.0) >= term);
        facts.extend(over.map(|it| Fact::ContentReleased {
            tool: id.clone(),
            digest: it.0,
            author: keeper(),
        }));
    }
    Plan::of(facts)
}

/// The failing inputs were run on both versions, or could not be.
pub(in crate::decide) fn replayed(
    state: &State,
    id: &ToolId,
    version: &crate::model::Digest,
    replayed: &Replayed,
    now: Timestamp,
) -> Plan {
    let Some(case) = Case::of(state, id, now) else { return Plan::default() };
    let Some(level) = case.watch.passed.filter(|_| case.watch.wants_replay()) else {
        return Plan::default();
    };
    if case.watch.version != *version {
        return Plan::default();
    }
    let of = |to, rule| case.changed(to, rule, Some(replayed.clone()));
    Plan::of(match replayed {
        Replayed::Table(table) => match verdict(*table, level) {
            Verdict::Environment => {
                let mut facts = of(HealthState::Environment, Rule::Replay);
                let why = format!(
                    "the known good fails on the same inputs: {} of {} runs, this one {}",
                    table.old, table.runs, table.new
                );
                facts.extend(case.alert(AlertKind::Environment, why));
                facts
            }
            Verdict::Regressed => of(HealthState::Regressed, Rule::Replay),
            Verdict::Noise => of(HealthState::Baking, Rule::Noise),
        },
        Replayed::Cannot(_) => match level {
            Level::High => of(HealthState::Regressed, Rule::FailureRate),
            Level::Low => of(HealthState::Suspect, Rule::FailureRate),
        },
    })
}

/// A tool whose content is measured, at one moment.
struct Case<'a> {
    state: &'a State,
    id: &'a ToolId,
    tool: &'a Tool,
    health: &'a Health,
    watch: &'a Watch,
    now: Timestamp,
}

fn judge(state: &State, id: &ToolId, now: Timestamp) -> Vec<Fact> {
    let Some(case) = Case::of(state, id, now) else { return Vec::new() };
    let mut facts = if case.is_good() { case.as_good() } else { case.as_new() };
    facts.extend(case.alerts());
    facts
}

fn not_loaded(state: &State, id: &ToolId, now: Timestamp) -> Vec<Fact> {
    let Some(case) = Case::of(state, id, now) else { return Vec::new() };
    let bakes = matches!(
        case.watch.state,
        HealthState::Baking
            | HealthState::Suspect
            | HealthState::Environment
            | HealthState::Inconclusive
    );
    // A provisional one is taken back to what it displaced, by its own rule.
    let provisional = case.tool.provisional().is_some();
    if case.is_good() || !bakes || provisional || case.watch.deploy.is_none() {
        return Vec::new();
    }
    case.changed(HealthState::Regressed, Rule::Load, None)
}

impl<'a> Case<'a> {
    /// Where what is measured is what stands there.
    fn of(state: &'a State, id: &'a ToolId, now: Timestamp) -> Option<Self> {
        let (tool, health) = (state.tool(id)?, state.health(id)?);
        let watch = health.watch.as_ref()?;
        let stands = tool.on_disk().is_some_and(|it| it.digest == watch.version);
        stands.then_some(Self { state, id, tool, health, watch, now })
    }

    fn is_good(&self) -> bool {
        self.tool.known_good().is_some_and(|it| it.digest == self.watch.version)
    }

    /// The known good: nothing is done about it, for no edit is the likely cause.
    fn as_good(&self) -> Vec<Fact> {
        let watch = self.watch;
        match watch.state {
            HealthState::Healthy if watch.passed == Some(Level::High) => {
                let mut facts = self.changed(HealthState::Suspect, Rule::FailureRate, None);
                let why = format!(
                    "the known good fails more often than it did: {} of {} calls",
                    watch.failures, watch.calls
                );
                facts.extend(self.alert(AlertKind::Failing, why));
                facts
            }
            HealthState::Suspect if watch.score < watch.bar.low / 2 => {
                self.changed(HealthState::Healthy, Rule::Noise, None)
            }
            HealthState::Unknown
            | HealthState::Baking
            | HealthState::Regressed
            | HealthState::Environment
            | HealthState::Inconclusive
                if watch.calls > 0 =>
            {
                self.changed(HealthState::Healthy, Rule::Reported, None)
            }
            HealthState::Healthy
            | HealthState::Suspect
            | HealthState::Unknown
            | HealthState::Baking
            | HealthState::Regressed
            | HealthState::Environment
            | HealthState::Inconclusive => Vec::new(),
        }
    }

    /// In order of power: what was met first decides.
    fn as_new(&self) -> Vec<Fact> {
        let watch = self.watch;
        let is = |it: HealthState| watch.state == it;
        if is(HealthState::Regressed) || is(HealthState::Healthy) {
            return Vec::new();
        }
        if watch.is_broken && watch.calls <= EARLY {
            return self.changed(HealthState::Regressed, Rule::NovelError, None);
        }
        if let Some(level) = watch.passed {
            // Without a known good there is nothing to run beside it.
            return if level == Level::High && self.tool.known_good().is_none() {
                self.changed(HealthState::Regressed, Rule::FailureRate, None)
            } else if is(HealthState::Suspect) {
                Vec::new()
            } else {
                self.changed(HealthState::Suspect, Rule::FailureRate, None)
            };
        }
        let early = watch.calls <= EARLY && !watch.novel.is_empty();
        let calm = watch.score < watch.bar.low / 2 && !early;
        let well = watch.streak >= WELL_CALLS || self.past(watch.since, WELL_AFTER);
        match watch.state {
            HealthState::Unknown if watch.calls > 0 => {
                self.changed(HealthState::Baking, Rule::Reported, None)
            }
            HealthState::Baking if early => {
                self.changed(HealthState::Suspect, Rule::NovelError, None)
            }
            HealthState::Suspect if calm => self.changed(HealthState::Baking, Rule::Noise, None),
            HealthState::Environment if well => {
                self.changed(HealthState::Baking, Rule::Recovered, None)
            }
            HealthState::Baking | HealthState::Suspect | HealthState::Inconclusive => self.baked(),
            HealthState::Unknown
            | HealthState::Environment
            | HealthState::Regressed
            | HealthState::Healthy => Vec::new(),
        }
    }

    fn baked(&self) -> Vec<Fact> {
        let (watch, care) = (self.watch, &self.state.care);
        let quiet = watch.score < watch.bar.low && watch.state != HealthState::Suspect;
        let old = self.past(watch.began, micros(care.bake_max_ms));
        let enough = watch.calls >= care.bake_calls
            && self.past(watch.began, micros(care.bake_min_ms))
            || old && watch.calls >= care.bake_min;
        if quiet && enough {
            return self.changed(HealthState::Healthy, Rule::Proven, None);
        }
        if !old || watch.state == HealthState::Inconclusive {
            return Vec::new();
        }
        let mut facts = self.changed(HealthState::Inconclusive, Rule::TooFewCalls, None);
        // Where nobody reports at all, nobody waits for it to be proven.
        if !self.health.versions.is_empty() {
            let why = format!("after all this time there are {} calls that count", watch.calls);
            facts.extend(self.alert(AlertKind::Inconclusive, why));
        }
        facts
    }

    fn past(&self, moment: Timestamp, term: i64) -> bool {
        self.now.0.saturating_sub(moment.0) >= term
    }

    fn alerts(&self) -> Vec<Fact> {
        let watch = self.watch;
        let mut facts = Vec::new();
        if watch.caller.over {
            let why = "more calls than before have arguments that it does not take: callers may still know \
                       an earlier interface";
            facts.extend(self.alert(AlertKind::InterfaceChanged, why.to_owned()));
        }
        if watch.env.over {
            let why =
                "more calls than before fail because of the world: network, disk, credentials";
            facts.extend(self.alert(AlertKind::Environment, why.to_owned()));
        }
        if let Some(latency) = watch.latency.filter(|it| it.slow) {
            let why = format!(
                "calls take {} % of the time that they took with the known good",
                latency.ratio_percent
            );
            facts.extend(self.alert(AlertKind::Slow, why));
        }
        facts
    }

    /// Once for each content.
    fn alert(&self, kind: AlertKind, why: String) -> Option<Fact> {
        let (tool, version, number) = (self.id.clone(), self.watch.version, self.watch.number);
        let fact = Fact::AlertRaised { tool, version, number, kind, why };
        (!self.watch.told.contains(&kind)).then_some(fact)
    }

    fn changed(&self, to: HealthState, rule: Rule, replay: Option<Replayed>) -> Vec<Fact> {
        let watch = self.watch;
        let confirmed = matches!(replay, Some(Replayed::Table(_)));
        let action = (to == HealthState::Regressed).then(|| self.action(rule, confirmed));
        let mut evidence = self.evidence(rule, replay);
        let mut alert = None;
        match action {
            Some(Ok(at_once)) => evidence.returns = Some(at_once),
            Some(Err((kind, why))) => alert = self.alert(kind, why),
            None => (),
        }
        let change = Fact::HealthChanged {
            tool: self.id.clone(),
            version: watch.version,
            number: watch.number,
            from: watch.state,
            to,
            evidence: Box::new(evidence),
        };
        std::iter::once(change).chain(alert).collect()
    }

    fn evidence(&self, rule: Rule, replay: Option<Replayed>) -> Grounds {
        let watch = self.watch;
        Grounds {
            rule,
            calls: watch.calls,
            failures: watch.failures,
            score: watch.score,
            bar: watch.bar,
            base: watch.base,
            failing: watch.failing.iter().cloned().collect(),
            replay,
            returns: None,
        }
    }

    /// Whether it is taken back, and if so whether at once; else what somebody is told.
    fn action(&self, rule: Rule, confirmed: bool) -> Result<bool, (AlertKind, String)> {
        let care = &self.state.care;
        let told = |why: &str| Err((AlertKind::Regressed, format!("{}; {why}", self.says(rule))));
        let today = self.health.rollbacks.iter();
        let today = today.filter(|it| it.0 > self.now.0.saturating_sub(DAY)).count();
        if self.tool.known_good().is_none() {
            told("there is no known good version to go back to")
        } else if !care.auto_rollback {
            told("health.auto_rollback is off, so that nothing is taken back")
        } else if self.watch.deploy.is_none() {
            told("no deploy brought it, and only deploys are taken back")
        } else if u32::try_from(today).unwrap_or(u32::MAX) >= care.max_rollbacks {
            let why =
                format!("{}; taken back {today} times in a day, which is enough", self.says(rule));
            Err((AlertKind::Frozen, why))
        } else if rule == Rule::FailureRate && !confirmed && self.watch.bar.percent > WEAK_PERCENT {
            told("the known good fails too often itself to tell by that alone")
        } else {
            Ok(rule == Rule::Load)
        }
    }

    fn says(&self, rule: Rule) -> String {
        let watch = self.watch;
        if rule == Rule::Load {
            format!("{} could not be loaded", watch.number)
        } else if rule == Rule::NovelError {
            format!("{} has programming errors of its own", watch.number)
        } else {
            format!("{} fails in {} of {} calls", watch.number, watch.failures, watch.calls)
        }
    }
}

pub(super) fn micros(ms: u64) -> i64 {
    i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX)
}
