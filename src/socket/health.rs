//! `GET /v1/health/{id}`: everything that the regression monitor knows of a tool, at one moment.

use super::{call::Call, problem::Problem, route::Json, shape::number};
use crate::{
    model::{HealthState, ReplayTable, Replayed, Timestamp, Tool, ToolId, VersionHealth, Watch},
    ports::Archive,
    reconcile::{View, chance},
    wire::{self, Blamed, Health, HealthBaseline, Nothing, VersionCalls},
};

pub(super) fn health(call: &Call, _: &Nothing) -> Result<Json<Health>, Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let tool = view.state.tool(&id).ok_or_else(|| Problem::no_such_tool(&id))?;
    let archive = call.handle()?.archive().as_ref();
    told(&view, archive, &id, tool).map(Json)
}

fn told(view: &View, archive: &dyn Archive, id: &ToolId, tool: &Tool) -> Result<Health, Problem> {
    let known = view.state.health(id);
    let stands = tool.on_disk();
    let watch = known.and_then(|it| it.watch.as_ref());
    let watch = watch.filter(|it| stands.is_some_and(|stands| stands.digest == it.version));
    let good = tool.known_good();
    let state = view.state.health_state(id);
    let versions = known.into_iter().flat_map(|it| &it.versions);
    let versions = versions.map(|it| calls(archive, id, tool, it)).collect::<Result<_, _>>()?;
    let own = stands.and_then(|it| known?.version(&it.digest));
    let [bake_ends, bake_gives_up] = bakes_until(view, watch.filter(|_| bakes(state)));
    Ok(Health {
        tool: id.to_string(),
        version: stands.map(|it| it.number.0),
        sha256: stands.map(|it| it.digest.to_string()),
        state: state.into(),
        since: watch.map(|it| wire::stamp(it.since)),
        deploy: watch.and_then(|it| it.deploy).map(|it| it.0),
        calls: watch.map_or(0, |it| it.calls),
        failures: watch.map_or(0, |it| it.failures),
        score: watch.map_or(0, |it| it.score),
        w: watch.map_or(0, |it| it.bar.weight),
        low: watch.map_or(0, |it| it.bar.low),
        high: watch.map_or(0, |it| it.bar.high),
        baseline: baseline(watch),
        blamed: own.map(|it| Blamed::from(&it.tally)).unwrap_or_default(),
        replay: watch.and_then(|it| it.replay.as_ref()).map(replayed),
        latency: watch.and_then(|it| it.latency).map(Into::into),
        known_good: good.and_then(|it| it.version).map(|it| it.0),
        known_good_sha256: good.map(|it| it.digest.to_string()),
        bake_ends,
        bake_gives_up,
        rollback: watch.is_some_and(|it| it.returns.is_some()),
        rollbacks: known.map_or(0, |it| it.rollbacks.len() as u64),
        quiet_calls: known.map_or(0, |it| it.quiet),
        alerts: watch.into_iter().flat_map(|it| &it.told).map(|it| it.as_str().into()).collect(),
        versions,
        as_of: view.as_of().0,
    })
}

fn bakes(state: HealthState) -> bool {
    matches!(state, HealthState::Baking | HealthState::Suspect | HealthState::Environment)
}

/// When it is proven at the earliest, and when it is given up to prove it.
fn bakes_until(view: &View, watch: Option<&Watch>) -> [Option<String>; 2] {
    let rules = &view.rules.health;
    [rules.bake_min_ms, rules.bake_max_ms].map(|ms| {
        let term = i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX);
        watch.map(|it| wire::stamp(Timestamp(it.began.0.saturating_add(term))))
    })
}

fn baseline(watch: Option<&Watch>) -> HealthBaseline {
    HealthBaseline {
        sha256: watch.and_then(|it| it.base.version).map(|it| it.to_string()),
        calls: watch.map_or(0, |it| it.base.calls),
        failures: watch.map_or(0, |it| it.base.failures),
        bucket: watch.map_or(0.0, |it| f64::from(it.bar.percent) / 100.0),
    }
}

fn calls(
    archive: &dyn Archive,
    id: &ToolId,
    tool: &Tool,
    it: &VersionHealth,
) -> Result<VersionCalls, Problem> {
    Ok(VersionCalls {
        version: number(archive, id, tool, &it.version)?,
        sha256: it.version.to_string(),
        calls: it.tally.calls,
        blamed: Blamed::from(&it.tally),
        repeats: it.tally.repeats,
    })
}

fn replayed(it: &Replayed) -> wire::Replay {
    match it {
        Replayed::Table(table) => {
            let ReplayTable { runs: m, new, old } = *table;
            wire::Replay::Table { m, new, old, p: share(chance(*table)) }
        }
        Replayed::Cannot(why) => wire::Replay::Cannot { cannot: why.clone() },
    }
}

/// To five places, as people read it.
fn share((part, whole): (u128, u128)) -> f64 {
    let places = part.saturating_mul(100_000).checked_div(whole).unwrap_or(0);
    f64::from(u32::try_from(places).unwrap_or(u32::MAX)) / 100_000.0
}

/// How many tools are in which state, of those that were asked for.
pub(super) fn summary(view: &View, wanted: impl Fn(&ToolId) -> bool) -> wire::HealthSummary {
    let mut summary = wire::HealthSummary::default();
    let told = view.state.healths().map(|it| it.0).filter(|it| wanted(it));
    for id in told.filter(|it| view.tool(it).is_some()) {
        summary.add(view.state.health_state(id));
    }
    summary
}

/// The known good as the shape of a tool has it.
pub(super) fn known_good(tool: &Tool) -> Option<u32> {
    tool.known_good().and_then(|it| it.version).map(|it| it.0)
}
