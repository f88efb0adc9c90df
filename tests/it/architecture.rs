//! The house as a fact: who may import whom, what is pure, how long a file may be, that the map is true.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every folder (or file) directly under `src/` and what it may import. A line names only lines above it, so a circle
/// cannot be written down.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("roots", &["model"]),
    ("decide", &["model", "roots"]),
    ("merge", &["model"]),
    ("shadow", &["model"]),
    ("access", &["model"]),
    ("metrics", &[]),
    ("ports", &["model", "roots", "metrics", "shadow"]),
    ("switching", &["model", "ports"]),
    ("wire", &["model", "shadow"]),
    ("log", &[]),
    ("config", &["model", "roots", "access", "ports", "log"]),
    ("signals", &[]),
    ("systemd", &[]),
    ("analyze", &["model", "ports"]),
    ("after", &["model", "ports"]),
    ("checks", &["model", "roots", "ports", "shadow"]),
    ("disk", &["model", "roots", "ports", "switching"]),
    ("store", &["model", "ports", "metrics"]),
    ("watch", &["model", "roots", "ports"]),
    ("reconcile", &["model", "decide", "roots", "ports", "metrics", "shadow"]),
    ("doctor", &["model", "roots", "wire", "config", "checks", "store"]),
    ("cli", &["model", "merge", "wire", "config", "doctor"]),
    (
        "socket",
        &["model", "decide", "merge", "shadow", "access", "ports", "metrics", "wire", "reconcile"],
    ),
    (
        "app",
        &[
            "model",
            "after",
            "decide",
            "ports",
            "roots",
            "access",
            "log",
            "config",
            "signals",
            "systemd",
            "analyze",
            "checks",
            "disk",
            "shadow",
            "store",
            "watch",
            "reconcile",
            "socket",
        ],
    ),
    ("lib", &[]),
    ("main", &["config", "checks", "cli", "app"]),
];

/// Pure: nothing of the world may even be named.
const PURE: &[&str] = &["model", "roots", "decide", "merge", "shadow", "access", "switching"];
const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::",
    "tokio",
    "sled",
    "notify::",
    "axum",
    "rustix",
    "serde",
];
const UNWANTED: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc"];
const MAX_LINES: usize = 400;
const MEDIAN_LINES: usize = 200;

#[test]
fn layers_hold() {
    let faults: Vec<String> = sources().iter().flat_map(|file| faults_of(file)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_layer_names_only_layers_above_it() {
    for (index, (layer, allowed)) in LAYERS.iter().enumerate() {
        for name in *allowed {
            assert!(
                LAYERS[..index].iter().any(|it| it.0 == *name),
                "{layer} names {name}, which is not above it"
            );
        }
    }
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(src().join("lib.rs")).unwrap();
    for (layer, _) in LAYERS.iter().filter(|it| !["lib", "main"].contains(&it.0)) {
        assert!(map.contains(&format!("pub mod {layer};")), "src/lib.rs does not name {layer}");
    }
    assert_eq!(
        map.matches("pub mod ").count(),
        LAYERS.len() - 2,
        "a room of the map is in no layer"
    );
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<usize> = sources()
        .iter()
        .map(|it| product(&fs::read_to_string(it).unwrap()).lines().count())
        .collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_LINES, "the median file has {median} lines");
}

#[test]
fn every_test_file_is_run() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in fs::read_dir(&here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "tests/it/{name} is run by nobody"
        );
    }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    fn below(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    below(&src(), &mut found);
    found.retain(|it| !is_test(it));
    found
}

/// Tests in the source tree may use what they like.
fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(src()).unwrap();
    inside.iter().any(|it| {
        ["tests", "simulation", "tests.rs", "simulation.rs", "fake.rs"]
            .contains(&it.to_str().unwrap())
    })
}

fn product(text: &str) -> &str {
    // A test module stands at the end of its file.
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn faults_of(file: &Path) -> Vec<String> {
    let name = file.strip_prefix(src()).unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(file).unwrap();
    let product = product(&text);
    let layer = name.split(['/', '.']).next().unwrap();
    let Some((_, allowed)) = LAYERS.iter().find(|it| it.0 == layer) else {
        return vec![format!("{name}: no such layer; add it to LAYERS and to the map in lib.rs")];
    };
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{name}: no header that says what it is for"));
    }
    if product.lines().count() > MAX_LINES {
        faults.push(format!("{name}: over {MAX_LINES} lines"));
    }
    if name.split(['/', '.']).any(|it| UNWANTED.contains(&it)) {
        faults.push(format!("{name}: a name that says nothing"));
    }
    for imported in imports(product) {
        let known = LAYERS.iter().any(|it| it.0 == imported);
        if known && imported != layer && !allowed.contains(&imported.as_str()) {
            faults.push(format!("{name}: imports {imported}"));
        }
    }
    if PURE.contains(&layer) {
        let touched = WORLD.iter().filter(|it| {
            product.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(**it))
        });
        faults.extend(touched.map(|it| format!("{name}: touches {it}")));
    }
    faults
}

/// First path segments after `crate::` (in the binary, `knowngood::`), also inside `use crate::{a::b, c}`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1).chain(text.split("use knowngood::").skip(1)) {
        let Some(group) = rest.strip_prefix('{') else {
            found.push(first_word(rest));
            continue;
        };
        let mut depth = 0;
        for part in group.split_inclusive(['{', '}', ',']) {
            if depth == 0 {
                found.push(first_word(part.trim_start()));
            }
            match part.chars().last() {
                Some('{') => depth += 1,
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => (),
            }
        }
    }
    found
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect()
}
