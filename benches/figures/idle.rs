//! What a daemon costs when nothing happens: its CPU time over some minutes, audits included.

use std::{path::Path, thread, time::Duration};

use crate::{
    daemon::Place,
    process::{Cpu, Memory},
    sources,
    table::Table,
};

const TOOLS: usize = 1_000;
/// Three walks of the audit at the default interval.
const WHILE: Duration = Duration::from_secs(190);
const WANTED: f64 = 0.1;

pub(crate) fn run(home: &Path) -> Table {
    let root = home.join("idle");
    sources::make(&root, TOOLS);
    let place = Place::new(home, &root);
    let (daemon, _) = place.start();
    // The checkpoint after the first scan is not idleness.
    thread::sleep(Duration::from_secs(40));
    let before = Cpu::of(daemon.pid()).total();
    thread::sleep(WHILE);
    let used = Cpu::of(daemon.pid()).total().saturating_sub(before);
    let share = used.as_secs_f64() / WHILE.as_secs_f64() * 100.0;
    let mut table = Table::new(
        format!("idle with {TOOLS} tools for {} s", WHILE.as_secs()),
        ["", "CPU time", "of a core", "resident"],
    );
    let memory = Memory::of(daemon.pid());
    table.row(
        "knowngood",
        [
            format!("{} ms", used.as_millis()),
            format!("{share:.3} %"),
            format!("{:.0} MB", memory.now),
        ],
    );
    table.wish(&format!("at most {WANTED} % of a core"), share <= WANTED);
    daemon.stop();
    table
}
