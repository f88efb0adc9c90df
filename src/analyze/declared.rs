//! What a tool says of itself, read without running it: `<tool>.toml` beside the file, a literal `TOOL = {…}`, or a comment
//! `# tool: {…}`. The first that says something counts. What it says is only told here; that it can lower nothing is a rule.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has dozens of kinds, and most of them say nothing here"
)]

use std::collections::BTreeMap;

use ruff_python_ast::Expr;

use super::MOST_BYTES;
use crate::{
    model::{Class, Declared},
    ports::{Siblings, Source},
};

/// A comment counts among the first lines only.
const HEADER_LINES: usize = 40;
const LONGEST: usize = 4096;
const MOST_HEADER: usize = 64 << 10;

/// Other keys of a manifest are for others.
pub(super) fn beside(source: &Source<'_>, around: &dyn Siblings) -> Option<Declared> {
    let (folder, name) = source.path.rsplit_once('/').map_or(("", source.path), |it| it);
    let stem = name.rsplit_once('.').map_or(name, |it| it.0);
    let path =
        if folder.is_empty() { format!("{stem}.toml") } else { format!("{folder}/{stem}.toml") };
    if stem.is_empty() || path == source.path {
        return None;
    }
    let bytes = around.read(&path)?;
    let said = Said { file: path, line: None };
    if bytes.len() > MOST_BYTES {
        return Some(said.wrong("it is larger than 1 MiB"));
    }
    let text = String::from_utf8_lossy(&bytes);
    match toml::from_str::<toml::Table>(&text) {
        Ok(table) => said.of_toml(&table),
        Err(error) => Some(said.wrong(error.message())),
    }
}

/// `TOOL = {…}` at the top of the file.
pub(super) fn in_literal(path: &str, line: u32, value: &Expr) -> Option<Declared> {
    let said = Said { file: path.to_owned(), line: Some(line) };
    said.of_python(value)
}

pub(super) fn in_header(path: &str, bytes: &[u8]) -> Option<Declared> {
    let head = bytes.get(..bytes.len().min(MOST_HEADER))?;
    let text = String::from_utf8_lossy(head);
    let comment = |it: (usize, &str)| {
        let rest = it.1.trim_start_matches(['#', '/', ' ']).strip_prefix("tool:")?;
        it.1.starts_with(['#', '/']).then(|| (it.0, rest.trim().to_owned()))
    };
    let found = text.lines().take(HEADER_LINES).enumerate().find_map(comment)?;
    let said = Said { file: path.to_owned(), line: u32::try_from(found.0 + 1).ok() };
    if found.1.len() > LONGEST {
        return Some(said.wrong("it is longer than 4096 bytes"));
    }
    if let Ok(table) = serde_json::from_str::<toml::Table>(&found.1) {
        return said.of_toml(&table);
    }
    match toml::from_str::<toml::Table>(&format!("tool = {}", found.1)) {
        Ok(table) => said.of_toml(table.get("tool")?.as_table()?),
        Err(_) => {
            Some(said.wrong("what follows `tool:` is neither JSON nor an inline table of TOML"))
        }
    }
}

/// Where it was said.
struct Said {
    file: String,
    line: Option<u32>,
}

impl Said {
    fn wrong(self, why: &str) -> Declared {
        let problem = Some(why.trim().to_owned());
        let (class, idempotent, destructive) = (Some(Class::Unknown), None, None);
        Declared { class, idempotent, destructive, file: self.file, line: self.line, problem }
    }

    /// `None`: it says nothing of these.
    fn of_toml(self, table: &toml::Table) -> Option<Declared> {
        let value = |key: &str| {
            table.get(key).map(|it| match it {
                toml::Value::String(it) => Value::Text(it.clone()),
                toml::Value::Boolean(it) => Value::Switch(*it),
                _ => Value::Other,
            })
        };
        let keys = KEYS.iter().filter_map(|it| Some((*it, value(it)?)));
        self.of(&keys.collect())
    }

    fn of_python(self, expr: &Expr) -> Option<Declared> {
        let Expr::Dict(dict) = expr else { return None };
        let mut values = BTreeMap::new();
        for item in dict {
            let key = item.key.as_ref().and_then(|it| it.as_string_literal_expr());
            let key = key.and_then(|it| KEYS.iter().find(|key| it.value.to_str() == **key));
            let Some(key) = key else { continue };
            let value = match &item.value {
                Expr::StringLiteral(it) => Value::Text(it.value.to_str().to_owned()),
                Expr::BooleanLiteral(it) => Value::Switch(it.value),
                _ => Value::Other,
            };
            values.insert(*key, value);
        }
        self.of(&values)
    }

    fn of(self, values: &BTreeMap<&str, Value>) -> Option<Declared> {
        if values.is_empty() {
            return None;
        }
        let switch = |key: &str| match values.get(key) {
            None => Ok(None),
            Some(Value::Switch(it)) => Ok(Some(*it)),
            Some(Value::Text(_) | Value::Other) => Err(format!("{key} is neither true nor false")),
        };
        let class = match values.get("class") {
            None => Ok(None),
            Some(Value::Text(word)) => match word.parse::<Class>() {
                Ok(class) => Ok(Some(class)),
                Err(_) => Err(format!("class = {word:?}: the classes are {}", words())),
            },
            Some(Value::Switch(_) | Value::Other) => Err(format!("class is none of {}", words())),
        };
        match (class, switch("idempotent"), switch("destructive")) {
            (Ok(class), Ok(idempotent), Ok(destructive)) => {
                let (file, line, problem) = (self.file, self.line, None);
                Some(Declared { class, idempotent, destructive, file, line, problem })
            }
            (Err(why), ..) | (_, Err(why), _) | (.., Err(why)) => Some(self.wrong(&why)),
        }
    }
}

const KEYS: &[&str] = &["class", "idempotent", "destructive"];

enum Value {
    Text(String),
    Switch(bool),
    Other,
}

fn words() -> String {
    Class::ALL.map(Class::as_str).join(", ")
}
