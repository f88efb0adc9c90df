//! Collects what was written, in order of growing weight: what `run DIR` stands for, the
//! configuration file, `conf.d/*.toml` beside it, the environment, flags. The last one that sets a
//! key wins; roots add up. It reads files and nothing else of the world: the environment is a map.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    ops::Range,
    path::{Path, PathBuf, absolute},
};

use toml::Spanned;

use super::{
    finding::{ConfigErrors, Finding, Source},
    raw::{Raw, RawRoot, Set},
};
use crate::roots::STATE_FOLDER;

pub const DEFAULT_FILE: &str = "/etc/knowngood/config.toml";
pub const SOCKET_NAME: &str = "knowngood.sock";
const PREFIX: &str = "KNOWNGOOD__";

/// The variables of the environment. Tests feed their own.
pub type Environment = BTreeMap<OsString, OsString>;

/// What `run` was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub directory: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub socket: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
}

pub(super) struct Layer {
    pub(super) source: Source,
    pub(super) raw: Raw,
}

/// A value with the place where it was set.
pub(super) struct At<'a, T> {
    pub(super) value: &'a T,
    pub(super) source: &'a Source,
    pub(super) span: Range<usize>,
}

impl<'a, T> At<'a, T> {
    pub(super) fn new(source: &'a Source, it: &'a Spanned<T>) -> Self {
        Self { value: it.as_ref(), source, span: it.span() }
    }

    pub(super) fn finding(&self, message: impl std::fmt::Display) -> Finding {
        self.source.finding(self.span.clone(), message)
    }
}

/// The value that counts: the last one set.
pub(super) fn last<'a, T>(
    layers: &'a [Layer],
    pick: impl Fn(&'a Raw) -> &'a Set<T>,
) -> Option<At<'a, T>> {
    layers
        .iter()
        .rev()
        .find_map(|layer| pick(&layer.raw).as_ref().map(|it| At::new(&layer.source, it)))
}

pub(super) fn collect(request: &Request, env: &Environment) -> Result<Vec<Layer>, ConfigErrors> {
    let mut layers = Vec::new();
    let mut findings = Vec::new();
    let sources = files(request)?.into_iter().chain(variables(env, &mut findings));
    if let Some(directory) = &request.directory {
        layers.push(of_directory(directory)?);
    }
    for source in sources {
        match toml::from_str(&source.text) {
            Ok(raw) => layers.push(Layer { source, raw }),
            Err(bad) => findings.push(source.finding(bad.span().unwrap_or(0..0), bad.message())),
        }
    }
    layers.extend(flag("--socket", request.socket.as_deref(), |raw, it| raw.socket = Some(it))?);
    layers.extend(flag("--state-dir", request.state_dir.as_deref(), |raw, it| {
        raw.state_dir = Some(it);
    })?);
    if findings.is_empty() { Ok(layers) } else { Err(ConfigErrors(findings)) }
}

/// `run DIR` without any configuration: everything lies in `DIR/.knowngood`. A directory that a person
/// typed should exist; one in a file may appear later.
fn of_directory(directory: &Path) -> Result<Layer, Finding> {
    let path = directory.canonicalize().map_err(|it| {
        Finding::general(
            directory.display().to_string(),
            format!("cannot watch this directory: {}", cause(&it)),
        )
    })?;
    let state = path.join(STATE_FOLDER);
    let raw = Raw {
        socket: Some(Spanned::new(0..0, state.join(SOCKET_NAME))),
        state_dir: Some(Spanned::new(0..0, state)),
        roots: vec![RawRoot::at(path)],
        ..Raw::default()
    };
    Ok(Layer { source: Source::new(directory.display().to_string(), ""), raw })
}

fn flag(
    name: &str,
    path: Option<&Path>,
    set: impl Fn(&mut Raw, Spanned<PathBuf>),
) -> Result<Option<Layer>, Finding> {
    let Some(path) = path else { return Ok(None) };
    let path = absolute(path).map_err(|it| Finding::general(name, cause(&it)))?;
    let mut raw = Raw::default();
    set(&mut raw, Spanned::new(0..0, path));
    Ok(Some(Layer { source: Source::new(name, ""), raw }))
}

fn files(request: &Request) -> Result<Vec<Source>, ConfigErrors> {
    let main = match (&request.config, &request.directory) {
        (Some(file), _) => absolute(file).unwrap_or_else(|_| file.clone()),
        (None, None) => PathBuf::from(DEFAULT_FILE),
        (None, Some(_)) => return Ok(Vec::new()),
    };
    let hint =
        if request.config.is_none() { "; `knowngood run DIR` needs no configuration" } else { "" };
    let mut paths = vec![main.clone()];
    paths.extend(beside(&main)?);
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for path in paths {
        match fs::read_to_string(&path) {
            Ok(text) => sources.push(Source::new(path.display().to_string(), text)),
            Err(it) => findings.push(Finding::general(
                path.display().to_string(),
                format!("cannot read the configuration: {}{hint}", cause(&it)),
            )),
        }
    }
    if findings.is_empty() { Ok(sources) } else { Err(ConfigErrors(findings)) }
}

/// `conf.d/*.toml` beside the file, by name.
fn beside(main: &Path) -> Result<Vec<PathBuf>, Finding> {
    let folder = main.with_file_name("conf.d");
    let bad = |it: io::Error| {
        Finding::general(folder.display().to_string(), format!("cannot list it: {}", cause(&it)))
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(it) if it.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(it) => return Err(bad(it)),
    };
    let mut paths =
        entries.map(|it| it.map(|it| it.path())).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    // A name such as `.#site.toml` is an editor's, and has no say.
    paths.retain(|it| {
        let hidden = it.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"."));
        !hidden && it.extension().is_some_and(|it| it == "toml")
    });
    paths.sort();
    Ok(paths)
}

/// Every variable is a little TOML document of its own, so it is read and refused like a file.
fn variables(env: &Environment, findings: &mut Vec<Finding>) -> Vec<Source> {
    let mut sources = Vec::new();
    for (name, value) in env {
        let Some(key) = name.to_str().and_then(|it| it.strip_prefix(PREFIX)) else { continue };
        let shown = format!("${PREFIX}{key}");
        match value.to_str() {
            Some(value) => {
                let path = key.to_ascii_lowercase().replace("__", ".");
                sources.push(Source::new(shown, format!("{path} = {}", literal(value))));
            }
            None => findings.push(Finding::general(shown, "is not UTF-8")),
        }
    }
    sources
}

/// Numbers, booleans and lists are written as in TOML; anything else is a string without quotes.
fn literal(value: &str) -> String {
    let table = toml::from_str::<toml::Table>(&format!("it = {value}")).unwrap_or_default();
    let plain = table.len() == 1
        && table.get("it").is_some_and(|it| it.is_integer() || it.is_bool() || it.is_array());
    if plain { value.to_owned() } else { toml::Value::String(value.to_owned()).to_string() }
}

/// What the system said, in our words where it is one of the usual.
pub(super) fn cause(error: &io::Error) -> String {
    let kind = error.kind();
    let usual = [
        (io::ErrorKind::NotFound, "it does not exist"),
        (io::ErrorKind::PermissionDenied, "permission denied"),
        (io::ErrorKind::NotADirectory, "a part of its path is not a directory"),
        (io::ErrorKind::InvalidData, "it is not UTF-8"),
    ];
    usual.iter().find(|it| it.0 == kind).map_or_else(|| error.to_string(), |it| it.1.to_owned())
}
