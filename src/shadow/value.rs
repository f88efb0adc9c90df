//! A JSON value, canonical: keys are sorted, numbers compare by what they are. It knows no text form but the one that
//! people read in a finding.

use std::{collections::BTreeMap, fmt};

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    /// Finite.
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// What JSON calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) | Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        if let Self::Map(entries) = self { entries.get(key) } else { None }
    }

    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance, or with a float")]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(it) => Some(*it as f64),
            Self::Float(it) => Some(*it),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(it) => write!(f, "{it}"),
            Self::Integer(it) => write!(f, "{it}"),
            Self::Float(it) => write!(f, "{it}"),
            Self::Text(it) => quoted(it, f),
            Self::List(all) => {
                f.write_str("[")?;
                for (index, it) in all.iter().enumerate() {
                    write!(f, "{}{it}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Map(all) => {
                f.write_str("{")?;
                for (index, (key, it)) in all.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    quoted(key, f)?;
                    write!(f, ":{it}")?;
                }
                f.write_str("}")
            }
        }
    }
}

/// As JSON writes a string.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use fmt::Write as _;
    f.write_char('"')?;
    for it in text.chars() {
        match it {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            it if u32::from(it) < 0x20 => write!(f, "\\u{:04x}", u32::from(it))?,
            it => f.write_char(it)?,
        }
    }
    f.write_char('"')
}
