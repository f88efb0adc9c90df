//! `resolve`: what two authors made of one content is put together, by the rules where they are enough and by a person
//! where they are not, and deployed over what stands on disk. Nothing with a mark of a conflict in it is deployed.

mod hand;

use std::path::Path;

use serde_json::Value;

use super::{
    deploy::{encoded, read},
    outcome::{self, Asked},
};
use crate::{
    cli::{
        args::ResolveArgs,
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::Out,
        resolve, view,
    },
    merge::{self, Labels},
    model::ToolId,
    wire::{ChangeRequest, DeployRequest},
};

pub(super) fn run(args: &ResolveArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let sides = match (&args.file, &args.base) {
        (Some(file), Some(base)) => vec![of_file(&args.what, file, base, client)?],
        _ => of_deploy(&args.what, client)?,
    };
    let mut changes = Vec::new();
    // What a person has worked on stays until it is deployed.
    let mut kept = Vec::new();
    for it in &sides {
        match settled(it, args.with.as_deref(), out)? {
            Settled::Ready(bytes) => changes.push(change(it, bytes)),
            Settled::ByHand(work) => {
                changes.push(change(it, work.result()?));
                kept.push(work);
            }
            Settled::Not => return Ok(Exit::Conflict),
        }
    }
    let request = DeployRequest {
        changes: Some(changes),
        reason: Some(args.said.reason.clone().unwrap_or_else(|| "merge".to_owned())),
        message: args.said.message.clone(),
        author: outcome::claim(args.said.author.as_deref())?,
        confirm_within: args.course.confirm_within.clone(),
        dry_run: args.course.dry_run.then_some(true),
        ..DeployRequest::default()
    };
    let asked = Asked { path: "/v1/deploys", body: outcome::body(&request)?, again: None };
    let done = outcome::ask(&asked, args.course.wait.as_deref(), client, out);
    for work in kept {
        work.end(matches!(done, Ok(Exit::Ok | Exit::PartlyDone)) && !args.course.dry_run, out);
    }
    done
}

/// One tool: what both began with, what each made of it, and how they are called.
struct Sides {
    tool: ToolId,
    base: Version,
    disk: Version,
    proposed: Vec<u8>,
    name: String,
    executable: Option<bool>,
}

/// A content that the daemon knows. Without a hash: nothing is there.
#[derive(Default)]
struct Version {
    hash: Option<String>,
    name: String,
    bytes: Vec<u8>,
}

fn of_file(typed: &str, file: &Path, base: &str, client: &Client) -> Result<Sides, Failure> {
    let tool = resolve::tool(client, typed)?;
    let base = if base == "none" { None } else { Some(base) };
    Ok(Sides {
        base: version(&tool, base, base.unwrap_or("nothing"), client)?,
        disk: disk(&tool, client)?,
        proposed: read(file)?.bytes,
        name: file.display().to_string(),
        executable: None,
        tool,
    })
}

/// What the deploy with this number wanted.
fn of_deploy(typed: &str, client: &Client) -> Result<Vec<Sides>, Failure> {
    let Ok(number) = typed.parse::<u64>() else {
        let hint = "knowngood resolve 17, or knowngood resolve TOOL FILE --base v3";
        return Err(Failure::usage(&format!("{typed:?} is not a deploy's number"), hint));
    };
    let deploy = client.get(&Target::new(&format!("/v1/deploys/{number}")))?;
    let state = view::text(&deploy, "/state");
    if state != "conflicted" {
        let detail = format!("deploy {number} is {state}: there is no conflict to settle");
        return Err(Failure::usage(
            &detail,
            "knowngood deploys --state conflicted lists those that have one",
        ));
    }
    let changes = view::items(&deploy, "/changes").iter();
    changes.map(|it| wanted(it, number, client)).collect()
}

fn wanted(change: &Value, number: u64, client: &Client) -> Result<Sides, Failure> {
    let name = view::text(change, "/tool").parse::<ToolId>();
    let tool = name.map_err(|it| Failure::other("the daemon's answer", &it.to_string()))?;
    let Some(proposed) = change.get("sha256").and_then(Value::as_str) else {
        let detail = format!("deploy {number} wants {tool} to go, but it was changed meanwhile");
        let hint =
            format!("knowngood deploy {tool} --delete --base disk, if it is to go all the same");
        return Err(Failure::conflict(&detail, &hint));
    };
    let base = change.get("base_sha256").and_then(Value::as_str);
    let called = match view::number(change, "/base") {
        Some(number) => format!("v{number}"),
        None => view::short_hash(change, "/base_sha256"),
    };
    Ok(Sides {
        base: version(&tool, base, &called, client)?,
        disk: disk(&tool, client)?,
        proposed: version(&tool, Some(proposed), "", client)?.bytes,
        name: format!("deploy {number}"),
        executable: change.get("executable").and_then(Value::as_bool),
        tool,
    })
}

fn version(
    tool: &ToolId,
    reference: Option<&str>,
    name: &str,
    client: &Client,
) -> Result<Version, Failure> {
    let Some(reference) = reference else { return Ok(Version::default()) };
    let target = Target::of("/v1/content", tool).query("at", Some(reference));
    let bytes = client.bytes(&target)?.to_vec();
    Ok(Version { hash: Some(reference.to_owned()), name: name.to_owned(), bytes })
}

/// By its hash: what was merged is what is replaced, or it is a conflict again.
fn disk(tool: &ToolId, client: &Client) -> Result<Version, Failure> {
    let known = match client.get(&Target::of("/v1/tools", tool)) {
        Ok(known) => known,
        Err(it) if it.exit == Exit::NotFound => return Ok(Version::default()),
        Err(it) => return Err(it),
    };
    let cause = view::text(&known, "/cause");
    if !cause.is_empty() {
        return Err(Failure::conflict(
            &format!("what stands at {tool} cannot be read: {cause}"),
            "",
        ));
    }
    let name = format!("disk {}", view::version(&known, "/disk/version"));
    let hash = Some(view::text(&known, "/disk/sha256")).filter(|it| !it.is_empty());
    version(tool, hash, &name, client)
}

enum Settled {
    Ready(Vec<u8>),
    ByHand(hand::Work),
    /// Nobody is there to do it.
    Not,
}

fn settled(it: &Sides, with: Option<&str>, out: &mut Out) -> Result<Settled, Failure> {
    // What nobody else changed needs no merge.
    if it.base.hash == it.disk.hash || it.base.bytes == it.disk.bytes && it.disk.hash.is_some() {
        return Ok(Settled::Ready(it.proposed.clone()));
    }
    let merged = merge::merge(&it.base.bytes, &it.disk.bytes, &it.proposed);
    if let (Some(content), true) = (merged.content, it.disk.hash.is_some()) {
        out.note(&format!("{}: merged, both sides are kept", it.tool));
        return Ok(Settled::Ready(content));
    }
    let labels = Labels { base: &it.base.name, current: &it.disk.name, proposed: &it.name };
    let marked = merge::marked(&it.base.bytes, &it.disk.bytes, &it.proposed, labels);
    if with.is_none() && (out.json || !out.terminal) {
        // As `git merge-file -p` does.
        if let (false, Some(marked)) = (out.json, &marked) {
            out.bytes(marked);
        }
        let line = merged.conflicts.first().map_or(1, |it| it.current.line);
        out.note(&format!("{}: both changed the same, on disk at line {line}", it.tool));
        out.note(
            "nothing is deployed; on a terminal, or with --tool CMD, it can be settled by hand",
        );
        return Ok(Settled::Not);
    }
    let name = it.tool.as_str().rsplit('/').next().unwrap_or_default();
    let files = [&it.base.bytes[..], &it.disk.bytes, &it.proposed];
    hand::settle(name, files, marked.as_deref(), with, out).map(Settled::ByHand)
}

fn change(it: &Sides, bytes: Vec<u8>) -> ChangeRequest {
    let (content, encoding) = encoded(bytes);
    ChangeRequest {
        tool: it.tool.to_string(),
        base: Some(it.disk.hash.clone()),
        content,
        encoding,
        delete: None,
        executable: it.executable,
    }
}
