//! What was written, one source at a time: the keys that it sets, each with the place where it stands. An unknown key
//! or a wrong type is told here, all of them at once; whether a value makes sense is asked later.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    finding::{Finding, Source},
    keys::{self, Key, ROOT},
    kind::{Kind, type_of},
    nearest::nearest,
};

pub(super) struct Layer {
    pub(super) source: Source,
    pub(super) settings: Vec<Setting>,
    pub(super) roots: Vec<Table>,
}

/// One `[[root]]`.
pub(super) struct Table {
    pub(super) span: Range<usize>,
    pub(super) settings: Vec<Setting>,
}

#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) key: &'static Key,
    pub(super) value: Value,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// One that a person typed, which need not be UTF-8.
    Path(PathBuf),
    Number(i64),
    Switch(bool),
    List(Vec<Item>),
    /// What was wrong with it has been told.
    Bad,
}

/// Each element has its own place, so that the caret stands under the one that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// A setting with the source that it stands in.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) source: &'a Source,
    pub(super) setting: &'a Setting,
}

impl<'a> At<'a> {
    pub(super) fn finding(&self, message: impl std::fmt::Display) -> Finding {
        self.source.finding(self.setting.span.clone(), message)
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.setting.value {
            Value::Text(it) => Some(it),
            Value::Path(_) | Value::Number(_) | Value::Switch(_) | Value::List(_) | Value::Bad => {
                None
            }
        }
    }

    pub(super) fn path(&self) -> Option<&'a Path> {
        match &self.setting.value {
            Value::Text(it) => Some(Path::new(it)),
            Value::Path(it) => Some(it),
            Value::Number(_) | Value::Switch(_) | Value::List(_) | Value::Bad => None,
        }
    }

    pub(super) fn items(&self) -> &'a [Item] {
        match &self.setting.value {
            Value::List(it) => it,
            Value::Text(_) | Value::Path(_) | Value::Number(_) | Value::Switch(_) | Value::Bad => {
                &[]
            }
        }
    }

    pub(super) fn item_finding(&self, item: &Item, message: impl std::fmt::Display) -> Finding {
        self.source.finding(item.span.clone(), message)
    }
}

impl Table {
    pub(super) fn get<'a>(&'a self, source: &'a Source, path: &str) -> Option<At<'a>> {
        at(source, &self.settings, path)
    }
}

/// The setting that counts: that of the last layer that has one.
pub(super) fn last<'a>(layers: &'a [Layer], path: &str) -> Option<At<'a>> {
    layers.iter().rev().find_map(|it| at(&it.source, &it.settings, path))
}

fn at<'a>(source: &'a Source, settings: &'a [Setting], path: &str) -> Option<At<'a>> {
    let setting = settings.iter().find(|it| it.key.path == path)?;
    Some(At { source, setting })
}

/// All that is wrong with a source, in the order in which it stands there.
#[derive(Default)]
pub(super) struct Faults {
    found: Vec<(Range<usize>, String)>,
    /// It is no TOML: what else was understood of it is not to be judged.
    pub(super) broken: bool,
}

impl Faults {
    fn add(&mut self, span: Range<usize>, message: String) {
        self.found.push((span, message));
    }

    pub(super) fn findings(mut self, source: &Source) -> Vec<Finding> {
        self.found.sort_by_key(|it| it.0.start);
        self.found.into_iter().map(|(span, message)| source.finding(span, message)).collect()
    }
}

pub(super) fn read(source: Source) -> (Layer, Faults) {
    let text = source.text.clone();
    let (document, errors) = DeTable::parse_recoverable(&text);
    let mut faults = Faults { broken: !errors.is_empty(), ..Faults::default() };
    for error in errors {
        faults.add(error.span().unwrap_or(0..0), error.message().to_owned());
    }
    let mut layer = Layer { source, settings: Vec::new(), roots: Vec::new() };
    for (name, value) in document.get_ref() {
        let word = name.get_ref();
        if word == ROOT {
            layer.roots = roots(value.get_ref(), value.span(), &mut faults);
        } else if !keys::is_section(word) {
            setting("", name, value, &mut layer.settings, &mut faults);
        } else if let DeValue::Table(inner) = value.get_ref() {
            section(word, inner, &mut layer.settings, &mut faults);
        } else {
            let found = type_of(value.get_ref());
            faults.add(value.span(), format!("[{word}] is a section with keys; this is {found}"));
        }
    }
    (layer, faults)
}

fn roots(value: &DeValue<'_>, span: Range<usize>, faults: &mut Faults) -> Vec<Table> {
    let DeValue::Array(items) = value else {
        faults.add(span, "root is a list of tables: write [[root]], with two brackets".to_owned());
        return Vec::new();
    };
    let mut roots = Vec::new();
    for item in items {
        let DeValue::Table(table) = item.get_ref() else {
            let found = type_of(item.get_ref());
            faults.add(item.span(), format!("a root is a table; this is {found}"));
            continue;
        };
        let mut settings = Vec::new();
        section(ROOT, table, &mut settings, faults);
        roots.push(Table { span: item.span(), settings });
    }
    roots
}

fn section(name: &str, table: &DeTable<'_>, into: &mut Vec<Setting>, faults: &mut Faults) {
    for (key, value) in table {
        let path = format!("{name}.{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if keys::is_section(&path) => {
                section(&path, inner, into, faults);
            }
            found if keys::is_section(&path) => faults.add(
                value.span(),
                format!("{path} is a section with keys; this is {}", type_of(found)),
            ),
            _other => setting(name, key, value, into, faults),
        }
    }
}

fn setting(
    section: &str,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    into: &mut Vec<Setting>,
    faults: &mut Faults,
) {
    let path = match section {
        "" => name.get_ref().to_string(),
        section => format!("{section}.{}", name.get_ref()),
    };
    match keys::find(&path) {
        Some(key) => {
            let setting = Setting { key, value: typed(key, value, faults), span: value.span() };
            into.push(setting);
        }
        None => faults.add(name.span(), unknown(section, name.get_ref())),
    }
}

fn unknown(section: &str, name: &str) -> String {
    let known = keys::names_in(section);
    let whole: Vec<_> = keys::KEYS.iter().map(|it| it.path).collect();
    let elsewhere = whole.iter().find(|it| it.rsplit('.').next() == Some(name));
    let advice = match (nearest(name, &known), elsewhere) {
        (Some(near), _) => format!("did you mean {near:?}?"),
        (None, Some(path)) => format!("did you mean {path}?"),
        (None, None) => format!("known here: {}", known.join(", ")),
    };
    match section {
        "" => format!("unknown key {name:?}; {advice}"),
        section => format!("unknown key {name:?} in [{section}]; {advice}"),
    }
}

fn typed(key: &Key, value: &Spanned<DeValue<'_>>, faults: &mut Faults) -> Value {
    let found = value.get_ref();
    let typed = match (key.kind, found) {
        (Kind::Count(..), DeValue::Integer(it)) => {
            // Too long for 64 bits: out of any range.
            Some(Value::Number(i64::from_str_radix(it.as_str(), it.radix()).unwrap_or(i64::MAX)))
        }
        (Kind::Switch, DeValue::Boolean(it)) => Some(Value::Switch(*it)),
        (Kind::Globs | Kind::People | Kind::Words, DeValue::Array(items)) => {
            return list(key, items.iter(), faults);
        }
        (Kind::Count(..) | Kind::Switch | Kind::Globs | Kind::People | Kind::Words, _) => None,
        (_, DeValue::String(it)) => Some(Value::Text(it.to_string())),
        (_, _) => None,
    };
    typed.unwrap_or_else(|| {
        let (takes, found) = (key.kind.takes(), type_of(found));
        faults.add(value.span(), format!("{} takes {takes}; this is {found}", key.path));
        Value::Bad
    })
}

fn list<'a, 'i: 'a>(
    key: &Key,
    items: impl Iterator<Item = &'a Spanned<DeValue<'i>>>,
    faults: &mut Faults,
) -> Value {
    let mut list = Vec::new();
    let mut whole = true;
    for item in items {
        if let DeValue::String(it) = item.get_ref() {
            list.push(Item { text: it.to_string(), span: item.span() });
        } else {
            let (takes, found) = (key.kind.takes(), type_of(item.get_ref()));
            faults.add(item.span(), format!("{} takes {takes}; this is {found}", key.path));
            whole = false;
        }
    }
    if whole { Value::List(list) } else { Value::Bad }
}
