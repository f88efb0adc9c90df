//! A shadow run: a content beside the version that is live. It leaves nothing behind, here and in the log, and ends when
//! whoever asked for it goes away.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::HeaderValue, http::header, response::Response};
use futures_util::stream;
use schemars::{Schema, SchemaGenerator};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{
    call::Call,
    media,
    problem::{Code, Problem},
    reference::{Place, Point},
    route::{Json, Output},
};
use crate::{
    model::Digest,
    ports::{
        ShadowContent, ShadowOrder, ShadowProgress, ShadowReport, StopFlag, json_of, value_of,
    },
    shadow::{Finding, Input, Kind, Origin, Side},
    wire::{
        Nothing, Shadow, ShadowDifference, ShadowEffect, ShadowFinding, ShadowInputs,
        ShadowLatency, ShadowLine, ShadowRequest, ShadowSide, Shadowing,
    },
};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
/// Lines that wait for a client that reads slowly; what is more is left out, the report never.
const WAITING: usize = 64;
const BUDGET: Duration = Duration::from_mins(1);
/// Recorded inputs that are chosen from.
const RECORDED: usize = 200;

pub(super) enum Answer {
    Whole(Box<Json<Shadow>>),
    Lines(Body),
}

/// Order and hashes.
struct Asked {
    order: ShadowOrder,
    control: Option<Digest>,
}

/// What runs is told to end with the last who waits for it.
struct EndsWith(Arc<StopFlag>);

impl Drop for EndsWith {
    fn drop(&mut self) {
        self.0.set();
    }
}

pub(super) async fn shadow(
    call: Call,
    _: Nothing,
    Json(request): Json<ShadowRequest>,
) -> Result<Answer, Problem> {
    call.view()?;
    let asked = request.checked(call.service.limits().file_size).map_err(Problem::from)?;
    let room = call.service.shadow_room()?;
    let asked = call.blocking(move |call| ordered(call, asked)).await?;
    let follow = media::wanted(&call.headers, &[JSON, NDJSON]) == Some(NDJSON);
    let mut lines = begin(&call, asked, room)?;
    if follow {
        return Ok(Answer::Lines(lines.body()));
    }
    loop {
        match lines.next().await {
            Some(ShadowLine::Report(report)) => return Ok(Answer::Whole(Box::new(Json(*report)))),
            Some(ShadowLine::Progress { .. }) => (),
            None => return Err(Problem::new(Code::Stopping, "the daemon is stopping")),
        }
    }
}

struct Lines {
    from: mpsc::Receiver<ShadowLine>,
    call: Call,
    _ends: EndsWith,
}

impl Lines {
    /// `None`: it ended, or the daemon does.
    async fn next(&mut self) -> Option<ShadowLine> {
        tokio::select! {
            line = self.from.recv() => line,
            () = self.call.stop.cancelled() => None,
        }
    }

    fn body(self) -> Body {
        let lines = stream::unfold(self, |mut it| async move {
            let line = it.next().await?;
            let mut text = serde_json::to_vec(&line).unwrap_or_default();
            text.push(b'\n');
            Some((Ok::<_, std::convert::Infallible>(text), it))
        });
        Body::from_stream(lines)
    }
}

fn begin(call: &Call, asked: Asked, room: OwnedSemaphorePermit) -> Result<Lines, Problem> {
    let shadows = call.service.shadows()?;
    let stop = Arc::new(StopFlag::default());
    let ends = EndsWith(Arc::clone(&stop));
    let (to, from) = mpsc::channel(WAITING);
    let work = move || {
        let told = |it: ShadowProgress| {
            let ShadowProgress { done, total, repeating } = it;
            // Whoever reads slowly hears of a later one.
            drop(to.try_send(ShadowLine::Progress { done, total, repeating }));
        };
        let report = shadows.shadow(&asked.order, &told, &stop);
        drop(room);
        drop(to.blocking_send(ShadowLine::Report(Box::new(shown(&asked, &report)))));
    };
    // Its end is the end of the channel.
    drop(tokio::task::spawn_blocking(work));
    Ok(Lines { from, call: call.clone(), _ends: ends })
}

fn ordered(call: &Call, asked: Shadowing) -> Result<Asked, Problem> {
    let (view, id) = (call.view()?, &asked.tool);
    if !view.rules.roots.contains_key(&id.root()) || view.state.is_outside(id) {
        let why = format!("{id} is in no root, or its root's globs do not name it");
        return Err(Problem::invalid(why).with("field", "tool"));
    }
    let control = match view.state.tool(id) {
        Some(_) => control(&Place::of(call, &view, id)?, asked.base.as_deref())?,
        None if asked.base.is_some() => return Err(Problem::no_such_tool(id)),
        None => None,
    };
    let sources = call.service.shadow_sources();
    let (class, accepted) = sources.class(id);
    let given = |args| Input { args: value_of(args), origin: Origin::Given, ..Input::default() };
    let mut inputs: Vec<Input> = asked.inputs.into_iter().map(given).collect();
    inputs.extend(sources.recorded(id, RECORDED));
    let executable = control.as_ref().and_then(|it| it.0.executable).unwrap_or(false);
    let candidate = ShadowContent { bytes: asked.content, executable };
    let digest = control.as_ref().map(|it| it.0.digest);
    let seed = seed_of(digest, &candidate.bytes);
    Ok(Asked {
        control: digest,
        order: ShadowOrder {
            tool: asked.tool,
            control: control.map(|(_, bytes)| ShadowContent { bytes, executable }),
            candidate,
            class,
            accepted,
            inputs,
            limit: asked.limit,
            expect_changes: asked.expect_changes,
            beside: std::collections::BTreeMap::new(),
            budget: BUDGET,
            seed,
        },
    })
}

/// What is live, or else what was accepted.
fn control(place: &Place<'_>, base: Option<&str>) -> Result<Option<(Point, Vec<u8>)>, Problem> {
    let point = match base {
        Some(base) => {
            let found = place.find(base)?;
            Some(found.ok_or_else(|| place.no_version(&format!("there is nothing at {base}")))?)
        }
        None => place.find("disk")?.or_else(|| place.baseline()),
    };
    point.map(|it| Ok((it.clone(), place.content(&it)?))).transpose()
}

/// The same two contents are run in the same order.
fn seed_of(control: Option<Digest>, candidate: &[u8]) -> u64 {
    let mut sum = Sha256::new();
    sum.update(control.map_or([0; 32], |it| it.0));
    sum.update(candidate);
    sum.finalize().iter().take(8).fold(0, |seed, it| seed << 8 | u64::from(*it))
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn shown(asked: &Asked, it: &ShadowReport) -> Shadow {
    let counts = &it.counts;
    let origin = |name: &str| it.origins.get(name).copied().unwrap_or(0);
    Shadow {
        tool: asked.order.tool.to_string(),
        control: asked.control.map(|it| it.to_string()),
        candidate: sha256(&asked.order.candidate.bytes).to_string(),
        class: asked.order.class.clone(),
        verdict: it.verdict.as_str().to_owned(),
        why: it.why.clone(),
        bound95: it.bound95,
        sandbox: it.sandbox.to_owned(),
        inputs: ShadowInputs {
            total: counts.total + it.left_out,
            given: origin("given"),
            recorded: origin("recorded"),
            examples: origin("example"),
            synthetic: origin("synthetic"),
            compared: counts.comparable,
            skipped: counts.kind(Kind::Skipped),
            left_out: it.left_out,
        },
        runs: it.runs,
        wall_ms: it.wall_ms,
        counts: counts.kinds.iter().map(|(kind, n)| (kind.as_str().to_owned(), *n)).collect(),
        noisy_paths: it.noisy_paths.clone(),
        ignored: it.ignored,
        findings: it.findings.iter().map(finding).collect(),
        latency: it.latency.map(|it| ShadowLatency {
            control_p50_ms: it.control_p50_ms,
            candidate_p50_ms: it.candidate_p50_ms,
            ratio: it.ratio,
            mw_z: it.mw_z,
        }),
        observed: it
            .observed
            .iter()
            .map(|it| ShadowEffect { cap: it.capability.clone(), place: it.place.clone() })
            .collect(),
        seed: it.seed,
    }
}

fn finding(it: &Finding) -> ShadowFinding {
    let difference = |it: &(String, Option<String>, Option<String>)| ShadowDifference {
        path: it.0.clone(),
        control: it.1.clone(),
        candidate: it.2.clone(),
    };
    let is_load = it.origin == "load";
    ShadowFinding {
        input: if is_load { "load".to_owned() } else { format!("i_{}", it.input + 1) },
        origin: it.origin.to_owned(),
        kind: it.kind.as_str().to_owned(),
        expect_failed: it.expect_failed,
        expected: it.expected.clone(),
        args: json_of(&it.args),
        args_sha256: sha256(it.args.to_string().as_bytes()).to_string(),
        control: side(&it.control),
        candidate: side(&it.candidate),
        differences: it.differences.iter().map(difference).collect(),
        new_effects: it.new_effects.clone(),
        why: it.why.clone(),
        repro: it.repro,
        runs: it.runs,
    }
}

fn side(it: &Side) -> ShadowSide {
    let (kind, message) = it.error.clone().unzip();
    ShadowSide {
        status: it.status.to_owned(),
        value: it.value.clone(),
        kind,
        message,
        frames: it.frames.clone(),
    }
}

impl Output for Answer {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        vec![(JSON, types.subschema_for::<Shadow>()), (NDJSON, types.subschema_for::<ShadowLine>())]
    }

    fn respond(self) -> Result<Response, Problem> {
        match self {
            Self::Whole(report) => report.respond(),
            Self::Lines(body) => {
                let mut response = Response::new(body);
                let value = HeaderValue::from_static(NDJSON);
                response.headers_mut().insert(header::CONTENT_TYPE, value);
                Ok(response)
            }
        }
    }
}
