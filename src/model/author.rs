//! Who made a change and why.

use std::{fmt, str::FromStr};

/// Ordered by trust: `ai` < `unknown` < `human`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthorKind {
    Ai,
    Unknown,
    Human,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub kind: AuthorKind,
    pub name: Option<String>,
}

/// A lower-case word: `initial`, `edit`, `merge`, … or one of the user's own, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadReason;

impl AuthorKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Unknown => "unknown",
            Self::Human => "human",
        }
    }
}

impl FromStr for AuthorKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "ai" => Ok(Self::Ai),
            "unknown" => Ok(Self::Unknown),
            "human" => Ok(Self::Human),
            _ => Err(()),
        }
    }
}

impl Author {
    pub fn unknown() -> Self {
        Self { kind: AuthorKind::Unknown, name: None }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        self.name.as_ref().map_or(Ok(()), |it| write!(f, ":{it}"))
    }
}

impl Reason {
    pub fn new(text: &str) -> Result<Self, BadReason> {
        let fits = text
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_' || it == b'-');
        if fits && text.bytes().next().is_some_and(|it| it.is_ascii_lowercase()) && text.len() <= 64
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadReason)
        }
    }

    pub fn initial() -> Self {
        Self("initial".to_owned())
    }

    pub fn merge() -> Self {
        Self("merge".to_owned())
    }

    pub fn rollback() -> Self {
        Self("rollback".to_owned())
    }

    pub fn restore() -> Self {
        Self("restore".to_owned())
    }

    pub fn edit() -> Self {
        Self("edit".to_owned())
    }

    /// A baseline moved because a person (or program) accepted what stood on disk.
    pub fn accept() -> Self {
        Self("accept".to_owned())
    }

    /// A baseline moved because the root's manifest says so.
    pub fn manifest() -> Self {
        Self("manifest".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
