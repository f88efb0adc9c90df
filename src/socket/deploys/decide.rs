//! What is said to a deploy that waits: confirm, approve, abort.

use super::{
    answer::{Ending, settled},
    number, wait,
};
use crate::{
    model::{Author, AuthorKind, DeployNo},
    reconcile::Command,
    socket::{
        author::authorship,
        call::Call,
        problem::{Code, Problem},
        route::Json,
    },
    wire::{DecisionRequest, Deployed, WaitQuery},
};

pub(in crate::socket) async fn confirm(
    call: Call,
    query: WaitQuery,
    Json(request): Json<DecisionRequest>,
) -> Result<Ending, Problem> {
    decide(&call, &query, request, |deploy, author| Command::Confirm { deploy, author }).await
}

pub(in crate::socket) async fn abort(
    call: Call,
    query: WaitQuery,
    Json(request): Json<DecisionRequest>,
) -> Result<Ending, Problem> {
    decide(&call, &query, request, |deploy, author| Command::Abort { deploy, author }).await
}

pub(in crate::socket) async fn approve(
    call: Call,
    query: WaitQuery,
    Json(request): Json<DecisionRequest>,
) -> Result<Ending, Problem> {
    let by = authorship(&call, request.author.clone())?.author;
    if by.kind == AuthorKind::Ai {
        return Err(Problem::new(
            Code::Forbidden,
            format!("{by} is an ai: somebody else has to approve"),
        ));
    }
    decide(&call, &query, request, |deploy, author| Command::Approve { deploy, author }).await
}

async fn decide(
    call: &Call,
    query: &WaitQuery,
    request: DecisionRequest,
    command: impl FnOnce(DeployNo, Author) -> Command,
) -> Result<Ending, Problem> {
    call.view()?;
    let (wait, number) = (wait(query.wait.as_deref())?, number(call)?);
    call.check_writable()?;
    let asked = request.checked()?;
    let author = authorship(call, asked.author)?.author;
    let granted = call.handle()?.request(command(number, author)).await??;
    // Taking back is a deploy of its own: what it came to is the answer.
    let other = granted.deploy.filter(|it| *it != number);
    if let Some(other) = other {
        settled(call, other, wait).await?;
    }
    let deploy = settled(call, number, wait).await?;
    Ok(Ending::known(Deployed::from(&*deploy)))
}
