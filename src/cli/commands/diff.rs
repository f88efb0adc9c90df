//! `diff`: what changed between two versions.

use serde_json::Value;

use crate::cli::{
    args::DiffArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::Out,
    resolve, view,
};

pub(super) fn run(args: &DiffArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let tool = resolve::tool(client, &args.tool)?;
    let target = Target::of("/v1/diff", &tool)
        .query("from", args.from.as_deref())
        .query("to", args.to.as_deref())
        .query("context", args.unified);
    let diff = client.get(&target)?;
    let differs = differs(&diff);
    if out.json {
        out.document(&diff);
    } else if !out.quiet {
        print(&diff, differs, out);
    }
    Ok(if differs { Exit::Differs } else { Exit::Ok })
}

/// A side that is not there differs from one that is; an executable bit differs without a line in the diff.
fn differs(diff: &Value) -> bool {
    let side = |it: &str| {
        let side = diff.get(it).filter(|it| it.is_object())?;
        Some((view::text(side, "/sha256"), side.get("executable").and_then(Value::as_bool)))
    };
    match (side("from"), side("to")) {
        (Some(from), Some(to)) => {
            let bit = from.1.zip(to.1).is_some_and(|it| it.0 != it.1);
            bit || from.0 != to.0
        }
        (from, to) => from != to,
    }
}

fn print(diff: &Value, differs: bool, out: &mut Out) {
    let (from, to) = (label(diff, "from"), label(diff, "to"));
    let bit = |it: &str| diff.pointer(&format!("/{it}/executable")).and_then(Value::as_bool);
    match (bit("from"), bit("to")) {
        (Some(false), Some(true)) => out.note("the executable bit went on"),
        (Some(true), Some(false)) => out.note("the executable bit went off"),
        _ => (),
    }
    if differs && diff.get("binary").and_then(Value::as_bool) == Some(true) {
        let tool = view::text(diff, "/tool");
        return out.line(&format!("binary contents {from} and {to} of {tool} differ"));
    }
    out.diff(view::text(diff, "/diff"));
    let lines = |it: &str| view::count(diff, &format!("/stats/{it}"));
    let (added, removed) = (lines("lines_added"), lines("lines_removed"));
    if out.terminal && added + removed > 0 {
        out.note(&format!("{from} -> {to}: {added} lines added, {removed} removed"));
    }
}

fn label(diff: &Value, side: &str) -> String {
    match view::number(diff, &format!("/{side}/version")) {
        Some(number) => format!("v{number}"),
        None => match view::short_hash(diff, &format!("/{side}/sha256")).as_str() {
            "-" => "nothing".to_owned(),
            hash => hash.to_owned(),
        },
    }
}
