//! What was measured on.

use std::{fs, path::Path, process::Command};

/// One line that a figure means nothing without.
pub(crate) fn describe(dir: &Path) -> String {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let model = value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let memory = value("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let file_system = output(Command::new("stat").args(["-f", "-c", "%T"]).arg(dir));
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "knowngood {version} on {:.0}\n{cpus} × {model}, {memory}, Linux {}, {}, load average {}",
        jiff::Timestamp::now(),
        kernel.trim(),
        file_system.trim(),
        load()
    )
}

/// Of the last minute and the last five: others may be at work.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|it| it.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn output(command: &mut Command) -> String {
    let bytes = command.output().map(|it| it.stdout).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
