//! Programs that mean no good: they end with what they began, the answer says why, and the live files are as they were.

use std::{fs, net::TcpListener, time::Instant};

use knowngood::checks::sandbox::{How, Limits, Namespaces, Rung};

use super::world::{Site, nobody_is_left, rungs, seconds, shell};

const PYTHON: &str = "/usr/bin/python3";

#[test]
fn what_hangs_is_ended_in_time_with_all_its_processes() {
    for (index, rung) in rungs().into_iter().enumerate() {
        let word = |it: u32| format!("{}", 40_000 + u32::try_from(index).unwrap() * 100 + it);
        let cases = [
            ("hangs", format!("sleep {}", word(1))),
            ("ignores SIGTERM", format!("trap '' TERM INT HUP; sleep {}", word(1))),
            ("has children", format!("sleep {0} & sleep {0} & wait", word(1))),
            (
                "daemonises",
                format!(
                    "setsid sh -c 'trap \"\" TERM; (setsid sleep {0} &) ; sleep {0}' & sleep {0}",
                    word(1)
                ),
            ),
        ];
        for (what, line) in cases {
            let began = Instant::now();
            let ended = shell(rung, &line, seconds(1), &[]);
            assert_eq!(ended.how, How::TimedOut, "{rung:?} {what}: {ended:?}");
            assert!(began.elapsed().as_secs() < 5, "{rung:?} {what}: {:?}", began.elapsed());
            nobody_is_left(&word(1), &format!("{rung:?} {what}"));
        }
    }
}

#[test]
fn what_ends_well_leaves_nobody_behind() {
    for (index, rung) in rungs().into_iter().enumerate() {
        let word = format!("{}", 50_000 + index);
        let line = format!("(setsid sleep {word} &); setsid sh -c '(sleep {word} &)' & echo done");
        let ended = shell(rung, &line, seconds(20), &[]);
        assert_eq!((&ended.how, &*ended.head), (&How::Exited(0), &b"done\n"[..]), "{rung:?}");
        nobody_is_left(&word, &format!("{rung:?}"));
    }
}

#[test]
fn each_end_is_told() {
    for rung in rungs() {
        for (line, how) in [
            ("exit 0", How::Exited(0)),
            ("exit 77", How::Exited(77)),
            ("kill -TERM $$", How::Signalled(15)),
            ("kill -KILL $$", How::Signalled(9)),
            ("kill -SEGV $$", How::Signalled(11)),
            ("kill -ABRT $$", How::Signalled(6)),
        ] {
            assert_eq!(shell(rung, line, seconds(20), &[]).how, how, "{rung:?} {line}");
        }
    }
}

#[test]
fn printing_without_end_neither_fills_nor_blocks_anything() {
    for rung in rungs() {
        let began = Instant::now();
        let ended = shell(rung, "yes 0123456789", seconds(1), &[]);
        assert_eq!(ended.how, How::TimedOut, "{rung:?}");
        assert_eq!((ended.head.len(), ended.tail.len()), (64 << 10, 4 << 10), "{rung:?}");
        assert!(began.elapsed().as_secs() < 5, "{rung:?}: {:?}", began.elapsed());
    }
}

#[test]
fn nothing_of_ours_is_seen() {
    for rung in rungs() {
        let ended =
            shell(rung, "env; echo; ls /proc/self/fd; echo; pwd; ls -A; tty", seconds(20), &[]);
        let said = String::from_utf8(ended.head).unwrap();
        let mut parts = said.split("\n\n");
        let names: Vec<_> =
            parts.next().unwrap().lines().map(|it| it.split('=').next().unwrap()).collect();
        let known = [
            "PATH",
            "HOME",
            "TMPDIR",
            "LANG",
            "PYTHONDONTWRITEBYTECODE",
            "PWD",
            "_",
            "OLDPWD",
            "SHLVL",
        ];
        assert!(names.iter().all(|it| known.contains(it)), "{rung:?}: {names:?}");
        // The directory that is being listed is the fourth.
        assert_eq!(parts.next(), Some("0\n1\n2\n3"), "{rung:?}: {said}");
        let rest: Vec<_> = parts.next().unwrap().lines().collect();
        assert!(rest[0].ends_with("/work") && rest[1] == "not a tty", "{rung:?}: {rest:?}");
    }
}

#[test]
fn live_files_are_as_they_were() {
    for rung in rungs() {
        if rung == Rung::Limits && !rustix::process::geteuid().is_root() {
            println!("SKIPPED: on the rung of limits a run may do what its user may");
            continue;
        }
        let site = Site::new();
        site.live("a.py", "live");
        let root = site.root().display();
        let line = format!(
            "echo bad > {root}/a.py; echo bad >> {root}/a.py; rm -f {root}/a.py; mv {root}/a.py {root}/b.py
             ln -f {root}/a.py ./l && echo bad > l; touch {root}/new.py; chmod 777 {root}/a.py; true"
        );
        shell(rung, &line, seconds(20), &[site.root().to_owned()]);
        assert_eq!(fs::read_to_string(site.root().join("a.py")).unwrap(), "live", "{rung:?}");
        assert_eq!(fs::read_dir(site.root()).unwrap().count(), 1, "{rung:?}");
        if rung.isolates() {
            let line = format!("cat {root}/a.py");
            let read = shell(rung, &line, seconds(20), &[site.root().to_owned()]);
            assert_eq!(read.head, b"live", "{rung:?}: the root can be read");
        }
    }
}

#[test]
fn secrets_and_the_network_are_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!(
        "{PYTHON} -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2); print(\"connected\")'"
    );
    for rung in rungs().into_iter().filter(|it| it.isolates()) {
        let shadow = shell(rung, "cat /etc/shadow", seconds(20), &[]);
        assert!(matches!(shadow.how, How::Exited(1)), "{rung:?}: {shadow:?}");
        let ended = shell(rung, &connect, seconds(20), &[]);
        assert!(matches!(ended.how, How::Exited(1)), "{rung:?}: {ended:?}");
        assert!(!ended.tail_text().contains("connected"), "{rung:?}: {}", ended.tail_text());
        if rung != Rung::Landlock(Namespaces::Shared) {
            let seen = shell(rung, "ls -d /proc/[0-9]* | wc -l", seconds(20), &[]);
            let seen: u32 = seen.tail_text().trim().parse().unwrap();
            assert!(seen < 10, "{rung:?} sees {seen} processes");
        }
    }
}

#[test]
fn a_disk_cannot_be_filled() {
    for rung in rungs() {
        let limits = Limits { scratch: 4 << 20, file_size: 2 << 20, ..seconds(20) };
        let one = "head -c 100000000 /dev/zero > big";
        let ended = shell(rung, one, limits, &[]);
        assert!(!matches!(ended.how, How::Exited(0) | How::TimedOut), "{rung:?}: {ended:?}");
        let many = "i=0; while head -c 1000000 /dev/zero > f$i && i=$((i+1)); do :; done; exit 3";
        let ended = shell(rung, many, limits, &[]);
        let told = match &ended.how {
            How::Exited(3) => true,
            How::Over(why) => why == "wrote more than 4 MiB",
            How::Exited(_) | How::Signalled(_) | How::TimedOut | How::NotRun(_) | How::Stopped => {
                false
            }
        };
        assert!(told, "{rung:?}: {ended:?}");
    }
}

#[test]
fn memory_and_processes_are_limited() {
    for (index, rung) in rungs().into_iter().enumerate() {
        let limits = Limits { memory: 128 << 20, ..seconds(20) };
        let one = format!("{PYTHON} -c 'x = b\"x\" * 400_000_000; import time; time.sleep(60)'");
        let ended = shell(rung, &one, limits, &[]);
        assert!(ended.tail_text().contains("MemoryError"), "{rung:?}: {ended:?}");
        let together = format!(
            "for i in 1 2 3 4; do {PYTHON} -c 'x = b\"x\" * 60_000_000; import time; time.sleep(60)' & done; wait"
        );
        let ended = shell(rung, &together, limits, &[]);
        assert_eq!(ended.how, How::Over("used more memory than 128 MiB".into()), "{rung:?}");
        let word = format!("{}", 60_000 + index);
        let many = format!("i=0; while [ $i -lt 300 ]; do sleep {word} & i=$((i+1)); done; wait");
        let ended = shell(rung, &many, seconds(20), &[]);
        let said = ended.tail_text().to_lowercase();
        let told = ended.how == How::Over("had more than 64 processes".into())
            || said.contains("cannot fork")
            || said.contains("resource temporarily unavailable");
        assert!(told, "{rung:?}: {ended:?}");
        nobody_is_left(&word, &format!("{rung:?}"));
    }
}
