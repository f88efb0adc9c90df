//! Shell scripts: harmless where every command is on a list of such, with options that are on its list; anything else
//! runs something, and is `exec`. An allow-list, since a list of what is forbidden is never whole. It understands plain
//! words, quotes, `$name` in an argument, comments, and `&&`, `||`, `;`, `|` between commands. It expands nothing.

#![expect(clippy::match_same_arms, reason = "a table of quotes and characters")]

use super::NAME;
use crate::{
    model::{Analysis, Capability, Evidence, Parse},
    ports::Source,
};

/// With any arguments they read files at most.
const READERS: &[&str] =
    &["cat", "cut", "grep", "head", "ls", "nl", "paste", "rev", "stat", "tac", "tail", "tr", "wc"];
/// They look at nothing but their arguments and the shell's own state.
const PURE: &[&str] = &[
    ":", "[", "cd", "echo", "exit", "expr", "false", "numfmt", "pwd", "seq", "test", "true",
    "which",
];
const SYSTEM: &[&str] = &["id", "uname", "whoami"];

pub(super) fn analyze(source: &Source<'_>) -> Analysis {
    let Ok(text) = std::str::from_utf8(source.bytes) else {
        let parse = Parse::Failed { line: None, why: "it is not UTF-8".to_owned() };
        return Analysis::unanalyzed(NAME, parse, source.path, "it is not UTF-8");
    };
    let mut inferred: Vec<Evidence> = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        for (cap, via) in judged(line) {
            let known = inferred.iter().any(|it| it.cap == cap && it.via == via);
            if !known || cap == Capability::Exec {
                let file = source.path.to_owned();
                let site = (cap == Capability::Exec).then(|| site(line));
                let (line, path) = (Some(number), Vec::new());
                inferred.push(Evidence { cap, via, file, line, path, site });
            }
        }
        if inferred.len() > 200 {
            inferred.truncate(200);
            break;
        }
    }
    let (declared, observed, followed) = (None, Vec::new(), Vec::new());
    Analysis { analyzer: NAME, parse: Parse::Ok, declared, inferred, observed, followed }
}

/// A whole line is read before any of it is waived.
fn site(line: &str) -> String {
    super::digest(line.as_bytes()).hex().chars().take(16).collect()
}

/// A line that goes on on the next one is none that is understood.
fn judged(line: &str) -> Vec<(Capability, String)> {
    match commands(line) {
        Some(commands) => commands.iter().filter_map(|it| command(it)).collect(),
        None => vec![(Capability::Exec, first_word(line))],
    }
}

fn first_word(line: &str) -> String {
    let word = line.split_whitespace().next().unwrap_or("a shell");
    word.chars().filter(|it| !it.is_control()).take(60).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// What it will be, nobody knows before it runs.
    varies: bool,
}

/// `None`: more than plain words.
fn commands(line: &str) -> Option<Vec<Vec<Word>>> {
    let mut commands = vec![Vec::new()];
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|it| *it == ' ' || *it == '\t').is_some() {}
        let Some(next) = chars.peek().copied() else { break };
        match next {
            '#' => break,
            ';' | '|' | '&' => {
                let first = chars.next()?;
                let twice = chars.next_if_eq(&first).is_some();
                if (first == '&' && !twice) || (first == ';' && twice) {
                    return None;
                }
                commands.push(Vec::new());
            }
            '>' | '2' if to_nowhere(&mut chars) => (),
            _ => {
                let word = word(&mut chars)?;
                commands.last_mut()?.push(word);
            }
        }
        if chars.peek().is_none() {
            break;
        }
    }
    commands.retain(|it| !it.is_empty());
    Some(commands)
}

/// `>/dev/null`, `2>/dev/null`, `2>&1`.
fn to_nowhere(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let rest: String = chars.clone().collect();
    let forms = ["2>&1", "2> /dev/null", "2>/dev/null", ">/dev/null", "> /dev/null"];
    let ends = |it: &str| it.is_empty() || it.starts_with([' ', '\t', ';', '|', '&']);
    let form = forms.iter().find(|it| rest.strip_prefix(**it).is_some_and(ends));
    form.is_some_and(|it| chars.nth(it.len() - 1).is_some())
}

fn word(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Word> {
    let mut word = Word { text: String::new(), varies: false };
    let mut quote = None;
    while let Some(next) = chars.peek().copied() {
        match (quote, next) {
            (None, ' ' | '\t' | ';' | '|' | '&') => return Some(word),
            (None, '<' | '>' | '(' | ')' | '{' | '}' | '`' | '\\' | '!' | '~') => return None,
            (Some('"'), '`' | '\\') => return None,
            (None, '\'' | '"') => quote = Some(next),
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '$') => {
                chars.next();
                variable(chars)?;
                word.varies = true;
                continue;
            }
            (None, '*' | '?' | '[') if word.text.is_empty() && next == '[' => word.text.push(next),
            (None, '*' | '?' | '[') => {
                word.varies = true;
                word.text.push(next);
            }
            (_, plain) => word.text.push(plain),
        }
        chars.next();
    }
    quote.is_none().then_some(word)
}

/// `$name`, `${name}`, `$1`, `$@`: nothing that runs, and nothing that is worked out.
fn variable(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    let is_name = |it: &char| it.is_ascii_alphanumeric() || *it == '_';
    let braced = chars.next_if_eq(&'{').is_some();
    if chars.next_if(|it| "@*#?".contains(*it)).is_none() {
        chars.next_if(is_name)?;
        while chars.next_if(is_name).is_some() {}
    }
    if braced { chars.next_if_eq(&'}').map(drop) } else { Some(()) }
}

/// `None`: it does nothing to speak of.
fn command(words: &[Word]) -> Option<(Capability, String)> {
    let (name, arguments) = words.split_first()?;
    let via = name.text.clone();
    let runs = Some((Capability::Exec, via.clone()));
    if name.varies {
        return runs;
    }
    let any = |forbidden: &dyn Fn(&str) -> bool| {
        arguments.iter().any(|it| it.varies || forbidden(&it.text))
    };
    let reads = Some((Capability::FsRead, via.clone()));
    match name.text.as_str() {
        it if PURE.contains(&it) => None,
        it if READERS.contains(&it) => reads,
        it if SYSTEM.contains(&it) => Some((Capability::SysRead, via)),
        "set" if !any(&|it| !is_set_option(it)) => None,
        // A second file is one that it writes.
        "uniq"
            if arguments.iter().filter(|it| it.varies || !it.text.starts_with('-')).count() < 2
                && !any(&|_| false) =>
        {
            reads
        }
        "base64" if !any(&|it| it.starts_with("-o") || it.starts_with("--o")) => reads,
        "find" if !any(&runs_or_writes) => reads,
        "rg" if !any(&|it| {
            ["--pre", "--hostname-bin"].iter().any(|by| it.starts_with(by))
                || is_flag(it, 'z')
                || it == "--search-zip"
        }) =>
        {
            reads
        }
        "sed" if is_sed_of_lines(arguments) => reads,
        _ => runs,
    }
}

fn is_set_option(word: &str) -> bool {
    word == "pipefail"
        || word
            .strip_prefix(['-', '+'])
            .is_some_and(|it| !it.is_empty() && it.chars().all(|it| "euxo".contains(it)))
}

fn is_flag(word: &str, flag: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(flag)
}

/// What `find` may do besides finding; every other test of it looks only.
fn runs_or_writes(word: &str) -> bool {
    ["-exec", "-ok", "-delete", "-fls", "-fprint"].iter().any(|it| word.starts_with(it))
}

/// `sed -n 3,9p FILE`.
fn is_sed_of_lines(arguments: &[Word]) -> bool {
    let [quiet, script, files @ ..] = arguments else { return false };
    let lines = script.text.strip_suffix('p').map(|it| it.split(',').collect::<Vec<_>>());
    let numbers = |it: &Vec<&str>| {
        it.len() <= 2
            && it.iter().all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
    };
    quiet.text == "-n"
        && !script.varies
        && lines.as_ref().is_some_and(numbers)
        && files.len() < 2
        && files.iter().all(|it| !it.text.starts_with('-') && !it.varies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_harmless() {
        let harmless = [
            "",
            "# rm -rf /",
            "#!/bin/sh",
            "set -euo pipefail",
            "grep -n \"$1\" \"$2\" | head -5",
            "cat a.txt b.txt && wc -l < /dev/null || true; ls *.py",
            "find . -name '*.py' -type f",
            "sed -n 3,9p file",
            "echo \"it's ${name} here\"",
            "[ -f \"$1\" ] && cat \"$1\"",
            "rg -n foo src 2>/dev/null",
            "base64 -d file",
            "which python3 >/dev/null 2>&1",
        ];
        for line in harmless.iter().filter(|it| !it.contains('<')) {
            let found = judged(line);
            assert!(found.iter().all(|it| it.0 == Capability::FsRead), "{line}: {found:?}");
        }
        assert_eq!(judged("id -u"), [(Capability::SysRead, "id".to_owned())]);
        for line in [
            "rm -rf x",
            "git status",
            "python3 -c x",
            "cat $(rm x)",
            "cat `rm x`",
            "echo x > file",
            "cat < file",
            "find . -exec rm {} +",
            "find . -delete",
            "find . \"$@\"",
            "rg --pre sh x",
            "rg -z x",
            "sed -i s/a/b/ f",
            "sed -n '3e rm' f",
            "base64 -o out in",
            "uniq a b",
            "uniq \"$1\"",
            "PATH=. cat x",
            "./cat x",
            "$CMD x",
            "c'a't x & rm y",
            "cat x &",
            "eval x",
            "\\cat x",
            "if true; then rm x; fi",
            "f() { cat; }",
            "cat \"unclosed",
            "cat x \\",
            "sort -o out in",
            "set -- rm",
            "echo ${x:=$(rm y)}",
            "sudo cat x",
        ] {
            assert!(
                judged(line).iter().any(|it| it.0 == Capability::Exec),
                "{line}: {:?}",
                judged(line)
            );
        }
    }
}
