//! `accept`: disk becomes baseline. An `ai`'s is a deploy of what stands there, and its answer waits for that.

use std::time::Duration;

use axum::{http::StatusCode, response::Response};
use schemars::{Schema, SchemaGenerator};

use super::{
    author::authorship,
    call::Call,
    deploys,
    problem::{Code, Problem},
    route::{Json, Output},
};
use crate::{
    model::{Deploy, DeployNo, DeployState, Fact, Record, ToolId},
    reconcile::{self, Command},
    wire::{Accept, Accepted, Chosen, NewBaseline, WaitQuery},
};

/// For changes that were made before the call to settle.
const PATIENCE: Duration = Duration::from_secs(10);

/// Done, or waiting for somebody.
pub(super) struct Outcome {
    status: StatusCode,
    accepted: Accepted,
}

impl Output for Outcome {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        Json::<Accepted>::media(types)
    }

    fn respond(self) -> Result<Response, Problem> {
        let mut response = Json(self.accepted).respond()?;
        *response.status_mut() = self.status;
        Ok(response)
    }
}

pub(super) async fn accept(
    call: Call,
    query: WaitQuery,
    Json(request): Json<Accept>,
) -> Result<Outcome, Problem> {
    let handle = call.handle()?;
    let wait = deploys::wait(query.wait.as_deref())?;
    let what = match request.chosen()? {
        Chosen::All => reconcile::Accept::All,
        Chosen::Tools(tools) => reconcile::Accept::Tools(tools),
    };
    let author = authorship(&call, request.author)?.author;
    call.check_writable()?;
    // What was saved before the call is what is accepted, not what stood there a moment earlier.
    let synced = handle.sync(PATIENCE).await?;
    if let reconcile::Accept::Tools(tools) = &what {
        let held = tools.iter().find(|it| synced.unsettled.contains(&it.0));
        held.map_or(Ok(()), |it| Err(being_written(&it.0)))?;
    }
    let granted = handle.request(Command::Accept { what, author }).await??;
    if let Some(number) = granted.deploy {
        return gated(&call, number, wait).await;
    }
    let accepted = granted.records.iter().filter_map(moved).collect();
    let (deploy, state, judgement) = (None, None, None);
    let as_of = granted.as_of.0;
    let accepted = Accepted { accepted, deploy, state, judgement, as_of };
    Ok(Outcome { status: StatusCode::OK, accepted })
}

fn being_written(tool: &ToolId) -> Problem {
    let detail = format!("{tool} is being written: what it will be is not known yet");
    Problem::new(Code::Conflict, detail)
        .with("tool", tool.to_string())
        .hint("try again when it is closed")
}

/// What it came to, or a problem that says why it came to nothing.
async fn gated(call: &Call, number: DeployNo, wait: Duration) -> Result<Outcome, Problem> {
    let deploy = deploys::settled(call, number, wait).await?;
    let told = std::sync::Arc::clone(&deploy);
    call.blocking(move |call| deploys::told(call, &told, false)).await?;
    let done = deploy.state == DeployState::Confirmed;
    let status = if done { StatusCode::OK } else { StatusCode::ACCEPTED };
    let accepted = Accepted {
        accepted: if done { baselines(&deploy) } else { Vec::new() },
        deploy: Some(number.0),
        state: Some(deploy.state.into()),
        judgement: deploy.judgement.as_deref().map(Into::into),
        as_of: deploy.as_of.0,
    };
    Ok(Outcome { status, accepted })
}

fn baselines(deploy: &Deploy) -> Vec<NewBaseline> {
    let to = |tool: &ToolId| deploy.change(tool).and_then(|it| it.to);
    let live = deploy.live.iter().map(|it| NewBaseline {
        tool: it.tool.to_string(),
        baseline: it.version.map(|it| it.0),
        baseline_sha256: to(&it.tool).map(|it| it.digest.to_string()),
    });
    live.collect()
}

fn moved(record: &Record) -> Option<NewBaseline> {
    let Fact::BaselineMoved { tool, to, .. } = &record.fact else { return None };
    Some(NewBaseline {
        tool: tool.to_string(),
        baseline: to.as_ref().and_then(|it| it.version).map(|it| it.0),
        baseline_sha256: to.as_ref().map(|it| it.digest.to_string()),
    })
}
