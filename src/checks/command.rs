//! The root's own command, with what it is to check put in.

use std::path::{Path, PathBuf};

use super::{
    part::Part,
    plan::What,
    programs,
    sandbox::{Job, JobFile, Limits, Piece, Word},
};
use crate::ports::CheckRules;

const STAGED: usize = 0;
const BASELINE: usize = 1;

pub(super) fn check(part: &Part, staged: &JobFile, rules: &CheckRules, limits: Limits) -> What {
    let tool = part.tool.as_str();
    let mut words = rules.command.iter().map(|it| word(it, tool));
    let program = words.next().unwrap_or_default();
    let mut readable = vec![rules.path.clone()];
    let program = match &*program {
        [Piece::Text(name)] => {
            let Some(path) = located(Path::new(name), rules) else {
                let name = name.display();
                return What::Fail(format!(
                    "the command cannot be run: there is no program {name}"
                ));
            };
            readable.extend(programs::homes(&path));
            Job::text(path)
        }
        _ => program,
    };
    let files = vec![staged.clone(), part.baseline.clone()];
    let arguments = words.collect();
    What::Command(Job { program, arguments, files, readable, limits, talks: false })
}

/// A name is looked for in the search path; a relative path begins in the root.
fn located(name: &Path, rules: &CheckRules) -> Option<PathBuf> {
    if name.components().count() == 1 && !name.has_root() {
        return programs::find(name.to_str()?);
    }
    Some(rules.path.join(name)).filter(|it| programs::is_program(it))
}

/// `--file={path}` → `--file=` and the path.
fn word(text: &str, tool: &str) -> Word {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let known = [("{path}", Some(STAGED)), ("{baseline}", Some(BASELINE)), ("{tool}", None)];
        let found = known.iter().find(|it| rest.starts_with(it.0));
        let Some((name, file)) = found else {
            plain.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        };
        rest = rest.get(name.len()..).unwrap_or_default();
        let Some(index) = file else {
            plain.push_str(tool);
            continue;
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
        }
        pieces.push(Piece::File(*index));
    }
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain.into()));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filled_in() {
        let text = |it: &str| Piece::Text(it.into());
        let cases: &[(&str, &[Piece])] = &[
            ("x", &[text("x")]),
            ("", &[text("")]),
            ("{path}", &[Piece::File(0)]),
            (
                "--a={path}:{baseline}é",
                &[text("--a="), Piece::File(0), text(":"), Piece::File(1), text("é")],
            ),
            ("{tool}", &[text("r/{path}.py")]),
            ("{tool}{path}", &[text("r/{path}.py"), Piece::File(0)]),
            ("{x} {", &[text("{x} {")]),
        ];
        for (written, pieces) in cases {
            assert_eq!(word(written, "r/{path}.py"), *pieces, "{written}");
        }
    }
}
