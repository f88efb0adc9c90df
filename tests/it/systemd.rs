//! The units and the package under a real systemd: booted in a container over a throw-away copy of this machine.

mod guest;
mod owners;
mod package;
mod runner;
mod units;
