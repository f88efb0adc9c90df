//! The figures, by one command: `cargo bench --bench figures [-- latency|idle|requests|burst|deploys|analysis|
//! runs|outcomes|scan|restart|cost|memory …]
//! [--tools 100000] [--saves 300] [--rounds 3] [--dir DIR] [--corpus DIR …]`.
//!
//! Runs the real program beside programs that do a part of its work, in turns on the same files, and prints medians
//! with ratios. Judges nothing but what was wished for; a peer that is not installed is named and left out.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something fails, prints what it found, and counts no further than a float does"
)]

mod analysis;
mod asker;
mod bare;
mod burst;
mod cost;
mod daemon;
mod deploys;
mod idle;
mod latency;
mod load;
mod machine;
mod memory;
mod options;
mod outcomes;
mod peer;
mod process;
mod requests;
mod restart;
mod runs;
mod scan;
mod sources;
mod table;
mod teller;
mod watchman;

use std::path::Path;

use options::{Options, Part};
use table::Table;

fn main() {
    let options = Options::parse(std::env::args().skip(1));
    let home = tempfile::Builder::new().prefix("figures-").tempdir_in(&options.dir).unwrap();
    let home = home.path().canonicalize().unwrap();
    println!("{}\n", machine::describe(&home));
    if options.wants(Part::Latency) {
        show(&latency::run(&options, &home));
    }
    if options.wants(Part::Idle) {
        show(&idle::run(&home));
    }
    if options.wants(Part::Requests) {
        show(&requests::run(&home));
    }
    if options.wants(Part::Burst) {
        show(&burst::run(&options, &home));
    }
    if options.wants(Part::Deploys) {
        deploys::run(&options, &home).iter().for_each(show);
    }
    if options.wants(Part::Analysis) {
        show(&analysis::run(&options));
    }
    if options.wants(Part::Runs) {
        runs::run(&options, &home).iter().for_each(show);
    }
    if options.wants(Part::Outcomes) {
        show(&outcomes::run(&options, &home));
    }
    let large = [Part::Scan, Part::Restart, Part::Cost, Part::Memory];
    if large.iter().any(|it| options.wants(*it)) {
        on_many_tools(&options, &home);
    }
}

/// What is measured over a large tree, which is made once.
fn on_many_tools(options: &Options, home: &Path) {
    let root = home.join("tools");
    let made = sources::make(&root, options.tools);
    println!("{made}\n");
    if options.wants(Part::Scan) {
        show(&scan::run(options, home, &root));
    }
    if options.wants(Part::Restart) {
        show(&restart::run(options, home, &root));
    }
    // The last two change the files.
    if options.wants(Part::Cost) {
        show(&cost::run(options, home, &root));
    }
    if options.wants(Part::Memory) {
        show(&memory::run(options, home, &root));
    }
}

fn show(table: &Table) {
    println!("{table}  load average {}\n", machine::load());
}
