//! `rollback` and `restore`: an earlier content comes back, as a new version.

use serde_json::Value;

use super::outcome::{self, Asked};
use crate::cli::{
    args::{RestoreArgs, RollbackArgs},
    client::Client,
    exit::Exit,
    failure::Failure,
    print::Out,
    resolve,
};
use crate::wire::{RestoreRequest, RestoreTool, RollbackRequest, RollbackTool};

pub(super) fn rollback(
    args: &RollbackArgs,
    client: &Client,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let mut tools = Vec::new();
    for typed in &args.tools {
        let (name, at) = resolve::split(typed);
        if at.is_some() && (args.to.is_some() || args.only.is_some()) {
            let detail = format!("{typed} says where to already");
            return Err(Failure::usage(&detail, "leave out @REF, or --to and --only"));
        }
        tools.push(RollbackTool {
            tool: resolve::tool(client, name)?.to_string(),
            to: at.or(args.to.as_deref()).map(str::to_owned),
            only: args.only.clone(),
        });
    }
    let request = RollbackRequest {
        tools: Some(tools),
        reason: args.said.reason.clone(),
        message: args.said.message.clone(),
        author: outcome::claim(args.said.author.as_deref())?,
        confirm_within: args.course.confirm_within.clone(),
        quarantine: args.quarantine.then_some(true),
        dry_run: args.course.dry_run.then_some(true),
        ..RollbackRequest::default()
    };
    send("/v1/rollback", outcome::body(&request)?, args.course.wait.as_deref(), client, out)
}

pub(super) fn restore(args: &RestoreArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let mut tools = Vec::new();
    for typed in &args.tools {
        let (name, at) = resolve::split(typed);
        let tool = resolve::tool(client, name)?.to_string();
        tools.push(RestoreTool { tool, to: at.map(str::to_owned) });
    }
    let request = RestoreRequest {
        tools: Some(tools),
        reason: args.said.reason.clone(),
        message: args.said.message.clone(),
        author: outcome::claim(args.said.author.as_deref())?,
        dry_run: args.dry_run.then_some(true),
        ..RestoreRequest::default()
    };
    send("/v1/restore", outcome::body(&request)?, args.wait.as_deref(), client, out)
}

fn send(
    path: &str,
    body: Value,
    wait: Option<&str>,
    client: &Client,
    out: &mut Out,
) -> Result<Exit, Failure> {
    outcome::ask(&Asked { path, body, again: None }, wait, client, out)
}
