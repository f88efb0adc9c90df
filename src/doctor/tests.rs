//! Each check with its condition planted: limits and processes in a `/proc` of our own, directories with the wrong
//! rights, a daemon and a systemd that say what the test wants.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::*;
use crate::{
    checks::sandbox::{Namespaces, Rung},
    config::{Request, System},
    store::Health,
    wire::WatchState,
};

const UNIT: &str = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nKillMode=mixed\nUnitFileState=enabled\nNeedDaemonReload=no\nMainPID=7\n";

/// A healthy daemon, process 7, with one root.
struct Ward(tempfile::TempDir);

impl Ward {
    fn new() -> Self {
        let ward = Self(tempfile::tempdir().unwrap());
        for folder in ["state/log", "tools/web/deep", "tools/.git/objects", "proc/7"] {
            fs::create_dir_all(ward.path(folder)).unwrap();
        }
        ward.write("state/reserve", "");
        fs::File::options()
            .write(true)
            .open(ward.path("state/reserve"))
            .unwrap()
            .set_len(8 << 20)
            .unwrap();
        ward.mode("state", 0o700);
        ward.write("socket", "");
        ward.mode("socket", 0o660);
        ward.write("proc/7/status", "Name:\tknowngood\nCapEff:\t0000000010000000\n");
        for (name, value) in [
            ("sys/fs/inotify/max_user_watches", "1000"),
            ("sys/user/max_inotify_watches", "900"),
            ("sys/fs/inotify/max_user_instances", "128"),
            ("sys/fs/inotify/max_queued_events", "16384"),
        ] {
            ward.write(&format!("proc/{name}"), value);
        }
        ward.config("");
        ward
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn config(&self, more: &str) {
        let (state, tools) = (self.path("state"), self.path("tools"));
        self.write(
            "config.toml",
            &format!("{more}\nstate_dir = {state:?}\n[[root]]\npath = {tools:?}\n"),
        );
    }

    fn info(&self) -> Value {
        json!({
            "version": "1", "api": "v1", "features": [], "pid": 7, "uptime_ms": 1, "ready": true,
            "roots": [{"root": "tools", "path": self.path("tools"), "watch": "watching", "writable": true, "settled_by": "lease"}],
            "counters": {"missed_by_events": 0, "overflows": 0},
        })
    }

    fn patient(&self) -> Patient {
        let request = Request { config: Some(self.path("config.toml")), ..Request::default() };
        let answers = Answers {
            info: serde_json::from_value(self.info()).unwrap(),
            status: Status::default(),
            changed: Some(Vec::new()),
        };
        Patient {
            socket: self.path("socket"),
            config: Config::load(&request, &std::collections::BTreeMap::new(), &System),
            request,
            daemon: Ok(answers),
            unit: Some(UNIT.to_owned()),
            time: Some("NTP=yes\nNTPSynchronized=yes\n".to_owned()),
            ladder: ladder(&[]),
            proc: self.path("proc"),
            version: "1",
        }
    }

    /// What is said beyond "ok", after the patient was made ill.
    fn found(
        &self,
        harm: impl FnOnce(&mut Patient),
    ) -> Vec<(&'static str, Verdict, String, String)> {
        let mut patient = self.patient();
        harm(&mut patient);
        let here = self.path("").display().to_string();
        let shown = |it: &str| it.replace(&here, "%");
        let all = examine(&patient).into_iter().filter(|it| it.verdict != Verdict::Ok);
        all.map(|it| (it.check, it.verdict, shown(&it.what), shown(&it.mend.unwrap_or_default())))
            .collect()
    }

    /// Exactly one thing is said.
    fn one(
        &self,
        harm: impl FnOnce(&mut Patient),
        check: &str,
        verdict: Verdict,
        what: &str,
        mend: &str,
    ) {
        let found = self.found(harm);
        let [it] = &*found else { panic!("{what}: {found:#?}") };
        assert_eq!((it.0, it.1), (check, verdict), "{found:#?}");
        assert!(it.2.contains(what), "{what:?} is not in {:?}", it.2);
        assert!(
            it.3.contains(mend) && (mend.is_empty() == it.3.is_empty()),
            "{mend:?} is not in {:?}",
            it.3
        );
    }

    /// The daemon says something else of itself.
    fn says(&self, member: &str, value: Value) -> impl FnOnce(&mut Patient) {
        let mut info = self.info();
        *info.pointer_mut(member).unwrap_or_else(|| panic!("{member}")) = value;
        move |patient| {
            patient.daemon.as_mut().unwrap().info = serde_json::from_value(info).unwrap();
        }
    }
}

fn unit(replace: &str, with: &str) -> impl FnOnce(&mut Patient) {
    assert!(UNIT.contains(replace));
    let unit = UNIT.replace(replace, with);
    move |patient| patient.unit = Some(unit)
}

use Verdict::{Broken, Note};

#[test]
fn a_healthy_daemon_and_one_that_was_never_started() {
    let ward = Ward::new();
    assert_eq!(ward.found(|_| ()), []);
    let all = examine(&ward.patient());
    for check in ["daemon", "systemd", "config", "socket", "root", "inotify", "store", "clock"] {
        assert!(all.iter().any(|it| it.check == check), "{check} was looked at");
    }
    fs::remove_dir_all(ward.path("state")).unwrap();
    fs::remove_file(ward.path("socket")).unwrap();
    let found = ward.found(|it| {
        it.daemon = Err(Away::NoSocket);
        it.unit = None;
    });
    assert!(found.iter().all(|it| it.1 == Note), "{found:#?}");
    assert!(found[0].2.contains("no daemon runs at %socket"), "{found:#?}");
    assert!(found[1].2.contains("systemd does not run here"), "{found:#?}");
}

#[test]
fn what_the_daemon_says_of_itself() {
    let ward = Ward::new();
    let away = |away: Away| move |it: &mut Patient| it.daemon = Err(away);
    ward.one(
        away(Away::Silent("nobody listens".to_owned())),
        "daemon",
        Broken,
        "nobody listens",
        "restart",
    );
    ward.one(
        away(Away::Refused("uid 7 lacks".to_owned())),
        "daemon",
        Note,
        "uid 7 lacks",
        "sudo knowngood doctor",
    );
    ward.one(
        |it| it.version = "2",
        "daemon",
        Note,
        "version 1 runs, version 2 is installed",
        "systemctl restart knowngood",
    );
    let counters = json!({"missed_by_events": 3, "overflows": 0});
    ward.one(ward.says("/counters", counters), "daemon", Note, "3 changes made no event", "");
    let counters = json!({"missed_by_events": 0, "overflows": 2});
    ward.one(
        ward.says("/counters", counters),
        "daemon",
        Note,
        "dropped events 2 times",
        "max_queued_events=65536",
    );
    let waits = |why: &'static str| {
        move |it: &mut Patient| it.daemon.as_mut().unwrap().info.waiting_for = Some(why.to_owned())
    };
    ward.one(waits("the first scan is not done: tools"), "daemon", Note, "not ready yet", "");
    ward.one(
        waits("the disk that holds the log is full"),
        "daemon",
        Broken,
        "nothing is recorded",
        "journalctl",
    );
    ward.one(
        waits("the log takes no facts: x"),
        "daemon",
        Broken,
        "nothing is recorded",
        "journalctl",
    );
}

#[test]
fn the_configuration() {
    let ward = Ward::new();
    let changed = |it: &mut Patient| {
        it.daemon.as_mut().unwrap().changed =
            Some(vec!["log.level".to_owned(), "socket".to_owned()]);
    };
    ward.one(changed, "config", Note, "other values of log.level, socket", "knowngood reload");
    ward.config("colour = 1");
    let found = ward.found(|_| ());
    let config = found.iter().find(|it| it.0 == "config").unwrap();
    assert_eq!(config.1, Broken);
    assert!(config.2.starts_with("%config.toml:1:1: unknown key \"colour\""), "{config:?}");
    assert_eq!(config.3, "knowngood config check %config.toml");
    ward.config("colour = 1\nlog.level = 1");
    let found = ward.found(|_| ());
    assert!(
        found.iter().any(|it| it.2.starts_with("2 errors, the first: %config.toml:1:1")),
        "{found:#?}"
    );
}

/// All rungs work but these.
fn ladder(broken: &[(Rung, &str)]) -> Vec<Standing> {
    let why = |rung: &Rung| broken.iter().find(|it| it.0 == *rung).map(|it| it.1.to_owned());
    let works = |rung: &Rung| why(rung).map_or(Ok(()), Err);
    Rung::ALL.iter().map(|rung| Standing { rung: *rung, works: works(rung) }).collect()
}

#[test]
fn the_sandbox() {
    let ward = Ward::new();
    let away = (Rung::Runner, "the runner's unit: No such file or directory");
    let denied = (Rung::Runner, "the runner's unit: Permission denied");
    let no = [(Rung::Bubblewrap, "no bwrap"), (Rung::Landlock(Namespaces::Own), "no namespaces")];
    let still = (Rung::Landlock(Namespaces::Shared), "no Landlock");
    let start = "systemctl start knowngood-runner.socket";
    let by_limits =
        "the checks of knowngood.service run with nothing but limits: the runner's unit";
    ward.one(|it| it.ladder = ladder(&[away]), "sandbox", Note, by_limits, start);
    let sudo = "sudo knowngood doctor";
    ward.one(|it| it.ladder = ladder(&[denied]), "sandbox", Note, "only root may ask", sudo);
    let said = |broken: &[(Rung, &str)]| {
        let found = ward.found(|it| it.ladder = ladder(broken));
        found.into_iter().map(|it| it.2).collect::<Vec<_>>().join("\n")
    };
    let all = said(&[away, no[0], no[1]]);
    assert!(all.contains("Landlock alone") && all.contains("no namespaces"), "{all}");
    let all = said(&[away, no[0], no[1], still]);
    assert!(all.contains("nothing is imported: no bwrap"), "{all}");
}

#[test]
fn the_unit() {
    let ward = Ward::new();
    ward.one(|it| it.unit = None, "systemd", Note, "systemd does not run here", "");
    ward.one(
        unit("LoadState=loaded", "LoadState=not-found"),
        "systemd",
        Note,
        "no unit knowngood.service (not-found)",
        "install the package",
    );
    ward.one(
        unit(
            "ActiveState=active\nSubState=running\nResult=success",
            "ActiveState=failed\nSubState=failed\nResult=exit-code",
        ),
        "systemd",
        Broken,
        "is failed (failed), enabled: exit-code",
        "journalctl -u knowngood",
    );
    ward.one(unit("MainPID=7", "MainPID=8"), "systemd", Note, "another one, process 7", "");
    ward.one(
        unit("ActiveState=active", "ActiveState=inactive"),
        "systemd",
        Note,
        "is inactive",
        "",
    );
    ward.one(
        unit("KillMode=mixed", "KillMode=none"),
        "systemd",
        Broken,
        "leaves the daemon itself",
        "KillMode=mixed",
    );
    ward.one(
        unit("KillMode=mixed", "KillMode=process"),
        "systemd",
        Note,
        "leaves what the daemon started",
        "KillMode=mixed",
    );
    ward.one(
        unit("DaemonReload=no", "DaemonReload=yes"),
        "systemd",
        Note,
        "changed since",
        "systemctl daemon-reload",
    );
}

#[test]
fn rights_on_the_socket() {
    let ward = Ward::new();
    ward.mode("socket", 0o666);
    ward.one(
        |_| (),
        "socket",
        Note,
        "everybody may connect to %socket (mode 666)",
        "chmod o= %socket",
    );
    ward.mode("socket", 0o660);
    ward.mode("", 0o777);
    ward.one(|_| (), "socket", Broken, "everybody may replace the socket", "chmod o-w /");
    ward.mode("", 0o1777);
    assert_eq!(ward.found(|_| ()), [], "a sticky directory is safe");
}

#[test]
fn roots_and_their_rights() {
    let ward = Ward::new();
    ward.mode("tools", 0o777);
    ward.one(|_| (), "root", Note, "every user may put tools into %tools", "chmod o-w %tools");
    ward.mode("tools", 0o755);
    let root = |member: &str| format!("/roots/0/{member}");
    ward.one(
        ward.says(&root("settled_by"), json!("close_event")),
        "root",
        Note,
        "its file system tells of no writers",
        "",
    );
    ward.write("proc/7/status", "CapEff:\t0000000000000000\n");
    ward.one(
        ward.says(&root("settled_by"), json!("close_event")),
        "root",
        Note,
        "lacks CAP_LEASE",
        "AmbientCapabilities=CAP_LEASE",
    );
    let watch = |state: WatchState, why: &'static str| {
        move |it: &mut Patient| {
            let root = &mut it.daemon.as_mut().unwrap().info.roots[0];
            (root.watch, root.watch_why) = (state, Some(why.to_owned()));
        }
    };
    ward.one(
        watch(WatchState::Polling, "it is on NFS"),
        "root",
        Note,
        "tools: polled: it is on NFS",
        "",
    );
    ward.one(
        watch(WatchState::Degraded, "no watches"),
        "root",
        Note,
        "tools: polled in part: no watches",
        "",
    );
}

#[test]
fn roots_where_a_deploy_loses_or_cannot_be() {
    let ward = Ward::new();
    let switched = |by: &'static str, why: &'static str| {
        move |it: &mut Patient| {
            let root = &mut it.daemon.as_mut().unwrap().info.roots[0];
            (root.switched_by, root.switched_by_why) = (Some(by.to_owned()), Some(why.to_owned()));
        }
    };
    assert_eq!(ward.found(switched("exchange", "")), []);
    ward.one(
        switched("replace", "it is on FAT"),
        "root",
        Note,
        "loses what an editor saves in the very moment of its switch: it is on FAT",
        "",
    );
    ward.one(
        switched("none", "the stage is another's"),
        "root",
        Note,
        "nothing can be deployed there: the stage is another's",
        "ls -ld %tools %tools/.knowngood/*",
    );
    let ours = fs::metadata(ward.path("tools")).unwrap().uid();
    let runs_as = |user: u32, capabilities: &str| {
        ward.write("proc/7/status", &format!("Uid:\t0\t0\t0\t{user}\nCapEff:\t{capabilities}\n"));
    };
    runs_as(ours, "0000000010000000");
    assert_eq!(ward.found(|_| ()), []);
    runs_as(ours + 1, "0000000010000009");
    assert_eq!(ward.found(|_| ()), []);
    runs_as(ours + 1, "0000000010000008");
    ward.one(|_| (), "root", Note, "the daemon lacks CAP_CHOWN", "other-owners.conf");
    // One thing at a time.
    ward.one(switched("none", "x"), "root", Note, "nothing can be deployed there", "ls -ld");
}

#[test]
fn roots_that_are_stopped_or_cannot_be_written_to() {
    let ward = Ward::new();
    let read_only = |it: &mut Patient| {
        let root = &mut it.daemon.as_mut().unwrap().info.roots[0];
        (root.writable, root.not_writable_why) = (false, Some("read-only".to_owned()));
    };
    ward.one(read_only, "root", Note, "may not write there (read-only)", "ReadWritePaths=%tools");
    let stopped = |cause: &'static str| {
        move |it: &mut Patient| {
            let root = json!([{"root": "tools", "watch": "watching", "tools": 1, "last_scan": null, "safety_stop": cause}]);
            it.daemon.as_mut().unwrap().status.roots = serde_json::from_value(root).unwrap();
        }
    };
    ward.one(
        stopped("root_missing"),
        "root",
        Broken,
        "its directory is gone",
        "knowngood accept --all",
    );
    ward.one(
        stopped("mass_removal"),
        "root",
        Broken,
        "more than half of its tools are gone",
        "knowngood accept --all",
    );
    fs::remove_dir_all(ward.path("tools")).unwrap();
    ward.one(|_| (), "root", Broken, "%tools cannot be read", "mkdir -p %tools");
}

#[test]
fn a_root_that_may_not_be_read_is_found_without_a_daemon() {
    let ward = Ward::new();
    ward.mode("tools", 0o000);
    let root_reads_all = fs::read_dir(ward.path("tools")).is_ok();
    let found = ward.found(|it| it.daemon = Err(Away::Refused(String::new())));
    ward.mode("tools", 0o755);
    if root_reads_all {
        println!("skipped: root may read everything");
        return;
    }
    assert!(
        found.iter().any(|it| it.0 == "root" && it.1 == Broken && it.3.starts_with("setfacl")),
        "{found:#?}"
    );
}

#[test]
fn limits_of_the_kernel() {
    let ward = Ward::new();
    // tools, tools/web, tools/web/deep and the daemon's own cookies; .git is excluded.
    let shown = examine(&ward.patient());
    assert!(shown.iter().any(|it| it.what == "the roots need 4 of 900 watches"), "{shown:#?}");
    ward.write("proc/sys/user/max_inotify_watches", "3");
    ward.one(
        |_| (),
        "inotify",
        Broken,
        "need 4 of 3 watches: some directories are polled",
        "max_user_watches=65536 >> /etc/sysctl.d",
    );
    ward.write("proc/sys/user/max_inotify_watches", "9");
    ward.write(
        "proc/77/fdinfo/5",
        "pos:\t0\ninotify wd:2 ino:1\ninotify wd:1 ino:2\ninotify wd:3 ino:9\ninotify wd:4 ino:8\n",
    );
    ward.write("proc/77/fdinfo/6", "pos:\t0\ninotify no\n");
    fs::create_dir_all(ward.path("proc/77/fd")).unwrap();
    symlink("anon_inode:inotify", ward.path("proc/77/fd/5")).unwrap();
    symlink("/dev/null", ward.path("proc/77/fd/6")).unwrap();
    ward.one(
        |_| (),
        "inotify",
        Note,
        "need 4 of 9 watches, other programs of this user hold 4",
        "max_user_watches=",
    );
    ward.write("proc/sys/user/max_inotify_watches", "7");
    ward.one(|_| (), "inotify", Broken, "hold 4: some directories are polled", "max_user_watches=");
    ward.write("proc/sys/user/max_inotify_watches", "900");
    ward.write("proc/sys/fs/inotify/max_user_instances", "2");
    ward.one(|_| (), "inotify", Broken, "hold 1 of 2 inotify instances", "max_user_instances=128");
    ward.write("proc/sys/fs/inotify/max_user_instances", "128");
    ward.write("proc/sys/fs/inotify/max_queued_events", "100");
    ward.one(|_| (), "inotify", Note, "only 100 events may wait", "max_queued_events=16384");
}

#[test]
fn the_store() {
    let ward = Ward::new();
    ward.mode("state", 0o755);
    ward.one(|_| (), "store", Note, "others may look into %state (mode 755)", "chmod 700 %state");
    ward.mode("state", 0o700);
    ward.write("state/log/0000000001.log", "");
    ward.one(|_| (), "store", Note, "the checkpoint ", "knowngood verify");
    ward.write("state/log/0000000003.log", "");
    let found = ward.found(|_| ());
    assert!(
        found.iter().any(|it| it.1 == Broken && it.2.contains("gone: %state/log/0000000002.log")),
        "{found:#?}"
    );
    fs::remove_dir_all(ward.path("state/log")).unwrap();
    fs::create_dir(ward.path("state/log")).unwrap();
    ward.write("state/lock", "");
    let inode =
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(ward.path("state/lock")).unwrap());
    ward.write("proc/locks", &format!("1: POSIX  ADVISORY  WRITE 9 08:01:{inode} 0 EOF\n2: FLOCK  ADVISORY  WRITE 9 08:01:{inode} 0 EOF\n"));
    ward.one(|_| (), "store", Broken, "process 9 holds %state, process 7 answers here", "ps -fp 9");
    ward.write("proc/locks", &format!("2: FLOCK  ADVISORY  WRITE 7 08:01:{inode} 0 EOF\n"));
    assert_eq!(ward.found(|_| ()), []);
    fs::remove_file(ward.path("state/reserve")).unwrap();
    ward.one(|_| (), "store", Note, "no reserve of 8 MiB", "make room");
    fs::remove_dir_all(ward.path("state")).unwrap();
    ward.one(|_| (), "store", Broken, "%state: ", "config show");
}

#[test]
fn room_on_the_disk() {
    let ward = Ward::new();
    let health = |free_bytes: u64| Health {
        uid: nix::unistd::geteuid().as_raw(),
        mode: 0o700,
        free_bytes,
        floor_bytes: 4 << 20,
        reserve_bytes: (8 << 20, 8 << 20),
        missing_segment: None,
        lost_checkpoint: None,
        held_by: None,
    };
    let room = |free| space::told(&ward.patient(), Path::new("/s"), &health(free)).remove(0);
    assert_eq!(
        (room(3 << 20).verdict, &*room(3 << 20).what),
        (Broken, "3 MiB free for /s: under 4 MiB nothing is recorded any more")
    );
    assert_eq!(room(100 << 20).verdict, Note);
    assert_eq!(room(100 << 20).mend.as_deref(), Some("make room: df -h /s"));
    assert_eq!((room(3 << 30).verdict, &*room(3 << 30).what), (Verdict::Ok, "3 GiB free for /s"));
    let strange = Health { uid: 4_000_000, ..health(3 << 30) };
    let found = space::told(&ward.patient(), Path::new("/s"), &strange);
    assert!(
        found.iter().any(|it| it.verdict == Broken && it.what.contains("belongs to uid 4000000")),
        "{found:#?}"
    );
}

#[test]
fn the_clock() {
    let ward = Ward::new();
    ward.one(
        |it| it.time = Some("NTPSynchronized=no\n".to_owned()),
        "clock",
        Note,
        "not kept right by the network",
        "timedatectl set-ntp true",
    );
    assert_eq!(ward.found(|it| it.time = None), []);
    ward.write("state/checkpoint", "");
    #[expect(
        clippy::disallowed_methods,
        reason = "a file from the future, by the clock that is looked at"
    )]
    let later = SystemTime::now() + Duration::from_hours(1);
    fs::File::options()
        .write(true)
        .open(ward.path("state/checkpoint"))
        .unwrap()
        .set_modified(later)
        .unwrap();
    let found = ward.found(|_| ());
    assert!(
        found.iter().any(
            |it| it.0 == "clock" && it.2.starts_with("it was set back: the log was written 35")
        ),
        "{found:#?}"
    );
}

#[test]
fn a_path_in_a_command_is_one_word() {
    assert_eq!(quoted(Path::new("/srv/tools")), "/srv/tools");
    assert_eq!(
        quoted(Path::new("/srv/my tools; rm -rf 'x'")),
        r"'/srv/my tools; rm -rf '\''x'\'''"
    );
}
