//! Runs a program with some files where it can do no harm, and tells how it ended. It does not know what the run is
//! for.
//!
//! # The ladder
//!
//! On every rung a second process of this program, the runner, stands beside what is run: it lays out copies of the
//! files, begins the program with a clean environment, an empty directory and nothing open but `/dev/null` and the pipe
//! it prints to, holds it to its limits, ends all that came of it, and answers. The rungs differ by what is around both.
//!
//! | | `runner` | `bwrap` | `landlock` | `limits` |
//! |---|---|---|---|---|
//! | writes to files of others | no | no | no | what its user may (if the daemon is root: what `nobody` may) |
//! | reads files of others | what a user of no group may | the system's, the root, the interpreter | the same | what its user may |
//! | network | none | none | none in its own namespaces, else no TCP | as the daemon |
//! | sees, signals others | no | no | not in its own namespaces; signals: Linux 6.12 and later | as the daemon |
//! | after the answer | nothing is left | nothing is left | nothing is left | nothing that was found below the runner |
//! | memory, processes | the unit's, and counted | counted | counted | counted |
//! | what it writes | a file system in memory | in memory | in memory, else counted | counted |
//!
//! "Counted" means that all its processes are looked at every 20 ms, and ended together when there is too much of them;
//! one alone is held by the kernel as well.

mod bubblewrap;
mod call;
mod channel;
mod confine;
mod hidden;
mod job;
mod ladder;
mod launch;
mod output;
mod place;
mod protocol;
mod rooms;
mod run;
mod runner;
mod talk;
mod tree;

pub use self::{
    job::{Ended, How, Job, JobFile, Limits, Piece, SEARCH_PATH, Word},
    ladder::{Ladder, Standing, survey},
    launch::{Namespaces, Rung, Settings},
    runner::serve,
    talk::{Heard, Session},
};
