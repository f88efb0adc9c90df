//! Ten thousand rewrites at once until all of them are in the log, beside writing the same bytes and syncing them.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    daemon::Place,
    options::Options,
    process::Cpu,
    sources,
    table::{Table, median, ratio, seconds},
};

const TOOLS: usize = 10_000;

pub(crate) fn run(options: &Options, home: &Path) -> Table {
    let root = home.join("burst");
    sources::make(&root, TOOLS);
    let place = Place::new(home, &root);
    let (daemon, _) = place.start();
    let (mut rewrites, mut synced, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let before = Cpu::of(daemon.pid()).total();
    for round in 0..options.rounds {
        let first = daemon.sync();
        let began = Instant::now();
        rewrite(&root, round);
        rewrites.push(began.elapsed());
        let as_of = daemon.sync();
        synced.push(began.elapsed());
        assert!(as_of - first >= TOOLS as u64, "{as_of} - {first}: versions are missing");
        bare.push(journal(home, &root));
    }
    let used = Cpu::of(daemon.pid()).total().saturating_sub(before)
        / u32::try_from(options.rounds).unwrap();
    daemon.stop();
    report(options, &rewrites, &synced, &bare, used)
}

fn rewrite(root: &Path, round: usize) {
    for number in 0..TOOLS {
        let path = sources::path(root, number);
        let mut file = File::options().append(true).open(path).unwrap();
        writeln!(file, "# burst {round}").unwrap();
    }
}

/// What nobody can be faster than who keeps the contents: reading all files, appending them to one, a sync.
fn journal(home: &Path, root: &Path) -> Duration {
    let began = Instant::now();
    let mut file = File::create(home.join("bare")).unwrap();
    for number in 0..TOOLS {
        file.write_all(&fs::read(sources::path(root, number)).unwrap()).unwrap();
    }
    file.sync_data().unwrap();
    began.elapsed()
}

fn report(
    options: &Options,
    rewrites: &[Duration],
    synced: &[Duration],
    bare: &[Duration],
    used: Duration,
) -> Table {
    let title = format!(
        "a burst of {TOOLS} rewrites: medians of {} rounds, from the first rewrite",
        options.rounds
    );
    let mut table = Table::new(title, ["", "time", "a second", "ratio to it"]);
    let whole = median(synced);
    let rate = |it: Duration| format!("{:.0}", TOOLS as f64 / it.as_secs_f64());
    table.row("knowngood, until `sync=true` answers", [seconds(whole), rate(whole)]);
    for (name, times) in [
        ("the rewrites alone, as they were made", rewrites),
        ("reading all, one file, one fdatasync", bare),
    ] {
        let it = median(times);
        table.row(name, [seconds(it), rate(it), format!("{:.2}", ratio(whole, it))]);
    }
    table.note(format!("CPU time of the daemon for one burst: {}", seconds(used)));
    table
}
