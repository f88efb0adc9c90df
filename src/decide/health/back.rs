//! Back to the known good: a deploy that the rules themselves propose. It takes the way of every deploy, but for verification
//! and gates, since what it brings did well before. What the same deploy brought together goes back together.

use std::fmt::Write as _;

use super::{ReplayOrder, states::micros};
use crate::{
    decide::{Plan, Purpose, StageOrder, State, Task, deploy::keeper},
    model::{
        Base, Baseline, Change, DeployKind, DeployState, HealthState, Proposal, Reason, Replayed,
        Target, Timestamp, Tool, ToolId, Watch,
    },
};

impl State {
    /// Tools whose content is to be taken back now. One with a deploy on its way waits.
    pub fn to_take_back(&self) -> impl Iterator<Item = &ToolId> {
        let due = self.healths().filter(|(id, health)| {
            let returns = health.watch.as_ref().and_then(|it| it.returns);
            let Some(at_once) = returns else { return false };
            (at_once || health.quiet == 0) && self.goes(id).is_some() && !self.is_on_its_way(id)
        });
        due.map(|it| it.0)
    }

    /// Whether a deploy of the tool is coming that waits for nobody: a way back waits for it.
    pub fn is_on_its_way(&self, id: &ToolId) -> bool {
        self.before_activation(id).any(|it| it.state != DeployState::AwaitingApproval)
    }

    /// What is to be run on both versions, to tell one from the world.
    pub fn to_replay(&self) -> impl Iterator<Item = ReplayOrder> {
        self.healths().filter_map(|(id, health)| {
            let new = health.watch.as_ref().filter(|it| it.wants_replay())?.version;
            let old = self.known_good(id).filter(|it| *it != new)?;
            Some(ReplayOrder { tool: id.clone(), old, new })
        })
    }

    /// When time alone may change something next.
    pub fn next_health(&self, now: Timestamp) -> Option<Timestamp> {
        let after = |from: Timestamp, term: i64| from.0.saturating_add(term);
        let care = &self.care;
        let each = self.healths().flat_map(|(_, health)| {
            let watch = health.watch.as_ref();
            let moments = watch.map(|it| match it.state {
                HealthState::Baking | HealthState::Suspect => [
                    after(it.began, micros(care.bake_min_ms)),
                    after(it.began, micros(care.bake_max_ms)),
                ],
                HealthState::Environment => [after(it.since, 30 * 60_000_000); 2],
                HealthState::Unknown
                | HealthState::Regressed
                | HealthState::Healthy
                | HealthState::Inconclusive => [i64::MIN; 2],
            });
            let ends = health.quarantines.iter().map(|it| after(it.1, micros(care.quarantine_ms)));
            moments.into_iter().flatten().chain(ends).collect::<Vec<_>>()
        });
        each.filter(|it| *it > now.0).min().map(Timestamp)
    }

    /// The watch of a content that stands there and is to go.
    fn goes(&self, id: &ToolId) -> Option<(&Tool, &Watch)> {
        let tool = self.tool(id)?;
        let watch = self.health(id)?.watch.as_ref().filter(|it| it.returns.is_some())?;
        let on_disk = tool.on_disk().filter(|_| self.disk(id, tool) == tool.disk)?;
        (on_disk.digest == watch.version).then_some((tool, watch))
    }
}

pub(in crate::decide) fn taken_back(state: &State, id: &ToolId) -> Plan {
    let Some((_, watch)) = state.goes(id) else { return Plan::default() };
    let mut changes: Vec<Change> =
        together(state, id, watch).iter().filter_map(|it| change(it, state.tool(it)?)).collect();
    changes.sort_by(|one, other| one.tool.cmp(&other.tool));
    if !changes.iter().any(|it| it.tool == *id) {
        return Plan::default();
    }
    let proposal = Proposal {
        kind: DeployKind::Regressed,
        changes,
        author: keeper(),
        claimed: None,
        reason: Reason::rollback(),
        message: Some(message(watch)),
        metadata: Some(metadata(watch)),
        confirm_within_ms: None,
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: vec![(id.clone(), watch.version)],
        expect_changes: Vec::new(),
    };
    let order = StageOrder::new(state, proposal, Vec::new(), Purpose::Deploy);
    Plan { tasks: vec![Task::Stage(order)], ..Plan::default() }
}

/// The tool, and those that the same deploy brought and that still are as it left them.
fn together(state: &State, id: &ToolId, watch: &Watch) -> Vec<ToolId> {
    let deploy = watch.deploy.and_then(|it| state.deploy(it));
    let others = deploy.iter().flat_map(|deploy| {
        deploy.live.iter().filter(|it| it.tool != *id).filter(|it| {
            let stands = state.tool(&it.tool).and_then(Tool::on_disk).map(|it| it.number);
            stands.is_some() && stands == it.version
        })
    });
    let others = others.map(|it| it.tool.clone());
    std::iter::once(id.clone()).chain(others).collect()
}

/// `None`: there is nothing else to put there.
fn change(id: &ToolId, tool: &Tool) -> Option<Change> {
    let stands = tool.on_disk()?;
    let good: &Baseline = tool.known_good().filter(|it| it.digest != stands.digest)?;
    Some(Change {
        tool: id.clone(),
        base: Some(Base { digest: stands.digest, version: Some(stands.number) }),
        to: Some(Target { digest: good.digest, executable: good.executable }),
        parents: vec![stands.number],
    })
}

fn message(watch: &Watch) -> String {
    let from = watch.deploy.map_or_else(String::new, |it| format!(" (deploy {it})"));
    let base = watch.base;
    match watch.returns {
        Some(true) => format!("{}{from} could not be loaded", watch.number),
        Some(false) | None => format!(
            "{}{from} failed in {} of {} calls, the known good in {} of {}",
            watch.number, watch.failures, watch.calls, base.failures, base.calls
        ),
    }
}

/// What it rests on, as a JSON object.
fn metadata(watch: &Watch) -> String {
    let (base, bar) = (watch.base, watch.bar);
    let mut text = format!(
        "{{\"regressed\":\"{}\",\"deploy\":{},\"calls\":{},\"failures\":{},\"score\":{},\"limit\":{},\
         \"baseline\":{{\"calls\":{},\"failures\":{},\"percent\":{}}},\"failing\":[",
        watch.version,
        watch.deploy.map_or_else(|| "null".to_owned(), |it| it.to_string()),
        watch.calls,
        watch.failures,
        watch.score,
        bar.high,
        base.calls,
        base.failures,
        bar.percent,
    );
    for (place, it) in watch.failing.iter().enumerate() {
        text.push_str(if place == 0 { "" } else { "," });
        quote(it, &mut text);
    }
    text.push_str("],\"replay\":");
    // Writing to a String cannot fail.
    let _: std::fmt::Result = match &watch.replay {
        Some(Replayed::Table(it)) => {
            write!(text, "{{\"m\":{},\"new\":{},\"old\":{}}}}}", it.runs, it.new, it.old)
        }
        Some(Replayed::Cannot(why)) => {
            text.push_str("{\"cannot\":");
            quote(why, &mut text);
            text.write_str("}}")
        }
        None => text.write_str("null}"),
    };
    text
}

fn quote(it: &str, text: &mut String) {
    text.push('"');
    for letter in it.chars() {
        let _: std::fmt::Result = match letter {
            '"' | '\\' => write!(text, "\\{letter}"),
            _ if u32::from(letter) < 0x20 => write!(text, "\\u{:04x}", u32::from(letter)),
            _ => text.write_char(letter),
        };
    }
    text.push('"');
}
