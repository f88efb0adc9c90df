//! A machine that is thrown away: systemd as the first process of a container, whose root is an overlay of ours on a
//! tmpfs. What is installed, started or broken in it is gone afterwards. It takes root and systemd-nspawn.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::world::{PATIENCE, lay_over, mount_memory, private, stderr, stdout, unmount};

pub(super) struct Guest {
    container: Child,
    /// The first process of the guest, as we number it.
    leader: u32,
    folder: PathBuf,
}

/// Runs the test in a guest with our program as `/usr/bin/knowngood`; where none can be had, says so.
pub(super) fn in_guest(test: impl FnOnce(&Guest) + Send) {
    if !Path::new("/usr/bin/systemd-nspawn").exists() {
        println!("SKIPPED: it takes systemd-nspawn (apt-get install systemd-container)");
        return;
    }
    private(|| {
        let folder = tempfile::TempDir::new_in("/var/tmp").unwrap();
        match Guest::boot(folder.path()) {
            Ok(guest) => test(&guest),
            Err(why) => println!("SKIPPED: no guest can be booted here: {why}"),
        }
    });
}

impl Guest {
    fn boot(folder: &Path) -> Result<Self, String> {
        mount_memory(folder, "size=2g,mode=755");
        for name in ["upper", "work", "root"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let root = folder.join("root");
        lay_over(Path::new("/"), &folder.join("upper"), &folder.join("work"), &root)
            .map_err(|it| format!("laying over /: {it}"))?;
        make_anew(&root);
        let container = Command::new("systemd-nspawn")
            .arg("--quiet")
            .arg(format!("--directory={}", root.display()))
            .args(["--register=no", "--keep-unit", "--private-network", "--console=passive"])
            // What a machine lets its services ask of its kernel, and a container does not by itself.
            .arg("--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self")
            .args(["--boot", "systemd.unit=basic.target"])
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("console")).unwrap())
            .stderr(File::create(folder.join("complaints")).unwrap())
            .spawn()
            .unwrap();
        let mut guest = Self { container, leader: 0, folder: folder.to_owned() };
        while guest.leader == 0 {
            if guest.container.try_wait().unwrap().is_some() {
                return Err(guest.complaints());
            }
            guest.leader = guest.find_leader().unwrap_or_default();
            std::thread::park_timeout(Duration::from_millis(5));
        }
        guest.wait_for("systemd", |it| {
            let told = stdout(&it.run("systemctl is-system-running --wait"));
            ["running", "degraded"].contains(&told.trim()).then_some(())
        });
        Ok(guest)
    }

    fn find_leader(&self) -> Option<u32> {
        let pid = self.container.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().filter_map(|it| it.parse().ok()).find(|child: &u32| {
            let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
            status.lines().any(|it| it.starts_with("NSpid:") && it.ends_with("\t1"))
        })
    }

    /// What has no event to wait for is asked again and again.
    pub(super) fn wait_for<T>(&self, what: &str, ask: impl Fn(&Self) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(Instant::now() < until, "no {what}: {}", self.complaints());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn complaints(&self) -> String {
        ["console", "complaints"]
            .map(|it| fs::read_to_string(self.folder.join(it)).unwrap_or_default())
            .join("\n")
    }

    pub(super) fn run(&self, script: &str) -> Output {
        Command::new("nsenter")
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"])
            .args(["--target", &self.leader.to_string(), "sh", "-euc", script])
            .stdin(Stdio::null())
            .env("SYSTEMD_PAGER", "")
            .output()
            .unwrap()
    }

    /// What a script says that has to succeed.
    pub(super) fn sh(&self, script: &str) -> String {
        let output = self.run(script);
        let code = output.status.code();
        assert_eq!(code, Some(0), "{script}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    /// What a script says that has to fail.
    pub(super) fn fails(&self, script: &str) -> (i32, String) {
        let output = self.run(script);
        let code = output.status.code().unwrap_or_else(|| output.status.signal().unwrap() + 128);
        assert_ne!(code, 0, "{script}: {}", stdout(&output));
        (code, stdout(&output) + &stderr(&output))
    }

    /// Copies a file of ours.
    pub(super) fn put(&self, from: &Path, to: &str) {
        fs::copy(from, self.folder.join("root").join(to.trim_start_matches('/'))).unwrap();
    }

    /// The entries of the journal with these fields, oldest first.
    pub(super) fn journal(&self, fields: &str) -> Vec<Value> {
        let lines = self.sh(&format!("journalctl --sync && journalctl -q -o json --all {fields}"));
        lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    }

    pub(super) fn wait_journal(&self, fields: &str) -> Value {
        self.wait_for(fields, |it| it.journal(fields).into_iter().next())
    }

    /// A property of the unit.
    pub(super) fn property(&self, name: &str) -> String {
        let told = self.sh(&format!("systemctl show --value --property {name} knowngood.service"));
        told.trim().to_owned()
    }

    pub(super) fn wait_property(&self, name: &str, is_it: impl Fn(&str) -> bool) -> String {
        self.wait_for(name, |it| Some(it.property(name)).filter(|it| is_it(it)))
    }

    pub(super) fn get(&self, target: &str) -> Value {
        let answer = self.sh(&format!(
            "curl -sS --unix-socket /run/knowngood/knowngood.sock 'http://k{target}'"
        ));
        serde_json::from_str(&answer).unwrap()
    }
}

/// A machine of its own: nothing of ours is started in it, and its journal is empty.
fn make_anew(root: &Path) {
    fs::write(root.join("etc/machine-id"), "").unwrap();
    for name in ["multi-user", "sockets", "timers"] {
        drop(fs::remove_dir_all(root.join(format!("etc/systemd/system/{name}.target.wants"))));
    }
    // In images of containers it forbids packages to start anything.
    drop(fs::remove_file(root.join("usr/sbin/policy-rc.d")));
    drop(fs::remove_dir_all(root.join("var/log/journal")));
    fs::create_dir_all(root.join("var/log/journal")).unwrap();
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let journal = "journalctl -q -n 60 -o short-precise; systemctl status knowngood || :";
            println!("{}", stdout(&self.run(journal)));
        }
        // With the first process, all of the guest goes; the container's own end would leave it.
        let leader = i32::try_from(self.leader).ok().and_then(Pid::from_raw);
        leader.map_or(Ok(()), |it| kill_process(it, Signal::KILL)).unwrap_or(());
        drop(self.container.wait());
        unmount(&self.folder.join("root"));
        unmount(&self.folder);
    }
}
