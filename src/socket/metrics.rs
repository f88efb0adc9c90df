//! `GET /metrics`: the daemon's figures, read at the moment of the question. Labels name roots, states, routes and the
//! like, never a tool, a runtime or a user: how many lines there are depends on the configuration alone.

use schemars::{Schema, SchemaGenerator};

use super::{
    call::Call,
    problem::Problem,
    route::{Output, bytes},
    service::Service,
};
use crate::{
    metrics::{Kind, Text},
    model::{DeployState, HealthState, RootName, ToolId},
    ports::Watching,
    reconcile::{Handle, LogState, RootView, View},
    wire::Nothing,
};

/// The text itself.
pub(super) struct Figures(String);

impl Output for Figures {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        vec![("text/plain", types.subschema_for::<String>())]
    }

    fn respond(self) -> Result<axum::response::Response, Problem> {
        Ok(bytes(Text::MEDIA, self.0.into()))
    }
}

pub(super) fn metrics(call: &Call, _: &Nothing) -> Result<Figures, Problem> {
    told(&call.service).map(Figures)
}

pub(super) fn told(service: &Service) -> Result<String, Problem> {
    let handle = service.handle()?;
    let view = handle.view();
    let mut text = Text::default();
    daemon(&mut text, service, &view);
    tools(&mut text, &view);
    roots(&mut text, &view);
    runtimes(&mut text, &view);
    deploys(&mut text, &view);
    gates(&mut text, handle);
    health(&mut text, handle, &view);
    work(&mut text, handle, &view);
    log(&mut text, handle, &view);
    service.requests.tell(&mut text);
    Ok(text.finish())
}

fn daemon(text: &mut Text, service: &Service, view: &View) {
    text.family("knowngood_build_info", Kind::Gauge, "Always 1; the version is in the label.")
        .put(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("knowngood_uptime_seconds", Kind::Gauge, "Since the daemon started.")
        .put(&[], service.uptime().as_secs());
    let help = "Whether every root was scanned once and the log takes facts.";
    text.family("knowngood_ready", Kind::Gauge, help).put(&[], u8::from(view.ready().is_ok()));
    let help = "Whether the last reload was taken over; 1 before the first.";
    text.family("knowngood_config_last_reload_success", Kind::Gauge, help)
        .put(&[], u8::from(service.last_reload()));
}

fn each(view: &View) -> impl Iterator<Item = (&str, &RootName, Option<&RootView>)> {
    view.rules.roots.keys().map(|it| (it.as_str(), it, view.roots.get(it)))
}

fn tools(text: &mut Text, view: &View) {
    let help = "Tools, by how the disk stands to what is expected.";
    let mut family = text.family("knowngood_tools", Kind::Gauge, help);
    for (root, name, _) in each(view) {
        let counts = view.counts(name);
        for (state, count) in [
            ("in_sync", counts.in_sync),
            ("modified", counts.modified),
            ("orphaned", counts.orphaned),
            ("missing", counts.missing),
            ("unreadable", counts.unreadable),
        ] {
            family.put(&[("root", root), ("state", state)], count);
        }
    }
    let help = "Tools that somebody is writing.";
    let mut family = text.family("knowngood_unsettled_tools", Kind::Gauge, help);
    for (root, name, _) in each(view) {
        let count = view.unsettled.iter().filter(|it| it.is_in(name)).count();
        family.put(&[("root", root)], count);
    }
}

fn roots(text: &mut Text, view: &View) {
    let help = "1 for the way in which the root is watched.";
    let mut family = text.family("knowngood_root_watch", Kind::Gauge, help);
    for (root, _, seen) in each(view) {
        let watching = seen.map(|it| &it.watching);
        for (state, is_so) in [
            ("watching", matches!(watching, Some(Watching::Events))),
            ("degraded", matches!(watching, Some(Watching::Degraded { .. }))),
            ("polling", matches!(watching, Some(Watching::Polling { .. }) | None)),
        ] {
            family.put(&[("root", root), ("state", state)], u8::from(is_so));
        }
    }
    let help = "Whether automatic action is held, because the root or most of its tools are gone.";
    let mut family = text.family("knowngood_root_safety_stop", Kind::Gauge, help);
    for (root, name, _) in each(view) {
        family.put(&[("root", root)], u8::from(view.state.root(name).safety.is_some()));
    }
    let help = "When the last walk through the whole root ended.";
    let mut family = text.family("knowngood_root_last_scan_timestamp_seconds", Kind::Gauge, help);
    for (root, _, seen) in each(view) {
        if let Some(time) = seen.and_then(|it| it.last_scan) {
            family.put(&[("root", root)], time.0 / 1_000_000);
        }
    }
}

fn runtimes(text: &mut Text, view: &View) {
    let (mut all, mut stale, mut failed, mut stale_loads) = (0_u64, 0_u64, 0_u64, 0);
    for (_, runtime) in view.state.runtimes() {
        let loads = view.stale(runtime).count();
        all += 1;
        stale += u64::from(loads > 0);
        failed += u64::from(!runtime.failed.is_empty());
        stale_loads += loads;
    }
    text.family("knowngood_runtimes", Kind::Gauge, "Runtimes whose report still counts.")
        .put(&[], all);
    let help = "Runtimes that have loaded something other than expected.";
    text.family("knowngood_stale_runtimes", Kind::Gauge, help).put(&[], stale);
    let help = "Pairs of a runtime and a tool that it has loaded other than expected.";
    text.family("knowngood_stale_loads", Kind::Gauge, help).put(&[], stale_loads);
    let help = "Runtimes that could not load something.";
    text.family("knowngood_failed_runtimes", Kind::Gauge, help).put(&[], failed);
}

fn deploys(text: &mut Text, view: &View) {
    let [mut on_the_way, mut waiting, mut provisional] = [0_u64; 3];
    for it in view.state.open_deploys() {
        match it.state {
            DeployState::AwaitingApproval => waiting += 1,
            DeployState::Activated => provisional += 1,
            DeployState::Accepted
            | DeployState::Staged
            | DeployState::Verified
            | DeployState::Switching => on_the_way += 1,
            // These rest.
            DeployState::Confirmed
            | DeployState::NoOp
            | DeployState::Rejected
            | DeployState::Conflicted
            | DeployState::Aborted
            | DeployState::RolledBack
            | DeployState::Superseded
            | DeployState::Abandoned => (),
        }
    }
    let help = "Deploys of which something is still to come, by what.";
    text.family("knowngood_open_deploys", Kind::Gauge, help)
        .put(&[("state", "on_the_way")], on_the_way)
        .put(&[("state", "awaiting_approval")], waiting)
        .put(&[("state", "provisional")], provisional)
        .put(&[("state", "conflicted")], view.state.unresolved().count());
}

fn gates(text: &mut Text, handle: &Handle) {
    let help = "Answers of the gates of deploys since the start.";
    let mut family = text.family("knowngood_gates_total", Kind::Counter, help);
    for ((gate, result), count) in &handle.measured().gates {
        family.put(&[("gate", gate), ("result", result)], count);
    }
}

/// Outcomes, how tools do, and what was taken back.
fn health(text: &mut Text, handle: &Handle, view: &View) {
    let measured = handle.measured();
    let help = "Calls that were reported since the start, by how they ended and who is to blame.";
    let mut family = text.family("knowngood_outcomes_total", Kind::Counter, help);
    for ((status, blame), count) in &measured.outcomes {
        family.put(&[("status", status), ("blame", blame)], count);
    }
    let help = "Tools on which somebody reports, by how what stands there does.";
    let mut family = text.family("knowngood_tool_health", Kind::Gauge, help);
    for state in HealthState::ALL {
        let is_so = |it: &ToolId| view.tool(it).is_some() && view.state.health_state(it) == state;
        let count = view.state.healths().filter(|it| is_so(it.0)).count();
        family.put(&[("state", state.as_str())], count);
    }
    let help = "Deploys that the rules themselves began since the start, to take something back.";
    text.family("knowngood_automatic_rollbacks_total", Kind::Counter, help)
        .put(&[], measured.rollbacks);
    let help = "Alerts since the start, by their kind.";
    let mut family = text.family("knowngood_alerts_total", Kind::Counter, help);
    for (kind, count) in &measured.alerts {
        family.put(&[("kind", kind)], count);
    }
}

fn work(text: &mut Text, handle: &Handle, view: &View) {
    let measured = handle.measured();
    let help = "From the first hint that a file may differ until its version is durable.";
    text.family("knowngood_record_lag_seconds", Kind::Histogram, help).samples(&[], &measured.lag);
    let help = "Durable facts since the start, by their event.";
    let mut family = text.family("knowngood_facts_total", Kind::Counter, help);
    for (event, count) in &measured.facts {
        family.put(&[("event", event)], count);
    }
    let mut family = text.family("knowngood_queue_length", Kind::Gauge, "What waits, and where.");
    for (queue, length) in &measured.queues {
        family.put(&[("queue", queue)], length);
    }
    text.family("knowngood_event_followers", Kind::Gauge, "Streams that follow the facts.")
        .put(&[], measured.followers);
    let help = "Changes that no event had told of; a walk found them.";
    text.family("knowngood_missed_by_events_total", Kind::Counter, help)
        .put(&[], view.figures.missed_by_events);
    let help = "How often the kernel dropped events; everything was looked at again.";
    text.family("knowngood_watch_overflows_total", Kind::Counter, help)
        .put(&[], view.figures.overflows);
}

fn log(text: &mut Text, handle: &Handle, view: &View) {
    let mut family = text.family("knowngood_log_state", Kind::Gauge, "1 for the log's state.");
    for (state, is_so) in [
        ("writable", view.log == LogState::Writable),
        ("disk_full", matches!(view.log, LogState::DiskFull(_))),
        ("broken", matches!(view.log, LogState::Broken(_))),
    ] {
        family.put(&[("state", state)], u8::from(is_so));
    }
    text.family("knowngood_log_seq", Kind::Gauge, "The last durable fact.")
        .put(&[], view.as_of().0);
    let figures = handle.archive().figures();
    text.family("knowngood_store_bytes", Kind::Gauge, "What the log and its index hold.")
        .put(&[("part", "log")], figures.log_bytes)
        .put(&[("part", "index")], figures.index_bytes);
    text.family("knowngood_store_segments", Kind::Gauge, "Files that the log consists of.")
        .put(&[], figures.segments);
    if let Some(free) = figures.free_bytes {
        let help = "What may still be written where the log lives.";
        text.family("knowngood_store_free_bytes", Kind::Gauge, help).put(&[], free);
    }
    let help = "How long the syncs took that made facts durable.";
    text.family("knowngood_log_sync_seconds", Kind::Histogram, help).samples(&[], &figures.syncs);
}
