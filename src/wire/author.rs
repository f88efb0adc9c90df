//! Who made a change, as it is shown and as it is claimed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;
use crate::model;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Human,
    Ai,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Author {
    pub kind: Kind,
    pub name: Option<String>,
}

/// Who a request says it comes from. The kind counts only where it is less trusted than the peer's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub kind: Kind,
    /// 1 to 128 characters, none of them a control character. Default: the peer's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Claim {
    /// The author of a request that came through a channel of this kind, from this user.
    pub fn through(
        claim: Option<Self>,
        channel: model::AuthorKind,
        user: Option<String>,
    ) -> Result<model::Author, Invalid> {
        let Some(claim) = claim else { return Ok(model::Author { kind: channel, name: user }) };
        let fits = |it: &String| {
            (1..=128).contains(&it.chars().count()) && !it.chars().any(char::is_control)
        };
        if !claim.name.as_ref().is_none_or(fits) {
            let why = "must have 1 to 128 characters, none of them a control character";
            return Err(Invalid::new("author.name", why));
        }
        Ok(model::Author { kind: channel.min(claim.kind.into()), name: claim.name.or(user) })
    }
}

impl From<model::AuthorKind> for Kind {
    fn from(kind: model::AuthorKind) -> Self {
        match kind {
            model::AuthorKind::Ai => Self::Ai,
            model::AuthorKind::Unknown => Self::Unknown,
            model::AuthorKind::Human => Self::Human,
        }
    }
}

impl From<Kind> for model::AuthorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Ai => Self::Ai,
            Kind::Unknown => Self::Unknown,
            Kind::Human => Self::Human,
        }
    }
}

impl From<&model::Author> for Author {
    fn from(author: &model::Author) -> Self {
        Self { kind: author.kind.into(), name: author.name.clone() }
    }
}
