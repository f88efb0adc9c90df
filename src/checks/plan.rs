//! Which checks there are for what is staged. Runs nothing.

use super::{
    command,
    part::Part,
    python::{self, Load, Probe},
    sandbox::{Job, JobFile, Limits, Rung},
    syntax,
};
use crate::{
    model::{Language, ToolId, language_of},
    ports::{CheckOrder, CheckRules},
};

pub(super) struct Planned {
    pub(super) tool: ToolId,
    pub(super) check: &'static str,
    pub(super) what: What,
}

#[expect(clippy::large_enum_variant, reason = "a handful of them stand in one list")]
pub(super) enum What {
    Skip(String),
    Fail(String),
    Command(Job),
    Compile(Probe),
    Syntax(Job),
    Load(Load),
}

/// For a file that goes there is nothing to check.
pub(super) fn of(order: &CheckOrder, rules: &CheckRules, rung: Rung) -> Vec<Planned> {
    let limits = Limits { time: rules.timeout, memory: rules.memory, ..Limits::default() };
    let mut planned = Vec::new();
    let mut parts = Vec::new();
    for part in order.parts.iter().filter(|it| it.staged.is_some() || rules.load_probe) {
        match Part::read(part) {
            Ok(it) => parts.push(it),
            Err(why) => {
                let check = if rules.command.is_empty() { "syntax" } else { "command" };
                planned.push(Planned { tool: part.tool.clone(), check, what: What::Fail(why) });
            }
        }
    }
    let staged = || parts.iter().filter_map(|it| Some((it, it.staged.as_ref()?)));
    planned.extend(staged().map(|(part, file)| content(part, file, rules, limits, rung)));
    if rules.load_probe {
        let loaded = staged().filter(|it| language_of(&it.0.name, &it.1.bytes) == Language::Python);
        planned.extend(loaded.map(|(part, _)| Planned {
            tool: part.tool.clone(),
            check: "load",
            what: python::load(part, &parts, rules, limits, rung),
        }));
    }
    planned
}

fn content(part: &Part, file: &JobFile, rules: &CheckRules, limits: Limits, rung: Rung) -> Planned {
    let (check, what) = match language_of(&part.name, &file.bytes) {
        _ if !rules.command.is_empty() => ("command", command::check(part, file, rules, limits)),
        Language::Python => ("compile", python::compile(part, file, rules, limits)),
        Language::Script(name) => ("syntax", syntax::check(name, part, file, rules, limits, rung)),
        Language::Other(what) => ("syntax", What::Skip(format!("no checker is known for {what}"))),
    };
    Planned { tool: part.tool.clone(), check, what }
}

pub(super) fn refused(order: &CheckOrder, why: &str) -> Vec<Planned> {
    let staged = order.parts.iter().filter(|it| it.staged.is_some());
    let failed = staged.map(|it| Planned {
        tool: it.tool.clone(),
        check: "syntax",
        what: What::Fail(why.to_owned()),
    });
    failed.collect()
}
