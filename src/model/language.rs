//! What a content is written in: by its first line if that names an interpreter, else by the end of its name. It
//! looks at the bytes it is given and at nothing else.

use std::ffi::OsStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    /// By the interpreter's name.
    Script(&'static str),
    /// One that nobody here can check: what it is called.
    Other(&'static str),
}

const BY_NAME: &[(&str, Language)] = &[
    ("py", Language::Python),
    ("pyw", Language::Python),
    ("sh", Language::Script("sh")),
    ("bash", Language::Script("bash")),
    ("dash", Language::Script("dash")),
    ("js", Language::Script("node")),
    ("mjs", Language::Script("node")),
    ("cjs", Language::Script("node")),
    ("rb", Language::Script("ruby")),
    ("pl", Language::Script("perl")),
    ("pm", Language::Script("perl")),
    ("ts", Language::Other("TypeScript")),
];

const BY_INTERPRETER: &[(&str, Language)] = &[
    ("python", Language::Python),
    ("sh", Language::Script("sh")),
    ("bash", Language::Script("bash")),
    ("dash", Language::Script("dash")),
    ("node", Language::Script("node")),
    ("nodejs", Language::Script("node")),
    ("ruby", Language::Script("ruby")),
    ("perl", Language::Script("perl")),
];

pub fn language_of(name: &OsStr, bytes: &[u8]) -> Language {
    if let Some(interpreter) = interpreter(bytes) {
        let known = BY_INTERPRETER.iter().find(|it| it.0 == unversioned(interpreter));
        return known.map_or(Language::Other("what its first line names"), |it| it.1);
    }
    if bytes.starts_with(b"\x7fELF") {
        return Language::Other("a compiled program");
    }
    let ending = std::path::Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
    BY_NAME.iter().find(|it| it.0 == ending).map_or(Language::Other("files of its kind"), |it| it.1)
}

/// The name alone of what `#!` names, also behind `env` and its options.
fn interpreter(bytes: &[u8]) -> Option<&str> {
    let line = bytes.strip_prefix(b"#!")?.split(|it| *it == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_whitespace().map(|it| it.rsplit('/').next().unwrap_or(it));
    let first = words.next()?;
    if first != "env" {
        return Some(first);
    }
    words.find(|it| !it.starts_with('-') && !it.contains('='))
}

/// `python3.11` is Python.
fn unversioned(name: &str) -> &str {
    name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_more_than_the_name() {
        let cases: &[(&str, &str, Language)] = &[
            ("a.py", "x = 1", Language::Python),
            ("tool", "#!/usr/bin/env python3\n", Language::Python),
            ("tool", "#!/usr/bin/python3.11 -u\n", Language::Python),
            ("tool.sh", "#!/bin/bash -e\n", Language::Script("bash")),
            ("tool.sh", "echo", Language::Script("sh")),
            ("tool", "#! /usr/bin/env -S LANG=C node --x\n", Language::Script("node")),
            ("tool.py", "#!/usr/bin/fish\n", Language::Other("what its first line names")),
            ("a.ts", "let x", Language::Other("TypeScript")),
            ("bin", "\x7fELF", Language::Other("a compiled program")),
            ("notes", "", Language::Other("files of its kind")),
        ];
        for (name, text, language) in cases {
            assert_eq!(language_of(OsStr::new(name), text.as_bytes()), *language, "{name} {text}");
        }
    }
}
