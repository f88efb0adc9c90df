//! What the runner answers, read: it runs what it runs beside code that nobody vouches for, so that whatever is missing or
//! makes no sense is the run's own fault.

use serde::Deserialize;

use crate::{
    ports::value_of,
    shadow::{Effect, ErrorSeen, FileChange, RunSeen, Status, Value},
};

/// The version was loaded, or why it was not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hello {
    pub(super) ok: bool,
    pub(super) stage: String,
    pub(super) error: ErrorTold,
    denied: Vec<String>,
    params: serde_json::Value,
    load_effects: Vec<EffectTold>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    status: String,
    value: serde_json::Value,
    error: Option<ErrorTold>,
    stdout: String,
    stderr: String,
    effects: Vec<EffectTold>,
    files: std::collections::BTreeMap<String, FileTold>,
    denied: Vec<String>,
    wall_ms: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorTold {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    handled: bool,
    frames: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct EffectTold {
    cap: String,
    place: String,
}

#[derive(Clone, Debug, Deserialize)]
struct FileTold {
    what: String,
    sha256: String,
}

impl Hello {
    pub(super) fn parameters(&self) -> Value {
        value_of(self.params.clone())
    }

    /// As one run that all inputs share.
    pub(super) fn as_run(&self) -> RunSeen {
        RunSeen {
            status: if self.ok { Status::Ok } else { Status::Unhandled },
            error: (!self.ok).then(|| seen(self.error.clone())),
            effects: effects(&self.load_effects),
            denied: self.denied.iter().cloned().collect(),
            ..RunSeen::default()
        }
    }
}

impl ErrorTold {
    pub(super) fn shown(&self) -> String {
        format!("{}: {}", self.kind, self.message)
    }
}

/// `Err`: the runner itself could not begin it.
pub(super) fn answer(line: &[u8]) -> Result<RunSeen, String> {
    let Ok(it) = serde_json::from_slice::<Answer>(line) else {
        return Ok(failed(
            Status::Protocol,
            "Protocol",
            "it answered with something else than an answer",
        ));
    };
    let handled = it.error.as_ref().is_some_and(|it| it.handled);
    let status = match &*it.status {
        "ok" => Status::Ok,
        "error" if handled => Status::Handled,
        "error" => Status::Unhandled,
        "timeout" => Status::Timeout,
        "limit" => Status::Limit,
        "crash" => Status::Crash,
        "unable" => return Err(it.error.unwrap_or_default().shown()),
        _ => Status::Protocol,
    };
    let files = it
        .files
        .into_iter()
        .map(|(path, FileTold { what, sha256 })| (path, FileChange { what, sha256 }));
    Ok(RunSeen {
        status,
        value: value_of(it.value),
        error: it.error.map(seen),
        stdout: it.stdout,
        stderr: it.stderr,
        effects: effects(&it.effects),
        files: files.collect(),
        denied: it.denied.into_iter().collect(),
        wall_us: micros(it.wall_ms),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float ends at the ends of the integer"
)]
fn micros(millis: f64) -> u64 {
    (millis * 1000.0) as u64
}

pub(super) fn failed(status: Status, kind: &str, message: impl Into<String>) -> RunSeen {
    let error = ErrorSeen { kind: kind.to_owned(), message: message.into(), frames: Vec::new() };
    RunSeen { status, error: Some(error), ..RunSeen::default() }
}

fn seen(it: ErrorTold) -> ErrorSeen {
    ErrorSeen { kind: it.kind, message: it.message, frames: it.frames }
}

fn effects(all: &[EffectTold]) -> std::collections::BTreeSet<Effect> {
    let effect = |it: &EffectTold| Effect { capability: it.cap.clone(), place: it.place.clone() };
    all.iter().map(effect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_is_the_runs_own_fault() {
        for line in [&b"x\n"[..], b"[]\n", b"{\"status\":\"fine\"}\n", b"{}\n", b"{\"status\":3}\n"]
        {
            assert_eq!(answer(line).unwrap().status, Status::Protocol, "{line:?}");
        }
        let told = br#"{"id":"c1","status":"error","error":{"type":"E","message":"m","handled":true},"new":1}"#;
        let run = answer(told).unwrap();
        assert_eq!((run.status, &*run.error.unwrap().kind), (Status::Handled, "E"));
        assert!(
            answer(br#"{"status":"unable","error":{"type":"OSError","message":"full"}}"#).is_err()
        );
    }
}
