//! `config/knowngood.toml` says what is so: it lists every key, and its defaults are the program's.

use std::path::Path;

use super::Site;
use crate::config::raw::Raw;

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
    let raw: Raw = toml::from_str(&text).unwrap();
    assert!(!format!("{raw:?}").contains("None"), "a key is not in the sample: {raw:#?}");
    site.config(&text);
    site.write("tools/tools.sha256", "");
    site.load().unwrap();
}
