//! `outcome`: a call of a tool is over, told by hand or by a script; or many of them, as a runtime would tell.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::{
    cli::{
        args::{Ending, OutcomeArgs},
        client::{Client, Target, Wait},
        exit::Exit,
        failure::Failure,
        print::{Out, visible},
        resolve, view,
    },
    wire::{CallStatus, Outcome, OutcomeError, OutcomesRequest},
};

pub(super) fn run(args: &OutcomeArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let body = match &args.tool {
        Some(tool) => typed(args, tool, client, out)?,
        None => batch()?,
    };
    let answer = client.post(&Target::new("/v1/outcomes"), &body, Wait::Long)?;
    let refused = view::items(&answer, "/refused");
    let (accepted, known) =
        (view::count(&answer, "/accepted"), view::count(&answer, "/duplicates"));
    let exit = if refused.is_empty() {
        Exit::Ok
    } else if accepted + known > 0 {
        Exit::PartlyDone
    } else {
        Exit::Usage
    };
    if out.json {
        out.document(&answer);
        return Ok(exit);
    }
    let known = if known == 0 { String::new() } else { format!(", {known} known already") };
    out.result(&format!("{accepted} taken in{known}"));
    for it in refused {
        let (index, code) = (view::count(it, "/index"), view::text(it, "/code"));
        out.note(&format!("refused: {index} ({code}): {}", visible(view::text(it, "/detail"))));
    }
    Ok(exit)
}

fn typed(args: &OutcomeArgs, tool: &str, client: &Client, out: &Out) -> Result<Value, Failure> {
    let tool = resolve::tool(client, tool)?;
    let given = args.args.as_deref().map(serde_json::from_str).transpose();
    let given = given.map_err(|it| {
        Failure::usage(&format!("--args is no JSON: {it}"), "write --args '{\"query\": \"x\"}'")
    })?;
    let own = || format!("cli-{}-{}", std::process::id(), out.now().as_nanosecond());
    let outcome = Outcome {
        tool: tool.to_string(),
        version: args.version.clone().unwrap_or_default(),
        call_id: args.call_id.clone().unwrap_or_else(own),
        status: args.status.unwrap_or(Ending::Ok).into(),
        duration_ms: args.duration_ms.unwrap_or_default(),
        error: args.error_type.clone().map(|kind| OutcomeError {
            kind,
            message: args.message.clone().unwrap_or_default(),
            ..OutcomeError::default()
        }),
        args: given,
        args_sha256: None,
        ts: None,
        agent: None,
    };
    super::outcome::body(&OutcomesRequest { outcomes: vec![outcome] })
}

fn batch() -> Result<Value, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    let hint = "write {\"outcomes\": [{\"tool\": …, \"version\": …, \"call_id\": …, \"status\": …, \"duration_ms\": …}]}";
    let wrong = |why: String| Failure::usage(&format!("stdin holds no batch: {why}"), hint);
    read.map_err(|it| wrong(it.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|it| wrong(it.to_string()))?;
    Ok(if value.is_array() { json!({ "outcomes": value }) } else { value })
}

impl From<Ending> for CallStatus {
    fn from(it: Ending) -> Self {
        match it {
            Ending::Ok => Self::Ok,
            Ending::Error => Self::Error,
            Ending::Timeout => Self::Timeout,
            Ending::Crash => Self::Crash,
            Ending::Cancelled => Self::Cancelled,
        }
    }
}
