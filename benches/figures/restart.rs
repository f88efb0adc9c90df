//! From a start over files that are known until the daemon is ready, beside `git status` over the same files.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    daemon::Place,
    options::Options,
    peer,
    process::Memory,
    table::{Table, median, ratio, seconds},
};

pub(crate) fn run(options: &Options, home: &Path, root: &Path) -> Table {
    let place = Place::new(home, root);
    place.start().0.stop();
    let git = peer::is_installed("git").then(|| repository(home, root));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut cpu, mut memory) = (Vec::new(), Vec::new());
    peer::warm(root);
    for _ in 0..options.rounds {
        rustix::fs::sync();
        let (daemon, time) = place.start();
        ours.push(time);
        cpu.push(crate::process::Cpu::of(daemon.pid()).shown());
        memory.push(format!("{:.0}", Memory::of(daemon.pid()).now));
        daemon.stop();
        if let Some(git) = &git {
            theirs.push(peer::run(&mut status(git, root)).time);
        }
    }
    report(
        options,
        &ours,
        &theirs,
        &[
            format!("CPU user + system of each start: {}", cpu.join(", ")),
            format!("resident right after each, MB: {}", memory.join(", ")),
        ],
    )
}

fn report(options: &Options, ours: &[Duration], theirs: &[Duration], notes: &[String]) -> Table {
    let title = format!(
        "restart over {} tools: medians of {} rounds in turns",
        options.tools, options.rounds
    );
    let mut table = Table::new(title, ["", "time", "from … to", "ratio to it"]);
    let cells = |it: &[Duration]| {
        let (least, most) = (it.iter().min().unwrap(), it.iter().max().unwrap());
        [seconds(median(it)), format!("{} … {}", seconds(*least), seconds(*most))]
    };
    table.row("knowngood, start until ready", cells(ours));
    if theirs.is_empty() {
        table.note("git is not installed".to_owned());
    } else {
        let ratio = ratio(median(ours), median(theirs));
        table.row("git status", cells(theirs).into_iter().chain([format!("{ratio:.2}")]));
        table.wish("time ≤ 4 × git status", ratio <= 4.0);
    }
    for note in notes {
        table.note(note.clone());
    }
    table
}

/// All files in one commit, kept outside of the tree.
fn repository(home: &Path, root: &Path) -> PathBuf {
    let git = home.join("repository");
    let run = |arguments: &[&str]| {
        let mut command = git_command(&git, root);
        // How fast it is made is not what is measured.
        command.args(["-c", "core.looseCompression=0", "-c", "core.fsync=none"]);
        command.args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "gc.auto=0"]);
        peer::run(command.args(arguments));
    };
    run(&["init", "-q"]);
    run(&["add", "-A"]);
    run(&["commit", "-q", "-m", "all"]);
    // Twice: the first writes what it learned of the files' times.
    peer::run(&mut status(&git, root));
    peer::run(&mut status(&git, root));
    git
}

fn status(git: &Path, root: &Path) -> Command {
    let mut command = git_command(git, root);
    command.arg("status");
    command
}

fn git_command(git: &Path, root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(git).arg("--work-tree").arg(root).current_dir(root);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
}
