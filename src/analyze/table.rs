//! What modules, functions and methods do: the table that comes with the program, and one of the user's that goes before
//! it. A module that neither names is opaque; nothing is guessed from names here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::model::{Capability, Digest};

const SHIPPED: &str = include_str!("caps.toml");
const FORMAT: u32 = 1;

#[derive(Clone, Debug)]
pub struct Table {
    modules: BTreeMap<String, Module>,
    /// Of objects of which nothing is known, by their names alone.
    methods: BTreeMap<String, Vec<Effect>>,
    /// The same, where a module is imported that speaks HTTP.
    http_methods: BTreeMap<String, Vec<Effect>>,
    http_modules: BTreeSet<String>,
    /// Named by the user's table: they are what it says, also where they could be followed.
    settled: BTreeSet<String>,
    digest: Digest,
}

/// What a use of a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Is(Capability),
    /// It opens a file; the argument at this place says how.
    ByMode(usize),
    /// It is an HTTP request whose first argument is the method.
    ByVerb,
    /// It is an HTTP request, with a body or without.
    ByData,
}

#[derive(Clone, Debug, Default)]
struct Module {
    /// `None`: every name in it is listed, and one that is not is not known.
    default: Option<Vec<Effect>>,
    names: BTreeMap<String, Vec<Effect>>,
    beginnings: Vec<(String, Vec<Effect>)>,
}

/// What is known of a dotted name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known<'a> {
    pub(super) effects: &'a [Effect],
    pub(super) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The name itself is listed.
    Listed,
    /// A part of it is; so many segments come after that.
    Part(usize),
    /// Nothing but its module.
    Module,
    /// It is a module itself. `true`: what it does depends on the function.
    IsModule(bool),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTable(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    /// Modules without any effect.
    #[serde(default)]
    pure: Vec<String>,
    /// By a word, modules whose every name has that effect.
    #[serde(default)]
    all: BTreeMap<String, Vec<String>>,
    /// By the module's name, by a word, functions.
    #[serde(default)]
    module: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    methods: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    http_methods: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    http_modules: Vec<String>,
}

impl Table {
    /// The one that comes with the program.
    pub fn shipped() -> Result<Self, BadTable> {
        Self::extended(None)
    }

    /// With the user's table before it: what that says of a module replaces what is said here.
    pub fn extended(users: Option<&str>) -> Result<Self, BadTable> {
        let mut table = Self {
            modules: BTreeMap::new(),
            methods: BTreeMap::new(),
            http_methods: BTreeMap::new(),
            http_modules: BTreeSet::new(),
            settled: BTreeSet::new(),
            digest: super::digest(format!("{SHIPPED}\0{}", users.unwrap_or_default()).as_bytes()),
        };
        table.add(SHIPPED)?;
        let before = std::mem::take(&mut table.modules);
        if let Some(text) = users {
            table.add(text)?;
        }
        table.settled = table.modules.keys().cloned().collect();
        for (name, module) in before {
            table.modules.entry(name).or_insert(module);
        }
        Ok(table)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    fn add(&mut self, text: &str) -> Result<(), BadTable> {
        let written: Written = toml::from_str(text).map_err(|it| BadTable(it.to_string()))?;
        if written.format != FORMAT {
            let found = written.format;
            return Err(BadTable(format!("format = {found}; this program reads {FORMAT}")));
        }
        for name in written.pure {
            self.modules.entry(name).or_default().default = Some(Vec::new());
        }
        for (word, names) in written.all {
            for name in names {
                let default = &mut self.modules.entry(name).or_default().default;
                default.get_or_insert_default().extend(effect(&word)?);
            }
        }
        for (name, words) in written.module {
            let module = self.modules.entry(name).or_default();
            for (word, names) in words {
                module.add(&word, names)?;
            }
        }
        for (into, words) in
            [(&mut self.methods, written.methods), (&mut self.http_methods, written.http_methods)]
        {
            for (word, names) in words {
                for name in names {
                    into.entry(name).or_default().extend(effect(&word)?);
                }
            }
        }
        self.http_modules.extend(written.http_modules);
        Ok(())
    }

    /// `None`: no module of that name is known.
    pub(super) fn look_up(&self, dotted: &str) -> Option<Known<'_>> {
        let (module, rest) = self.split(dotted)?;
        Some(module.look_up(rest))
    }

    pub(super) fn knows(&self, dotted: &str) -> bool {
        self.split(dotted).is_some()
    }

    /// The user said what it is: it is not followed.
    pub(super) fn is_settled(&self, dotted: &str) -> bool {
        prefixes(dotted).any(|(it, _)| self.settled.contains(it))
    }

    /// What is known of a name that is a part of the language.
    pub(super) fn builtin(&self, name: &str) -> Option<&[Effect]> {
        self.modules.get("builtins")?.names.get(name).map(Vec::as_slice)
    }

    pub(super) fn method(&self, name: &str, with_http: bool) -> &[Effect] {
        let http = || self.http_methods.get(name).filter(|_| with_http);
        self.methods.get(name).or_else(http).map_or(&[], Vec::as_slice)
    }

    pub(super) fn speaks_http(&self, dotted: &str) -> bool {
        prefixes(dotted).any(|(it, _)| self.http_modules.contains(it))
    }

    fn split<'a>(&self, dotted: &'a str) -> Option<(&Module, &'a str)> {
        prefixes(dotted).find_map(|(it, rest)| Some((self.modules.get(it)?, rest)))
    }
}

impl Module {
    fn add(&mut self, word: &str, names: Vec<String>) -> Result<(), BadTable> {
        if word == "default" {
            let effects = names.iter().map(|it| effect(it)).collect::<Result<Vec<_>, _>>()?;
            self.default = Some(effects.into_iter().flatten().collect());
            return Ok(());
        }
        for name in names {
            let effects = effect(word)?;
            if let Some(beginning) = name.strip_suffix('*') {
                self.beginnings.push((beginning.to_owned(), effects));
            } else {
                self.names.entry(name).or_default().extend(effects);
            }
        }
        Ok(())
    }

    fn look_up(&self, rest: &str) -> Known<'_> {
        const UNKNOWN: &[Effect] = &[Effect::Is(Capability::Unanalyzed)];
        let default = self.default.as_deref().unwrap_or(UNKNOWN);
        let mixed = self.names.values().chain(self.beginnings.iter().map(|it| &it.1));
        if rest.is_empty() {
            let mixed = mixed.flatten().next().is_some() || self.default.is_none();
            return Known { effects: default, how: How::IsModule(mixed) };
        }
        for (index, (part, _)) in prefixes(rest).enumerate() {
            let beginning = || self.beginnings.iter().find(|it| part.starts_with(&it.0));
            let effects = self.names.get(part).or_else(|| beginning().map(|it| &it.1));
            if let Some(effects) = effects {
                let how = if index == 0 { How::Listed } else { How::Part(index) };
                return Known { effects, how };
            }
        }
        let last = rest.rsplit('.').next().unwrap_or(rest);
        // To catch one does nothing.
        if ["Error", "Exception", "Warning"].iter().any(|it| last.ends_with(it)) {
            return Known { effects: &[], how: How::Listed };
        }
        Known { effects: default, how: How::Module }
    }
}

/// The longest first, each with what comes after it.
fn prefixes(dotted: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = dotted.char_indices().filter(|it| it.1 == '.').map(|it| it.0);
    let mut ends: Vec<usize> = ends.collect();
    ends.push(dotted.len());
    ends.into_iter().rev().map(|end| {
        let (before, after) = dotted.split_at(end);
        (before, after.trim_start_matches('.'))
    })
}

/// `pure` is none.
fn effect(word: &str) -> Result<Vec<Effect>, BadTable> {
    Ok(vec![match word {
        "pure" => return Ok(Vec::new()),
        "by_mode" => Effect::ByMode(1),
        "by_mode_first" => Effect::ByMode(0),
        "by_verb" => Effect::ByVerb,
        "by_data" => Effect::ByData,
        word => Effect::Is(word.parse().map_err(|_| {
            BadTable(format!("{word:?} is no capability, nor pure, default, by_mode, by_mode_first, by_verb or by_data"))
        })?),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(table: &Table, dotted: &str) -> Option<Vec<String>> {
        let known = table.look_up(dotted)?;
        Some(known.effects.iter().map(|it| format!("{it:?}")).collect())
    }

    #[test]
    fn the_shipped_table_is_sound_and_large() {
        let table = Table::shipped().unwrap();
        assert!(table.modules.len() >= 250, "{}", table.modules.len());
        assert!(table.settled.is_empty());
        for (dotted, effects) in [
            ("json.loads", &[][..]),
            ("subprocess.run", &["Is(Exec)"]),
            ("subprocess.PIPE", &[]),
            ("subprocess.CalledProcessError", &[]),
            ("os.path.join", &[]),
            ("os.path.exists", &["Is(FsRead)"]),
            ("os.execvp", &["Is(Exec)"]),
            ("os.environ.get", &["Is(EnvRead)"]),
            ("os.nobody_knows", &["Is(Unanalyzed)"]),
            ("requests.post", &["Is(NetWrite)"]),
            ("requests.Session.get", &["Is(NetRead)"]),
            ("xml.etree.ElementTree.fromstring", &[]),
            ("datetime.datetime.now", &["Is(Nondet)"]),
        ] {
            assert_eq!(words(&table, dotted).unwrap(), effects, "{dotted}");
        }
        assert_eq!(words(&table, "nobody_has.written_this"), None);
    }

    #[test]
    fn a_users_table_goes_first_and_says_what_is_wrong_with_it() {
        let text = "format = 1\npure = [\"numpy\"]\n[module.requests]\ndefault = [\"net_write\"]\n\
                    [module.\"helpers.tool\"]\npure = [\"Tool\"]\nexec = [\"Shell*\"]\n";
        let table = Table::extended(Some(text)).unwrap();
        assert_eq!(words(&table, "numpy.array").unwrap(), Vec::<String>::new());
        assert_eq!(words(&table, "requests.get").unwrap(), ["Is(NetWrite)"]);
        assert_eq!(words(&table, "helpers.tool.ShellTool").unwrap(), ["Is(Exec)"]);
        assert!(table.is_settled("helpers.tool.Tool") && !table.is_settled("helpers"));
        assert_ne!(table.digest(), Table::shipped().unwrap().digest());
        for (text, said) in [
            ("pure = []", "format"),
            ("format = 2", "this program reads 1"),
            ("format = 1\nimpure = []", "impure"),
            ("format = 1\n[all]\nfsread = [\"x\"]", "\"fsread\" is no capability"),
        ] {
            let error = Table::extended(Some(text)).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
