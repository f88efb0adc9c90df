//! What a tool can do to the world, in words: capabilities, the evidence for each, and the classes that they add up to.
//! How they add up is a rule (`decide::class`); how evidence is found is no business of these words.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{Author, Digest, Timestamp};

/// From the weakest to the strongest: a total order keeps policy simple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Pure,
    LocalRead,
    NetRead,
    LocalWrite,
    NetWrite,
    Exec,
    Unknown,
}

/// A closed set. A database on another machine is `db` and `net_write`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    FsRead,
    FsWrite,
    NetRead,
    NetWrite,
    Exec,
    Process,
    CodeExec,
    Ffi,
    EnvRead,
    EnvWrite,
    SysRead,
    Secrets,
    Stdin,
    Db,
    /// What it gets at is chosen while it runs.
    Reflect,
    /// A module of which nothing is known.
    Opaque(String),
    /// A file of the tool's own that could not be followed.
    FirstParty(String),
    /// Nobody looked, or nobody could.
    Unanalyzed,
    /// Time, chance: told for comparisons, and of no class.
    Nondet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadWord;

/// Why one believes that a tool has a capability.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    pub cap: Capability,
    /// The detail to which a waiver binds: `subprocess.run`, `import numpy`, …
    pub via: String,
    /// Relative to the root.
    pub file: String,
    /// `None`: the file as a whole.
    pub line: Option<u32>,
    /// The functions through which it is reached, outermost first; empty at the top of a file.
    pub path: Vec<String>,
    /// The beginning of a hash over the text that a person reads before waiving it. `None`: the detail says it all.
    pub site: Option<String>,
}

/// Seen while it ran, in a load probe or a shadow run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observed {
    pub cap: Capability,
    /// The audit event, or `denied` and what the sandbox refused. It is the detail to which a waiver binds.
    pub event: String,
    /// An example: `api.example.org:443`.
    pub detail: Option<String>,
    pub count: u64,
}

/// What the tool says of itself. Nothing of it is believed where it lowers anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    pub class: Option<Class>,
    pub idempotent: Option<bool>,
    pub destructive: Option<bool>,
    /// Where it says so.
    pub file: String,
    pub line: Option<u32>,
    /// What could not be understood there; the class is `unknown` then.
    pub problem: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parse {
    Ok,
    Failed {
        line: Option<u32>,
        why: String,
    },
    /// There is no reader for what it is written in, and what that is.
    None(String),
}

/// A file that the answer rests on, and what it was. `None`: that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub path: String,
    pub digest: Option<Digest>,
}

/// What is known of one content without asking anybody whether it is all right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// Who found it, with the version of its method: `py-caps/1`.
    pub analyzer: &'static str,
    pub parse: Parse,
    pub declared: Option<Declared>,
    pub inferred: Vec<Evidence>,
    pub observed: Vec<Observed>,
    pub followed: Vec<Followed>,
}

/// A person has read it and says that it does no harm. Bound to a capability and a detail, never to a tool as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    pub cap: Capability,
    pub detail: String,
    /// The texts that were read; at any other place the same detail counts again.
    pub sites: BTreeSet<String>,
    pub reason: String,
    pub author: Author,
    /// The content that was judged.
    pub content: Option<Digest>,
    pub time: Timestamp,
}

pub type Waivers = [Waiver];

/// The whole answer for one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    pub analysis: Analysis,
    /// What counts: inferred and observed, without what was waived.
    pub effective: BTreeSet<Capability>,
    pub class: Class,
    /// At most `net_read`, and proven.
    pub safe: bool,
    pub nondeterministic: bool,
    /// Capabilities of which nothing better is known than that they are unknown.
    pub unresolved: BTreeSet<Capability>,
    /// Those waivers that cover something here.
    pub waived: Vec<Waiver>,
}

/// From one content to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub added: BTreeSet<Capability>,
    pub removed: BTreeSet<Capability>,
    /// How many classes it goes up; below 0, down.
    pub class_change: i8,
}

/// The four hints of the Model Context Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "as the protocol has them")]
pub struct Mcp {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    pub open_world: bool,
}

impl Class {
    pub const ALL: [Self; 7] = [
        Self::Pure,
        Self::LocalRead,
        Self::NetRead,
        Self::LocalWrite,
        Self::NetWrite,
        Self::Exec,
        Self::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::LocalRead => "local_read",
            Self::NetRead => "net_read",
            Self::LocalWrite => "local_write",
            Self::NetWrite => "net_write",
            Self::Exec => "exec",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Class {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(BadWord)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Those that name nothing.
const PLAIN: &[Capability] = &[
    Capability::FsRead,
    Capability::FsWrite,
    Capability::NetRead,
    Capability::NetWrite,
    Capability::Exec,
    Capability::Process,
    Capability::CodeExec,
    Capability::Ffi,
    Capability::EnvRead,
    Capability::EnvWrite,
    Capability::SysRead,
    Capability::Secrets,
    Capability::Stdin,
    Capability::Db,
    Capability::Reflect,
    Capability::Unanalyzed,
    Capability::Nondet,
];

impl Capability {
    /// Without what it names.
    pub fn word(&self) -> &'static str {
        match self {
            Self::FsRead => "fs_read",
            Self::FsWrite => "fs_write",
            Self::NetRead => "net_read",
            Self::NetWrite => "net_write",
            Self::Exec => "exec",
            Self::Process => "process",
            Self::CodeExec => "code_exec",
            Self::Ffi => "ffi",
            Self::EnvRead => "env_read",
            Self::EnvWrite => "env_write",
            Self::SysRead => "sys_read",
            Self::Secrets => "secrets",
            Self::Stdin => "stdin",
            Self::Db => "db",
            Self::Reflect => "reflect",
            Self::Opaque(_) => "opaque",
            Self::FirstParty(_) => "first_party",
            Self::Unanalyzed => "unanalyzed",
            Self::Nondet => "nondet",
        }
    }
}

impl FromStr for Capability {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        match text.split_once(':') {
            Some(("opaque", it)) if !it.is_empty() => Ok(Self::Opaque(it.to_owned())),
            Some(("first_party", it)) if !it.is_empty() => Ok(Self::FirstParty(it.to_owned())),
            _ => PLAIN.iter().find(|it| it.word() == text).cloned().ok_or(BadWord),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Opaque(it) | Self::FirstParty(it) => write!(f, ":{it}"),
            Self::FsRead
            | Self::FsWrite
            | Self::NetRead
            | Self::NetWrite
            | Self::Exec
            | Self::Process
            | Self::CodeExec
            | Self::Ffi
            | Self::EnvRead
            | Self::EnvWrite
            | Self::SysRead
            | Self::Secrets
            | Self::Stdin
            | Self::Db
            | Self::Reflect
            | Self::Unanalyzed
            | Self::Nondet => Ok(()),
        }
    }
}

impl Analysis {
    /// Nothing is known of it: `why` nobody could look.
    pub fn unanalyzed(analyzer: &'static str, parse: Parse, file: &str, via: &str) -> Self {
        let line = match &parse {
            Parse::Failed { line, .. } => *line,
            Parse::Ok | Parse::None(_) => None,
        };
        let evidence = Evidence {
            cap: Capability::Unanalyzed,
            via: via.to_owned(),
            file: file.to_owned(),
            line,
            path: Vec::new(),
            site: None,
        };
        Self {
            analyzer,
            parse,
            declared: None,
            inferred: vec![evidence],
            observed: Vec::new(),
            followed: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for class in Class::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
        }
        let named = [Capability::Opaque("numpy".into()), Capability::FirstParty("a/b.py".into())];
        for cap in PLAIN.iter().chain(&named) {
            assert_eq!(cap.to_string().parse(), Ok(cap.clone()));
        }
        for text in ["", "opaque", "opaque:", "first_party:", "EXEC", "unanalyzed:x"] {
            assert_eq!(text.parse::<Capability>(), Err(BadWord), "{text}");
        }
        assert_eq!("root".parse::<Class>(), Err(BadWord));
    }

    #[test]
    fn the_order_is_that_of_harm() {
        assert!(Class::ALL.is_sorted());
        assert!(Class::NetRead < Class::LocalWrite && Class::Exec < Class::Unknown);
    }
}
