//! Runtimes: what they report, and what that means against what is expected.

use super::{
    call::Call,
    page,
    problem::Problem,
    route::{Json, NoBody},
    shape,
};
use crate::{
    model::{Disk, Runtime, RuntimeName, ToolId},
    ports::Archive,
    reconcile::{Command, View},
    wire::{
        self, FailedLoad, Forgotten, List, Nothing, PageQuery, Report, RuntimeState, StaleLoad,
    },
};

const LIST: char = 'r';
/// How many tools that a runtime has not loaded are named.
const MOST_NAMED: usize = 1000;

pub(super) fn list(call: &Call, query: &PageQuery) -> Result<Json<List<RuntimeState>>, Problem> {
    let (view, limit) = (call.view()?, page::limit(query.limit)?);
    let archive = call.handle()?.archive();
    let after = page::place(LIST, query.cursor.as_deref(), |it| RuntimeName::new(it).ok())?;
    let later = view.state.runtimes().filter(|it| Some(it.0) > after.as_ref());
    let states = later.take(limit + 1).map(|(name, it)| state(&view, archive.as_ref(), name, it));
    let states = states.collect::<Result<Vec<_>, _>>()?;
    Ok(Json(page::list(states, limit, view.as_of().0, |it| page::cursor(LIST, &it.runtime))))
}

pub(super) fn one(call: &Call, _: &Nothing) -> Result<Json<RuntimeState>, Problem> {
    let (view, name) = (call.view()?, call.runtime()?);
    let runtime = view.state.runtime(&name).ok_or_else(|| Problem::no_such_runtime(&name))?;
    state(&view, call.handle()?.archive().as_ref(), &name, runtime).map(Json)
}

pub(super) async fn report(
    call: Call,
    _: Nothing,
    Json(report): Json<Report>,
) -> Result<Json<RuntimeState>, Problem> {
    let runtime = call.runtime()?;
    let wire::Reported { loaded, failed, ttl_ms } = report.checked()?;
    let command = Command::Report { runtime, loaded, failed, ttl_ms };
    let _granted = call.handle()?.request(command).await??;
    call.blocking(|call| one(call, &Nothing {})).await
}

pub(super) async fn forget(call: Call, _: Nothing, _: NoBody) -> Result<Json<Forgotten>, Problem> {
    let command = Command::Forget { runtime: call.runtime()? };
    let granted = call.handle()?.request(command).await??;
    Ok(Json(Forgotten { as_of: granted.as_of.0 }))
}

fn state(
    view: &View,
    archive: &dyn Archive,
    name: &RuntimeName,
    runtime: &Runtime,
) -> Result<RuntimeState, Problem> {
    let (not_loaded, not_loaded_count) = not_loaded(view, runtime);
    let failed = runtime.failed.iter();
    let failed = failed
        .map(|(tool, message)| FailedLoad { tool: tool.to_string(), message: message.clone() });
    Ok(RuntimeState {
        runtime: name.to_string(),
        loaded: runtime.loaded.len() as u64,
        stale: stale(view, archive, runtime, |_| true)?,
        failed: failed.collect(),
        not_loaded,
        not_loaded_count,
        reported: wire::stamp(runtime.reported),
        ttl_ms: runtime.ttl_ms,
        as_of: view.as_of().0,
    })
}

/// What it has loaded other than expected.
pub(super) fn stale(
    view: &View,
    archive: &dyn Archive,
    runtime: &Runtime,
    wanted: impl Fn(&ToolId) -> bool,
) -> Result<Vec<StaleLoad>, Problem> {
    let mut stale = Vec::new();
    for (id, tool, digest) in view.stale(runtime).filter(|it| wanted(it.0)) {
        let expected = tool.expected();
        stale.push(StaleLoad {
            tool: id.to_string(),
            loaded: shape::number(archive, id, tool, digest)?,
            loaded_sha256: digest.to_string(),
            expected: expected.and_then(|it| it.version).map(|it| it.0),
            expected_sha256: expected.map(|it| it.digest.to_string()),
        });
    }
    Ok(stale)
}

/// What stands on disk and it has not loaded: the first of them, and how many.
fn not_loaded(view: &View, runtime: &Runtime) -> (Vec<String>, u64) {
    let on_disk = |id: &ToolId| {
        view.tool(id).is_some_and(|it| matches!(view.state.disk(id, it), Disk::Standing(_)))
    };
    let absent = view.tools_after(None).map(|it| it.0);
    let absent = absent.filter(|id| !runtime.loaded.contains_key(*id) && on_disk(id));
    let named: Vec<String> = absent.take(MOST_NAMED).map(ToString::to_string).collect();
    if named.len() < MOST_NAMED {
        let count = named.len() as u64;
        return (named, count);
    }
    let standing = |it: crate::reconcile::Counts| it.in_sync + it.modified + it.orphaned;
    let all: u64 = view.rules.roots.keys().map(|it| standing(view.counts(it))).sum();
    let loaded = runtime.loaded.keys().filter(|it| on_disk(it)).count() as u64;
    (named, all.saturating_sub(loaded))
}
