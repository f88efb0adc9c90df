//! What became of a deploy, as an answer: waits until it rests, or as long as was asked.

use std::{sync::Arc, time::Duration};

use axum::{http::StatusCode, response::Response};
use schemars::{Schema, SchemaGenerator};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout_at},
};

use crate::{
    model::{CheckOutcome, CheckRun, Deploy, DeployNo, DeployState, GateResult, Judgement, Record},
    reconcile::{Handle, Unavailable},
    socket::{
        call::Call,
        conflict::{self, Contested},
        problem::{Code, Problem},
        reference::Point,
        route::{Json, Output},
    },
    wire::{Deployed, Rejection},
};

/// An answer about a deploy.
pub(in crate::socket) struct Ending {
    status: StatusCode,
    deployed: Deployed,
}

impl Ending {
    /// It was done now.
    fn made(deployed: Deployed) -> Self {
        Self { status: StatusCode::CREATED, deployed }
    }

    /// There was nothing to do, or it was done before, or it was only tried.
    pub(super) fn known(deployed: Deployed) -> Self {
        Self { status: StatusCode::OK, deployed }
    }

    /// It goes on, or waits for somebody.
    fn goes_on(deployed: Deployed) -> Self {
        Self { status: StatusCode::ACCEPTED, deployed }
    }
}

impl Output for Ending {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        Json::<Deployed>::media(types)
    }

    fn respond(self) -> Result<Response, Problem> {
        let mut response = Json(self.deployed).respond()?;
        *response.status_mut() = self.status;
        Ok(response)
    }
}

/// The deploy as it is once nothing happens to it without somebody, or when the time is over.
pub(in crate::socket) async fn settled(
    call: &Call,
    number: DeployNo,
    wait: Duration,
) -> Result<Arc<Deploy>, Problem> {
    let handle = call.handle()?.clone();
    let until = Instant::now() + wait;
    let mut records = handle.subscribe();
    loop {
        let deploy = found(&handle, number)?;
        if is_settled(deploy.state) || wait.is_zero() {
            return Ok(deploy);
        }
        match timeout_at(until, moved(&mut records, number)).await {
            Ok(there_is_more) => there_is_more?,
            Err(_) => return found(&handle, number),
        }
    }
}

/// Waits for a fact about this deploy: many may wait, each for another one.
async fn moved(records: &mut Receiver<Arc<Record>>, number: DeployNo) -> Result<(), Unavailable> {
    loop {
        match records.recv().await {
            Ok(it) if it.fact.deploy() == Some(number) => return Ok(()),
            Ok(_) => (),
            // Who falls behind looks again.
            Err(RecvError::Lagged(_)) => return Ok(()),
            Err(RecvError::Closed) => return Err(Unavailable::Stopping),
        }
    }
}

fn is_settled(state: DeployState) -> bool {
    state.rests() || matches!(state, DeployState::Activated | DeployState::AwaitingApproval)
}

/// Among those at hand, or in the log.
pub(super) fn found(handle: &Handle, number: DeployNo) -> Result<Arc<Deploy>, Problem> {
    if let Some(deploy) = handle.view().state.deploy(number) {
        return Ok(Arc::clone(deploy));
    }
    let deploy = handle.archive().deploy(number)?;
    deploy.map(Arc::new).ok_or_else(|| crate::model::Refusal::NoSuchDeploy(number).into())
}

/// `again`: the same request was made before.
pub(in crate::socket) fn told(
    call: &Call,
    deploy: &Deploy,
    again: bool,
) -> Result<Ending, Problem> {
    let deployed = Deployed::from(deploy);
    match deploy.state {
        DeployState::Activated | DeployState::Confirmed if !again => Ok(Ending::made(deployed)),
        DeployState::Activated
        | DeployState::Confirmed
        | DeployState::NoOp
        | DeployState::RolledBack
        | DeployState::Superseded => Ok(Ending::known(deployed)),
        DeployState::Accepted
        | DeployState::Staged
        | DeployState::Verified
        | DeployState::Switching
        | DeployState::AwaitingApproval => Ok(Ending::goes_on(deployed)),
        DeployState::Rejected => {
            Err(rejected(Some(deploy.number), &deploy.checks, deploy.judgement.as_deref()))
        }
        DeployState::Conflicted => Err(conflicted(call, deploy)?),
        DeployState::Aborted | DeployState::Abandoned => Err(given_up(deploy)),
    }
}

pub(super) fn rejected(
    deploy: Option<DeployNo>,
    checks: &[CheckRun],
    judgement: Option<&Judgement>,
) -> Problem {
    let failed = checks.iter().find_map(|it| match &it.outcome {
        CheckOutcome::Failed(failure) => Some((it, failure)),
        CheckOutcome::Passed | CheckOutcome::Skipped(_) => None,
    });
    let problem = if let Some((run, failure)) = failed {
        let tool = run.tool.as_ref().map_or_else(String::new, |it| format!(" of {it}"));
        let detail = format!("the check `{}`{tool} failed: {}", run.check, failure.why);
        Problem::new(Code::VerificationFailed, detail).hint(
            "mend what `findings` and `output_tail` name, and deploy again with the same base",
        )
    } else {
        let blocked = judgement.and_then(|it| it.with_result(GateResult::Blocked).next());
        let detail = blocked.map_or_else(String::new, |(tool, gate)| {
            format!("the gate `{}` stopped {tool}: {}", gate.gate.as_str(), gate.why)
        });
        Problem::new(Code::PolicyRejected, detail).hint(
            "mend what `findings` name, and deploy again with the same base; a person may deploy it with \
             \"force\": true and a message",
        )
    };
    problem.members(&Rejection::of(deploy, checks, judgement))
}

/// A conflict that was met on the way: told with what stands there now.
fn conflicted(call: &Call, deploy: &Deploy) -> Result<Problem, Problem> {
    let view = call.view()?;
    let archive = call.handle()?.archive();
    let mut proposed = Vec::new();
    for change in &deploy.proposal.changes {
        let bytes = change.to.map(|it| archive.content(&it.digest)).transpose()?.flatten();
        proposed.push((change, bytes));
    }
    let contested: Vec<Contested<'_>> = proposed
        .iter()
        .map(|(change, bytes)| Contested {
            id: &change.tool,
            base: change.base.map(|it| Point {
                digest: it.digest,
                version: it.version,
                executable: None,
            }),
            proposed: bytes.as_deref(),
        })
        .collect();
    conflict::conflicts(call, &view, Some(deploy.number.0), &contested)
}

fn given_up(deploy: &Deploy) -> Problem {
    let why = deploy.why.as_deref().unwrap_or("nobody said why");
    let state = deploy.state.as_str();
    Problem::new(Code::NotInState, format!("deploy {} was {state}: {why}", deploy.number))
        .hint("nothing of it is live; deploy again")
        .with("deploy", deploy.number.0)
        .with("state", state)
}
