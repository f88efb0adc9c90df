//! The tool's file and what it imports from its own root, read once each. Bounded in depth, files, bytes and time: what
//! is beyond is `first_party`, which nobody takes for harmless.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ruff_python_ast::ModModule;
use ruff_python_parser::{Parsed, parse_module};
use ruff_text_size::TextSize;

use super::{
    findings::{Findings, Place},
    names::{Import, Names, names},
    nesting,
    place::{Found, Places},
};
use crate::{
    analyze::{MOST_BYTES, table::Table},
    model::Capability,
    ports::{Siblings, Source},
};

const DEEPEST: usize = 20;
const MOST_FILES: usize = 200;
/// Of all files together.
const MOST_OF_ALL: usize = 8 << 20;
const LONGEST: Duration = Duration::from_secs(5);

pub(super) struct Program<'a> {
    pub(super) files: Vec<File>,
    pub(super) by_path: BTreeMap<String, usize>,
    pub(super) ends: Instant,
    around: &'a dyn Siblings,
    places: Places,
    bytes: usize,
}

pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) tree: Parsed<ModModule>,
    pub(super) names: Names,
    /// By the name that an import binds.
    pub(super) imported: BTreeMap<String, Vec<Target>>,
    lines: Vec<u32>,
    depth: usize,
}

/// What a name leads to. A chain is a dotted name in which calls are marked: `Session().get`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Outside of the root.
    Module(String),
    /// In a file of the program.
    Inside { file: usize, chain: String },
}

pub(super) struct Unread {
    pub(super) line: Option<u32>,
    pub(super) why: String,
}

impl<'a> Program<'a> {
    pub(super) fn read(
        table: &Table,
        source: &Source<'a>,
        findings: &mut Findings,
    ) -> Result<Self, Unread> {
        let tool = File::read(source.path, source.bytes, 0)?;
        let mut program = Self {
            files: vec![tool],
            by_path: [(source.path.to_owned(), 0)].into(),
            ends: Instant::now() + LONGEST,
            around: source.around,
            places: Places::new(source.path, source.import_root),
            bytes: 0,
        };
        let mut waiting = VecDeque::from([0]);
        while let Some(file) = waiting.pop_front() {
            let imports = program.file(file).map(|it| it.names.imports.clone());
            for import in imports.unwrap_or_default() {
                program.import(table, file, &import, findings, &mut waiting);
            }
        }
        program.missing_names(findings);
        Ok(program)
    }

    pub(super) fn file(&self, index: usize) -> Option<&File> {
        self.files.get(index)
    }

    fn import(
        &mut self,
        table: &Table,
        from: usize,
        import: &Import,
        findings: &mut Findings,
        waiting: &mut VecDeque<usize>,
    ) {
        let place = Place::top(from, import.at);
        if import.is_star {
            let module = format!("{}{}", ".".repeat(import.level as usize), import.dotted);
            findings.add(place.clone(), Capability::Unanalyzed, format!("from {module} import *"));
        }
        let settled = import.level == 0 && table.is_settled(&import.dotted);
        let found = if settled { None } else { self.find(from, import) };
        let known = import.level == 0 && table.knows(&import.dotted);
        let mut targets = Vec::new();
        let mut whole = false;
        if let Some(found) = &found {
            let allowed = usize::from(import.is_from && !import.is_star);
            whole = found.rest.len() <= allowed;
            let files = self.follow(from, found, &place, findings, waiting);
            if let (true, Some(file)) = (whole, files) {
                let chain = found.rest.join(".");
                targets.push(Target::Inside { file, chain });
            }
        }
        if known {
            targets.push(Target::Module(import.dotted.clone()));
        }
        if !whole && !known {
            findings.add(place, unknown(import, found.is_some()), told(import));
        }
        self.bind(from, import, targets);
    }

    fn find(&self, from: usize, import: &Import) -> Option<Found> {
        if import.level == 0 {
            return self.places.absolute(&import.dotted, self.around);
        }
        let path = &self.file(from)?.path;
        Places::relative(path, import.level, &import.dotted, self.around)
    }

    /// `import a.b` binds `a`, and is spoken of as `a.b`.
    fn bind(&mut self, from: usize, import: &Import, targets: Vec<Target>) {
        let Some(file) = self.files.get_mut(from) else { return };
        let name = match (&import.bound, import.is_star) {
            (_, true) => return,
            (Some(name), false) => name.clone(),
            (None, false) => import.dotted.clone(),
        };
        let first = name.split('.').next().unwrap_or(&name).to_owned();
        for target in targets {
            let above = matches!(&target, Target::Module(_)) && import.bound.is_none();
            let (name, target) = if above {
                (first.clone(), Target::Module(first.clone()))
            } else {
                (name.clone(), target)
            };
            let known = file.imported.entry(name).or_default();
            if !known.contains(&target) {
                known.push(target);
            }
        }
    }

    /// Reads what was not read yet. Answers the last of the files.
    fn follow(
        &mut self,
        from: usize,
        found: &Found,
        place: &Place,
        findings: &mut Findings,
        waiting: &mut VecDeque<usize>,
    ) -> Option<usize> {
        let mut last = None;
        for path in &found.files {
            if let Some(known) = self.by_path.get(path) {
                last = Some(*known);
                continue;
            }
            let depth = self.file(from).map_or(0, |it| it.depth) + 1;
            let why_not = self.why_not(depth);
            let bytes = self.around.read(path).filter(|_| why_not.is_none());
            let Some(bytes) = bytes else {
                let why = why_not.unwrap_or("it is gone");
                let via = format!("import of {path}, not followed: {why}");
                findings.add(place.clone(), Capability::FirstParty(path.clone()), via);
                last = None;
                continue;
            };
            self.bytes += bytes.len();
            match File::read(path, &bytes, depth) {
                Ok(file) => {
                    last = Some(self.files.len());
                    self.by_path.insert(path.clone(), self.files.len());
                    waiting.push_back(self.files.len());
                    self.files.push(file);
                }
                Err(unread) => {
                    let via = format!("import of {path}, which cannot be read: {}", unread.why);
                    findings.add(place.clone(), Capability::FirstParty(path.clone()), via);
                    last = None;
                }
            }
        }
        last
    }

    fn why_not(&self, depth: usize) -> Option<&'static str> {
        let limits = [
            (depth > DEEPEST, "more than 20 imports deep"),
            (self.files.len() >= MOST_FILES, "more than 200 files"),
            (self.bytes > MOST_OF_ALL, "more than 8 MiB together"),
            (Instant::now() > self.ends, "it took more than 5 seconds"),
        ];
        limits.into_iter().find(|it| it.0).map(|it| it.1)
    }

    /// `from package import name`, and no file and no line of the package gives the name a meaning: it may be a compiled
    /// module, or made while it runs.
    fn missing_names(&self, findings: &mut Findings) {
        for (index, file) in self.files.iter().enumerate() {
            for import in file.names.imports.iter().filter(|it| it.is_from && !it.is_star) {
                let name = import.bound.as_deref().unwrap_or_default();
                let targets = file.imported.get(name).map_or(&[][..], Vec::as_slice);
                let missing = targets.iter().find_map(|it| match it {
                    Target::Inside { file, chain } if !chain.is_empty() => {
                        self.file(*file).filter(|it| !it.names.has(chain))
                    }
                    Target::Inside { .. } | Target::Module(_) => None,
                });
                if let Some(package) = missing {
                    let path = format!("{}:{}", package.path, last(&import.dotted));
                    let place = Place::top(index, import.at);
                    findings.add(place, Capability::FirstParty(path), told(import));
                }
            }
        }
    }
}

fn unknown(import: &Import, inside: bool) -> Capability {
    if import.level > 0 || inside {
        let dots = ".".repeat(import.level as usize);
        return Capability::FirstParty(format!("{dots}{}", import.dotted));
    }
    let top = import.dotted.split('.').next().unwrap_or(&import.dotted);
    Capability::Opaque(top.to_owned())
}

fn told(import: &Import) -> String {
    format!("import {}{}", ".".repeat(import.level as usize), import.dotted)
}

fn last(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap_or(dotted)
}

impl File {
    fn read(path: &str, bytes: &[u8], depth: usize) -> Result<Self, Unread> {
        let unread = |why: &str| Unread { line: None, why: why.to_owned() };
        if bytes.len() > MOST_BYTES {
            return Err(unread("it is larger than 1 MiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| unread("it is not UTF-8"))?;
        if text.contains('\0') {
            return Err(unread("it contains NUL"));
        }
        let text = text.trim_start_matches('\u{feff}').to_owned();
        if nesting::is_too_deep(&text) {
            return Err(unread("it is nested too deeply"));
        }
        let ends = text.bytes().zip(1_u32..).filter(|it| it.0 == b'\n').map(|it| it.1);
        let lines: Vec<u32> = [0].into_iter().chain(ends).collect();
        let tree = parse_module(&text).map_err(|it| Unread {
            line: Some(line(&lines, it.location.start())),
            why: it.error.to_string(),
        })?;
        let names = names(&tree.syntax().body);
        let (path, imported) = (path.to_owned(), BTreeMap::new());
        Ok(Self { path, text, tree, names, imported, lines, depth })
    }

    pub(super) fn line(&self, at: TextSize) -> u32 {
        line(&self.lines, at)
    }
}

/// From 1.
fn line(lines: &[u32], at: TextSize) -> u32 {
    u32::try_from(lines.partition_point(|it| *it <= at.to_u32())).unwrap_or(u32::MAX)
}
