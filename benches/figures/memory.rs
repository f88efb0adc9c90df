//! Resident memory over many tools with five versions each.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    daemon::{Daemon, Place},
    options::Options,
    process::{Cpu, Memory},
    table::{Table, seconds},
};

const MORE_VERSIONS: usize = 4;
const WANTED: f64 = 160.0;
/// Longer than the daemon waits before it writes a checkpoint.
const REST: Duration = Duration::from_secs(35);

pub(crate) fn run(options: &Options, home: &Path, root: &Path) -> Table {
    let title = format!("resident memory over {} tools", options.tools);
    let mut table = Table::new(title, ["", "now", "at most", "CPU user + system", "took"]);
    let place = Place::new(home, root);
    let (daemon, took) = place.start();
    row(&mut table, "1 version each, right after the scan", &daemon, took);
    for round in 0..MORE_VERSIONS {
        let began = Instant::now();
        change_all(root, round);
        daemon.sync();
        row(&mut table, &format!("{} versions each", round + 2), &daemon, began.elapsed());
    }
    check(&daemon);
    let began = Instant::now();
    rest(&daemon);
    let at_rest = row(&mut table, "the same, at rest", &daemon, began.elapsed());
    daemon.stop();
    let (daemon, took) = place.start();
    row(&mut table, "the same, after a restart", &daemon, took);
    daemon.stop();
    table.wish(&format!("at most {WANTED} MB at rest"), at_rest <= WANTED);
    table
}

fn row(table: &mut Table, name: &str, daemon: &Daemon, took: Duration) -> f64 {
    let memory = Memory::of(daemon.pid());
    table.row(
        name,
        [
            format!("{:.0} MB", memory.now),
            format!("{:.0} MB", memory.most),
            Cpu::of(daemon.pid()).shown(),
            seconds(took),
        ],
    );
    memory.now
}

/// Appends a line to every tool.
fn change_all(dir: &Path, round: usize) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            change_all(&path, round);
        } else if path.extension().is_some_and(|it| it == "py") {
            let mut file = fs::File::options().append(true).open(path).unwrap();
            writeln!(file, "# round {round}").unwrap();
        }
    }
}

/// The figures would mean nothing if versions were missing.
fn check(daemon: &Daemon) {
    let tools = daemon.ask("/v1/tools?limit=1000").unwrap();
    for tool in tools["items"].as_array().unwrap() {
        assert_eq!(tool["head"], MORE_VERSIONS + 1, "{tool}");
    }
}

/// Until it has done nothing for a while, and has had the time to write a checkpoint.
fn rest(daemon: &Daemon) {
    let began = Instant::now();
    let mut before = Cpu::of(daemon.pid());
    loop {
        std::thread::sleep(Duration::from_secs(3));
        let now = Cpu::of(daemon.pid());
        if now == before && began.elapsed() > REST {
            return;
        }
        before = now;
    }
}
