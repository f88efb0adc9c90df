//! The syntax checks that interpreters of scripts bring along.

use std::{fs, path::Path};

use super::{
    judge,
    part::Part,
    plan::What,
    programs,
    sandbox::{Ended, Job, JobFile, Limits, Piece, Rung},
};
use crate::{
    model::{CheckOutcome, Finding},
    ports::CheckRules,
};

/// With what the interpreter is asked, and whether code in the file may run while it answers (BEGIN, `use`).
const ASKED: &[(&str, &str, bool)] = &[
    ("sh", "-n", false),
    ("bash", "-n", false),
    ("dash", "-n", false),
    ("node", "--check", false),
    ("ruby", "-c", true),
    ("perl", "-c", true),
];

pub(super) fn check(
    interpreter: &str,
    part: &Part,
    file: &JobFile,
    rules: &CheckRules,
    limits: Limits,
    rung: Rung,
) -> What {
    let Some((_, option, executes)) = ASKED.iter().find(|it| it.0 == interpreter) else {
        return What::Skip(format!("no checker is known for {interpreter}"));
    };
    // Without a first line nobody knows which shell it is for; bash takes most of what the others do.
    let any_shell = interpreter == "sh" && !file.bytes.starts_with(b"#!");
    let found = any_shell.then(|| programs::find("bash")).flatten();
    let Some(program) = found.or_else(|| programs::find(interpreter)) else {
        return What::Skip(format!("{interpreter} is not installed"));
    };
    if *executes && !rung.isolates() {
        return What::Skip(format!(
            "{interpreter} {option} runs code of the file, which nothing here would isolate"
        ));
    }
    let mut file = file.clone();
    if interpreter == "node" && is_module(part, rules) {
        file.name = Path::new(&file.name).with_extension("mjs").into();
    }
    let arguments = vec![Job::text(*option), vec![Piece::File(0)]];
    let readable = vec![rules.path.clone()];
    let limits = Limits { isolated: *executes, ..limits };
    What::Syntax(Job {
        program: Job::text(program),
        arguments,
        files: vec![file],
        readable,
        limits,
        talks: false,
    })
}

pub(super) fn judged(ended: &Ended, job: &Job) -> CheckOutcome {
    let Some(failure) = judge::failure(ended, job) else { return CheckOutcome::Passed };
    let name = job.files.first().map(|it| it.name.to_string_lossy().into_owned());
    let text = String::from_utf8_lossy(&ended.head);
    match name.and_then(|it| finding(&text, &it)).filter(|_| failure.exit_status.is_some()) {
        Some(finding) => judge::found(failure, finding),
        None => CheckOutcome::Failed(failure),
    }
}

/// Whether the nearest `package.json` says that its `.js` files are modules.
fn is_module(part: &Part, rules: &CheckRules) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let path = part.tool.path();
    let path = rules.path.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
    if path.extension().is_none_or(|it| it != "js") {
        return false;
    }
    let mut folders = path.ancestors().skip(1).take_while(|it| it.starts_with(&rules.path));
    let told = folders.find_map(|it| fs::read(it.join("package.json")).ok());
    let told = told.and_then(|it| serde_json::from_slice::<serde_json::Value>(&it).ok());
    told.is_some_and(|it| it.get("type").is_some_and(|it| it == "module"))
}

/// Every one of them says the file's name and then the line, each in its own way:
/// `NAME: 3: m`, `NAME: line 3: m`, `NAME:3: m`, `NAME:3` with the message further down, `m at NAME line 3`.
fn finding(text: &str, name: &str) -> Option<Finding> {
    text.lines().find_map(|line| {
        let (before, rest) = line.rsplit_once(name)?;
        let rest = rest.trim_start_matches([':', ' ']);
        let rest = rest.strip_prefix("line ").unwrap_or(rest);
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?.trim_start_matches([':', ' ', ',']);
        let message = match before.split_once(" at ") {
            Some((message, _)) => format!("{message}, {after}"),
            None if after.is_empty() => below(text),
            None => after.to_owned(),
        };
        let message = message.trim_end_matches([',', ' ']).to_owned();
        Some(Finding { line: Some(number), column: None, message })
    })
}

fn below(text: &str) -> String {
    let said = text.lines().find(|it| it.contains("Error: "));
    said.unwrap_or("it is not well-formed").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_interpreter_names_the_line_in_its_own_way() {
        let cases = [
            ("/s/0/a.sh: 3: Syntax error: \"fi\" unexpected", "Syntax error: \"fi\" unexpected"),
            (
                "/s/0/a.sh: line 3: syntax error near `fi'\n/s/0/a.sh: line 3: `fi'",
                "syntax error near `fi'",
            ),
            (
                "/s/0/a.sh:3\nif (\n   ^\n\nSyntaxError: Unexpected end",
                "SyntaxError: Unexpected end",
            ),
            ("/s/0/a.sh:3: syntax error, unexpected end", "syntax error, unexpected end"),
            ("syntax error at /s/0/a.sh line 3, near \"}\"", "syntax error, near \"}\""),
        ];
        for (text, message) in cases {
            let found = finding(text, "a.sh").unwrap();
            assert_eq!((found.line, &*found.message), (Some(3), message), "{text}");
        }
        assert_eq!(finding("something else", "a.sh"), None);
    }
}
