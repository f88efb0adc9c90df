//! What a tool says of its own shadow runs: `[shadow]` in the TOML file beside it, read below the root without following
//! any link. One that says what nobody understands is an error, not a default: it may have been meant to say more.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, open, openat2};
use serde::Deserialize;

use crate::{
    model::ToolId,
    ports::value_of,
    shadow::{ErrorRule, Input, Normalize, Origin, Part, Pattern, Rules},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Manifest {
    pub(super) rules: Rules,
    pub(super) timeout: Option<Duration>,
    /// `Class.method`, a function, or `script`.
    pub(super) entry: Option<String>,
    pub(super) by_words: bool,
    pub(super) examples: Vec<Input>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    ignore: Vec<String>,
    unordered: Vec<String>,
    tolerance: std::collections::BTreeMap<String, f64>,
    normalize: Option<Vec<String>>,
    compare: Option<Vec<String>>,
    error: Option<String>,
    timeout_ms: Option<u64>,
    entry: Option<String>,
    input: Option<String>,
    examples: Vec<Example>,
    fixtures: std::collections::BTreeMap<String, String>,
    /// For whoever records outcomes.
    record: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    args: serde_json::Value,
    expect: Option<serde_json::Value>,
    /// A name from `fixtures`, or a directory below the root.
    fixture: Option<String>,
}

/// The rest of the file is for others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Whole {
    shadow: Written,
}

const LARGEST: u64 = 1 << 20;
const LONGEST: u64 = 60_000;

/// Nothing is said where there is no such file.
pub(super) fn read(root: &Path, tool: &ToolId) -> Result<Manifest, String> {
    let path = beside(tool);
    let shown = path.display().to_string();
    let text = match text(root, &path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(error) => return Err(format!("{shown} cannot be read: {error}")),
    };
    let whole: Whole = toml::from_str(&text).map_err(|it| format!("{shown}: {it}"))?;
    whole.shadow.understood().map_err(|it| format!("{shown}: [shadow] {it}"))
}

/// `web/fetch.py` → `web/fetch.toml`.
fn beside(tool: &ToolId) -> PathBuf {
    let path = tool.path();
    Path::new(OsStr::from_bytes(path.as_bytes())).with_extension("toml")
}

fn text(root: &Path, path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let root = open(root, flags | OFlags::DIRECTORY, Mode::empty())?;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(&root, path, flags | OFlags::NONBLOCK, Mode::empty(), how)?;
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST { Err(io::Error::other("it is too large")) } else { Ok(text) }
}

impl Written {
    fn understood(self) -> Result<Manifest, String> {
        let fixtures = self.fixtures;
        let examples = self.examples.into_iter().map(|it| {
            let named = it.fixture.map(|it| fixtures.get(&it).cloned().unwrap_or(it));
            Ok(Input {
                args: value_of(it.args),
                origin: Origin::Example,
                expect: it.expect.map(value_of),
                fixture: named.map(below).transpose()?,
                failed: false,
            })
        });
        let examples = examples.collect::<Result<_, String>>()?;
        let by_words = match self.input.as_deref() {
            None | Some("json-stdin") => false,
            Some("argv") => true,
            Some(other) => return Err(format!("input = {other:?} is neither json-stdin nor argv")),
        };
        if let Some(other) = self.record.filter(|it| !matches!(&**it, "full" | "hash" | "off")) {
            return Err(format!("record = {other:?} is none of full, hash, off"));
        }
        let timeout = match self.timeout_ms {
            Some(it) if it == 0 || it > LONGEST => {
                return Err(format!("timeout_ms = {it} is not between 1 and {LONGEST}"));
            }
            it => it.map(Duration::from_millis),
        };
        let mut rules = Rules {
            ignore: patterns("ignore", &self.ignore)?,
            unordered: patterns("unordered", &self.unordered)?,
            ..Rules::default()
        };
        for (at, most) in &self.tolerance {
            rules.tolerance.push((pattern("tolerance", at)?, *most));
        }
        if let Some(names) = &self.normalize {
            rules.normalize = Normalize::named(names.iter().map(String::as_str)).map_err(|it| {
                format!("normalize has {it:?}; known are timestamp, uuid, hexaddr, tmppath")
            })?;
        }
        if let Some(names) = &self.compare {
            let part = |it: &String| {
                let known = "value, error, effects, stdout, stderr";
                Part::named(it).ok_or_else(|| format!("compare has {it:?}; known are {known}"))
            };
            rules.compare = names.iter().map(part).collect::<Result<_, _>>()?;
        }
        if let Some(name) = &self.error {
            rules.error = ErrorRule::named(name).ok_or_else(|| {
                format!("error = {name:?} is none of type, type+normalized_message, exact")
            })?;
        }
        Ok(Manifest { rules, timeout, entry: self.entry, by_words, examples })
    }
}

fn patterns(key: &str, all: &[String]) -> Result<Vec<Pattern>, String> {
    all.iter().map(|it| pattern(key, it)).collect()
}

fn pattern(key: &str, text: &str) -> Result<Pattern, String> {
    text.parse().map_err(|_| format!("{key} has {text:?}, which is no JSON pointer: /value/…"))
}

/// A directory below the root.
fn below(path: String) -> Result<String, String> {
    let plain =
        Path::new(&path).components().all(|it| matches!(it, std::path::Component::Normal(_)));
    if plain && !path.is_empty() {
        Ok(path)
    } else {
        Err(format!("the fixture {path:?} is no directory below the root"))
    }
}

/// Where a fixture stands, without a link on the way.
pub(super) fn fixture(root: &Path, name: &str) -> Result<PathBuf, String> {
    let failed = |it: rustix::io::Errno| format!("the fixture {name} cannot be read: {it}");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let at = openat2(CWD, root, flags, Mode::empty(), ResolveFlags::empty()).map_err(failed)?;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(&at, name, flags, Mode::empty(), how).map_err(failed)?;
    Ok(root.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Manifest, String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("web")).unwrap();
        std::fs::write(root.path().join("web/fetch.toml"), text).unwrap();
        read(root.path(), &"tools/web/fetch.py".parse().unwrap())
    }

    #[test]
    fn what_it_says_is_understood() {
        let it = read_text(
            r#"
            name = "for others"
            [shadow]
            ignore = ["/value/took_ms"]
            tolerance = { "/value/score" = 1e-6 }
            normalize = ["uuid"]
            compare = ["value", "stdout"]
            error = "type"
            timeout_ms = 500
            input = "argv"
            fixtures = { small = "fixtures/small" }
            [[shadow.examples]]
            args = { q = "a" }
            expect = { n = 1 }
            fixture = "small"
            "#,
        )
        .unwrap();
        assert!(it.by_words && it.rules.compare == [Part::Value, Part::Stdout]);
        assert_eq!(it.timeout, Some(Duration::from_millis(500)));
        assert_eq!(it.examples[0].fixture.as_deref(), Some("fixtures/small"));
        assert_eq!(it.examples[0].expect.as_ref().unwrap().to_string(), r#"{"n":1}"#);
        assert_eq!(read_text("[other]").unwrap().rules, Rules::default());
    }

    #[test]
    fn what_nobody_understands_is_named() {
        for (text, named) in [
            ("[shadow]\nignored = []", "ignored"),
            ("[shadow]\nignore = [\"value\"]", "no JSON pointer"),
            ("[shadow]\ncompare = [\"time\"]", "time"),
            ("[shadow]\nnormalize = [\"dates\"]", "dates"),
            ("[shadow]\nerror = \"none\"", "none"),
            ("[shadow]\ntimeout_ms = 0", "timeout_ms"),
            ("[shadow]\nrecord = \"some\"", "record"),
            ("[[shadow.examples]]\nargs = {}\nfixture = \"../x\"", "../x"),
            ("[shadow", "fetch.toml"),
        ] {
            let error = read_text(text).unwrap_err();
            assert!(error.contains(named) && error.contains("web/fetch.toml"), "{text}: {error}");
        }
    }

    #[test]
    fn no_link_is_followed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("real"), "[shadow]\n").unwrap();
        std::os::unix::fs::symlink("real", root.path().join("a.toml")).unwrap();
        let error = read(root.path(), &"tools/a.py".parse().unwrap()).unwrap_err();
        assert!(error.contains("a.toml cannot be read"), "{error}");
        std::os::unix::fs::symlink("/etc", root.path().join("fixture")).unwrap();
        assert!(fixture(root.path(), "fixture").is_err());
    }
}
