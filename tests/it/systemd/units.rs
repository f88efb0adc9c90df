//! The units of `systemd/`, installed by hand as the README says: a service's day from start to stop.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    guest::{Guest, in_guest},
    owners::a_root_of_another_owner_takes_the_drop_ins,
};
use crate::{logs::is_whole, readme::commands};

const SOCKET: &str = "/run/knowngood/knowngood.sock";
const CONFIG: &str = r#"
[[root]]
name = "tools"
path = "/srv/agents/tools"

[[root]]
name = "private"
path = "/home/ana/tools"
edits_by = "human:ana"

[access]
read = ["root", "@agents"]
admin = ["root"]
"#;

pub(super) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The installation by hand: what copies and registers, and the last command, which starts. The first builds what is
/// already there.
fn installation() -> (Vec<String>, String) {
    let mut commands = commands("Under systemd", "sh");
    assert_eq!(commands.remove(0), "cargo build --release");
    let start = commands.pop().unwrap();
    assert!(start.starts_with("systemctl enable --now"), "{start}");
    (commands, start)
}

/// The filters of the README, and what each has to find.
const FILTERS: &[(&str, &str)] = &[
    ("journalctl -u knowngood -f KNOWNGOOD_EVENT=drift.detected", "drift.detected seq="),
    ("journalctl KNOWNGOOD_TOOL=tools/search_tool.py", "version.recorded seq="),
    ("journalctl -u knowngood -p warning --since today", "drift.detected seq="),
    (
        "journalctl -u knowngood KNOWNGOOD_EVENT=log.head -o json --output-fields=KNOWNGOOD_SEQ,KNOWNGOOD_HASH",
        "\"KNOWNGOOD_HASH\":\"",
    ),
];

pub(super) fn install(guest: &Guest) {
    guest.sh("mkdir -p /root/src/target/release /root/src/config /root/src/systemd");
    let program = Path::new(env!("CARGO_BIN_EXE_knowngood"));
    guest.put(program, "/root/src/target/release/knowngood");
    let units = [
        "knowngood.service",
        "knowngood.socket",
        "knowngood-runner.socket",
        "knowngood-runner@.service",
        "knowngood.sysusers",
    ];
    let units = units.map(|it| format!("systemd/{it}"));
    for path in units.iter().map(String::as_str).chain(["config/knowngood.toml"]) {
        guest.put(&file(path), &format!("/root/src/{path}"));
    }
    for command in installation().0 {
        guest.sh(&format!("cd /root/src\n{command}"));
    }
}

fn configure(guest: &Guest, text: &str) {
    guest.sh(&format!("cat > /etc/knowngood/config.toml <<'END'\n{text}\nEND"));
}

pub(super) fn drop_in(guest: &Guest, name: &str, text: &str) {
    let folder = "/etc/systemd/system/knowngood.service.d";
    guest.sh(&format!("mkdir -p {folder}; cat > {folder}/{name}.conf <<'END'\n{text}\nEND"));
    guest.sh("systemctl daemon-reload");
}

/// A drop-in as it comes, under a name of its own.
pub(super) fn ship(guest: &Guest, drop_in: &str, name: &str) {
    let folder = "/etc/systemd/system/knowngood.service.d";
    guest.sh(&format!("mkdir -p {folder}"));
    guest.put(&file("systemd/drop-ins").join(drop_in), &format!("{folder}/{name}"));
    guest.sh("systemctl daemon-reload");
}

/// Tools of root's, and of a user's who has them at home.
fn make_tools(guest: &Guest) {
    guest.sh("useradd --create-home ana && groupadd agents && usermod -aG agents ana
         usermod -aG knowngood ana
         chmod 755 /home/ana
         mkdir -p /srv/agents/tools /home/ana/tools
         echo one > /srv/agents/tools/search_tool.py
         echo one > /home/ana/tools/b.py
         chown -R ana: /home/ana/tools");
}

#[test]
fn a_service_from_start_to_stop() {
    in_guest(|guest| {
        install(guest);
        make_tools(guest);
        the_units_are_sound(guest);
        a_bad_configuration_is_not_tried_twice(guest);
        configure(guest, CONFIG);
        it_is_ready_when_it_has_started(guest);
        an_edit_is_found_in_the_journal(guest);
        a_name_cannot_forge_an_entry(guest);
        a_reload_says_whether_it_was_done(guest);
        a_killed_one_comes_back(guest);
        a_stuck_loop_is_noticed(guest);
        it_stops_in_order(guest);
        every_entry_is_whole(guest);
        every_filter_finds_something(guest);
        a_client_starts_it(guest);
        roots_may_be_written_to_with_a_drop_in(guest);
        a_root_of_another_owner_takes_the_drop_ins(guest);
    });
}

fn the_units_are_sound(guest: &Guest) {
    let units = "/etc/systemd/system/knowngood.service /etc/systemd/system/knowngood.socket \
                 /etc/systemd/system/knowngood-runner.socket /etc/systemd/system/knowngood-runner@x.service";
    assert_eq!(guest.sh(&format!("systemd-analyze verify {units} 2>&1")), "");
    for unit in ["knowngood.service", "knowngood-runner@x.service"] {
        let told = guest.sh(&format!("systemd-analyze security --threshold=5 {unit} | tail -1"));
        println!("{}", told.trim());
    }
    for entry in file("systemd/drop-ins").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let unit = match name {
            it if it.starts_with("socket") => "knowngood.socket",
            it if it.starts_with("runner") => "knowngood-runner@.service",
            _ => "knowngood.service",
        };
        let folder = format!("/etc/systemd/system/{unit}.d");
        guest.sh(&format!("mkdir -p {folder}"));
        guest.put(&path, &format!("{folder}/{name}"));
        let told = guest.sh(&format!("systemd-analyze verify {units} 2>&1; rm -r {folder}"));
        // A type that this systemd may be too old for.
        let known = told.lines().all(|it| it.contains("notify-reload"));
        assert!(known, "{name}: {told}");
    }
}

fn a_bad_configuration_is_not_tried_twice(guest: &Guest) {
    configure(guest, "[[root]]\npath = 7");
    guest.fails("systemctl start knowngood");
    assert_eq!(guest.property("ExecMainStatus"), "78");
    assert_eq!((&*guest.property("ActiveState"), &*guest.property("NRestarts")), ("failed", "0"));
    let status = guest.property("StatusText");
    assert!(status.contains("/etc/knowngood/config.toml:2:8"), "{status}");
    let said = guest.sh("journalctl --sync && journalctl -q -o cat -u knowngood -p err");
    assert!(said.contains("/etc/knowngood/config.toml:2:8"), "{said}");
    guest.sh("systemctl reset-failed knowngood.service knowngood.socket");
}

fn it_is_ready_when_it_has_started(guest: &Guest) {
    guest.sh(&installation().1);
    assert_eq!(guest.get("/v1/ready")["ready"], true, "with no wait between");
    guest.sh("systemctl is-enabled knowngood.socket");
    let status = guest.property("StatusText");
    assert_eq!(status, "roots 2, tools 2, drifted 0, log at 6", "as it was when it was ready");
    let info = guest.get("/v1/info");
    for root in info["roots"].as_array().unwrap() {
        // With CAP_LEASE, whoever owns the file; the file system is not ours to write.
        assert_eq!((&root["settled_by"], &root["writable"]), (&json!("lease"), &json!(false)));
    }
    let started = guest.wait_journal("KNOWNGOOD_EVENT=daemon.started");
    assert_eq!((&started["KNOWNGOOD_SOCKET"], &started["PRIORITY"]), (&json!(SOCKET), &json!("6")));
    let modes = guest.sh(&format!("stat -c '%U:%G %a' {SOCKET} /var/lib/knowngood"));
    assert_eq!(modes, "root:knowngood 660\nknowngood:knowngood 700\n");
}

fn an_edit_is_found_in_the_journal(guest: &Guest) {
    guest.sh("echo two >> /srv/agents/tools/search_tool.py; su ana -c 'echo two >> /home/ana/tools/b.py'");
    // Somebody of the group, with the right to read.
    let (code, told) = guest.fails("su ana -c 'knowngood status --sync'");
    assert!(code == 1 && told.contains("tools/search_tool.py"), "{code}: {told}");
    let drift =
        guest.wait_journal("KNOWNGOOD_EVENT=drift.detected KNOWNGOOD_TOOL=tools/search_tool.py");
    let expected = [
        ("KNOWNGOOD_SEQ", "8"),
        ("KNOWNGOOD_VERSION", "2"),
        ("KNOWNGOOD_EXPECTED", "1"),
        ("KNOWNGOOD_SYNC", "modified"),
        ("PRIORITY", "4"),
        ("SYSLOG_IDENTIFIER", "knowngood"),
        ("_SYSTEMD_UNIT", "knowngood.service"),
        (
            "MESSAGE",
            "drift.detected seq=8 tool=tools/search_tool.py version=2 expected=1 sync=modified",
        ),
    ];
    for (name, value) in expected {
        assert_eq!(drift[name], value, "{name}: {drift}");
    }
    let recorded =
        guest.wait_journal("KNOWNGOOD_EVENT=version.recorded KNOWNGOOD_TOOL=private/b.py");
    assert_eq!(recorded["KNOWNGOOD_AUTHOR"], "human:ana");
    // One entry for one fact, in order.
    let seqs = |it: &Value| it["KNOWNGOOD_SEQ"].as_str().unwrap().parse::<u64>().unwrap();
    let entries = guest
        .journal("-u knowngood KNOWNGOOD_EVENT=version.recorded KNOWNGOOD_EVENT=drift.detected");
    assert_eq!(entries.iter().map(seqs).collect::<Vec<_>>(), (7..=10).collect::<Vec<_>>());
}

fn a_name_cannot_forge_an_entry(guest: &Guest) {
    guest.sh("printf one > '/srv/agents/tools/c\nKNOWNGOOD_TOOL=forged\nPRIORITY=0.py'");
    guest.fails("knowngood status --sync");
    let entry = guest
        .wait_journal("KNOWNGOOD_EVENT=version.recorded KNOWNGOOD_ORIGIN=watch PRIORITY=6 -n 1");
    assert!(entry["KNOWNGOOD_TOOL"].as_str().unwrap().starts_with("tools/c"), "{entry}");
    assert!(guest.journal("KNOWNGOOD_TOOL=forged").is_empty());
    assert!(guest.journal("_SYSTEMD_UNIT=knowngood.service PRIORITY=0").is_empty());
}

fn a_reload_says_whether_it_was_done(guest: &Guest) {
    let pid = guest.property("MainPID");
    guest.sh("systemctl reload knowngood");
    guest.wait_journal("KNOWNGOOD_EVENT=config.reloaded");
    configure(guest, &CONFIG.replace("human:ana", "nobody"));
    guest.fails("systemctl reload knowngood");
    let rejected = guest.wait_journal("KNOWNGOOD_EVENT=config.rejected PRIORITY=3");
    let place = "/etc/knowngood/config.toml:9:12";
    assert!(rejected["KNOWNGOOD_ERRORS"].as_str().unwrap().contains(place), "{rejected}");
    let status = guest.property("StatusText");
    assert!(status.contains("rejected") && status.contains(place), "{status}");
    assert_eq!((&*guest.property("ActiveState"), &*guest.property("MainPID")), ("active", &*pid));
    configure(guest, CONFIG);
    guest.sh("systemctl reload knowngood");
    guest.wait_property("StatusText", |it| it.starts_with("roots 2"));
}

fn a_killed_one_comes_back(guest: &Guest) {
    let before = guest.get("/v1/info")["log"]["seq"].as_u64();
    let pid = guest.property("MainPID");
    guest.sh(&format!("kill -9 {pid}; echo three >> /srv/agents/tools/search_tool.py"));
    guest.wait_property("NRestarts", |it| it == "1");
    guest.wait_property("ActiveState", |it| it == "active");
    assert!(guest.get("/v1/info")["log"]["seq"].as_u64() > before, "the edit meanwhile as well");
}

/// Every system call by which the loop wakes others is held up: it is stuck, while the rest of the daemon answers.
fn a_stuck_loop_is_noticed(guest: &Guest) {
    drop_in(guest, "watchdog", "[Service]\nWatchdogSec=3s");
    guest.sh("systemctl restart knowngood");
    let pid = guest.property("MainPID");
    let thread = guest.sh(&format!("grep -lx reconcile /proc/{pid}/task/*/comm"));
    let thread = thread.trim().trim_end_matches("/comm").rsplit('/').next().unwrap();
    let delay = "strace -qq -o /dev/null -e trace=futex -e inject=futex:delay_enter=600000000";
    guest.sh(&format!("setsid {delay} -p {thread} > /dev/null 2>&1 & echo $! > /run/strace"));
    guest.wait_property("Result", |it| it == "watchdog");
    // Who traces a process keeps it from being gone.
    guest.sh("kill -9 $(cat /run/strace)");
    guest.wait_property("NRestarts", |it| it == "1");
    guest.wait_property("ActiveState", |it| it == "active");
    assert_ne!(guest.property("MainPID"), pid);
    let why = guest.sh("journalctl -q -u knowngood -g 'watchdog timeout'");
    assert!(why.contains("Watchdog timeout"), "{why}");
    guest.sh("rm -r /etc/systemd/system/knowngood.service.d; systemctl daemon-reload");
    guest.sh("systemctl restart knowngood");
}

fn it_stops_in_order(guest: &Guest) {
    let head = guest.get("/v1/info")["log"].clone();
    guest.sh("systemctl stop knowngood.service");
    assert_eq!(
        (&*guest.property("Result"), &*guest.property("ActiveState")),
        ("success", "inactive")
    );
    let told = guest.journal("-u knowngood -n 12");
    let events: Vec<_> = told.iter().filter_map(|it| it["KNOWNGOOD_EVENT"].as_str()).collect();
    assert!(events.ends_with(&["daemon.stopping", "log.head"]), "{events:?}");
    let last = told.iter().rfind(|it| it["KNOWNGOOD_EVENT"] == "log.head").unwrap();
    assert_eq!(last["KNOWNGOOD_SEQ"].as_str().unwrap(), head["seq"].to_string());
    assert_eq!(last["KNOWNGOOD_HASH"], head["hash"]);
}

/// The journal's fields are those of the other forms, under longer names.
fn every_entry_is_whole(guest: &Guest) {
    let entries = guest.journal("-u knowngood");
    let ours = entries
        .iter()
        .filter_map(|it| it.as_object())
        .filter(|it| it.contains_key("KNOWNGOOD_EVENT"));
    let mut told = BTreeSet::new();
    for entry in ours {
        let level = match entry["PRIORITY"].as_str() {
            Some("3") => "error",
            Some("4") => "warn",
            _ => "info",
        };
        let fields = entry.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("KNOWNGOOD_")?.to_lowercase(), value.clone()))
        });
        let mut line: Value = fields.collect::<serde_json::Map<_, _>>().into();
        line["level"] = level.into();
        is_whole(&line);
        let message = entry["MESSAGE"].as_str().unwrap();
        assert!(message.starts_with(line["event"].as_str().unwrap()), "{entry:?}");
        told.insert(line["event"].as_str().unwrap().to_owned());
    }
    assert!(told.len() >= 8, "{told:?}");
}

/// One that follows goes on; what it finds is enough.
fn every_filter_finds_something(guest: &Guest) {
    let filters = commands("Logs", "sh");
    for filter in &filters {
        let known = FILTERS.iter().find(|it| it.0 == filter);
        let (_, found) = known.unwrap_or_else(|| panic!("no test knows `{filter}`"));
        let script = format!("grep -m 1 -F '{found}' < <({filter} 2> /dev/null)");
        guest.sh(&format!("timeout 60 bash -c {}", quoted(&script)));
    }
    assert_eq!(filters.len(), FILTERS.len(), "README.md has other filters: {filters:#?}");
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn a_client_starts_it(guest: &Guest) {
    assert_eq!(guest.property("ActiveState"), "inactive");
    guest.sh(&format!("test -S {SOCKET}"));
    assert_eq!(guest.get("/v1/info")["api"], "v1");
    let metrics = "curl --unix-socket /run/knowngood/knowngood.sock http://k/metrics";
    guest.wait_property("ActiveState", |it| it == "active");
    assert!(guest.sh(&format!("{metrics} 2> /dev/null")).contains("knowngood_tools{"));
    guest.sh("systemctl stop knowngood.socket knowngood.service");
    guest.fails(&format!("test -e {SOCKET}"));
}

fn roots_may_be_written_to_with_a_drop_in(guest: &Guest) {
    ship(guest, "writable-roots.conf", "writable-roots.conf");
    guest.sh("chgrp -R knowngood /srv/agents/tools; chmod -R g+w /srv/agents/tools");
    guest.sh("systemctl start knowngood");
    let roots = guest.get("/v1/info")["roots"].clone();
    let roots = roots.as_array().unwrap();
    let root = |name: &str| roots.iter().find(|it| it["root"] == name).unwrap();
    assert_eq!(root("tools")["writable"], true, "{roots:?}");
    assert_eq!(root("private")["writable"], false, "{roots:?}");
}
