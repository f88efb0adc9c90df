//! `config/knowngood.toml` says what is so: it lists every key, and its defaults are the program's.

use std::path::Path;

use super::Site;
use crate::config::keys::KEYS;

const SAMPLE: &str = include_str!("../../../config/knowngood.toml");

/// The sample with its comment marks taken off: those of defaults, and on demand those of examples.
fn uncommented(examples: bool, path: &Path) -> String {
    let lines = SAMPLE.lines().filter_map(|line| match line.strip_prefix('#')? {
        it if it.starts_with(' ') || it.is_empty() => None,
        it => match it.strip_prefix(':') {
            Some(it) if examples || it == "[[root]]" || it.starts_with("path") => Some(it),
            Some(_) => None,
            None => Some(it),
        },
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace("/srv/agents/tools", &path.display().to_string())
}

#[test]
fn the_sample_shows_the_defaults() {
    let site = Site::new();
    site.config(&uncommented(false, &site.path("tools")));
    let shown = site.load().unwrap();
    site.config("[[root]]\npath = '%tools'");
    assert_eq!(shown, site.load().unwrap());
}

#[test]
fn the_sample_lists_every_key() {
    let site = Site::new();
    let text = uncommented(true, &site.path("tools"));
    let table: toml::Table = toml::from_str(&text).unwrap();
    for key in KEYS {
        let section = match key.section() {
            "" => Some(&table),
            "root" => table["root"][0].as_table(),
            section => match section.strip_prefix("root.") {
                Some(inner) => {
                    let root = &table["root"][0];
                    inner
                        .split('.')
                        .try_fold(root, |it, name| it.get(name))
                        .and_then(|it| it.as_table())
                }
                None => table[section].as_table(),
            },
        };
        let value = section.and_then(|it| it.get(key.name()));
        let value = value.unwrap_or_else(|| panic!("{} is not in the sample", key.path));
        let default = key.default.map(|it| toml::from_str(&format!("it = {it}")).unwrap());
        let default: Option<toml::Table> = default;
        assert!(default.is_none_or(|it| it["it"] == *value), "{}: {value}", key.path);
    }
    site.config(&text);
    site.write("tools/tools.sha256", "");
    site.load().unwrap();
}
