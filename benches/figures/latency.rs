//! From a save to the event at a subscriber, beside a bare write and fdatasync of the same bytes and beside other
//! watchers telling of the same save. One save at a time; all hear of each.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    daemon::Place,
    options::Options,
    sources,
    table::{Table, ms, quantile},
    teller::Teller,
    watchman::Watchman,
};

const TOOLS: usize = 40;
const WATCHMAN: &str = "watchman, at a subscriber (settle 20 ms)";
const INOTIFYWAIT: &str = "inotifywait -m -r, a line on its output";
const WATCHEXEC: &str = "watchexec, an event on its output (debounce 50 ms)";
const PATIENCE: Duration = Duration::from_secs(20);
const WANTED: Duration = Duration::from_millis(2);

/// Somebody who is told of changed files.
struct Listener(Receiver<(Instant, String)>);

/// Everything that was timed.
#[derive(Default)]
struct Times {
    in_place: Vec<Duration>,
    renamed: Vec<Duration>,
    others: Vec<(&'static str, Vec<Duration>)>,
    fdatasync: Vec<Duration>,
}

pub(crate) fn run(options: &Options, home: &Path) -> Table {
    let root = home.join("saved");
    let text = sources::sample();
    for number in 0..TOOLS {
        let path = root.join(name(number));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("# {number}\n{text}")).unwrap();
    }
    let place = Place::new(home, &root);
    let (daemon, _) = place.start();
    let ours = Listener::to(daemon.follow().map(|line| {
        let now = Instant::now();
        let event: Value = serde_json::from_str(&line).unwrap();
        let tool = event["tool"].as_str().unwrap_or_default().to_owned();
        (now, vec![tool.split_once('/').map(|it| it.1.to_owned()).unwrap_or_default()])
    }));
    let watchman = Watchman::start();
    let (inotifywait, watchexec) = (Teller::inotifywait(&root), Teller::watchexec(&root));
    let mut others = Vec::new();
    others.extend(watchman.as_ref().map(|it| (WATCHMAN, Listener::to(it.subscribe(&root)))));
    let (_inotifywait, told) = inotifywait.unzip();
    others.extend(told.map(|it| (INOTIFYWAIT, Listener::to(it))));
    let (_watchexec, told) = watchexec.unzip();
    others.extend(told.map(|it| (WATCHEXEC, Listener::to(it))));
    let bare = home.join("bare");
    fs::write(&bare, &text).unwrap();
    let times = save_all(options.saves, &root, &text, &bare, &ours, &others);
    daemon.stop();
    fs::remove_dir_all(&root).unwrap();
    report(options, &times)
}

fn name(number: usize) -> String {
    format!("set_{}/tool_{}.py", number % 4, number % TOOLS)
}

fn save_all(
    count: usize,
    root: &Path,
    text: &str,
    bare: &Path,
    ours: &Listener,
    others: &[(&'static str, Listener)],
) -> Times {
    let mut times = Times::default();
    times.others.extend(others.iter().map(|it| (it.0, Vec::new())));
    let bare = File::options().write(true).open(bare).unwrap();
    // The first ones warm everybody up and are not counted.
    let warming = 10;
    for number in 0..count + warming {
        let (name, text) = (name(number), format!("# save {number:06}\n{text}"));
        let in_place = number % 2 == 0;
        others.iter().map(|it| &it.1).chain([ours]).for_each(Listener::forget);
        let saved = save(root.join(&name), &text, in_place);
        let told = ours.wait(&name) - saved;
        let theirs: Vec<Duration> = others.iter().map(|it| it.1.wait(&name) - saved).collect();
        let began = Instant::now();
        bare.write_all_at(text.as_bytes(), 0).unwrap();
        bare.sync_data().unwrap();
        let synced = began.elapsed();
        if number >= warming {
            if in_place { &mut times.in_place } else { &mut times.renamed }.push(told);
            times.others.iter_mut().zip(theirs).for_each(|(all, it)| all.1.push(it));
            times.fdatasync.push(synced);
        }
    }
    times
}

/// Gives the moment before the file is closed, or before the new one takes its place.
fn save(path: PathBuf, text: &str, in_place: bool) -> Instant {
    let written = if in_place { path.clone() } else { path.with_extension("py.tmp") };
    let mut file = File::create(&written).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let closing = Instant::now();
    drop(file);
    if in_place {
        return closing;
    }
    let renaming = Instant::now();
    fs::rename(written, path).unwrap();
    renaming
}

impl Listener {
    fn to(told: impl Iterator<Item = (Instant, Vec<String>)> + Send + 'static) -> Self {
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let each = told.flat_map(|(now, names)| names.into_iter().map(move |it| (now, it)));
            for name in each {
                if send.send(name).is_err() {
                    return;
                }
            }
        });
        Self(receive)
    }

    fn forget(&self) {
        while self.0.try_recv().is_ok() {}
    }

    fn wait(&self, name: &str) -> Instant {
        loop {
            let (now, told) = self.0.recv_timeout(PATIENCE).unwrap();
            if told == name {
                return now;
            }
        }
    }
}

fn report(options: &Options, times: &Times) -> Table {
    let title = format!(
        "latency of {} saves of 5 KB, in turns in place and by rename, from close(2) or rename(2)",
        options.saves
    );
    let mut table = Table::new(title, ["", "p50", "p99", "p50 to fdatasync"]);
    let bare = quantile(&times.fdatasync, (1, 2));
    let both: Vec<Duration> = times.in_place.iter().chain(&times.renamed).copied().collect();
    let mut rows = vec![
        ("knowngood, version.recorded at a subscriber", &both),
        ("  saved in place", &times.in_place),
        ("  saved by rename", &times.renamed),
    ];
    rows.extend(times.others.iter().map(|it| (it.0, &it.1)));
    rows.push(("bare write + fdatasync of the same bytes", &times.fdatasync));
    for (name, times) in rows {
        let half = quantile(times, (1, 2));
        let over = half.as_secs_f64() - bare.as_secs_f64();
        let over = format!("{:+.2} ms", over * 1e3);
        table.row(name, [ms(half), ms(quantile(times, (99, 100))), over]);
    }
    let absent = |name: &&&str| !times.others.iter().any(|it| it.0 == **name);
    let missing = [WATCHMAN, INOTIFYWAIT, WATCHEXEC];
    missing.iter().filter(absent).for_each(|it| table.note(format!("not installed: {it}")));
    table.wish("p50 ≤ fdatasync p50 + 2 ms", quantile(&both, (1, 2)) <= bare + WANTED);
    table
}
