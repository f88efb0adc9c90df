//! The wall clock, for people to read. Nothing is ordered by it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{model::Timestamp, ports::Clock};

pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_micros());
    Timestamp(i64::try_from(since).unwrap_or(i64::MAX))
}
