//! What a key takes: which type of TOML, which words or numbers, and how that is said. Whether a path or a user exists
//! is not asked here.

use std::{fmt, net::SocketAddr};

use toml::de::DeValue;

use super::{units, written::Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An absolute one.
    Path,
    /// One that is relative to its root.
    Inside,
    Name,
    Author,
    Address,
    Word(&'static [&'static str]),
    /// The least and the most.
    Size(&'static str, &'static str),
    Duration(&'static str, &'static str),
    Count(u64, u64),
    Switch,
    Globs,
    People,
    /// A program and what it is given.
    Words,
}

impl Kind {
    /// For the sentence "KEY takes …".
    pub(super) fn takes(self) -> String {
        match self {
            Self::Path => "an absolute path in quotes".to_owned(),
            Self::Inside => "a path in quotes".to_owned(),
            Self::Name => "a name in quotes: [a-z0-9][a-z0-9_-]*".to_owned(),
            Self::Author => "\"human:NAME\", \"ai:NAME\" or \"unknown\"".to_owned(),
            Self::Address => "an address in quotes, such as \"127.0.0.1:9464\"".to_owned(),
            Self::Word(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Size(_, most) => format!("a size in quotes, such as {most:?}"),
            Self::Duration(_, most) => format!("a duration in quotes, such as {most:?}"),
            Self::Count(least, most) => format!("a whole number from {least} to {most}"),
            Self::Switch => "true or false".to_owned(),
            Self::Globs => "a list of globs, such as [\"**/*.py\"]".to_owned(),
            Self::People => {
                "a list of people, such as [\"root\", \"uid:1001\", \"@staff\"]".to_owned()
            }
            Self::Words => "a list of words, such as [\"ruff\", \"check\", \"{path}\"]".to_owned(),
        }
    }

    /// Whether a variable of the environment is taken as it stands, without quotes.
    pub(super) fn is_text(self) -> bool {
        !matches!(self, Self::Count(..) | Self::Switch | Self::Globs | Self::People | Self::Words)
    }

    /// Bytes, milliseconds, or how many.
    pub(super) fn number(self, value: &Value) -> Result<u64, String> {
        let (given, least, most) = match (self, value) {
            (Self::Size(least, most), Value::Text(it)) => {
                (units::size(it)?, units::size(least)?, units::size(most)?)
            }
            (Self::Duration(least, most), Value::Text(it)) => {
                (units::duration(it)?, units::duration(least)?, units::duration(most)?)
            }
            (Self::Count(least, most), Value::Number(it)) => {
                (u64::try_from(*it).unwrap_or(0), least, most)
            }
            _ => return Err(format!("not {}", self.takes())),
        };
        let fits = (least..=most).contains(&given);
        fits.then_some(given).ok_or_else(|| format!("{value} is not within {}", self.range()))
    }

    fn range(self) -> String {
        match self {
            Self::Size(least, most) | Self::Duration(least, most) => format!("{least} to {most}"),
            Self::Count(least, most) => format!("{least} to {most}"),
            Self::Path
            | Self::Inside
            | Self::Name
            | Self::Author
            | Self::Address
            | Self::Word(_)
            | Self::Switch
            | Self::Globs
            | Self::People
            | Self::Words => self.takes(),
        }
    }
}

/// Only the machine itself: what is told there is told to everybody who can connect.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().map_err(|_| {
        format!(
            "{text:?} is not an address and a port, such as \"127.0.0.1:9464\" or \"[::1]:9464\""
        )
    })?;
    if !address.ip().is_loopback() {
        return Err(format!(
            "{text:?} is no loopback address: nobody is asked who they are there; put a proxy that asks before it"
        ));
    }
    Ok(address)
}

/// The type of what was written, for a person.
pub(super) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text in quotes",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl fmt::Display for Value {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |it: &str| toml::Value::String(it.to_owned()).to_string();
        match self {
            Self::Text(it) => f.write_str(&quoted(it)),
            Self::Path(it) => f.write_str(&quoted(&it.to_string_lossy())),
            Self::Number(it) => write!(f, "{it}"),
            Self::Switch(it) => write!(f, "{it}"),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|it| quoted(&it.text)).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Bad => f.write_str("?"),
        }
    }
}
