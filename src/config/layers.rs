//! Collects what was written, in order of growing weight: what `run DIR` stands for, the
//! configuration file, `conf.d/*.toml` beside it, the environment, flags. The last one that sets a
//! key wins; roots add up. It reads files and nothing else of the world: the environment is a map.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf, absolute},
};

use super::{
    finding::{Finding, Source},
    keys,
    written::{Layer, Setting, Table, Value, read},
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

/// All that was written, and what is wrong with its form. `None`: something of it could not be read at all, so that
/// what is left means nothing.
pub(super) fn collect(request: &Request, env: &Environment) -> (Option<Vec<Layer>>, Vec<Finding>) {
    let mut collected = Collected::default();
    if let Some(directory) = &request.directory {
        collected.take(of_directory(directory).map(Some));
    }
    match files(request) {
        Ok(sources) => collected.read(sources),
        Err(findings) => collected.unreadable(findings),
    }
    let (variables, unfit) = variables(env);
    collected.findings.extend(unfit);
    collected.read(variables);
    collected.take(flag("--socket", "socket", request.socket.as_deref()));
    collected.take(flag("--state-dir", "state_dir", request.state_dir.as_deref()));
    let Collected { layers, findings, broken } = collected;
    ((!broken).then_some(layers), findings)
}

#[derive(Default)]
struct Collected {
    layers: Vec<Layer>,
    findings: Vec<Finding>,
    broken: bool,
}

impl Collected {
    fn read(&mut self, sources: Vec<Source>) {
        for source in sources {
            let (layer, faults) = read(source);
            self.broken |= faults.broken;
            self.findings.extend(faults.findings(&layer.source));
            self.layers.push(layer);
        }
    }

    fn take(&mut self, layer: Result<Option<Layer>, Finding>) {
        match layer {
            Ok(layer) => self.layers.extend(layer),
            Err(finding) => self.unreadable(vec![finding]),
        }
    }

    fn unreadable(&mut self, findings: Vec<Finding>) {
        self.broken = true;
        self.findings.extend(findings);
    }
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
    let socket = set("socket", state.join(SOCKET_NAME));
    let settings = [socket, set("state_dir", state)].into_iter().flatten().collect();
    let roots = vec![Table { span: 0..0, settings: set("root.path", path).into_iter().collect() }];
    Ok(Layer { source: Source::new(directory.display().to_string(), ""), settings, roots })
}

fn flag(name: &str, key: &'static str, path: Option<&Path>) -> Result<Option<Layer>, Finding> {
    let Some(path) = path else { return Ok(None) };
    let path = absolute(path).map_err(|it| Finding::general(name, cause(&it)))?;
    let settings = set(key, path).into_iter().collect();
    Ok(Some(Layer { source: Source::new(name, ""), settings, roots: Vec::new() }))
}

/// A setting that stands nowhere.
fn set(key: &'static str, path: PathBuf) -> Option<Setting> {
    Some(Setting { key: keys::find(key)?, value: Value::Path(path), span: 0..0 })
}

fn files(request: &Request) -> Result<Vec<Source>, Vec<Finding>> {
    let main = match (&request.config, &request.directory) {
        (Some(file), _) => absolute(file).unwrap_or_else(|_| file.clone()),
        (None, None) => PathBuf::from(DEFAULT_FILE),
        (None, Some(_)) => return Ok(Vec::new()),
    };
    let hint =
        if request.config.is_none() { "; `knowngood run DIR` needs no configuration" } else { "" };
    let (mut paths, mut findings) = (vec![main.clone()], Vec::new());
    match beside(&main) {
        Ok(more) => paths.extend(more),
        Err(finding) => findings.push(finding),
    }
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
    if findings.is_empty() { Ok(sources) } else { Err(findings) }
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
fn variables(env: &Environment) -> (Vec<Source>, Vec<Finding>) {
    let (mut sources, mut findings) = (Vec::new(), Vec::new());
    for (name, value) in env {
        let Some(key) = name.to_str().and_then(|it| it.strip_prefix(PREFIX)) else { continue };
        let shown = format!("${PREFIX}{key}");
        match value.to_str() {
            Some(value) => {
                let path = key.to_ascii_lowercase().replace("__", ".");
                sources.push(Source::new(shown, format!("{path} = {}", literal(&path, value))));
            }
            None => findings.push(Finding::general(shown, "is not UTF-8")),
        }
    }
    (sources, findings)
}

/// What is text stands without quotes; numbers, booleans and lists are written as in TOML, and what is none of them is
/// text that will be refused.
fn literal(path: &str, value: &str) -> String {
    let text = keys::find(path).is_some_and(|it| it.kind.is_text());
    let table = toml::from_str::<toml::Table>(&format!("it = {value}")).unwrap_or_default();
    let plain = table.len() == 1
        && table.get("it").is_some_and(|it| it.is_integer() || it.is_bool() || it.is_array());
    if plain && !text {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
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
