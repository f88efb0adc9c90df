//! Every path of API v1: method, right, what it does, and the function whose types say what it takes
//! and gives.

use axum::http::Method;

use super::{
    about, accept, admin, check, class, content, deploys, diff, events, health, history, metrics,
    outcomes, resolve,
    route::{Route, act, look},
    runtimes, shadow, status, tools,
};
use crate::access::Right::{Accept, Admin, Approve, Deploy, Read, Runtime};

pub(super) fn routes() -> Vec<Route> {
    looking().into_iter().chain(acting()).chain(deploying()).collect()
}

fn looking() -> Vec<Route> {
    let get = Method::GET;
    vec![
        act(
            get.clone(),
            "/v1/ready",
            None,
            "Whether the first scan is done and the log takes facts",
            about::ready,
        ),
        look("/v1/info", Read, "The daemon about itself", about::info),
        act(get.clone(), "/v1/openapi.json", None, "This document", about::openapi),
        act(
            get.clone(),
            "/v1/status",
            Some(Read),
            "What differs between disk, baseline and runtimes",
            status::status,
        ),
        look("/v1/tools", Read, "The tools", tools::list),
        look("/v1/tools/{id}", Read, "One tool", tools::one),
        look("/v1/history/{id}", Read, "A tool's versions, newest first", history::history),
        look("/v1/content/{id}", Read, "The bytes of a version", content::content),
        look("/v1/class/{id}", Read, "What a tool can do, with the evidence", class::class),
        look("/v1/diff/{id}", Read, "What differs between two versions", diff::diff),
        act(
            get.clone(),
            "/v1/check/{id}",
            Some(Read),
            "May I write now? Compares the disk with what the caller knows",
            check::check,
        ),
        act(
            get,
            "/v1/events",
            Some(Read),
            "Durable facts in order, as a page or as a stream",
            events::events,
        ),
        look("/v1/health/{id}", Read, "How a tool does", health::health),
        look("/v1/runtimes", Read, "What each runtime has loaded", runtimes::list),
        look("/v1/runtimes/{name}", Read, "What one runtime has loaded", runtimes::one),
        look("/metrics", Read, "Figures in the text format of Prometheus", metrics::metrics),
        look(
            "/v1/config",
            Admin,
            "The configuration, with where each value came from",
            admin::config,
        ),
    ]
}

fn acting() -> Vec<Route> {
    let (put, post, delete) = (Method::PUT, Method::POST, Method::DELETE);
    vec![
        act(
            put,
            "/v1/runtimes/{name}",
            Some(Runtime),
            "Report what a runtime has loaded",
            runtimes::report,
        ),
        act(delete, "/v1/runtimes/{name}", Some(Runtime), "Forget a runtime", runtimes::forget),
        act(
            post.clone(),
            "/v1/outcomes",
            Some(Runtime),
            "Report calls that are over",
            outcomes::report,
        )
        .answers(202),
        act(
            post.clone(),
            "/v1/resolve",
            Some(Read),
            "What would come of a proposal; nothing is changed",
            resolve::resolve,
        )
        .with_contents(),
        act(post.clone(), "/v1/accept", Some(Accept), "Disk becomes baseline", accept::accept),
        act(
            post.clone(),
            "/v1/class/{id}",
            Some(Approve),
            "A person signs for something that a tool can do, or takes that back",
            class::waive,
        ),
        act(post.clone(), "/v1/rescan", Some(Admin), "Look at everything on disk", admin::rescan),
        act(post.clone(), "/v1/reload", Some(Admin), "Read the configuration again", admin::reload),
        act(post, "/v1/verify", Some(Admin), "Check log, contents and disk", admin::verify),
    ]
}

/// What changes files.
fn deploying() -> Vec<Route> {
    let post = Method::POST;
    vec![
        act(
            post.clone(),
            "/v1/deploys",
            Some(Deploy),
            "Put contents in place, all of them or none",
            deploys::deploy,
        )
        .with_contents(),
        act(
            post.clone(),
            "/v1/shadow",
            Some(Deploy),
            "Run a content beside the live version, on the same inputs",
            shadow::shadow,
        )
        .with_contents(),
        look("/v1/deploys", Read, "Deploys, newest first", deploys::list),
        look("/v1/deploys/{n}", Read, "One deploy with every step", deploys::one),
        act(
            post.clone(),
            "/v1/deploys/{n}/confirm",
            Some(Deploy),
            "End a provisional deploy well",
            deploys::confirm,
        ),
        act(
            post.clone(),
            "/v1/deploys/{n}/abort",
            Some(Deploy),
            "Give up an open deploy; one that is live is taken back",
            deploys::abort,
        ),
        act(
            post.clone(),
            "/v1/deploys/{n}/approve",
            Some(Approve),
            "Let a deploy go on that waits for it",
            deploys::approve,
        ),
        act(
            post.clone(),
            "/v1/rollback",
            Some(Deploy),
            "Go back, as a new version",
            deploys::rollback,
        ),
        act(post, "/v1/restore", Some(Deploy), "Write the baseline back", deploys::restore),
    ]
}
