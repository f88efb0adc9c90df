//! Every key with the value that is in force and the place where that was said. Values are told as TOML, so that what
//! is shown could be written into a file.

use super::{
    Config,
    finding::Source,
    keys::{KEYS, Key, ROOT},
    watched::RootConfig,
    written::{At, Layer, Value, last},
};

/// One line of `config show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// `limits.file_size`; of a root, with its name: `root.tools.include`.
    pub key: String,
    /// As TOML. `None`: nothing was said, and nothing holds instead.
    pub value: Option<String>,
    /// `default`, `FILE:LINE`, `$KNOWNGOOD__LOG__LEVEL`, `--socket`, or the directory that `run` was given.
    pub origin: String,
    /// A change of it takes effect at the next start.
    pub restart: bool,
}

/// The keys whose values differ, those of roots that came or went included. Whether they wait for a restart.
pub fn changed(before: &[Effective], after: &[Effective]) -> Vec<(String, bool)> {
    let is_in = |it: &Effective, all: &[Effective]| {
        all.iter().any(|other| (&other.key, &other.value) == (&it.key, &it.value))
    };
    let gone = before.iter().filter(|it| !is_in(it, after));
    let new = after.iter().filter(|it| !is_in(it, before));
    let mut changed: Vec<_> = new.chain(gone).map(|it| (it.key.clone(), it.restart)).collect();
    changed.sort();
    changed.dedup();
    changed
}

pub(super) fn values(layers: &[Layer], config: &Config) -> Vec<Effective> {
    let of_all = KEYS.iter().filter(|it| !it.is_of_root());
    let mut values: Vec<_> = of_all
        .map(|key| {
            let written = last(layers, key.path);
            let value = derived(key, config).or_else(|| value(key, written.as_ref()));
            effective(key, key.path.to_owned(), value, written.as_ref())
        })
        .collect();
    let tables = layers.iter().flat_map(|layer| layer.roots.iter().map(|it| (&layer.source, it)));
    // Roots are made in the order in which they are written.
    for ((source, table), root) in tables.zip(&config.roots) {
        for key in KEYS.iter().filter(|it| it.is_of_root()) {
            let written = table.get(source, key.path);
            let name = format!("{ROOT}.{}.{}", root.watched.name, key.name_in_root());
            let value = of_root(key, root).or_else(|| value(key, written.as_ref()));
            values.push(effective(key, name, value, written.as_ref()));
        }
    }
    values
}

fn effective(key: &Key, name: String, value: Option<String>, at: Option<&At<'_>>) -> Effective {
    let origin = at.map_or_else(|| "default".to_owned(), origin);
    Effective { key: name, value, origin, restart: key.restart }
}

fn value(key: &Key, written: Option<&At<'_>>) -> Option<String> {
    let default = || key.default.map(str::to_owned);
    written.map_or_else(default, |it| Some(it.setting.value.to_string()))
}

fn origin(at: &At<'_>) -> String {
    let Source { name, .. } = at.source;
    // A variable is one line of its own.
    if name.starts_with('$') {
        return name.to_string();
    }
    at.source.position(at.setting.span.clone())
}

/// What is not simply what was written.
fn derived(key: &Key, config: &Config) -> Option<String> {
    match key.path {
        "limits.connections_per_peer" => Some(config.limits.connections_per_peer.to_string()),
        "state_dir" => Some(text(&config.state_dir.to_string_lossy())),
        _ => None,
    }
}

fn of_root(key: &Key, root: &RootConfig) -> Option<String> {
    match key.path {
        "root.name" => Some(text(root.watched.name.as_str())),
        "root.path" => Some(text(&root.watched.path.to_string_lossy())),
        _ => None,
    }
}

fn text(it: &str) -> String {
    Value::Text(it.to_owned()).to_string()
}
