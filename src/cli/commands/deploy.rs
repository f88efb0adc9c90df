//! `deploy`: another content in a tool's place. What it was made from is asked for, or is what stands on disk now where
//! a person is looking; a script has to say it.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use serde_json::Value;

use super::outcome::{self, Asked};
use crate::{
    cli::{
        args::{Clash, DeployArgs},
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::Out,
        resolve, view,
    },
    model::ToolId,
    wire::{ChangeRequest, DeployRequest, Encoding, OnConflict, base64},
};

pub(super) fn run(args: &DeployArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let mut changes = Vec::new();
    for wish in wishes(args)? {
        changes.push(change(&wish, args, client, out)?);
    }
    let request = DeployRequest {
        changes: Some(changes),
        reason: args.said.reason.clone(),
        message: args.said.message.clone(),
        author: outcome::claim(args.said.author.as_deref())?,
        on_conflict: match args.on_conflict {
            Clash::Abort => None,
            Clash::Merge => Some(OnConflict::Merge),
            Clash::Overwrite => Some(OnConflict::Overwrite),
        },
        dry_run: args.course.dry_run.then_some(true),
        confirm_within: args.course.confirm_within.clone(),
        force: args.force.then_some(true),
        expect_changes: (!args.expected.is_empty()).then(|| args.expected.clone()),
        ..DeployRequest::default()
    };
    let again = args.tool.as_deref().zip(args.file.as_deref());
    let asked = Asked { path: "/v1/deploys", body: outcome::body(&request)?, again };
    outcome::ask(&asked, args.course.wait.as_deref(), client, out)
}

/// What was typed about one tool.
struct Wish<'a> {
    tool: &'a str,
    base: Option<&'a str>,
    /// `None`: it is to go.
    file: Option<&'a Path>,
}

fn wishes(args: &DeployArgs) -> Result<Vec<Wish<'_>>, Failure> {
    if let Some(tool) = &args.tool {
        let file = args.file.as_deref().filter(|_| !args.delete);
        return Ok(vec![Wish { tool, base: args.base.as_deref(), file }]);
    }
    let mut wishes = Vec::new();
    for typed in &args.changes {
        let (tool, file) =
            typed.split_once('=').filter(|it| !it.1.is_empty()).ok_or_else(|| {
                let hint = "write --change fetch@v3=new.py; --remove fetch@v3 lets a tool go";
                Failure::usage(&format!("--change {typed:?} names no file"), hint)
            })?;
        let (tool, base) = based(tool);
        wishes.push(Wish { tool, base, file: Some(Path::new(file)) });
    }
    for typed in &args.removed {
        let (tool, base) = based(typed);
        wishes.push(Wish { tool, base, file: None });
    }
    Ok(wishes)
}

/// `none` too can stand behind the `@`.
fn based(typed: &str) -> (&str, Option<&str>) {
    typed.strip_suffix("@none").map_or_else(|| resolve::split(typed), |it| (it, Some("none")))
}

fn change(
    wish: &Wish,
    args: &DeployArgs,
    client: &Client,
    out: &mut Out,
) -> Result<ChangeRequest, Failure> {
    let tool = resolve::tool(client, wish.tool)?;
    let base = base(&tool, wish.base, client, out)?;
    let given = match (args.executable, args.no_executable) {
        (false, false) => None,
        (executable, _) => Some(executable),
    };
    let mut change = ChangeRequest { tool: tool.to_string(), ..ChangeRequest::default() };
    match wish.file {
        None => change.delete = Some(true),
        Some(file) => {
            let read = read(file)?;
            // A new tool is as its author made it; one that is there stays as it is.
            let made = (base.is_none() && read.executable).then_some(true);
            change.executable = given.or(made);
            (change.content, change.encoding) = encoded(read.bytes);
        }
    }
    change.base = Some(base);
    Ok(change)
}

/// `None`: there must be nothing.
fn base(
    tool: &ToolId,
    typed: Option<&str>,
    client: &Client,
    out: &mut Out,
) -> Result<Option<String>, Failure> {
    match typed {
        Some("none") => return Ok(None),
        Some(base) => return Ok(Some(base.to_owned())),
        None => (),
    }
    if !out.terminal {
        let detail =
            format!("it is not said which version of {tool} the new content was made from");
        let hint = "--base v3, a hash, disk or none (behind the tool in --change: fetch@v3=FILE); \
                    on a terminal it is what stands on disk";
        return Err(Failure::usage(&detail, hint));
    }
    let known = match client.get(&Target::of("/v1/tools", tool)) {
        Ok(known) => known,
        Err(it) if it.exit == Exit::NotFound => Value::Null,
        Err(it) => return Err(it),
    };
    let hash = view::text(&known, "/disk/sha256");
    if hash.is_empty() {
        out.note(&format!("base: nothing, {tool} is not on disk"));
        return Ok(None);
    }
    let number = view::version(&known, "/disk/version");
    out.note(&format!("base: {number}, which stands on disk now; --base says otherwise"));
    Ok(Some(hash.to_owned()))
}

pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    executable: bool,
}

/// `-` is stdin.
pub(super) fn read(file: &Path) -> Result<Read, Failure> {
    let failed =
        |it: io::Error| Failure::usage(&format!("{} cannot be read: {it}", file.display()), "");
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        return Ok(Read { bytes, executable: false });
    }
    let bytes = fs::read(file).map_err(failed)?;
    let mode = fs::metadata(file).map_err(failed)?.permissions().mode();
    Ok(Read { bytes, executable: mode & 0o100 != 0 })
}

pub(super) fn encoded(bytes: Vec<u8>) -> (Option<String>, Option<Encoding>) {
    match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(it) => (Some(base64(it.as_bytes())), Some(Encoding::Base64)),
    }
}
