//! A daemon's days: starts, reloads, stops, and what stays the same through them; the main job in between.

mod baselines;
mod notified;
mod reloads;
mod restarts;
mod runtimes;
