//! The Debian package: installed, run, upgraded, removed and purged.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::guest::{Guest, in_guest};
use crate::world::stderr;

/// A package of this program under another version.
fn build(folder: &Path, version: &str) -> PathBuf {
    let package = folder.join(format!("knowngood_{version}.deb"));
    let output = Command::new("cargo")
        .args(["deb", "--quiet", "--no-build", "--no-strip", "--fast", "--deb-version", version])
        .arg("--output")
        .arg(&package)
        .env("CARGO_TARGET_DIR", folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    package
}

/// The program as `cargo build --release` would leave it, without what debuggers read.
fn place_program(folder: &Path) {
    std::fs::create_dir(folder.join("release")).unwrap();
    let mut strip = Command::new("strip");
    strip.arg(env!("CARGO_BIN_EXE_knowngood")).arg("-o").arg(folder.join("release/knowngood"));
    assert!(strip.status().unwrap().success());
}

#[test]
fn a_package_comes_and_goes() {
    if !Command::new("cargo")
        .args(["deb", "--version"])
        .output()
        .is_ok_and(|it| it.status.success())
    {
        println!("SKIPPED: it takes cargo-deb (cargo install cargo-deb)");
        return;
    }
    in_guest(|guest| {
        let folder = tempfile::TempDir::new().unwrap();
        place_program(folder.path());
        for (version, name) in [("0.0.1", "/root/one.deb"), ("0.0.2", "/root/two.deb")] {
            guest.put(&build(folder.path(), version), name);
        }
        it_installs_and_starts_nothing(guest);
        it_runs_with_a_root(guest);
        an_upgrade_restarts_it_and_keeps_everything(guest);
        removed_it_leaves_configuration_and_log(guest);
        purged_it_leaves_the_log(guest);
    });
}

fn it_installs_and_starts_nothing(guest: &Guest) {
    let told = guest.sh("dpkg -i /root/one.deb 2>&1");
    assert!(told.contains("systemctl enable --now knowngood"), "{told}");
    assert_eq!(guest.property("ActiveState"), "inactive");
    let user = guest.sh("id -un knowngood; id -gn knowngood; dpkg -S /usr/bin/knowngood");
    assert_eq!(user, "knowngood\nknowngood\nknowngood: /usr/bin/knowngood\n");
    let config = guest.sh("dpkg-query -W -f '${Conffiles}' knowngood");
    assert!(config.contains("/etc/knowngood/config.toml"), "{config}");
    let units =
        "/usr/lib/systemd/system/knowngood.service /usr/lib/systemd/system/knowngood.socket";
    assert_eq!(guest.sh(&format!("systemd-analyze verify {units} 2>&1")), "");
    guest.sh("ls /usr/share/doc/knowngood/examples/writable-roots.conf");
    manual_and_completions_are_where_they_are_looked_for(guest);
}

fn manual_and_completions_are_where_they_are_looked_for(guest: &Guest) {
    // What a machine leaves out of every package, as images of containers do with manuals, is listed all the same.
    let files = guest.sh("dpkg -L knowngood");
    for name in [
        "man/man1/knowngood.1.gz",
        "man/man1/knowngood-status.1.gz",
        "man/man1/knowngood-config-check.1.gz",
        "zsh/vendor-completions/_knowngood",
        "fish/vendor_completions.d/knowngood.fish",
    ] {
        let path = format!("/usr/share/{name}");
        assert!(files.lines().any(|it| it == path), "{path} is not in\n{files}");
    }
    if guest.run("test -e /usr/share/man/man1/knowngood.1.gz && command -v man").status.success() {
        let found = guest.sh("man -w knowngood knowngood-status");
        assert_eq!(found.lines().count(), 2, "{found}");
    }
    let bash = "/usr/share/bash-completion/completions/knowngood";
    // As bash does when somebody presses the key behind `sta`.
    let line = "COMP_LINE=\"knowngood sta\" COMP_POINT=13 COMP_WORDS=(knowngood sta) COMP_CWORD=1";
    let key = format!("{line}; _knowngood knowngood sta; echo ${{COMPREPLY[0]}}");
    let told = guest.sh(&format!("bash --norc -c '. {bash}; complete -p knowngood; {key}'"));
    assert!(told.contains("-F _knowngood knowngood\n") && told.ends_with("\nstatus\n"), "{told}");
}

fn it_runs_with_a_root(guest: &Guest) {
    // As it comes, there is nothing to watch, and that is told.
    guest.fails("systemctl start knowngood");
    assert_eq!(guest.property("ExecMainStatus"), "78");
    guest.sh("mkdir -p /srv/tools; echo one > /srv/tools/a.py
         printf '[[root]]\\npath = \"/srv/tools\"\\n' >> /etc/knowngood/config.toml
         systemctl reset-failed; systemctl enable --now knowngood 2>&1");
    assert_eq!(guest.get("/v1/status")["summary"]["in_sync"], 1);
    guest.sh("echo two > /srv/tools/a.py; knowngood status --sync || test $? = 1");
    guest.wait_journal("KNOWNGOOD_EVENT=drift.detected KNOWNGOOD_TOOL=tools/a.py");
}

fn an_upgrade_restarts_it_and_keeps_everything(guest: &Guest) {
    let pid = guest.property("MainPID");
    guest.sh("dpkg -i /root/two.deb 2>&1");
    assert_eq!(guest.property("ActiveState"), "active");
    assert_ne!(guest.property("MainPID"), pid, "the new program runs");
    assert_eq!(guest.get("/v1/history/tools/a.py")["items"][0]["number"], json!(2));
    guest.sh("grep -q /srv/tools /etc/knowngood/config.toml; systemctl is-enabled knowngood");
}

fn removed_it_leaves_configuration_and_log(guest: &Guest) {
    guest.sh("dpkg -r knowngood 2>&1");
    guest.fails("systemctl is-active knowngood.service");
    guest.fails("systemctl is-active knowngood.socket");
    guest.fails("test -e /usr/bin/knowngood");
    guest.fails("test -e /run/knowngood/knowngood.sock");
    guest.sh("test -d /var/lib/knowngood; grep -q /srv/tools /etc/knowngood/config.toml");
}

fn purged_it_leaves_the_log(guest: &Guest) {
    let told = guest.sh("dpkg -P knowngood 2>&1");
    assert!(told.contains("/var/lib/knowngood"), "{told}");
    guest.fails("test -e /etc/knowngood");
    guest.sh("test -n \"$(ls /var/lib/knowngood)\"; test \"$(cat /srv/tools/a.py)\" = two");
    guest.fails("dpkg -s knowngood");
    guest.sh("test -z \"$(find /etc/systemd -name 'knowngood*')\"");
}
