//! `check`: may this tool be written now?

use serde_json::Value;

use crate::cli::{
    args::CheckArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{GREEN, Out, YELLOW, visible},
    resolve, view,
};

pub(super) fn run(args: &CheckArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    let tool = resolve::tool(client, &args.tool)?;
    let target = Target::of("/v1/check", &tool)
        .query("base", args.base.as_deref())
        .query("runtime", args.runtime.as_deref());
    let answer = client.get(&target)?;
    let exit = exit(&answer);
    if out.json {
        out.document(&answer);
    } else if !out.quiet {
        print(&answer, out);
    }
    Ok(exit)
}

/// What cannot be told is neither "no difference" nor "a difference".
fn exit(answer: &Value) -> Exit {
    match answer.get("changed").and_then(Value::as_bool) {
        Some(false) => Exit::Ok,
        Some(true) => Exit::Differs,
        None => Exit::Other,
    }
}

fn print(answer: &Value, out: &mut Out) {
    let word = match answer.get("changed").and_then(Value::as_bool) {
        Some(false) => out.paint(GREEN, "unchanged"),
        Some(true) => out.paint(YELLOW, "changed"),
        None => out.paint(YELLOW, "unknown"),
    };
    let reason = match view::text(answer, "/reason") {
        "unchanged" => "it is what it was compared with",
        "file_modified" => "the file was modified",
        "file_missing" => "the file is not there",
        "not_loaded" => "that runtime has not loaded it",
        "no_baseline" => "it has no baseline",
        other => other,
    };
    let cause = match view::text(answer, "/cause") {
        "" => String::new(),
        cause => format!(" ({})", visible(cause)),
    };
    let mut line = format!("{word}  {}: {reason}{cause}", view::text(answer, "/tool"));
    if answer.get("unsettled").and_then(Value::as_bool) == Some(true) {
        line += "; somebody is writing it now";
    }
    out.line(&line);
    out.diff(view::text(answer, "/diff"));
}
