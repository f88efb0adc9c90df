//! Python: the tool's file and every file of its own root that it imports, read as one program; then each use of a name
//! that the table knows something of. It follows names, not values: what is chosen while it runs is `reflect`, and a name
//! that stands for two things stands for both.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has dozens of kinds, and most of them say nothing here"
)]

mod arguments;
mod effects;
mod findings;
mod names;
mod nesting;
mod paths;
mod place;
mod program;
mod resolve;

use ruff_python_ast::{Expr, Stmt};

use super::{NAME, declared, table::Table};
use crate::{
    model::{Analysis, Declared, Parse},
    ports::Source,
};
use findings::Findings;
use program::{Program, Unread};

pub(super) fn analyze(table: &Table, source: &Source<'_>) -> Analysis {
    let mut findings = Findings::default();
    let program = match Program::read(table, source, &mut findings) {
        Ok(program) => program,
        Err(Unread { line, why }) => {
            let parse = Parse::Failed { line, why };
            return Analysis::unanalyzed(NAME, parse, source.path, "does not parse");
        }
    };
    let calls = effects::effects(&program, table, &mut findings);
    let inferred = findings.told(&program, &calls);
    Analysis {
        analyzer: NAME,
        parse: Parse::Ok,
        declared: literal(&program),
        inferred,
        observed: Vec::new(),
        followed: Vec::new(),
    }
}

/// `TOOL = {…}` at the top of the tool's own file; the last one counts, as it would when it ran.
fn literal(program: &Program<'_>) -> Option<Declared> {
    let file = program.file(0)?;
    let is_it = |it: &Expr| matches!(it, Expr::Name(it) if it.id.as_str() == "TOOL");
    let told = file.tree.syntax().body.iter().filter_map(|it| match it {
        Stmt::Assign(it) if it.targets.iter().any(is_it) => {
            declared::in_literal(&file.path, file.line(it.range.start()), &it.value)
        }
        _ => None,
    });
    told.last()
}
