//! A first scan until the daemon is ready, beside programs that hash the same files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    daemon::Place,
    options::Options,
    peer::{self, Took},
    process::{Cpu, Memory},
    table::{Table, median, ratio, seconds},
};

/// Whoever takes part, and each of its rounds.
struct Entrant {
    name: &'static str,
    rounds: Vec<Took>,
}

pub(crate) fn run(options: &Options, home: &Path, root: &Path) -> Table {
    let config = aide_config(home, root);
    let has_aide = peer::is_installed("aide");
    let entrant = |name| Entrant { name, rounds: Vec::new() };
    let mut ours = entrant("knowngood, first scan until ready");
    let mut hashing = entrant("find | xargs -P2 -n500 sha256sum");
    let mut aide = entrant("aide --init");
    let mut memory = Vec::new();
    for _ in 0..options.rounds {
        peer::warm(root);
        ours.rounds.push(first_scan(home, root, &mut memory));
        peer::warm(root);
        hashing.rounds.push(peer::run(&mut sha256sum(root)));
        if has_aide {
            peer::warm(root);
            aide.rounds.push(peer::run(Command::new("aide").arg("--init").arg("-c").arg(&config)));
        }
    }
    report(options, &ours, &[hashing, aide], &memory)
}

fn first_scan(home: &Path, root: &Path, memory: &mut Vec<Memory>) -> Took {
    let place = Place::new(home, root);
    let (daemon, time) = place.start();
    let Cpu { user, system } = Cpu::of(daemon.pid());
    memory.push(Memory::of(daemon.pid()));
    daemon.stop();
    Took { time, user, system }
}

fn sha256sum(root: &Path) -> Command {
    let mut command = Command::new("sh");
    let line = "find \"$0\" -name '*.py' -type f -print0 | xargs -0 -P2 -n500 sha256sum";
    command.args(["-c", line]).arg(root);
    command
}

fn aide_config(home: &Path, root: &Path) -> PathBuf {
    let path = home.join("aide.conf");
    let database = home.join("aide.db");
    let text = format!(
        "database_out=file:{}\ngzip_dbout=no\nreport_url=stdout\n\
         Attributes = p+i+n+u+g+s+m+c+sha256\n{} Attributes\n",
        database.display(),
        // It is a regular expression.
        root.display().to_string().replace('.', "\\.")
    );
    fs::write(&path, text).unwrap();
    path
}

fn report(options: &Options, ours: &Entrant, peers: &[Entrant], memory: &[Memory]) -> Table {
    let title = format!(
        "first scan of {} tools: medians of {} rounds in turns, files in the page cache",
        options.tools, options.rounds
    );
    let mut table =
        Table::new(title, ["", "time", "from … to", "CPU user + system", "ratio to it"]);
    table.row(ours.name, ours.cells());
    for it in peers {
        if it.rounds.is_empty() {
            table.note(format!("{} is not installed", it.name));
            continue;
        }
        let ratio = format!("{:.2}", ratio(ours.time(), it.time()));
        table.row(it.name, it.cells().into_iter().chain([ratio]));
    }
    let shown: Vec<String> =
        memory.iter().map(|it| format!("{:.0} (at most {:.0})", it.now, it.most)).collect();
    table.note(format!("resident right after it, MB: {}", shown.join(", ")));
    for (it, most) in peers.iter().zip([3.0, 0.7]).filter(|it| !it.0.rounds.is_empty()) {
        let holds = ratio(ours.time(), it.time()) <= most;
        table.wish(&format!("time ≤ {most} × {}", it.name), holds);
    }
    table
}

impl Entrant {
    fn time(&self) -> Duration {
        self.median(|it| it.time)
    }

    fn median(&self, of: impl Fn(&Took) -> Duration) -> Duration {
        median(&self.rounds.iter().map(of).collect::<Vec<_>>())
    }

    fn cells(&self) -> Vec<String> {
        let times = self.rounds.iter().map(|it| it.time);
        let (least, most) = (times.clone().min(), times.max());
        vec![
            seconds(self.time()),
            format!("{} … {}", seconds(least.unwrap()), seconds(most.unwrap())),
            format!(
                "{:.1} + {:.1} s",
                self.median(|it| it.user).as_secs_f64(),
                self.median(|it| it.system).as_secs_f64()
            ),
        ]
    }
}
