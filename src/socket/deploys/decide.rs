//! What is said to a deploy that waits: confirm, approve, abort.

use std::sync::Arc;

use super::{
    answer::{Ending, settled, told},
    number, wait,
};
use crate::{
    model::{Author, AuthorKind, Deploy, DeployNo, Refusal},
    reconcile::Command,
    socket::{author::authorship, call::Call, problem::Problem, route::Json},
    wire::{ApproveRequest, Decision, DecisionRequest, Deployed, WaitQuery},
};

pub(in crate::socket) async fn confirm(
    call: Call,
    query: WaitQuery,
    Json(request): Json<DecisionRequest>,
) -> Result<Ending, Problem> {
    let asked = request.checked()?;
    let command = |deploy, author| Command::Confirm { deploy, author };
    let deploy = decide(&call, &query, asked, command).await?;
    Ok(Ending::known(Deployed::from(&*deploy)))
}

pub(in crate::socket) async fn abort(
    call: Call,
    query: WaitQuery,
    Json(request): Json<DecisionRequest>,
) -> Result<Ending, Problem> {
    let asked = request.checked()?;
    let command = |deploy, author| Command::Abort { deploy, author };
    let deploy = decide(&call, &query, asked, command).await?;
    Ok(Ending::known(Deployed::from(&*deploy)))
}

pub(in crate::socket) async fn approve(
    call: Call,
    query: WaitQuery,
    Json(request): Json<ApproveRequest>,
) -> Result<Ending, Problem> {
    let (asked, as_of) = request.checked()?;
    let by = authorship(&call, asked.author.clone())?.author;
    match by.kind {
        AuthorKind::Ai => return Err(Refusal::NotByAi(by).into()),
        AuthorKind::Unknown => return Err(Refusal::OnlyByHuman(by).into()),
        AuthorKind::Human => (),
    }
    let command = |deploy, author| Command::Approve { deploy, author, as_of };
    let deploy = decide(&call, &query, asked, command).await?;
    // It went on, and may have met what a deploy may meet.
    call.blocking(move |call| told(call, &deploy, true)).await
}

async fn decide(
    call: &Call,
    query: &WaitQuery,
    asked: Decision,
    command: impl FnOnce(DeployNo, Author) -> Command,
) -> Result<Arc<Deploy>, Problem> {
    call.view()?;
    let (wait, number) = (wait(query.wait.as_deref())?, number(call)?);
    call.check_writable()?;
    let author = authorship(call, asked.author)?.author;
    let granted = call.handle()?.request(command(number, author)).await??;
    // Taking back is a deploy of its own: what it came to is the answer.
    let other = granted.deploy.filter(|it| *it != number);
    if let Some(other) = other {
        settled(call, other, wait).await?;
    }
    settled(call, number, wait).await
}
