//! What one save costs the daemon, over few tools and over many: the cost of an event must not grow with what is
//! watched.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    daemon::Place,
    options::Options,
    process::Cpu,
    sources,
    table::{Table, median, ms},
};

const FEW: usize = 100;
/// CPU time is counted in hundredths of a second: there must be many.
const SAVES: usize = 2_000;
/// The first ones meet cold caches.
const WARMING: usize = 200;
const WANTED: f64 = 1.2;

struct Cost {
    cpu: Duration,
    latency: Duration,
}

pub(crate) fn run(options: &Options, home: &Path, many: &Path) -> Table {
    let few = home.join("few");
    sources::make(&few, FEW);
    let mut table = Table::new(
        format!(
            "one save among {FEW} and among {} tools: means of {SAVES}, in turns of tools",
            options.tools
        ),
        ["", "CPU of the daemon", "p50 to the event", "CPU, ratio"],
    );
    let small = save_one_by_one(home, &few, FEW);
    let large = save_one_by_one(home, many, options.tools);
    let ratio = large.cpu.as_secs_f64() / small.cpu.as_secs_f64();
    table.row(&format!("{FEW} tools"), [ms(small.cpu), ms(small.latency)]);
    let cells = [ms(large.cpu), ms(large.latency), format!("{ratio:.2}")];
    table.row(&format!("{} tools", options.tools), cells);
    table.wish(&format!("at most {WANTED} ×"), ratio <= WANTED);
    table
}

/// The same hundred tools of the root again and again, so that both have the same to remember.
fn save_one_by_one(home: &Path, root: &Path, tools: usize) -> Cost {
    let place = Place::new(home, root);
    let (daemon, _) = place.start();
    let mut events = daemon.follow();
    let (mut before, mut latencies) = (Duration::ZERO, Vec::with_capacity(SAVES));
    for number in 0..SAVES + WARMING {
        if number == WARMING {
            before = Cpu::of(daemon.pid()).total();
        }
        let path = sources::path(root, number % FEW * (tools / FEW));
        let mut file = File::options().append(true).open(path).unwrap();
        writeln!(file, "# save {number}").unwrap();
        let closing = Instant::now();
        drop(file);
        events.next().unwrap();
        if number >= WARMING {
            latencies.push(closing.elapsed());
        }
    }
    let used = Cpu::of(daemon.pid()).total().saturating_sub(before);
    drop(events);
    daemon.stop();
    Cost { cpu: used / u32::try_from(SAVES).unwrap(), latency: median(&latencies) }
}
