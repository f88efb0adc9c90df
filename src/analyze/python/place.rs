//! From an import to a file of the tool's own root. Names files; whether they are there, it asks.

use crate::ports::Siblings;

/// Where modules are looked for, in this order: beside the tool, at the import root, at the root.
#[derive(Clone, Debug)]
pub(super) struct Places {
    bases: Vec<String>,
}

/// What an import led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Every file that is run by it: packages from the outside in, then the module.
    pub(super) files: Vec<String>,
    /// The file that the longest part of the name led to, and what is left of the name.
    pub(super) rest: Vec<String>,
}

impl Places {
    pub(super) fn new(tool: &str, import_root: &str) -> Self {
        let mut bases = vec![folder(tool).to_owned(), import_root.to_owned(), String::new()];
        let mut seen = Vec::new();
        bases.retain(|it| {
            !seen.contains(it) && {
                seen.push(it.clone());
                true
            }
        });
        Self { bases }
    }

    /// `None`: no file here has that name. Where the first that has its beginning has no more of it, as when `plugins.py` stands
    /// beside a tool and `plugins/` at the root, only another one can be meant.
    pub(super) fn absolute(&self, dotted: &str, around: &dyn Siblings) -> Option<Found> {
        let parts: Vec<&str> = dotted.split('.').collect();
        let mut beginning = None;
        for found in self.bases.iter().filter_map(|base| below(base, &parts, around)) {
            if found.rest.len() <= 1 {
                return Some(found);
            }
            beginning.get_or_insert(found);
        }
        beginning
    }

    /// `from ..a.b import c` in `file`: two levels, `a.b.c`. `None`: it leads out of the root, or to nothing.
    pub(super) fn relative(
        file: &str,
        level: u32,
        dotted: &str,
        around: &dyn Siblings,
    ) -> Option<Found> {
        let mut base = folder(file);
        for _ in 1..level {
            if base.is_empty() {
                return None;
            }
            base = folder(base);
        }
        let parts: Vec<&str> = dotted.split('.').filter(|it| !it.is_empty()).collect();
        below(base, &parts, around)
    }
}

/// As far as the name leads: `a.b.c` may be the name `c` in `a/b.py`.
fn below(base: &str, parts: &[&str], around: &dyn Siblings) -> Option<Found> {
    let is_there = |path: &String| around.read(path).is_some();
    let mut found = Found { files: Vec::new(), rest: Vec::new() };
    let mut here = base.to_owned();
    // A package may be a folder with nothing in it that says so.
    let own = join(&here, "__init__.py");
    if parts.is_empty() {
        return is_there(&own).then(|| Found { files: vec![own], rest: Vec::new() });
    }
    let mut after = 0;
    for (index, part) in parts.iter().enumerate() {
        let inside = join(&here, part);
        let (module, package) = (format!("{inside}.py"), join(&inside, "__init__.py"));
        let is_package = is_there(&package);
        if is_package || is_there(&module) {
            found.files.push(if is_package { package } else { module });
            after = index + 1;
        }
        if after == index + 1 && !is_package {
            break;
        }
        here = inside;
    }
    let rest = parts.get(after..).unwrap_or_default();
    found.rest = rest.iter().map(|it| (*it).to_owned()).collect();
    (!found.files.is_empty()).then_some(found)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |it| it.0)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    struct Files(BTreeSet<&'static str>);

    impl Siblings for Files {
        fn read(&self, path: &str) -> Option<Vec<u8>> {
            self.0.contains(path).then(Vec::new)
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as what is looked up answers")]
    fn found(files: &[&str], rest: &[&str]) -> Option<Found> {
        let own = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
        Some(Found { files: own(files), rest: own(rest) })
    }

    #[test]
    fn names_lead_to_files_inside_the_root_or_nowhere() {
        let files = Files(
            [
                "web/tool.py",
                "web/near.py",
                "helpers/__init__.py",
                "helpers/shell.py",
                "plain/deep/x.py",
                "src/lib.py",
                "web/plain.py",
            ]
            .into(),
        );
        let places = Places::new("web/tool.py", "src");
        let absolute = |it: &str| places.absolute(it, &files);
        assert_eq!(absolute("near"), found(&["web/near.py"], &[]));
        assert_eq!(absolute("lib.f"), found(&["src/lib.py"], &["f"]));
        assert_eq!(absolute("helpers"), found(&["helpers/__init__.py"], &[]));
        assert_eq!(
            absolute("helpers.shell.run"),
            found(&["helpers/__init__.py", "helpers/shell.py"], &["run"])
        );
        assert_eq!(absolute("helpers.nothing"), found(&["helpers/__init__.py"], &["nothing"]));
        assert_eq!(absolute("plain.deep.x"), found(&["plain/deep/x.py"], &[]));
        assert_eq!(absolute("plain.f"), found(&["web/plain.py"], &["f"]));
        assert_eq!(absolute("plain.deep.gone.f"), found(&["web/plain.py"], &["deep", "gone", "f"]));
        assert_eq!(absolute("json"), None);
        let relative = |level, it: &str| Places::relative("helpers/shell.py", level, it, &files);
        assert_eq!(relative(1, ""), found(&["helpers/__init__.py"], &[]));
        assert_eq!(relative(1, "shell"), found(&["helpers/shell.py"], &[]));
        assert_eq!(relative(2, "web.near"), found(&["web/near.py"], &[]));
        assert_eq!(relative(3, "etc"), None, "above the root");
        assert_eq!(relative(1, "gone"), None);
    }
}
