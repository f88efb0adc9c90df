//! Serde twins of the model's small types, version 1: in JSON (facts in the journal) and in postcard (rows
//! in the index). What is written stays readable for ever, so a field may be added with a default, never
//! taken away or given another meaning. Decides nothing: a text that the model refuses is an error.

use std::{borrow::Cow, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::model::{
    Author, AuthorKind, Baseline, Cause, Digest, Disk, Origin, Reason, SafetyCause, Sync, VersionNo,
};

/// Says in words which text is not what it should be.
pub(super) type BadText = String;

pub(super) fn read<T: FromStr>(what: &str, text: &str) -> Result<T, BadText> {
    text.parse().map_err(|_| format!("{text:?} is not {what}"))
}

pub(super) fn reason(text: &str) -> Result<Reason, BadText> {
    Reason::new(text).map_err(|_| format!("{text:?} is not a reason"))
}

/// 64 hex digits for people, 32 bytes otherwise.
#[derive(Clone, Copy)]
pub(super) struct Hex(pub(super) Digest);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let mut text = [0; 64];
            for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0.0) {
                let digit = |it: u8| DIGITS.get(usize::from(it)).copied().unwrap_or_default();
                *pair = [digit(byte >> 4), digit(byte & 15)];
            }
            to.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
        } else {
            self.0.0.serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let text = Cow::<'de, str>::deserialize(from)?;
            text.parse().map(Self).map_err(D::Error::custom)
        } else {
            <[u8; 32]>::deserialize(from).map(|it| Self(Digest(it)))
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct AuthorV1<'a> {
    kind: AuthorKindV1,
    name: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BaselineV1 {
    digest: Hex,
    version: Option<u32>,
    executable: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DiskV1 {
    Absent,
    Standing(u32),
    Unreadable(CauseV1),
}

impl<'a> From<&'a Author> for AuthorV1<'a> {
    fn from(it: &'a Author) -> Self {
        Self { kind: it.kind.into(), name: it.name.as_deref().map(Cow::Borrowed) }
    }
}

impl AuthorV1<'static> {
    pub(super) fn owned(it: &Author) -> Self {
        Self { kind: it.kind.into(), name: it.name.clone().map(Cow::Owned) }
    }
}

impl From<AuthorV1<'_>> for Author {
    fn from(it: AuthorV1<'_>) -> Self {
        Self { kind: it.kind.into(), name: it.name.map(Cow::into_owned) }
    }
}

impl From<&Baseline> for BaselineV1 {
    fn from(it: &Baseline) -> Self {
        Self {
            digest: Hex(it.digest),
            version: it.version.map(|it| it.0),
            executable: it.executable,
        }
    }
}

impl From<BaselineV1> for Baseline {
    fn from(it: BaselineV1) -> Self {
        Self { digest: it.digest.0, version: it.version.map(VersionNo), executable: it.executable }
    }
}

impl From<Disk> for DiskV1 {
    fn from(it: Disk) -> Self {
        match it {
            Disk::Absent => Self::Absent,
            Disk::Standing(number) => Self::Standing(number.0),
            Disk::Unreadable(cause) => Self::Unreadable(cause.into()),
        }
    }
}

impl From<DiskV1> for Disk {
    fn from(it: DiskV1) -> Self {
        match it {
            DiskV1::Absent => Self::Absent,
            DiskV1::Standing(number) => Self::Standing(VersionNo(number)),
            DiskV1::Unreadable(cause) => Self::Unreadable(cause.into()),
        }
    }
}

/// A closed list of words, the same on both sides.
macro_rules! words {
    ($twin:ident of $model:ty { $($word:ident),+ }) => {
        #[derive(Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $twin { $($word),+ }

        impl From<$model> for $twin {
            fn from(it: $model) -> Self {
                match it { $(<$model>::$word => Self::$word),+ }
            }
        }

        impl From<$twin> for $model {
            fn from(it: $twin) -> Self {
                match it { $($twin::$word => Self::$word),+ }
            }
        }
    };
}

pub(super) use words;

words!(AuthorKindV1 of AuthorKind { Ai, Unknown, Human });
words!(OriginV1 of Origin { Scan, Watch, Audit, Deploy, Displaced });
words!(SafetyCauseV1 of SafetyCause { RootMissing, MassRemoval });
words!(SyncV1 of Sync { InSync, Modified, Orphaned, Missing, Unreadable });
words!(CauseV1 of Cause { Symlink, Directory, Fifo, Socket, Device, TooLarge, Denied, Io });
