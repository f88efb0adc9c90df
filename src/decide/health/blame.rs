//! Who is to blame for a failed call. The most important table of the monitor: an outage that is put down to the tool would
//! take back a healthy version nearly always. What is put down to nobody else is the tool's.

use super::fingerprint::{fingerprint, stand_in};
use crate::model::{Blame, Call, CallError, CallFrame, CallReport, CallStatus, Failure, ToolId};

/// Only a mistake in the program makes these.
const PROGRAMMING: &[&str] = &[
    "SyntaxError",
    "IndentationError",
    "TabError",
    "ImportError",
    "ModuleNotFoundError",
    "NameError",
    "UnboundLocalError",
    "AttributeError",
    "NotImplementedError",
    "ReferenceError",
];

/// The world: network, names, certificates, disk, credentials.
const WORLD: &[&str] = &[
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "ConnectionAbortedError",
    "ConnectionTimeout",
    "ConnectTimeout",
    "ConnectTimeoutError",
    "ConnectError",
    "ReadTimeout",
    "ReadTimeoutError",
    "ReadError",
    "RemoteDisconnected",
    "RemoteProtocolError",
    "ProxyError",
    "NameResolutionError",
    "NewConnectionError",
    "MaxRetryError",
    "gaierror",
    "herror",
    "SSLError",
    "SSLEOFError",
    "SSLCertVerificationError",
    "CertificateError",
    "ServerDisconnectedError",
    "ClientConnectorError",
    "EndpointConnectionError",
    "TooManyRequests",
    "RateLimitError",
    "ServiceUnavailable",
    "BadGateway",
    "GatewayTimeout",
    "InternalServerError",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOSPC",
];

/// The arguments did not fit what the tool takes.
const CALLER: &[&str] = &[
    "ArgumentError",
    "ArgumentValidationError",
    "InvalidArgument",
    "InvalidArguments",
    "InvalidParams",
    "MissingArgument",
    "UnknownArgument",
    "ParameterError",
    "SchemaError",
    "ValidationError",
    "ToolInputError",
];

/// What Python says when a function is called with arguments that it does not take.
const MISCALLED: &[&str] = &[
    "unexpected keyword argument",
    "required positional argument",
    "required keyword-only argument",
    "positional arguments but",
    "positional argument but",
    "multiple values for argument",
];

/// A call as it is kept, once it is known who is to blame.
pub fn judged(report: &CallReport) -> Call {
    let blame = blame(report);
    let failure = blame.filter(|it| *it != Blame::User).map(|_| failure(report));
    Call {
        id: stand_in(&report.call_id),
        status: report.status,
        blame,
        duration_ms: report.duration_ms,
        args: report.args,
        failure,
    }
}

fn failure(report: &CallReport) -> Failure {
    let nothing = CallError::default();
    let error = report.error.as_ref().unwrap_or(&nothing);
    let kind = if error.kind.is_empty() { report.status.as_str() } else { last_name(&error.kind) };
    let inner = error.frames.iter().rev().find(|it| is_of_tool(it, &report.tool));
    let function = inner.and_then(|it| it.function.as_deref()).unwrap_or_default();
    let mistaken = PROGRAMMING.contains(&kind) || kind == "TypeError" && inner.is_some();
    Failure {
        call_id: report.call_id.clone(),
        kind: kind.to_owned(),
        fingerprint: fingerprint(kind, function, &error.message),
        programming: report.status == CallStatus::Error && mistaken,
    }
}

fn blame(report: &CallReport) -> Option<Blame> {
    match report.status {
        CallStatus::Ok => None,
        CallStatus::Cancelled => Some(Blame::User),
        CallStatus::Timeout | CallStatus::Crash => Some(Blame::Tool),
        CallStatus::Error => Some(match &report.error {
            None => Blame::Tool,
            Some(error) => of_error(error, &report.tool),
        }),
    }
}

fn of_error(error: &CallError, tool: &ToolId) -> Blame {
    let kind = last_name(&error.kind);
    let inside = error.frames.last().is_some_and(|it| is_of_tool(it, tool));
    let miscalled = kind == "TypeError" && MISCALLED.iter().any(|it| error.message.contains(it));
    if PROGRAMMING.contains(&kind) {
        Blame::Tool
    } else if (CALLER.contains(&kind) || miscalled) && !inside {
        Blame::Caller
    } else if WORLD.contains(&kind) || is_world(kind, &error.message, tool) {
        Blame::Env
    } else {
        Blame::Tool
    }
}

/// What only the message tells.
fn is_world(kind: &str, message: &str, tool: &ToolId) -> bool {
    let http = kind.contains("HTTP") || kind.contains("Http") || kind.contains("Status");
    let credential = ["Credential", "ApiKey", "APIKey"].iter().any(|it| kind.contains(it));
    let full = message.contains("[Errno 28]") || message.contains("ENOSPC");
    let denied = kind == "PermissionError"
        || kind == "EACCES"
        || message.contains("[Errno 13]")
        || message.contains("EACCES");
    credential || full || http && says_overloaded(message) || denied && !names(message, tool)
}

/// A status of HTTP that is not about what was asked: 429 and 5xx.
fn says_overloaded(message: &str) -> bool {
    let mut numbers = message.split(|it: char| !it.is_ascii_alphanumeric());
    numbers
        .any(|it| it == "429" || it.len() == 3 && it.starts_with('5') && it.parse::<u16>().is_ok())
}

fn names(message: &str, tool: &ToolId) -> bool {
    message.split(['\'', '"', ' ']).any(|it| is_file_of(it, tool))
}

fn is_of_tool(frame: &CallFrame, tool: &ToolId) -> bool {
    is_file_of(&frame.file, tool)
}

/// By whole segments it ends with the tool's path under its root, or it is its bare file name.
fn is_file_of(file: &str, tool: &ToolId) -> bool {
    let path = tool.shown_path();
    let name = path.rsplit('/').next().unwrap_or(path);
    let under = file.strip_suffix(path).is_some_and(|it| it.is_empty() || it.ends_with('/'));
    !path.is_empty() && (file == name || under)
}

/// `requests.exceptions.ConnectionError` is a `ConnectionError`.
fn last_name(kind: &str) -> &str {
    kind.rsplit(['.', ':']).next().unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    fn report(status: CallStatus, kind: &str, message: &str, frames: &[&str]) -> CallReport {
        let frame = |it: &&str| CallFrame { file: (*it).to_owned(), function: None };
        CallReport {
            tool: "tools/web/fetch.py".parse().unwrap(),
            version: Digest([1; 32]),
            call_id: "c1".to_owned(),
            status,
            duration_ms: 1,
            error: Some(CallError {
                kind: kind.to_owned(),
                message: message.to_owned(),
                frames: frames.iter().map(frame).collect(),
            }),
            args: None,
        }
    }

    #[test]
    fn the_status_alone_says_enough_but_for_errors() {
        use CallStatus::{Cancelled, Crash, Ok, Timeout};
        for (status, is) in [
            (Ok, None),
            (Cancelled, Some(Blame::User)),
            (Timeout, Some(Blame::Tool)),
            (Crash, Some(Blame::Tool)),
        ] {
            let call = judged(&report(status, "ConnectionError", "", &[]));
            assert_eq!(call.blame, is, "{status:?}");
            assert_eq!(call.failure.is_some(), is == Some(Blame::Tool));
        }
        let plain = CallReport { error: None, ..report(CallStatus::Error, "", "", &[]) };
        assert_eq!(judged(&plain).blame, Some(Blame::Tool));
    }

    #[test]
    fn errors_are_put_down_to_the_tool_unless_they_are_somebody_elses() {
        use Blame::{Caller, Env, Tool};
        let ours = &["/srv/agent.py", "/srv/tools/web/fetch.py"][..];
        for (kind, message, frames, is) in [
            ("KeyError", "'a'", ours, Tool),
            ("ValueError", "", &[][..], Tool),
            ("SomethingNew", "", &[], Tool),
            ("NameError", "name 'x' is not defined", &["/usr/lib/x.py"], Tool),
            ("AttributeError", "", &[], Tool),
            ("requests.exceptions.ConnectionError", "", ours, Env),
            ("socket.gaierror", "[Errno -2]", ours, Env),
            ("ssl.SSLCertVerificationError", "", &[], Env),
            ("HTTPError", "429 Client Error: Too Many Requests", ours, Env),
            ("HTTPStatusError", "Server error '503 Service Unavailable'", &[], Env),
            ("HTTPError", "404 Client Error", ours, Tool),
            ("HTTPError", "no 5000 of them", ours, Tool),
            ("ValueError", "503 is no status", ours, Tool),
            ("OSError", "[Errno 28] No space left on device", ours, Env),
            ("PermissionError", "[Errno 13] Permission denied: '/etc/x'", ours, Env),
            (
                "PermissionError",
                "[Errno 13] Permission denied: '/srv/tools/web/fetch.py'",
                ours,
                Tool,
            ),
            ("botocore.exceptions.NoCredentialsError", "", ours, Env),
            (
                "TypeError",
                "run() got an unexpected keyword argument 'q'",
                &["/srv/agent.py"],
                Caller,
            ),
            ("TypeError", "f() missing 1 required positional argument: 'q'", ours, Tool),
            ("TypeError", "unsupported operand", &["/srv/agent.py"], Tool),
            ("jsonschema.ValidationError", "'q' is required", &["/srv/agent.py"], Caller),
            ("ValidationError", "", ours, Tool),
            ("TimeoutError", "", ours, Tool),
        ] {
            let call = judged(&report(CallStatus::Error, kind, message, frames));
            assert_eq!(call.blame, Some(is), "{kind} {message}");
        }
    }

    #[test]
    fn a_frame_is_the_tools_by_whole_segments() {
        let tool = "tools/web/fetch.py".parse().unwrap();
        for (file, is) in [
            ("/srv/tools/web/fetch.py", true),
            ("web/fetch.py", true),
            ("fetch.py", true),
            ("/srv/other/fetch.py", false),
            ("/srv/cobweb/fetch.py", false),
            ("prefetch.py", false),
            ("", false),
        ] {
            assert_eq!(is_file_of(file, &tool), is, "{file}");
        }
    }

    #[test]
    fn programming_errors_are_known_by_their_kind_and_where_they_arose() {
        for (kind, frames, is) in [
            ("NameError", &[][..], true),
            ("builtins.ImportError", &[], true),
            ("TypeError", &["/srv/tools/web/fetch.py", "/usr/lib/json.py"], true),
            ("TypeError", &["/usr/lib/json.py"], false),
            ("KeyError", &["fetch.py"], false),
        ] {
            let call = judged(&report(CallStatus::Error, kind, "m", frames));
            assert_eq!(call.failure.unwrap().programming, is, "{kind} {frames:?}");
        }
    }
}
