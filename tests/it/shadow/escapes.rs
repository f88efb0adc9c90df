//! Candidates that mean no good: each is contained, told, and gone when the answer comes.

#![expect(clippy::similar_names, clippy::items_after_statements, reason = "sites and sides")]

use std::{
    fs,
    net::TcpListener,
    os::unix::net::UnixListener,
    time::{Duration, Instant},
};

use knowngood::{checks::sandbox::Rung, ports::ShadowReport, shadow::Kind};
use serde_json::json;

use super::world::{Site, has_own_namespaces, isolating, nobody_is_left};

const GOOD: &str = "def tool(n):\n    return {'n': n}\n";

/// The live version means well; the candidate does this first.
fn tried(site: &mut Site, rung: Rung, lines: &str) -> ShadowReport {
    let body = lines.replace('\n', "\n    ");
    site.versions(GOOD, &format!("def tool(n):\n    {body}\n    return {{'n': n}}\n"));
    site.inputs([json!({ "n": 1 })]);
    site.shadow(rung)
}

fn site() -> Site {
    Site::new("tool.py")
}

/// How the candidate's run ended, and what it said.
fn ending(report: &ShadowReport) -> (&'static str, String) {
    let finding = report.findings.first().unwrap_or_else(|| panic!("{report:#?}"));
    let error = finding.candidate.error.clone().unwrap_or_default();
    (finding.candidate.status, format!("{}: {}", error.0, error.1))
}

#[test]
fn nothing_is_reached_over_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for rung in isolating() {
        let line =
            format!("import socket\nsocket.create_connection(('127.0.0.1', {port}), 1).send(b'x')");
        let report = tried(&mut site(), rung, &line);
        assert_eq!(report.counts.kind(Kind::NewEffect), 1, "{rung:?} {report:#?}");
        assert!(listener.accept().is_err(), "{rung:?}: it got through");
    }
}

#[test]
fn nothing_is_written_outside() {
    for rung in isolating() {
        let mut site = site();
        let outside = site.above().join("outside.txt");
        fs::write(&outside, "mine").unwrap();
        let live = site.root().join("tool.py");
        let line = format!(
            "import os\nfor it in ({outside:?}, {live:?}, '/etc/x', '/usr/x', os.path.expanduser('~root/x')):\n    try:\n        open(it, 'w').write('theirs')\n    except OSError:\n        pass\ntry:\n    os.remove({live:?})\nexcept OSError:\n    pass"
        );
        tried(&mut site, rung, &line);
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine", "{rung:?}");
        assert!(fs::read_to_string(&live).unwrap().starts_with("def tool"), "{rung:?}");
    }
}

#[test]
fn the_daemons_own_things_are_not_there() {
    for rung in isolating() {
        let mut site = site();
        let own = site.root().join(".knowngood");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("log"), "secret").unwrap();
        let listener = UnixListener::bind(own.join("knowngood.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let secret = site.above().join("secret");
        fs::write(&secret, "secret").unwrap();
        let line = format!(
            "import os, socket\ngot = []\nfor it in ({:?}, {secret:?}, '/etc/shadow', '/root/.ssh', '/proc/1/environ', '/proc/%d/environ' % os.getppid()):\n    try:\n        got.append(open(it, 'rb').read() if not os.path.isdir(it) else os.listdir(it))\n    except OSError:\n        pass\ntry:\n    socket.socket(socket.AF_UNIX).connect({:?})\n    got.append('connected')\nexcept OSError:\n    pass\nreturn got",
            own.join("log"),
            own.join("knowngood.sock"),
        );
        let report = tried(&mut site, rung, &line);
        let told = report.findings[0].candidate.value.clone().unwrap();
        assert!(!told.contains("736563726574"), "{rung:?}: {told}");
        if has_own_namespaces(rung) {
            assert!(!told.contains("connected") && listener.accept().is_err(), "{rung:?}: {told}");
        }
    }
}

#[test]
fn nobody_else_is_ended_and_nobody_is_left() {
    for (index, rung) in isolating().into_iter().enumerate() {
        let word = format!("{}", 61_000 + index);
        let line = format!(
            "import os, subprocess, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        subprocess.Popen(['sleep', '{word}'])\n        time.sleep({word})\n    os._exit(0)\nsubprocess.Popen(['sleep', '{word}'], start_new_session=True)"
        );
        let began = Instant::now();
        let report = tried(&mut site(), rung, &line);
        assert!(began.elapsed() < Duration::from_secs(20), "{rung:?} {report:#?}");
        nobody_is_left(&word, Duration::from_secs(1));
        let mut victim = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let line = format!(
            "import os, signal\nfor it in ({}, os.getppid()):\n    try:\n        os.kill(it, signal.SIGKILL)\n    except OSError:\n        pass",
            victim.id()
        );
        tried(&mut site(), rung, &line);
        let alive = victim.try_wait().unwrap().is_none();
        victim.kill().unwrap();
        victim.wait().unwrap();
        if has_own_namespaces(rung) {
            assert!(alive, "{rung:?}");
        }
    }
}

#[test]
fn what_does_not_end_is_ended() {
    let cases = [
        ("while True: pass", "timeout"),
        ("import time\ntime.sleep(60)", "timeout"),
        ("while True: print('x' * 100000)", "timeout"),
        ("import os\nos.kill(os.getpid(), 11)", "crash"),
        ("import os\nos._exit(0)", "crash"),
        ("import os\nos.closerange(0, 100)", "crash"),
        ("raise SystemExit(0)", "error"),
        ("return 'x' * (20 << 20)", "protocol"),
    ];
    for rung in isolating() {
        for (lines, expected) in cases {
            let mut site = site();
            site.file("tool.toml", "[shadow]\ntimeout_ms = 700\n");
            ends(&mut site, rung, lines, &[expected]);
        }
    }
}

#[test]
fn what_takes_too_much_is_ended() {
    let cases = [
        "x = []\nwhile True: x.append(bytearray(1 << 24))",
        "with open('f', 'wb') as f:\n    while True: f.write(b'x' * (1 << 20))",
        "import os\nn = 0\nwhile True:\n    n += 1\n    with open('f%d' % n, 'wb') as f: f.write(b'x' * (8 << 20))",
        "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)",
    ];
    for rung in isolating() {
        for lines in cases {
            let mut site = site();
            site.rules.memory = 128 << 20;
            site.file("tool.toml", "[shadow]\ntimeout_ms = 20000\n");
            ends(&mut site, rung, lines, &["limit", "crash", "error"]);
        }
    }
}

fn ends(site: &mut Site, rung: Rung, lines: &str, expected: &[&str]) {
    let began = Instant::now();
    let report = tried(site, rung, lines);
    let (status, said) = ending(&report);
    assert!(expected.contains(&status), "{rung:?} {lines}: {status} {said}");
    assert!(began.elapsed() < Duration::from_secs(40), "{rung:?} {lines}");
}

#[test]
fn nothing_is_left_on_the_disk() {
    for rung in isolating() {
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let settings = knowngood::checks::sandbox::Settings {
            scratch: scratch.path().to_owned(),
            ..super::world::settings()
        };
        let ladder = knowngood::checks::sandbox::Ladder::at(rung, settings);
        let mut site = site();
        site.versions(GOOD, "def tool(n):\n    open('left', 'w').write('x')\n    return n\n");
        site.inputs([json!({ "n": 1 })]);
        let checker = knowngood::checks::Checker::new(ladder, vec![site.rules.clone()]);
        use knowngood::ports::Shadows as _;
        checker.shadow(&site.order, &|_| (), &knowngood::ports::StopFlag::default());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "{rung:?}");
    }
}
