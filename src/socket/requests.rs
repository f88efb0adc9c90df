//! How many requests there were, how they were answered and how long that took, by route. Of a stream counts the time
//! until it begins.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;

use super::route::Route;
use crate::metrics::{Histogram, Kind, Text};

/// As many entries as there are routes, and statuses that they give.
#[derive(Default)]
pub(super) struct Requests(Mutex<BTreeMap<(&'static str, String), Answers>>);

#[derive(Default)]
struct Answers {
    took: Histogram,
    by_status: BTreeMap<u16, u64>,
}

impl Requests {
    pub(super) fn answered(&self, route: &Route, status: StatusCode, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = all.entry((route.path, route.method.to_string())).or_default();
        answers.took.observe(took);
        *answers.by_status.entry(status.as_u16()).or_default() += 1;
    }

    pub(super) fn tell(&self, text: &mut Text) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let help = "Requests to the paths of the API, by how they were answered.";
        let mut family = text.family("knowngood_http_requests_total", Kind::Counter, help);
        for ((route, method), answers) in all.iter() {
            for (status, count) in &answers.by_status {
                let status = status.to_string();
                let labels = [("route", *route), ("method", method), ("status", &status)];
                family.put(&labels, count);
            }
        }
        let help = "How long answers took; of a stream, until it began.";
        let mut family = text.family("knowngood_http_request_seconds", Kind::Histogram, help);
        for ((route, method), answers) in all.iter() {
            let labels = [("route", *route), ("method", &**method)];
            family.samples(&labels, &answers.took.samples());
        }
    }
}
