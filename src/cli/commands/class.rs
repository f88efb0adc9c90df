//! `class`: what a tool can do, line by line; and a person who signs for some of it. It judges nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::version;
use crate::{
    cli::{
        args::ClassArgs,
        client::{Client, Target, Wait},
        exit::Exit,
        failure::Failure,
        print::{BOLD, DIM, GREEN, Out, RED, YELLOW, visible},
        resolve,
        table::Cell,
        view,
    },
    model::ToolId,
};

/// Lines that are shown of one detail.
const MOST_LINES: usize = 5;

pub(super) fn run(args: &ClassArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    if let Some(typed) = args.waive.as_deref().or(args.withdraw.as_deref()) {
        let [tool] = &args.tools[..] else {
            return Err(Failure::usage("a waiver is for one tool", "name one TOOL with it"));
        };
        let tool = resolve::tool(client, tool)?;
        let answer = sign(args, typed, &tool, client)?;
        show(&answer, &tool, out);
        return Ok(Exit::Ok);
    }
    match &args.tools[..] {
        [] => all(client, out)?,
        [one] => {
            let (tool, answer) = asked(one, client)?;
            show(&answer, &tool, out);
        }
        many => {
            let answers = many.iter().map(|it| asked(it, client)).collect::<Result<Vec<_>, _>>()?;
            if out.json {
                let items: Vec<_> = answers.into_iter().map(|it| it.1).collect();
                out.document(&json!({ "items": items }));
            } else {
                for it in &answers {
                    show(&it.1, &it.0, out);
                }
            }
        }
    }
    Ok(Exit::Ok)
}

fn asked(typed: &str, client: &Client) -> Result<(ToolId, Value), Failure> {
    let (name, reference) = resolve::split(typed);
    let tool = resolve::tool(client, name)?;
    let answer = client.get(&Target::of("/v1/class", &tool).query("at", reference))?;
    Ok((tool, answer))
}

/// Each is asked for by itself: the daemon keeps what it found.
fn all(client: &Client, out: &mut Out) -> Result<(), Failure> {
    let list = client.list(&Target::new("/v1/tools"), None)?;
    let mut items = Vec::new();
    for tool in view::items(&list, "/items") {
        if view::number(tool, "/head").is_none() {
            continue;
        }
        let Ok(id) = view::text(tool, "/tool").parse::<ToolId>() else { continue };
        match client.get(&Target::of("/v1/class", &id)) {
            Ok(it) => items.push(it),
            // It went meanwhile.
            Err(failure) if failure.exit == Exit::NotFound => (),
            Err(failure) => return Err(failure),
        }
    }
    if out.json {
        out.document(&json!({ "items": items }));
        return Ok(());
    }
    let rows: Vec<_> = items.iter().map(row).collect();
    out.table(&["TOOL", "CLASS", "SAFE", "CAPABILITIES"], &rows);
    Ok(())
}

fn row(it: &Value) -> Vec<Cell> {
    let class = view::text(it, "/effective/class");
    let safe = is_safe(it);
    vec![
        view::text(it, "/tool").into(),
        Cell::styled(class, style(class)),
        Cell::styled(if safe { "yes" } else { "no" }, if safe { GREEN } else { DIM }),
        words(it, "/effective/capabilities").into(),
    ]
}

fn style(class: &str) -> anstyle::Style {
    match class {
        "pure" | "local_read" | "net_read" => GREEN,
        "local_write" | "net_write" => YELLOW,
        _ => RED,
    }
}

fn is_safe(it: &Value) -> bool {
    it.pointer("/effective/safe").and_then(Value::as_bool) == Some(true)
}

fn words(it: &Value, pointer: &str) -> String {
    let words = view::items(it, pointer).iter().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(" ")
}

fn show(it: &Value, tool: &ToolId, out: &mut Out) {
    if out.json {
        return out.document(it);
    }
    let class = view::text(it, "/effective/class");
    let safe = if is_safe(it) { "safe" } else { "not safe" };
    let name = out.paint(BOLD, view::text(it, "/tool"));
    let class_shown = out.paint(style(class), class);
    out.line(&format!("{name} {}  {class_shown}, {safe}", view::version(it, "/version")));
    version::pairs(&about(it), out);
    for group in groups(it) {
        group.print(out);
    }
    if !is_safe(it) {
        next(it, tool, out);
    }
}

fn about(it: &Value) -> Vec<(&'static str, String)> {
    let declared = match (view::text(it, "/declared/class"), view::text(it, "/declared/file")) {
        (_, "") => "nothing".to_owned(),
        ("", file) => format!("no class, in {file}"),
        (class, file) => format!("{class}, in {file}"),
    };
    let problem = view::text(it, "/declared/problem").to_owned();
    let changed = match (words(it, "/delta/added"), words(it, "/delta/removed")) {
        (added, removed) if added.is_empty() && removed.is_empty() => String::new(),
        (added, removed) => format!("more than live: {added}; less: {removed}"),
    };
    vec![
        ("declares", declared),
        ("but", problem),
        ("source", view::text(it, "/parse_problem").to_owned()),
        ("unresolved", words(it, "/unresolved")),
        ("compared", changed),
    ]
}

/// All lines of one detail.
struct Group<'a> {
    cap: &'a str,
    via: &'a str,
    waived: bool,
    lines: Vec<&'a Value>,
}

fn groups(it: &Value) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for evidence in view::items(it, "/inferred") {
        let (cap, via) = (view::text(evidence, "/cap"), view::text(evidence, "/via"));
        let waived = evidence.get("waived").and_then(Value::as_bool) == Some(true);
        let same = |it: &&mut Group<'_>| (it.cap, it.via, it.waived) == (cap, via, waived);
        if let Some(known) = groups.iter_mut().find(same) {
            known.lines.push(evidence);
        } else {
            groups.push(Group { cap, via, waived, lines: vec![evidence] });
        }
    }
    for observed in view::items(it, "/observed") {
        let (cap, via) = (view::text(observed, "/cap"), view::text(observed, "/event"));
        groups.push(Group { cap, via, waived: false, lines: vec![observed] });
    }
    groups
}

impl Group<'_> {
    fn print(&self, out: &mut Out) {
        let waived = if self.waived { "  (waived)" } else { "" };
        let head = format!("{:<12} {}", visible(self.cap), visible(self.via));
        let head = if self.waived { out.paint(DIM, &head) } else { head };
        out.line(&format!("  {head}{waived}"));
        for it in self.lines.iter().take(MOST_LINES) {
            let place = match (view::text(it, "/file"), view::number(it, "/line")) {
                ("", _) => {
                    format!("seen {} times {}", view::count(it, "/n"), view::text(it, "/detail"))
                }
                (file, Some(line)) => format!("{file}:{line}"),
                (file, None) => file.to_owned(),
            };
            let path = words(it, "/path").replace(' ', " > ");
            let path = if path.is_empty() { path } else { format!("  {path}") };
            let line = out.paint(DIM, &visible(&format!("{place}{path}")));
            out.line(&format!("               {line}"));
        }
        if let Some(more) = self.lines.len().checked_sub(MOST_LINES).filter(|it| *it > 0) {
            out.line(&format!("               and {more} more"));
        }
    }
}

/// What stands highest is what keeps it from being safe.
fn next(it: &Value, tool: &ToolId, out: &mut Out) {
    let groups = groups(it);
    let stands = |it: &&Group<'_>| !it.waived && !HARMLESS.contains(&it.cap);
    let Some(first) = groups.iter().find(stands) else { return };
    let what = format!("{}:{}", first.cap, first.via);
    let what = crate::cli::text::quoted(&visible(&what));
    out.note(&format!(
        "if you have read it and it does no harm: knowngood class {tool} --waive {what} --reason \"…\""
    ));
}

const HARMLESS: &[&str] = &["nondet", "fs_read", "env_read", "sys_read", "net_read"];

fn sign(args: &ClassArgs, typed: &str, tool: &ToolId, client: &Client) -> Result<Value, Failure> {
    let target = Target::of("/v1/class", tool);
    let now = client.get(&target)?;
    let withdraw = args.withdraw.is_some();
    let (list, detail) = if withdraw { ("/waived", "/detail") } else { ("/inferred", "/via") };
    let known =
        view::items(&now, list).iter().map(|it| (view::text(it, "/cap"), view::text(it, detail)));
    let seen = view::items(&now, "/observed").iter().filter(|_| !withdraw);
    let seen = seen.map(|it| (view::text(it, "/cap"), view::text(it, "/event")));
    let known: BTreeSet<(&str, &str)> = known.chain(seen).collect();
    let (cap, detail) = meant(typed, &known)?;
    let mut body = json!({ "cap": cap, "detail": detail });
    if let Some(members) = body.as_object_mut() {
        if withdraw {
            members.insert("withdraw".to_owned(), true.into());
        }
        if let Some(reason) = &args.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
    }
    client.post(&target, &body, Wait::Short)
}

/// `exec:subprocess.run`, or the capability alone where it has one detail.
fn meant<'a>(
    typed: &str,
    known: &BTreeSet<(&'a str, &'a str)>,
) -> Result<(&'a str, &'a str), Failure> {
    let fits = |it: &&(&str, &str)| it.0 == typed || format!("{}:{}", it.0, it.1) == typed;
    let found: Vec<_> = known.iter().filter(fits).collect();
    if let [one] = found[..] {
        Ok(*one)
    } else {
        let all: Vec<String> = known.iter().map(|it| format!("{}:{}", it.0, it.1)).collect();
        let what = if found.is_empty() { "nothing" } else { "more than one thing" };
        Err(Failure::usage(
            &format!("{typed} is {what} that the tool does"),
            &format!("it does: {}", all.join(", ")),
        ))
    }
}
