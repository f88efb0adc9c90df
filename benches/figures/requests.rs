//! Answers a second, alone and while ten thousand files are being rewritten, beside a server of the same stack that
//! gives the same bytes without knowing anything.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    bare::Bare,
    daemon::{Daemon, Place},
    load::{self, Load},
    sources,
    table::{Table, ms, quantile},
};

const TOOLS: usize = 10_000;
const LENGTH: Duration = Duration::from_secs(5);

pub(crate) fn run(home: &Path) -> Table {
    let root = home.join("asked");
    sources::make(&root, TOOLS);
    let place = Place::new(home, &root);
    let (daemon, _) = place.start();
    let tool = sources::path(Path::new("asked"), 0).display().to_string();
    let targets = ["/v1/status".to_owned(), format!("/v1/history/{tool}")];
    let mut table = Table::new(
        format!("requests over {TOOLS} tools, 4 connections, {} s each", LENGTH.as_secs()),
        ["", "a second", "p50", "p99", "rate to a bare server's"],
    );
    for target in &targets {
        compare(&mut table, &daemon, &root, target);
    }
    daemon.stop();
    table
}

fn compare(table: &mut Table, daemon: &Daemon, root: &Path, target: &str) {
    // Apart, because the path of a socket is short.
    let home = TempDir::new().unwrap();
    let answer = daemon.ask(target).unwrap().to_string();
    let length = answer.len();
    let server = Bare::start(home.path(), answer);
    let bare = load::ask(&server.socket, target, LENGTH);
    let alone = load::ask(daemon.socket(), target, LENGTH);
    let busy = during_a_burst(root, || load::ask(daemon.socket(), target, LENGTH));
    // The burst ends before the next figure begins.
    daemon.sync();
    let (_, name) = target.split_at("/v1/".len());
    let name = name.split('/').next().unwrap();
    table.row(&format!("{name}, alone"), cells(&alone, &bare));
    table.row(&format!("{name}, during rewrites"), cells(&busy, &bare));
    table.row(&format!("a bare server with these {length} bytes"), cells(&bare, &bare));
}

fn cells(it: &Load, bare: &Load) -> [String; 4] {
    [
        format!("{:.0}", it.rate()),
        ms(quantile(&it.times, (1, 2))),
        ms(quantile(&it.times, (99, 100))),
        format!("{:.2}", it.rate() / bare.rate()),
    ]
}

/// Somebody rewrites one file after the other for as long as `run` takes.
fn during_a_burst<T>(root: &Path, run: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0..TOOLS).cycle() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let path = sources::path(root, number);
                let mut file = File::options().append(true).open(path).unwrap();
                writeln!(file, "# {number}").unwrap();
            }
        });
        let it = run();
        over.store(true, Ordering::Relaxed);
        it
    })
}
