//! Why a command came to nothing: a problem document, the daemon's or one of our own in the same form, and
//! the exit code that goes with it. It prints nothing.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::exit::Exit;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) problem: Value,
}

impl Failure {
    fn new(exit: Exit, code: &str, title: &str, detail: &str, hint: &str) -> Self {
        let mut problem =
            json!({"type": "about:blank", "code": code, "title": title, "detail": detail});
        if let (Value::Object(members), false) = (&mut problem, hint.is_empty()) {
            members.insert("hint".to_owned(), hint.into());
        }
        Self { exit, problem }
    }

    pub(super) fn usage(detail: &str, hint: &str) -> Self {
        Self::new(Exit::Usage, "usage", "wrong usage", detail, hint)
    }

    pub(super) fn not_found(detail: &str, hint: &str) -> Self {
        Self::new(Exit::NotFound, "not_found", "not found", detail, hint)
    }

    pub(super) fn other(title: &str, detail: &str) -> Self {
        Self::new(Exit::Other, "other", title, detail, "")
    }

    pub(super) fn unreachable(socket: &Path, why: &str) -> Self {
        Self::new(
            Exit::Unreachable,
            "unreachable",
            "cannot reach the daemon",
            &format!("{}: {why}", socket.display()),
            "start it with `knowngood run DIR`, or say where it listens with --socket or KNOWNGOOD_SOCKET",
        )
    }

    pub(super) fn not_connected(socket: &Path, error: &io::Error) -> Self {
        let kind = error.kind();
        let usual = [
            (io::ErrorKind::NotFound, "there is no such socket"),
            (io::ErrorKind::ConnectionRefused, "nobody listens there any more"),
            (io::ErrorKind::PermissionDenied, "permission denied; its group may talk to it"),
            (io::ErrorKind::WouldBlock, "too many are waiting there already"),
        ];
        let known = usual.iter().find(|it| it.0 == kind).map(|it| it.1);
        Self::unreachable(socket, known.unwrap_or(&error.to_string()))
    }

    /// An answer that is not a success. A body that is no problem document is still told.
    pub(super) fn answered(status: u16, body: &[u8]) -> Self {
        let problem =
            serde_json::from_slice(body).ok().filter(Value::is_object).unwrap_or_else(|| {
                let text = String::from_utf8_lossy(body);
                json!({"title": "the daemon refused", "status": status, "detail": text.trim()})
            });
        Self { exit: Exit::of_problem(status, &problem), problem }
    }

    /// Of a daemon that was there a moment ago: it restarts, starts, or has too much to do.
    pub(super) fn may_pass(&self) -> bool {
        let status = self.problem.get("status").and_then(Value::as_u64);
        self.exit == Exit::Unreachable || matches!(status, Some(429 | 503))
    }

    /// What to do next, in the words of the command line.
    pub(super) fn advise(&mut self, hint: &str) {
        if let Value::Object(members) = &mut self.problem {
            members.insert("hint".to_owned(), hint.into());
        }
    }

    pub(super) fn conflict(detail: &str, hint: &str) -> Self {
        Self::new(Exit::Conflict, "conflict", "a conflict is not settled", detail, hint)
    }

    pub(super) fn member(&self, name: &str) -> &str {
        self.problem.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
