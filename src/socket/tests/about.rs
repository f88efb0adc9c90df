//! Start, rights, and the document.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use super::rig::{Rig, limits, ourselves};
use crate::{
    access::{Access, Who},
    socket::{openapi::document, table::routes},
};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/socket/openapi.json");
const REGENERATE: &str = "KNOWNGOOD_WRITE_OPENAPI";

#[test]
fn the_committed_openapi_document_is_the_generated_one() {
    let generated = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever changes the API, not configuration"
    )]
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(Path::new(COMMITTED), &generated).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == generated,
        "src/socket/openapi.json is not what the code says; if the change is meant: {REGENERATE}=1 cargo test openapi"
    );
}

/// The log says what was; what is on disk is known when all of it was looked at.
#[tokio::test]
async fn before_the_first_scan_nothing_is_said_of_the_disk() {
    let rig = Rig::unloaded(&[("tools/a.py", "one\n")], limits());
    rig.service.loaded(rig.handle.clone());
    for path in ["/v1/status", "/v1/tools", "/v1/tools/tools/a.py", "/v1/check/tools/a.py"] {
        assert_eq!(rig.get(path).await.problem(), (503, "starting".to_owned()), "{path}");
    }
    assert_eq!(rig.get("/v1/info").await.status, 200);
    rig.handle.rescan(Vec::new(), false).await.unwrap();
    assert_eq!(rig.json("/v1/status").await["summary"]["in_sync"], 1);
}

/// Every `$ref` leads somewhere, and no type of a request hides one of an answer.
#[test]
fn the_openapi_document_is_whole() {
    let document = document();
    let known: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    let text = document.to_string();
    let references = text.split("#/components/schemas/").skip(1);
    for name in references.map(|it| it.split('"').next().unwrap()) {
        assert!(known.contains(name), "{name}");
    }
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|it| it.as_object().unwrap().len())
        .sum();
    assert_eq!(operations, routes().len());
    let parameters = document["paths"]["/v1/status"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<&Value> = parameters.iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["root", "state", "sync", "timeout"]);
    assert_eq!(parameters[2]["schema"]["type"], "boolean");
}

#[tokio::test]
async fn before_the_state_is_loaded_only_the_daemon_itself_is_told() {
    let rig = Rig::unloaded(&[("tools/a.py", "1\n")], limits());
    rig.service.starting("the journal is being read: 40 %");
    for route in routes() {
        let path = route.path.replace("{id}", "tools/a.py").replace("{name}", "planner");
        let path = path.replace("{n}", "1");
        let reply = rig.send(route.method.as_str(), &path, b"").await;
        if ["/v1/info", "/v1/openapi.json", "/v1/config"].contains(&&*path) {
            assert_eq!(reply.status, 200, "{path}");
        } else {
            assert_eq!(reply.problem(), (503, "starting".to_owned()), "{path}");
            assert_eq!(reply.header("retry-after"), Some("1"));
            assert!(reply.detail().contains("40 %"));
        }
    }
    let info = rig.json("/v1/info").await;
    assert_eq!(info["ready"], false);
    assert_eq!(info["waiting_for"], "the journal is being read: 40 %");
    assert_eq!(info["roots"][0]["watch"], "starting");
    rig.service.loaded(rig.handle.clone());
    rig.handle.rescan(Vec::new(), false).await.unwrap();
    assert_eq!(rig.json("/v1/ready").await["ready"], true);
}

#[tokio::test]
async fn info_names_the_head_of_the_log_and_how_roots_are_watched() {
    let rig = Rig::with(&[("tools/a.py", "1\n")]).await;
    let info = rig.json("/v1/info").await;
    assert_eq!(info["api"], "v1");
    assert_eq!(info["pid"], std::process::id());
    assert_eq!(info["store"]["backend"], "memory");
    assert_eq!(info["log"]["seq"], rig.handle.view().as_of().0);
    assert_eq!(info["log"]["hash"], format!("sha256:{}", "07".repeat(32)));
    assert_eq!(info["roots"][0]["root"], "tools");
    assert_eq!(info["roots"][0]["watch"], "watching");
    assert_eq!(info["roots"][0]["writable"], true);
}

#[tokio::test]
async fn every_path_asks_for_its_right() {
    let rig = Rig::with(&[("tools/a.py", "1\n")]).await;
    let nobody = || Who::default();
    rig.access(Access {
        read: nobody(),
        runtime: nobody(),
        deploy: nobody(),
        accept: nobody(),
        approve: nobody(),
        admin: nobody(),
        authors: None,
    });
    for route in routes() {
        let path = route.path.replace("{id}", "tools/a.py").replace("{name}", "planner");
        let reply = rig.send(route.method.as_str(), &path, b"").await;
        let Some(right) = route.right else {
            assert_eq!(reply.status, 200, "{path}");
            continue;
        };
        assert_eq!(reply.problem(), (403, "forbidden".to_owned()), "{path}");
        let problem = reply.json();
        assert_eq!(problem["uid"], nix::unistd::getuid().as_raw());
        assert_eq!(problem["right"], right.as_str());
        assert_eq!(problem["config_key"], format!("access.{}", right.as_str()));
    }
    rig.access(Access { read: ourselves().read, ..Access::of_daemon(4_000_000, 4_000_000) });
    assert_eq!(rig.get("/v1/status").await.status, 200);
}
