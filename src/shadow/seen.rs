//! What was seen of one run of a tool.

use std::collections::{BTreeMap, BTreeSet};

use super::value::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSeen {
    pub status: Status,
    pub value: Value,
    pub error: Option<ErrorSeen>,
    pub stdout: String,
    pub stderr: String,
    pub effects: BTreeSet<Effect>,
    /// What became of the files of its workspace, by their path.
    pub files: BTreeMap<String, FileChange>,
    /// What the sandbox kept it from.
    pub denied: BTreeSet<String>,
    pub wall_us: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    #[default]
    Ok,
    /// It answered with an error.
    Handled,
    /// An exception that nobody caught.
    Unhandled,
    Timeout,
    Limit,
    Crash,
    Protocol,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorSeen {
    pub kind: String,
    pub message: String,
    /// Where it came from, innermost last: `file:line in function`.
    pub frames: Vec<String>,
}

/// A capability that was used, and on what: the place is coarse, so that another file name is no other effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    pub capability: String,
    pub place: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// `create`, `modify`, `delete`.
    pub what: String,
    /// Of what it holds afterwards.
    pub sha256: String,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Handled | Self::Unhandled => "error",
            Self::Timeout => "timeout",
            Self::Limit => "limit",
            Self::Crash => "crash",
            Self::Protocol => "protocol",
        }
    }

    /// It neither answered nor said why not.
    pub fn broke(self) -> bool {
        !matches!(self, Self::Ok | Self::Handled)
    }
}

impl RunSeen {
    /// What it did says nothing of the machine it is meant for: it failed where it was kept from something, or it asked
    /// for a network, which there is none of.
    pub fn needs_more(&self) -> Option<String> {
        let asked = self.effects.iter().find(|it| it.capability.starts_with("net_"));
        if let Some(it) = asked {
            return Some(format!("needs the network ({})", it.place));
        }
        let failed = self.status != Status::Ok;
        self.denied.first().filter(|_| failed).map(|it| format!("was kept from {it}"))
    }
}
