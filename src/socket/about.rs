//! The daemon about itself: answered from the moment the socket is there.

use super::{
    call::Call,
    openapi::document,
    problem::{Code, Problem},
    route::{Json, NoBody},
    service::RootFacts,
    shape,
};
use crate::{
    model::Digest,
    ports::Ability,
    reconcile::{Handle, NotReady, View},
    wire::{Counters, Info, LogHead, Nothing, Ready, RootInfo, StoreInfo, WatchState},
};

pub(super) async fn ready(call: Call, _: Nothing, _: NoBody) -> Result<Json<Ready>, Problem> {
    let view = call.handle()?.view();
    view.ready()?;
    Ok(Json(Ready { ready: true, as_of: view.as_of().0 }))
}

impl From<NotReady> for Problem {
    fn from(why: NotReady) -> Self {
        let code = match why {
            NotReady::NoRoots | NotReady::Scanning(_) => Code::Starting,
            NotReady::DiskFull(_) => Code::DiskFull,
            NotReady::LogBroken(_) => Code::LogNotWritable,
        };
        Self::new(code, why.to_string()).hint("GET /v1/ready says when it is done")
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the functions of all routes have one type")]
pub(super) fn info(call: &Call, _: &Nothing) -> Result<Json<Info>, Problem> {
    let (handle, settings) = (call.handle().ok(), call.service.settings());
    let view = handle.map(Handle::view);
    let waiting_for = match &view {
        Some(view) => view.ready().err().map(|it| it.to_string()),
        None => Some(call.service.phase()),
    };
    Ok(Json(Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: "v1".to_owned(),
        features: Vec::new(),
        pid: std::process::id(),
        uptime_ms: u64::try_from(call.service.uptime().as_millis()).unwrap_or(u64::MAX),
        ready: waiting_for.is_none(),
        waiting_for,
        store: handle.map(store),
        log: view.as_deref().map(log_head),
        sandbox: handle.and_then(Handle::sandbox).map(str::to_owned),
        roots: settings.roots.iter().map(|it| root(it, view.as_deref(), handle)).collect(),
        counters: view.map(|it| Counters {
            missed_by_events: it.figures.missed_by_events,
            overflows: it.figures.overflows,
        }),
    }))
}

fn log_head(view: &View) -> LogHead {
    LogHead { seq: view.as_of().0, hash: Digest(view.chain.0).to_string() }
}

fn store(handle: &Handle) -> StoreInfo {
    let figures = handle.archive().figures();
    StoreInfo {
        backend: figures.backend.to_owned(),
        log_bytes: figures.log_bytes,
        index_bytes: figures.index_bytes,
        segments: figures.segments,
    }
}

fn root(facts: &RootFacts, view: Option<&View>, handle: Option<&Handle>) -> RootInfo {
    let watch = view.map(|it| shape::watch(it, &facts.name));
    let seen = view.and_then(|it| it.roots.get(&facts.name));
    let settled_by = if seen.is_some_and(|it| it.knows_writers) { "lease" } else { "close_event" };
    let away = view.is_some_and(|it| it.state.is_root_missing(&facts.name));
    let not_writable =
        if away { Some(shape::AWAY.to_owned()) } else { facts.writable.clone().err() };
    let (switched_by, switched_by_why) = handle.map_or((None, None), |it| switch(it, facts));
    let (watch, watch_why) = watch.unwrap_or((WatchState::Starting, None));
    RootInfo {
        root: facts.name.to_string(),
        path: facts.path.to_string_lossy().into_owned(),
        watch,
        watch_why,
        writable: not_writable.is_none(),
        not_writable_why: not_writable,
        settled_by: settled_by.to_owned(),
        switched_by: switched_by.map(str::to_owned),
        switched_by_why,
    }
}

fn switch(handle: &Handle, facts: &RootFacts) -> (Option<&'static str>, Option<String>) {
    match handle.ability(&facts.name) {
        Ability::Exchange => (Some("exchange"), None),
        Ability::Replace(why) => (Some("replace"), Some(why)),
        Ability::ReadOnly(why) => (Some("none"), Some(why)),
    }
}

pub(super) async fn openapi(
    _: Call,
    _: Nothing,
    _: NoBody,
) -> Result<Json<serde_json::Value>, Problem> {
    Ok(Json(document()))
}
