//! `accept`: disk becomes baseline.

use std::time::Duration;

use super::{
    author::authorship,
    call::Call,
    problem::{Code, Problem},
    route::Json,
};
use crate::{
    model::{AuthorKind, Fact, Record, ToolId},
    reconcile::{self, Command},
    wire::{Accept, Accepted, Chosen, NewBaseline, Nothing},
};

/// For changes that were made before the call to settle.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn accept(
    call: Call,
    _: Nothing,
    Json(request): Json<Accept>,
) -> Result<Json<Accepted>, Problem> {
    let handle = call.handle()?;
    let what = match request.chosen()? {
        Chosen::All => reconcile::Accept::All,
        Chosen::Tools(tools) => reconcile::Accept::Tools(tools),
    };
    let channel = call.service.settings().access.author_kind(&call.caller.peer);
    let author = authorship(&call, request.author)?.author;
    if author.kind == AuthorKind::Ai {
        return Err(by_an_ai(call.caller.peer.uid, channel));
    }
    call.check_writable()?;
    // What was saved before the call is what is accepted, not what stood there a moment earlier.
    let synced = handle.sync(PATIENCE).await?;
    if let reconcile::Accept::Tools(tools) = &what {
        let held = tools.iter().find(|it| synced.unsettled.contains(&it.0));
        held.map_or(Ok(()), |it| Err(being_written(&it.0)))?;
    }
    let granted = handle.request(Command::Accept { what, author }).await??;
    let accepted = granted.records.iter().filter_map(moved).collect();
    Ok(Json(Accepted { accepted, as_of: granted.as_of.0 }))
}

fn being_written(tool: &ToolId) -> Problem {
    let detail = format!("{tool} is being written: what it will be is not known yet");
    Problem::new(Code::Conflict, detail)
        .with("tool", tool.to_string())
        .hint("try again when it is closed")
}

/// What an AI wants accepted must pass the gates of a deploy.
fn by_an_ai(uid: u32, channel: AuthorKind) -> Problem {
    let why = if channel == AuthorKind::Ai {
        format!("uid {uid} speaks as an ai by the key authors.ai")
    } else {
        "the request says that it is by an ai".to_owned()
    };
    Problem::new(
        Code::Forbidden,
        format!("{why}; an ai's accept needs the gates of a deploy, which this daemon does not offer yet"),
    )
    .hint("let a human accept it")
    .with("uid", uid)
    .with("right", "accept")
    .with("config_key", "authors.ai")
}

fn moved(record: &Record) -> Option<NewBaseline> {
    let Fact::BaselineMoved { tool, to, .. } = &record.fact else { return None };
    Some(NewBaseline {
        tool: tool.to_string(),
        baseline: to.as_ref().and_then(|it| it.version).map(|it| it.0),
        baseline_sha256: to.as_ref().map(|it| it.digest.to_string()),
    })
}
