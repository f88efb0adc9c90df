//! The first figures, by one command: `cargo bench --bench figures [-- latency|scan|restart|memory]
//! [--tools 100000] [--saves 300] [--rounds 3] [--dir DIR]`.
//!
//! Runs the real program beside programs that do a part of its work, in turns on the same files, and prints medians
//! with ratios. Judges nothing but what was wished for; a peer that is not installed is named and left out.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement ends where something fails, and prints what it found"
)]

mod daemon;
mod latency;
mod machine;
mod memory;
mod options;
mod peer;
mod process;
mod restart;
mod scan;
mod sources;
mod table;
mod watchman;

use std::path::Path;

use options::{Options, Part};
use table::Table;

fn main() {
    let options = Options::parse(std::env::args().skip(1));
    let home = tempfile::Builder::new().prefix("figures-").tempdir_in(&options.dir).unwrap();
    let home_path = home.path().canonicalize().unwrap();
    println!("{}\n", machine::describe(&home_path));
    let wants = |part| options.parts.contains(&part);
    if wants(Part::Latency) {
        show(&latency::run(&options, &home_path));
    }
    if wants(Part::Scan) || wants(Part::Restart) || wants(Part::Memory) {
        on_many_tools(&options, &home_path);
    }
}

/// What is measured over a large tree, which is made once.
fn on_many_tools(options: &Options, home: &Path) {
    let root = home.join("tools");
    let made = sources::make(&root, options.tools);
    println!("{made}\n");
    if options.parts.contains(&Part::Scan) {
        show(&scan::run(options, home, &root));
    }
    if options.parts.contains(&Part::Restart) {
        show(&restart::run(options, home, &root));
    }
    // The last: it changes the files.
    if options.parts.contains(&Part::Memory) {
        show(&memory::run(options, home, &root));
    }
}

fn show(table: &Table) {
    println!("{table}  load average {}\n", machine::load());
}
