//! Shadow runs as they really are: two versions of a tool in sandboxes, on every rung that isolates here.

mod course;
mod editor;
mod escapes;
mod history;
mod programs;
mod socket;
mod verdicts;
mod world;
