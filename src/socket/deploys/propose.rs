//! A deploy: read, put together with what stands there, proposed to the loop, waited for.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{
    answer::{Ending, rejected, settled, told},
    bases::{Drafted, contested, draft},
    wait,
};
use crate::{
    model::{
        AuthorKind, CheckRun, DeployKind, DeployNo, DeployState, Digest, Proposal, Reason, Refusal,
        RequestKey,
    },
    reconcile::{Command, Granted, Rehearsal},
    socket::{
        author::{Authorship, authorship},
        call::Call,
        conflict,
        problem::{Code, Problem},
        route::Json,
    },
    wire::{
        CheckShown, DeployRequest, DeployStep, Deployed, DeployedChange, OnConflict, Proposed,
        WaitQuery,
    },
};

/// For a change that was made before the call to be seen, where the disk seems to differ from the base.
const PATIENCE: Duration = Duration::from_secs(10);
/// What stands there may change again and again while a merge is made.
const MOST_TRIES: usize = 5;
const LONGEST_KEY: usize = 255;

pub(in crate::socket) async fn deploy(
    call: Call,
    query: WaitQuery,
    Json(request): Json<DeployRequest>,
) -> Result<Ending, Problem> {
    call.view()?;
    let wait = wait(query.wait.as_deref())?;
    call.check_writable()?;
    let key = request_key(&call, &request)?;
    let asked = request.checked(call.service.limits().file_size).map_err(Problem::from)?;
    let by = authorship(&call, asked.author.clone())?;
    check_force(&by, &asked)?;
    if let Some(known) = key.as_ref().and_then(|it| known_by_key(&call, it).transpose()) {
        // Whatever stands there by now: it is not asked again.
        let number = known?;
        let deploy = settled(&call, number, wait).await?;
        return call.blocking(move |call| told(call, &deploy, true)).await;
    }
    if asked.on_conflict != OnConflict::Abort {
        // What was saved before the call is a version before it is merged or replaced.
        call.handle()?.sync(PATIENCE).await?;
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let command = put_together(&call, &asked, &by, key.clone(), tries > 1).await?;
        let Some(command) = command else {
            // The log may only not have heard yet.
            call.handle()?.sync(PATIENCE).await?;
            continue;
        };
        let answer = match call.handle()?.request(command).await? {
            Ok(granted) => answered(&call, granted, wait).await,
            Err(Refusal::Conflict(_)) if tries < MOST_TRIES => {
                call.handle()?.sync(PATIENCE).await?;
                continue;
            }
            Err(refusal) => return Err(refusal.into()),
        };
        // It was saved once more while it was replaced. What a key stands for is one deploy, and that one has ended.
        let again = asked.on_conflict == OnConflict::Overwrite && key.is_none();
        match answer {
            Err(problem) if again && problem.is(Code::Conflict) && tries < MOST_TRIES => {
                call.handle()?.sync(PATIENCE).await?;
            }
            answer => return answer,
        }
    }
}

/// The deploy that this request led to before.
fn known_by_key(call: &Call, key: &RequestKey) -> Result<Option<DeployNo>, Problem> {
    match call.view()?.state.deploy_by_key(key) {
        None => Ok(None),
        Some(it) if it.proposal.key.as_ref() == Some(key) => Ok(Some(it.number)),
        Some(it) => Err(Refusal::KeyReused { deploy: it.number }.into()),
    }
}

fn check_force(by: &Authorship, asked: &Proposed) -> Result<(), Problem> {
    if !asked.force {
        return Ok(());
    }
    match by.author.kind {
        AuthorKind::Ai => return Err(Refusal::NotByAi(by.author.clone()).into()),
        AuthorKind::Unknown => return Err(Refusal::OnlyByHuman(by.author.clone()).into()),
        AuthorKind::Human => (),
    }
    if asked.message.is_none() {
        return Err(
            Problem::invalid("force needs a message that says why").with("field", "message")
        );
    }
    Ok(())
}

/// None: the disk is not the base, as far as the log has heard. `heard`: it has heard everything.
async fn put_together(
    call: &Call,
    asked: &Proposed,
    by: &Authorship,
    key: Option<RequestKey>,
    heard: bool,
) -> Result<Option<Command>, Problem> {
    let (asked, author, claimed) = (asked.clone(), by.author.clone(), by.claimed.clone());
    call.blocking(move |call| {
        let view = call.view()?;
        let mut drafted = draft(call, &view, &asked.changes, asked.on_conflict)?;
        let conflicts = !drafted.conflicts.is_empty();
        if conflicts && !heard {
            return Ok(None);
        }
        let keeps_conflict = asked.on_conflict == OnConflict::Merge;
        if conflicts {
            let contested = contested(&asked.changes, &drafted);
            if !keeps_conflict || asked.dry_run {
                return Err(conflict::conflicts(call, &view, None, &contested)?);
            }
            // Kept as it was asked for, also where other parts of it could have been merged.
            drafted = draft(call, &view, &asked.changes, OnConflict::Abort)?;
        }
        let Drafted { changes, contents, merged, .. } = drafted;
        let proposal = Proposal {
            kind: DeployKind::Deploy,
            changes,
            author,
            claimed,
            reason: if merged { Reason::merge() } else { asked.reason },
            message: asked.message,
            metadata: asked.metadata,
            confirm_within_ms: asked.confirm_within_ms,
            force: asked.force,
            keeps_conflict,
            key,
            quarantines: Vec::new(),
            expect_changes: asked.expect_changes,
        };
        let proposal = Box::new(proposal);
        Ok(Some(if conflicts {
            Command::Dispute { proposal, contents }
        } else {
            Command::Propose { proposal, contents, rehearsal: asked.dry_run }
        }))
    })
    .await
}

/// Proposes what needs no comparing any more.
pub(in crate::socket) async fn submit(
    call: &Call,
    proposal: Proposal,
    contents: Vec<(Digest, Vec<u8>)>,
    dry_run: bool,
    wait: Duration,
) -> Result<Ending, Problem> {
    let command = Command::Propose { proposal: Box::new(proposal), contents, rehearsal: dry_run };
    let granted = call.handle()?.request(command).await??;
    answered(call, granted, wait).await
}

async fn answered(call: &Call, granted: Granted, wait: Duration) -> Result<Ending, Problem> {
    if let Some(rehearsal) = granted.rehearsal {
        return rehearsed(&rehearsal, granted.as_of.0);
    }
    let number =
        granted.deploy.ok_or_else(|| Problem::new(Code::Internal, "the deploy has no number"))?;
    let again = granted.records.is_empty();
    let deploy = settled(call, number, wait).await?;
    call.blocking(move |call| told(call, &deploy, again)).await
}

/// What would have happened. Nothing of it did.
fn rehearsed(it: &Rehearsal, as_of: u64) -> Result<Ending, Problem> {
    if it.state == DeployState::Rejected {
        return Err(rejected(None, &it.checks, it.judgement.as_deref()));
    }
    let changes = it.proposal.changes.iter().map(|change| DeployedChange {
        tool: change.tool.to_string(),
        version: None,
        sha256: change.to.map(|it| it.digest.to_string()),
        displaced: None,
    });
    let why = it
        .why
        .clone()
        .unwrap_or_else(|| "a dry run: the same request without dry_run makes it true".to_owned());
    Ok(Ending::known(Deployed {
        deploy: None,
        state: it.state.into(),
        changes: changes.collect(),
        steps: verified(&it.checks),
        judgement: it.judgement.as_deref().map(Into::into),
        deadline: None,
        why: Some(why),
        as_of,
    }))
}

fn verified(checks: &[CheckRun]) -> Vec<DeployStep> {
    if checks.is_empty() {
        return Vec::new();
    }
    let ran = checks.iter().find(|it| it.sandbox != "none");
    let tails: Vec<&str> =
        checks.iter().map(|it| it.output_tail.as_str()).filter(|it| !it.is_empty()).collect();
    vec![DeployStep {
        step: "verified".to_owned(),
        at: None,
        took_ms: Some(checks.iter().map(|it| it.took_ms).sum()),
        sandbox: ran.map(|it| it.sandbox.clone()),
        output_tail: Some(tails.join("\n")),
        checks: checks.iter().map(CheckShown::from).collect(),
    }]
}

/// The same request, sent again because its answer was lost, is not done again.
fn request_key(call: &Call, request: &DeployRequest) -> Result<Option<RequestKey>, Problem> {
    let Some(value) = call.headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|it| (1..=LONGEST_KEY).contains(&it.len()));
    let Some(key) = key else {
        return Err(Problem::invalid(format!(
            "Idempotency-Key must be 1 to {LONGEST_KEY} visible characters"
        )));
    };
    let text = serde_json::to_vec(request).map_err(|it| Problem::invalid(it.to_string()))?;
    let request = Digest(Sha256::digest(text).into());
    Ok(Some(RequestKey { uid: call.caller.peer.uid, key: key.to_owned(), request }))
}
