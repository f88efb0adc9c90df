//! Where in a document something is: a path, the pattern that names such places (RFC 6901, `*` for any one segment),
//! and the template of a path, in which places that only data tells apart are one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::value::Value;

/// `/value/results/*/took_ms`: names what stands there and all below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Any,
    Key(String),
}

#[derive(Debug, PartialEq, Eq)]
pub struct BadPattern;

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or(BadPattern)?;
        let segment = |it: &str| match it {
            "*" => Segment::Any,
            key => Segment::Key(key.replace("~1", "/").replace("~0", "~")),
        };
        Ok(Self(rest.split('/').map(segment).collect()))
    }
}

impl Pattern {
    pub(super) fn covers(&self, path: &[String]) -> bool {
        path.len() >= self.0.len() && self.fits_beginning(path)
    }

    /// Names this very place.
    pub(super) fn names(&self, path: &[String]) -> bool {
        path.len() == self.0.len() && self.fits_beginning(path)
    }

    fn fits_beginning(&self, path: &[String]) -> bool {
        self.0.iter().zip(path).all(|(segment, step)| match segment {
            Segment::Any => true,
            Segment::Key(key) => key == step,
        })
    }
}

/// A place in one document, and its template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: Vec<String>,
    pub(super) template: Vec<String>,
}

impl Place {
    pub(super) fn key(&self, key: &str, is_data: bool) -> Self {
        self.step(key.to_owned(), if is_data { "*" } else { key })
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.step(index.to_string(), "*")
    }

    fn step(&self, step: String, template: &str) -> Self {
        let mut next = self.clone();
        next.path.push(step);
        next.template.push(template.to_owned());
        next
    }
}

pub(super) struct Pointer<'a>(pub(super) &'a [String]);

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "/{}", it.replace('~', "~0").replace('/', "~1")))
    }
}

const MOST_FIELDS: usize = 50;
const LONGEST_FIELD: usize = 100;

/// Keys of a record are names of fields; of a map they are data. Told apart by how many there are and what they look like.
pub(super) fn keys_are_data(map: &BTreeMap<String, Value>) -> bool {
    let is_field = |key: &String| {
        key.len() <= LONGEST_FIELD
            && !key.starts_with(|it: char| it.is_ascii_digit())
            && key.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    map.len() > MOST_FIELDS || !map.keys().all(is_field)
}

pub(super) fn value_at<'a>(document: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(document, |at, step| match at {
        Value::Map(all) => all.get(step),
        Value::List(all) => all.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => None,
    })
}
