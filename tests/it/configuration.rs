//! `config check`, `config show`, `config schema` and `doctor`, as somebody types them.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use crate::world::{World, output, stderr, stdout};

fn run(arguments: &[&str]) -> Output {
    output(&arguments.iter().map(Into::into).collect::<Vec<_>>())
}

fn path(it: &Path) -> &str {
    it.to_str().unwrap()
}

#[test]
fn a_file_is_checked_without_a_daemon() {
    let mut world = World::new();
    let file = world.write_config();
    let checked = run(&["config", "check", path(&file)]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert_eq!(stdout(&checked), format!("ok  {}; roots: tools\n", file.display()));
    assert!(!world.state().exists(), "nothing was made");
    world.config =
        "colour = 1\n[limits]\nconnections = \"many\"\n[log]\nlevel = \"loud\"".to_owned();
    world.write_config();
    let refused = run(&["config", "check", path(&file)]);
    assert_eq!((refused.status.code(), stdout(&refused)), (Some(78), String::new()));
    let said = stderr(&refused).replace(path(&world.home), "%");
    assert_eq!(
        said,
        "error: bad configuration: 3 errors\n  \
         %/config.toml:3:1: unknown key \"colour\"; known here: state_dir, socket, limits, audit, health, log, metrics, class, access, authors, root\n    \
         3 | colour = 1\n      | ^^^^^^\n  \
         %/config.toml:5:15: limits.connections takes a whole number from 1 to 10000; this is text in quotes\n    \
         5 | connections = \"many\"\n      |               ^^^^^^\n  \
         %/config.toml:7:9: \"loud\" is none of error, warn, info, debug, trace\n    \
         7 | level = \"loud\"\n      |         ^^^^^^\n"
    );
    let refused = run(&["config", "check", "--json", path(&file)]);
    let problem: Value = serde_json::from_str(&stderr(&refused)).unwrap();
    assert_eq!((refused.status.code(), &problem["code"]), (Some(78), &json!("config_rejected")));
    let second = json!({"source": file, "line": 5, "column": 15, "message": "limits.connections takes a whole number from 1 to 10000; this is text in quotes"});
    assert_eq!(problem["findings"][1], second);
    let absent = run(&["config", "check", "/nowhere/at/all.toml"]);
    assert_eq!(absent.status.code(), Some(78));
    assert!(
        stderr(&absent)
            .contains("/nowhere/at/all.toml: cannot read the configuration: it does not exist")
    );
}

/// What is shown can be written into a file, and says the same.
#[test]
fn a_file_set_is_shown_with_where_each_value_came_from() {
    let mut world = World::new();
    world.config = "[log]\nlevel = \"warn\"".to_owned();
    world.root_keys = "exclude = [\"**/x y\", 'a\"b']".to_owned();
    let file = world.write_config();
    fs::create_dir(world.home.join("conf.d")).unwrap();
    fs::write(world.home.join("conf.d/20-site.toml"), "limits.connections = 8\n").unwrap();
    let shown = stdout(&run(&["config", "show", path(&file)]));
    let lines = |text: &str, line: &str| text.lines().any(|it| it == line);
    for line in [
        "log.level = \"warn\"",
        "limits.connections = 8",
        "limits.connections_per_peer = 8",
        "[[root]]",
        "name = \"tools\"",
        "limits.file_size = \"16 MiB\"",
    ] {
        assert!(lines(&shown, line), "{line} is not in\n{shown}");
    }
    let origins =
        stdout(&run(&["config", "show", "--origin", path(&file)])).replace(path(&world.home), "%");
    for line in [
        "log.level = \"warn\"  # %/config.toml:4",
        "limits.connections = 8  # %/conf.d/20-site.toml:1",
        "limits.body_size = \"1 MiB\"  # default",
    ] {
        assert!(lines(&origins, line), "{line} is not in\n{origins}");
    }
    let copy = world.home.join("copy/config.toml");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    fs::write(&copy, &shown).unwrap();
    assert_eq!(stdout(&run(&["config", "show", path(&copy)])), shown);
}

#[test]
fn a_running_daemon_shows_what_is_in_force() {
    let mut world = World::with(&[("x.py", "one\n")]);
    let shown = world.cli(&["config", "show", "--origin"]);
    assert!(stderr(&shown).starts_with("# in force in the daemon at "), "{}", stderr(&shown));
    assert!(stdout(&shown).contains("log.level = \"info\"  # default\n"), "{}", stdout(&shown));
    world.config = "log.level = \"debug\"\n[metrics]\nlisten = \"127.0.0.1:1\"".to_owned();
    world.write_config();
    let reloaded = world.cli(&["reload"]);
    assert_eq!(
        stdout(&reloaded),
        "reloaded; roots: tools\nchanged: log.level, metrics.listen\nat the next start: metrics.listen\n"
    );
    let items =
        serde_json::from_str::<Value>(&stdout(&world.cli(&["config", "show", "--json"]))).unwrap();
    let item = |key: &str| {
        items["items"].as_array().unwrap().iter().find(|it| it["key"] == key).unwrap().clone()
    };
    assert_eq!(items["from"], "daemon");
    assert_eq!(item("log.level")["value"], "\"debug\"");
    let listen = item("metrics.listen");
    assert_eq!(
        (&listen["value"], &listen["after_restart"]),
        (&Value::Null, &json!("\"127.0.0.1:1\""))
    );
    world.stop();
    let away = world.cli(&["config", "show"]);
    assert!(stderr(&away).contains("no daemon answers at "), "{}", stderr(&away));
}

#[test]
fn the_schema_is_one_document() {
    let schema = run(&["config", "schema"]);
    let schema: Value = serde_json::from_str(&stdout(&schema)).unwrap();
    assert_eq!(schema["properties"]["limits"]["properties"]["connections"]["maximum"], 10_000);
    assert_eq!(schema["properties"]["root"]["items"]["required"], json!(["path"]));
}

fn findings(output: &Output) -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&stdout(output)).unwrap();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let all = document["findings"].as_array().unwrap().iter();
    all.map(|it| (text(&it["check"]), text(&it["verdict"]), text(&it["what"]))).collect()
}

#[test]
fn the_doctor_with_a_daemon_and_without() {
    let mut world = World::with(&[("x.py", "one\n")]);
    let file = world.write_config();
    let arguments = ["doctor", "--json", "--config", path(&file)];
    let healthy = world.cli(&arguments);
    let found = findings(&healthy);
    assert_eq!(healthy.status.code(), Some(0), "{found:#?}");
    let says = |found: &[(String, String, String)], check: &str, verdict: &str, what: &str| {
        let said = found.iter().any(|it| it.0 == check && it.1 == verdict && it.2.contains(what));
        assert!(said, "{check} {verdict} {what} is not in {found:#?}");
    };
    says(&found, "daemon", "ok", "runs as process");
    says(&found, "config", "ok", "it is valid");
    says(&found, "inotify", "ok", "the roots need 2 of ");
    says(&found, "store", "ok", " free for ");
    world.config = "log.level = \"debug\"".to_owned();
    world.write_config();
    says(&findings(&world.cli(&arguments)), "config", "note", "other values of log.level");
    world.config = "log.level = 5".to_owned();
    world.write_config();
    let broken = world.cli(&arguments);
    assert_eq!(broken.status.code(), Some(9));
    says(&findings(&broken), "config", "broken", "log.level takes one of");
    world.config.clear();
    world.write_config();
    world.kill();
    let dead = world.cli(&arguments);
    assert_eq!(dead.status.code(), Some(9));
    says(&findings(&dead), "daemon", "broken", "nobody listens there any more");
    fs::remove_file(world.socket()).unwrap();
    let away = world.cli(&arguments);
    assert_eq!(away.status.code(), Some(0), "{:#?}", findings(&away));
    says(&findings(&away), "daemon", "note", "no daemon runs at");
    let text = stdout(&world.cli(&["doctor", "--config", path(&file)]));
    assert!(text.contains("systemctl start knowngood, or knowngood run DIR\n"), "{text}");
}
