//! README.md, taken apart: its blocks of code by heading and language, the commands in them, and those in the prose.

const README: &str = include_str!("../../../README.md");

/// What begins a command where it stands in the prose with something behind it.
const PROGRAMS: &[&str] =
    &["knowngood", "cargo", "curl", "journalctl", "sh", "systemctl", "systemd-analyze", "usermod"];

pub(crate) struct Block {
    pub(crate) heading: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// Blocks of one language that follow each other under a heading are one: a session goes on.
pub(super) fn all() -> Vec<Block> {
    parts().0
}

/// The text of the block.
pub(crate) fn text(heading: &str, language: &str) -> String {
    let found = all().into_iter().find(|it| it.heading == heading && it.language == language);
    found.unwrap_or_else(|| panic!("README.md has no {language} under {heading:?}")).text
}

/// Its commands, one a line, without what is remarked behind them.
pub(crate) fn commands(heading: &str, language: &str) -> Vec<String> {
    let text = text(heading, language).replace("\\\n", "");
    let bare = |line: &str| line.split_once(" # ").map_or(line, |it| it.0).trim().to_owned();
    text.lines().map(bare).filter(|it| !it.is_empty() && !it.starts_with('#')).collect()
}

/// What was typed, and what was answered.
pub(super) fn session(heading: &str, language: &str) -> Vec<(String, String)> {
    let mut turns: Vec<(String, String)> = Vec::new();
    for line in text(heading, language).lines() {
        match (line.strip_prefix("$ "), turns.last_mut()) {
            (Some(command), _) => turns.push((command.to_owned(), String::new())),
            (None, Some((command, _))) if command.ends_with('\\') => command.extend(["\n", line]),
            (None, Some((_, answer))) => answer.extend([line, "\n"]),
            (None, None) => panic!("{heading:?} begins with an answer: {line}"),
        }
    }
    turns
}

/// Commands between backticks.
pub(super) fn in_prose() -> Vec<String> {
    let prose = parts().1;
    let spans = prose.split('`').skip(1).step_by(2);
    let spans = spans.map(|it| it.split_whitespace().collect::<Vec<_>>());
    let is_command = |words: &Vec<&str>| {
        let program = words.iter().position(|it| !it.contains('='));
        program.is_some_and(|at| words.len() > at + 1 && PROGRAMS.contains(&words[at]))
    };
    spans.filter(is_command).map(|it| it.join(" ")).collect()
}

/// The blocks, and the rest.
fn parts() -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::<Block>::new(), String::new());
    let (mut heading, mut open) = (String::new(), None::<Block>);
    for line in README.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let goes_on = |it: &mut Block| it.heading == heading && it.language == language;
                let new = || Block {
                    heading: heading.clone(),
                    language: language.to_owned(),
                    text: String::new(),
                };
                open = Some(blocks.pop_if(goes_on).unwrap_or_else(new));
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.extend([line, "\n"]),
            (None, None) => {
                if line.starts_with('#') {
                    line.trim_start_matches('#').trim().clone_into(&mut heading);
                }
                prose.extend([line, "\n"]);
            }
        }
    }
    assert!(open.is_none(), "a block under {heading:?} does not end");
    (blocks, prose)
}
