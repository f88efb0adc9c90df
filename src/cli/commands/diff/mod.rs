//! `diff`: what changed between two versions of a tool, or in all tools that differ from their baseline.

mod external;
mod stat;

use serde_json::{Value, json};

use crate::{
    cli::{
        args::DiffArgs,
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        find::variable,
        print::{Out, visible},
        resolve, view,
    },
    model::ToolId,
};

pub(super) fn run(args: &DiffArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let form = Form::of(args, out);
    if !matches!(form, Form::External(_)) {
        out.page();
    }
    let differs = match &args.tool {
        Some(name) => {
            let diff = client.get(&target(&resolve::tool(client, name)?, args))?;
            if out.json {
                out.document(&diff);
            } else {
                show(&[&diff], &form, client, out)?;
            }
            differs(&diff)
        }
        None => all(args, &form, client, out)?,
    };
    Ok(if differs { Exit::Differs } else { Exit::Ok })
}

enum Form {
    Lines,
    Stat,
    /// A command for the shell.
    External(String),
}

impl Form {
    fn of(args: &DiffArgs, out: &Out) -> Self {
        // A variable must not change what a script gets.
        let usual = || variable("KNOWNGOOD_DIFFTOOL").filter(|it| out.terminal && !it.is_empty());
        let usual = || usual().and_then(|it| it.into_string().ok());
        match &args.with {
            _ if args.stat => Self::Stat,
            _ if out.json || out.quiet => Self::Lines,
            Some(command) => Self::External(command.clone()),
            None => usual().map_or(Self::Lines, Self::External),
        }
    }
}

fn target(tool: &ToolId, args: &DiffArgs) -> Target {
    Target::of("/v1/diff", tool)
        .query("from", args.from.as_deref())
        .query("to", args.to.as_deref())
        .query("context", args.unified)
}

/// Every tool that has other content than its baseline; those of which no content is known are named.
fn all(args: &DiffArgs, form: &Form, client: &Client, out: &mut Out) -> Result<bool, Failure> {
    let status = client.get(&Target::new("/v1/status"))?;
    let of_files = view::items(&status, "/issues").iter().filter(|it| is_of_file(it));
    let issues: Vec<&Value> = of_files.collect();
    if out.quiet {
        return Ok(!issues.is_empty());
    }
    let mut diffs = Vec::new();
    for issue in &issues {
        match one(issue, args, client) {
            Ok(diff) => diffs.push(diff),
            Err(it) if it.exit == Exit::NotFound => out.note(&visible(it.member("detail"))),
            Err(it) => return Err(it),
        }
        // Thousands of tools are shown as they come.
        if let (Form::Lines, false, Some(diff)) = (form, out.json, diffs.last()) {
            show(&[diff], form, client, out)?;
            diffs.clear();
        }
        if out.is_closed() {
            break;
        }
    }
    if out.json {
        out.document(&json!({"items": diffs, "next": null, "as_of": status.get("as_of")}));
    } else {
        show(&diffs.iter().collect::<Vec<_>>(), form, client, out)?;
    }
    Ok(!issues.is_empty())
}

fn is_of_file(issue: &Value) -> bool {
    let kinds = ["file_modified", "orphaned_file", "missing_file", "unreadable_file"];
    kinds.contains(&view::text(issue, "/type"))
}

fn one(issue: &Value, args: &DiffArgs, client: &Client) -> Result<Value, Failure> {
    let name = view::text(issue, "/tool");
    if view::text(issue, "/type") == "unreadable_file" {
        let cause = view::text(issue, "/cause");
        return Err(Failure::not_found(&format!("{name} cannot be read: {cause}"), ""));
    }
    let tool = name.parse::<ToolId>();
    let tool = tool.map_err(|it| Failure::other("the daemon's answer", &it.to_string()))?;
    client.get(&target(&tool, args))
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

fn show(diffs: &[&Value], form: &Form, client: &Client, out: &mut Out) -> Result<(), Failure> {
    if out.quiet {
        return Ok(());
    }
    match form {
        Form::Stat => stat::print(diffs, out),
        Form::Lines => diffs.iter().for_each(|it| lines(it, out)),
        Form::External(command) => {
            for diff in diffs.iter().filter(|it| differs(it)) {
                external::show(command, diff, client)?;
            }
        }
    }
    Ok(())
}

fn lines(diff: &Value, out: &mut Out) {
    let (from, to) = (label(diff, "from"), label(diff, "to"));
    let tool = visible(view::text(diff, "/tool"));
    match bit(diff) {
        Some(true) => out.note(&format!("{tool}: the executable bit went on")),
        Some(false) => out.note(&format!("{tool}: the executable bit went off")),
        None => (),
    }
    if differs(diff) && is_binary(diff) {
        return out.line(&format!("binary contents {from} and {to} of {tool} differ"));
    }
    out.diff(view::text(diff, "/diff"));
}

fn is_binary(diff: &Value) -> bool {
    diff.get("binary").and_then(Value::as_bool) == Some(true)
}

/// What it became, if it changed.
fn bit(diff: &Value) -> Option<bool> {
    let bit = |it: &str| diff.pointer(&format!("/{it}/executable")).and_then(Value::as_bool);
    bit("from").zip(bit("to")).filter(|it| it.0 != it.1).map(|it| it.1)
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
