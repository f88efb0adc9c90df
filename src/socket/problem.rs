//! Refusals and failures as answers: the only place that knows status codes. Every one of them is
//! `application/problem+json`.

mod refused;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    access::Right,
    model::{RuntimeName, ToolId},
    ports::StoreError,
    reconcile::Unavailable,
    wire::{self, Invalid, Unfit},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    InvalidRequest,
    ConfigRejected,
    Forbidden,
    NotFound,
    NoSuchTool,
    NoSuchVersion,
    NoSuchRuntime,
    NoSuchDeploy,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    DeployOpen,
    NotInState,
    Quarantined,
    RootReadOnly,
    CannotKeepOwner,
    SafetyStop,
    VerificationFailed,
    PolicyRejected,
    BaseRequired,
    TooLarge,
    UnsupportedType,
    TooManyRequests,
    CoolDown,
    Internal,
    Starting,
    Busy,
    LogNotWritable,
    DiskFull,
    Stopping,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    hint: Option<String>,
    more: Map<String, Value>,
    /// The connection cannot be used further: the request was not read to its end.
    close: bool,
}

impl Code {
    /// Status, code and title.
    fn told(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidRequest => (S::BAD_REQUEST, "invalid_request", "The request is not valid"),
            Self::ConfigRejected => (
                S::BAD_REQUEST,
                "config_rejected",
                "The configuration has errors; the old one stays",
            ),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "The right is missing"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is no such path"),
            Self::NoSuchTool => (S::NOT_FOUND, "no_such_tool", "There is no such tool"),
            Self::NoSuchVersion => (S::NOT_FOUND, "no_such_version", "There is no such version"),
            Self::NoSuchRuntime => (S::NOT_FOUND, "no_such_runtime", "There is no such runtime"),
            Self::NoSuchDeploy => (S::NOT_FOUND, "no_such_deploy", "There is no such deploy"),
            Self::DeployOpen => (S::CONFLICT, "deploy_open", "Another deploy of it is on its way"),
            Self::NotInState => (S::CONFLICT, "not_in_state", "The deploy is past that"),
            Self::Quarantined => (S::CONFLICT, "quarantined", "This content was blamed before"),
            Self::RootReadOnly => (S::CONFLICT, "root_read_only", "The root cannot be written"),
            Self::CannotKeepOwner => {
                (S::CONFLICT, "cannot_keep_owner", "The file would not keep what it has")
            }
            Self::SafetyStop => (S::CONFLICT, "safety_stop", "Nothing is changed in this root"),
            Self::VerificationFailed => {
                (S::UNPROCESSABLE_ENTITY, "verification_failed", "Verification says no")
            }
            Self::PolicyRejected => {
                (S::UNPROCESSABLE_ENTITY, "policy_rejected", "The root's policy says no")
            }
            Self::BaseRequired => {
                (S::PRECONDITION_REQUIRED, "base_required", "What did you start from?")
            }
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not take this method")
            }
            Self::RequestTimeout => {
                (S::REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time")
            }
            Self::Conflict => (S::CONFLICT, "conflict", "The disk is not as the request says"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "The body is too large"),
            Self::UnsupportedType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_type", "The body's type is not understood")
            }
            Self::TooManyRequests => {
                (S::TOO_MANY_REQUESTS, "too_many_requests", "This user has too many connections")
            }
            Self::CoolDown => {
                (S::TOO_MANY_REQUESTS, "too_many_requests", "Too many tries went wrong")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The daemon failed"),
            Self::Starting => (S::SERVICE_UNAVAILABLE, "starting", "The daemon is starting"),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "The daemon is busy"),
            Self::LogNotWritable => {
                (S::SERVICE_UNAVAILABLE, "log_not_writable", "The log takes no facts")
            }
            Self::DiskFull => (S::SERVICE_UNAVAILABLE, "disk_full", "The disk is full"),
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", "The daemon is stopping"),
        }
    }

    /// In seconds, where trying again can help.
    fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::TooManyRequests
            | Self::Starting
            | Self::Busy
            | Self::Stopping
            | Self::DeployOpen => Some("1"),
            Self::LogNotWritable | Self::DiskFull => Some("10"),
            Self::CoolDown => Some("3600"),
            Self::InvalidRequest
            | Self::ConfigRejected
            | Self::Forbidden
            | Self::NotFound
            | Self::NoSuchTool
            | Self::NoSuchVersion
            | Self::NoSuchRuntime
            | Self::NoSuchDeploy
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::Conflict
            | Self::NotInState
            | Self::Quarantined
            | Self::RootReadOnly
            | Self::CannotKeepOwner
            | Self::SafetyStop
            | Self::VerificationFailed
            | Self::PolicyRejected
            | Self::BaseRequired
            | Self::TooLarge
            | Self::UnsupportedType
            | Self::Internal => None,
        }
    }
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None, more: Map::new(), close: false }
    }

    pub(super) fn is(&self, code: Code) -> bool {
        self.code == code
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    pub(super) fn no_such_tool(id: &ToolId) -> Self {
        Self::new(Code::NoSuchTool, format!("{id} was never seen"))
            .hint("GET /v1/tools lists what is known")
    }

    pub(super) fn no_such_runtime(name: &RuntimeName) -> Self {
        Self::new(
            Code::NoSuchRuntime,
            format!("no runtime named {name} has a report that still counts"),
        )
        .hint("GET /v1/runtimes lists those that have")
    }

    pub(super) fn forbidden(uid: u32, right: Right) -> Self {
        let key = right.config_key();
        Self::new(
            Code::Forbidden,
            format!("uid {uid} lacks the right {:?}, which the key {key} gives", right.as_str()),
        )
        .with("uid", uid)
        .with("right", right.as_str())
        .with("config_key", key)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.insert(key.to_owned(), value.into());
        self
    }

    /// The members of an object, which must be one.
    pub(super) fn members(mut self, object: &impl Serialize) -> Self {
        if let Ok(Value::Object(members)) = serde_json::to_value(object) {
            self.more.extend(members);
        }
        self
    }

    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Its code and what it says, for an answer that is about many things.
    pub(super) fn told(&self) -> (String, String) {
        (self.code.told().1.to_owned(), self.detail.clone())
    }

    fn body(self) -> wire::Problem {
        let (status, code, title) = self.code.told();
        wire::Problem {
            kind: format!("urn:knowngood:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: self.detail,
            hint: self.hint,
            more: self.more,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (code, close) = (self.code, self.close);
        let text = serde_json::to_string_pretty(&self.body()).unwrap_or_default() + "\n";
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = code.told().0;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = code.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Invalid> for Problem {
    fn from(it: Invalid) -> Self {
        Self::invalid(format!("{} {}", it.field, it.why)).with("field", it.field)
    }
}

impl From<Unfit> for Problem {
    fn from(it: Unfit) -> Self {
        match it {
            Unfit::Invalid(it) => it.into(),
            Unfit::BaseRequired { field, tool } => {
                Self::new(Code::BaseRequired, format!("{field} is missing: what was {tool} then?"))
                    .hint(format!(
                        "give the version reference that you started from, as GET /v1/tools/{tool} \
                         names it, or null if it must not exist yet"
                    ))
                    .with("field", field)
                    .with("tool", tool)
            }
            Unfit::TooLarge { field, size, limit } => {
                Self::new(Code::TooLarge, format!("{field} has {size} bytes, over {limit}"))
                    .hint("the key limits.file_size sets how many a tool may have")
                    .with("field", field)
                    .with("limit", limit)
            }
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(it: Unavailable) -> Self {
        let code = match &it {
            Unavailable::Busy => Code::Busy,
            Unavailable::DiskFull(_) => Code::DiskFull,
            Unavailable::LogNotWritable(_) => Code::LogNotWritable,
            Unavailable::Stopping => Code::Stopping,
        };
        Self::new(code, it.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(it: StoreError) -> Self {
        Self::new(Code::Internal, it.to_string()).hint("POST /v1/verify checks the whole log")
    }
}
