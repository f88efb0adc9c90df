//! Exit codes, all of them: no other file knows a number.

use std::process::ExitCode;

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// Of `status`, `check`, `diff` and `shadow`: there is a difference. It means nothing else.
    Differs,
    Usage,
    Unreachable,
    Forbidden,
    NotFound,
    Conflict,
    /// By verification or policy.
    Rejected,
    PartlyDone,
    Other,
    BadConfiguration,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Differs => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Forbidden => 4,
            Self::NotFound => 5,
            Self::Conflict => 6,
            Self::Rejected => 7,
            Self::PartlyDone => 8,
            Self::Other => 9,
            Self::BadConfiguration => 78,
        }
    }

    /// What a refusal of the daemon means for a script.
    pub(super) fn of_problem(status: u16, problem: &Value) -> Self {
        match (problem.get("code").and_then(Value::as_str), status) {
            (Some("config_rejected"), _) => Self::BadConfiguration,
            (_, 400 | 428) => Self::Usage,
            (_, 403) => Self::Forbidden,
            (_, 404 | 410) => Self::NotFound,
            (_, 409) => Self::Conflict,
            (_, 422) => Self::Rejected,
            _ => Self::Other,
        }
    }
}

impl Exit {
    /// What the state of a deploy means for whoever asked for it.
    pub(super) fn of_deploy(state: &str) -> Self {
        match state {
            "confirmed" | "activated" | "no_op" => Self::Ok,
            "conflicted" => Self::Conflict,
            "rejected" => Self::Rejected,
            "accepted" | "staged" | "verified" | "awaiting_approval" => Self::PartlyDone,
            _ => Self::Other,
        }
    }
}

impl Exit {
    /// What came of a shadow run; little evidence is no pass.
    pub(super) fn of_verdict(verdict: &str) -> Self {
        match verdict {
            "equivalent" | "improved" | "changed_as_declared" => Self::Ok,
            "changed" => Self::Differs,
            "regressed" | "unsafe" => Self::Rejected,
            "inconclusive" => Self::PartlyDone,
            _ => Self::Other,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
