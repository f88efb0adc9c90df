//! `accept`: what is on disk becomes the baseline.

use serde_json::{Value, json};

use crate::cli::{
    args::AcceptArgs,
    client::{Client, Target, Wait},
    exit::Exit,
    failure::Failure,
    print::{GREEN, Out, YELLOW},
    resolve, view,
};

pub(super) fn run(args: &AcceptArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let answer = client.post(&Target::new("/v1/accept"), &wish(args, client)?, Wait::Short)?;
    if out.json {
        out.document(&answer);
        return Ok(Exit::Ok);
    }
    let accepted = view::items(&answer, "/accepted");
    for it in accepted {
        let tool = view::text(it, "/tool");
        let line = match (view::number(it, "/baseline"), view::text(it, "/baseline_sha256")) {
            (Some(number), _) => format!("{tool} v{number} is the baseline"),
            (None, "") => format!("{tool} is gone, and nothing is expected of it any more"),
            (None, _) => {
                format!("{tool} {} is the baseline", view::short_hash(it, "/baseline_sha256"))
            }
        };
        let word = out.paint(GREEN, "accepted");
        out.result(&format!("{word}  {line}"));
    }
    if let (Some(deploy), "awaiting_approval") =
        (view::number(&answer, "/deploy"), view::text(&answer, "/state"))
    {
        let word = out.paint(YELLOW, "waits");
        out.result(&format!("{word}  deploy {deploy}: somebody has to approve it"));
        out.note(&format!("knowngood approve {deploy}"));
    } else if accepted.is_empty() {
        out.note("nothing to accept: the disk is the baseline already");
    }
    Ok(Exit::Ok)
}

fn wish(args: &AcceptArgs, client: &Client) -> Result<Value, Failure> {
    if args.all {
        return Ok(json!({"all": true}));
    }
    if args.disk.is_some() && args.tools.len() != 1 {
        return Err(Failure::usage("--disk is the hash of one tool", "name one TOOL with it"));
    }
    let mut tools = Vec::new();
    for typed in &args.tools {
        let mut it = json!({"tool": resolve::tool(client, typed)?.as_str()});
        if let (Some(disk), Some(members)) = (&args.disk, it.as_object_mut()) {
            members.insert("disk".to_owned(), disk.as_str().into());
        }
        tools.push(it);
    }
    Ok(json!({ "tools": tools }))
}
