//! What the kernel says about a process.

use std::{fs, time::Duration};

/// What the kernel counts CPU time in, on every machine that this is built for.
const TICKS_A_SECOND: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Cpu {
    pub(crate) fn of(pid: u32) -> Self {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // The program's name stands in brackets before them, and may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let time = |at: usize| {
            Duration::from_millis(fields[at].parse::<u64>().unwrap() * 1000 / TICKS_A_SECOND)
        };
        Self { user: time(11), system: time(12) }
    }

    pub(crate) fn total(&self) -> Duration {
        self.user + self.system
    }

    pub(crate) fn shown(&self) -> String {
        format!("{:.1} + {:.1} s", self.user.as_secs_f64(), self.system.as_secs_f64())
    }
}

/// Resident now, and at most so far, in MB of 1,000,000 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) most: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let value = |key: &str| {
            let line = text.lines().find(|it| it.starts_with(key)).unwrap();
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib * 1024.0 / 1e6
        };
        Self { now: value("VmRSS:"), most: value("VmHWM:") }
    }
}
