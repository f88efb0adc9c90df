//! Deploys over the socket: what is proposed, taken back, confirmed, approved or given up, and what became of it. Turns
//! references into contents and answers into status codes; whether anything may happen is decided elsewhere.

mod answer;
mod bases;
mod decide;
mod propose;
mod show;
mod undo;

pub(super) use self::{
    answer::{settled, told},
    decide::{abort, approve, confirm},
    propose::deploy,
    show::{list, one},
    undo::{restore, rollback},
};

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{call::Call, problem::Problem};
use crate::{model::Digest, wire};

/// How long a request waits for the deploy's rest where it does not say.
const USUAL_WAIT: Duration = Duration::from_mins(1);
const LONGEST_WAIT: Duration = Duration::from_mins(10);

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

pub(super) fn wait(asked: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = asked else { return Ok(USUAL_WAIT) };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    wire::duration(text).filter(|it| *it <= LONGEST_WAIT).ok_or_else(|| {
        Problem::invalid(format!("wait is {text:?}, it may be 0 or a time with a unit up to 10m"))
            .with("field", "wait")
    })
}

/// The number in the path.
fn number(call: &Call) -> Result<crate::model::DeployNo, Problem> {
    let text = call.rest.split('/').next().unwrap_or_default();
    let plain = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let number = text.parse().ok().filter(|_| plain).map(crate::model::DeployNo);
    number.ok_or_else(|| {
        Problem::invalid(format!("{text:?} is no deploy's number"))
            .hint("GET /v1/deploys lists them")
    })
}
