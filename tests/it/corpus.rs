//! Reads real tools and says what they can do: no crash, bounded time, and how many of which class. Any checkout will do;
//! nothing of it is run.
//!
//! ```text
//! KNOWNGOOD_CORPUS=/path/to/repo:/path/to/other cargo test --release --test it corpus -- --nocapture
//! ```
//!
//! Without the variable it is a handful of tools that are written here. Beside it: what MCP's reference servers say of
//! themselves (`annotations`), and how often a real edit gains capabilities (`edits`).

mod annotations;
mod edits;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use knowngood::{
    analyze::{Reader, Table},
    decide::classified,
    model::{Capability, Class, Language, language_of},
    ports::{Analyzer as _, Siblings, Source},
};

struct Checkout(PathBuf);

impl Siblings for Checkout {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.0.join(path);
        path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
        fs::read(path).ok()
    }
}

#[derive(Default)]
struct Told {
    classes: BTreeMap<Class, usize>,
    opaque: BTreeMap<String, usize>,
    took: Vec<(Duration, String)>,
    broken: usize,
}

#[test]
fn real_tools_are_read_in_bounded_time() {
    let own = tempfile::tempdir().unwrap();
    let given = given();
    let checkouts = if given.is_empty() { vec![written(own.path())] } else { given.clone() };
    let reader = Reader::new(Table::shipped().unwrap());
    let mut told = Told::default();
    for checkout in &checkouts {
        let mut files = Vec::new();
        below(checkout, checkout, &mut files);
        for path in files {
            one(&reader, checkout, &path, &mut told);
        }
    }
    told.took.sort();
    let all = told.took.len();
    let slowest = told.took.last().unwrap().clone();
    println!("{all} files, {} do not parse; {:?}", told.broken, told.classes);
    println!("median {:?}, slowest {slowest:?}", told.took[all / 2].0);
    let mut opaque: Vec<_> = told.opaque.iter().map(|it| (it.1, it.0)).collect();
    opaque.sort_unstable_by(|a, b| b.cmp(a));
    println!("opaque: {:?}", &opaque[..opaque.len().min(40)]);
    assert!(slowest.0 < Duration::from_secs(10), "{slowest:?}");
    if given.is_empty() {
        let expected =
            [(Class::Pure, 1), (Class::NetRead, 1), (Class::Exec, 2), (Class::Unknown, 1)];
        assert_eq!(told.classes, expected.into());
    }
}

fn one(reader: &Reader, checkout: &Path, path: &str, told: &mut Told) {
    let bytes = fs::read(checkout.join(path)).unwrap();
    let name = Path::new(path).file_name().unwrap();
    if !matches!(language_of(name, &bytes), Language::Python | Language::Script("sh" | "bash")) {
        return;
    }
    let around = Checkout(checkout.to_owned());
    let began = Instant::now();
    let analysis =
        reader.analyze(&Source { path, bytes: &bytes, import_root: "", around: &around });
    told.took.push((began.elapsed(), path.to_owned()));
    told.broken += usize::from(matches!(analysis.parse, knowngood::model::Parse::Failed { .. }));
    let it = classified(analysis, &[]);
    *told.classes.entry(it.class).or_default() += 1;
    for cap in &it.effective {
        if let Capability::Opaque(module) = cap {
            *told.opaque.entry(module.clone()).or_default() += 1;
        }
    }
    let words: Vec<String> = it.effective.iter().map(ToString::to_string).collect();
    println!("{:<11} {path}  {}", it.class.as_str(), words.join(" "));
}

/// Files that may be tools; links are not followed.
fn below(checkout: &Path, folder: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let Ok(meta) = path.symlink_metadata() else { continue };
        let hidden = path.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"."));
        if meta.is_dir() && !hidden {
            below(checkout, &path, found);
        } else if meta.is_file() && meta.len() < 4 << 20 {
            let inside = path.strip_prefix(checkout).unwrap();
            found.extend(inside.to_str().map(str::to_owned));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn given() -> Vec<PathBuf> {
    let paths = std::env::var_os("KNOWNGOOD_CORPUS");
    paths.iter().flat_map(|it| std::env::split_paths(it).collect::<Vec<_>>()).collect()
}

fn written(folder: &Path) -> PathBuf {
    fs::create_dir(folder.join("helpers")).unwrap();
    for (path, text) in [
        (
            "slug.py",
            "import re\ndef execute(text):\n    return re.sub('[^a-z]+', '-', text.lower())\n",
        ),
        ("fetch.py", "import requests\ndef execute(url):\n    return requests.get(url).text\n"),
        ("run.py", "from helpers.shell import run\ndef execute(line):\n    return run(line)\n"),
        (
            "helpers/shell.py",
            "import subprocess\ndef run(line):\n    return subprocess.run(line, shell=True)\n",
        ),
        ("guess.py", "import nobody_has_written_this\n"),
    ] {
        fs::write(folder.join(path), text).unwrap();
    }
    folder.to_owned()
}
