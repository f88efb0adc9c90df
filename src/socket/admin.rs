//! What only an administrator asks for: a full look, the configuration again, a check of everything.

use super::{
    call::Call,
    problem::{Code, Problem},
    route::Json,
    service::{KeyFacts, Reconfigured},
    shape,
};
use crate::{
    model::ToolId,
    reconcile,
    wire::{Checked, Configuration, Nothing, Reloaded, Rescan, Rescanned, Setting, Verified},
};

pub(super) async fn rescan(
    call: Call,
    _: Nothing,
    Json(request): Json<Rescan>,
) -> Result<Json<Rescanned>, Problem> {
    let (handle, view) = (call.handle()?, call.view()?);
    call.check_writable()?;
    let roots = request.roots.unwrap_or_default();
    let roots = roots.iter().map(|it| shape::root(&view, it)).collect::<Result<_, _>>()?;
    let found = handle.rescan(roots, request.rehash.unwrap_or(false)).await?;
    Ok(Json(Rescanned {
        as_of: found.as_of.0,
        files: found.files,
        took_ms: found.took_ms,
        missed: names(&found),
    }))
}

pub(super) async fn reload(
    call: Call,
    _: Nothing,
    Json(_): Json<Nothing>,
) -> Result<Json<Reloaded>, Problem> {
    call.handle()?;
    let reloaded = (call.service.reload)().await;
    call.service.reloaded(reloaded.is_ok());
    let Reconfigured { settings, changed, needs_restart } = reloaded.map_err(|errors| {
        let detail = format!("{} of them; nothing was changed", errors.len());
        Problem::new(Code::ConfigRejected, detail).with("errors", errors)
    })?;
    let roots = settings.roots.iter().map(|it| it.name.to_string()).collect();
    // In force before the answer says so.
    call.service.configure(settings);
    Ok(Json(Reloaded { reloaded: true, roots, changed, needs_restart }))
}

#[expect(clippy::unnecessary_wraps, reason = "the functions of all routes have one type")]
pub(super) fn config(call: &Call, _: &Nothing) -> Result<Json<Configuration>, Problem> {
    let setting = |it: &KeyFacts| Setting {
        key: it.key.clone(),
        value: it.value.clone(),
        origin: it.origin.clone(),
        needs_restart: it.restart,
        after_restart: it.after_restart.clone(),
    };
    let items = call.service.settings().keys.iter().map(setting).collect();
    Ok(Json(Configuration { items }))
}

pub(super) async fn verify(
    call: Call,
    _: Nothing,
    Json(_): Json<Nothing>,
) -> Result<Json<Verified>, Problem> {
    let Ok(_alone) = call.service.verifying.try_acquire() else {
        return Err(Problem::new(
            Code::Busy,
            "another verify is running; it reads everything there is",
        ));
    };
    let handle = call.handle()?;
    call.check_writable()?;
    let disk = handle.rescan(Vec::new(), true).await?;
    let log = call.blocking(|call| Ok(call.handle()?.archive().verify()?)).await?;
    Ok(Json(Verified {
        ok: log.problems.is_empty(),
        checked: Checked { facts: log.facts, contents: log.contents, files: disk.files },
        problems: log.problems,
        missed: names(&disk),
        as_of: handle.view().as_of().0,
    }))
}

fn names(found: &reconcile::Rescanned) -> Vec<String> {
    found.missed.iter().map(ToolId::to_string).collect()
}
