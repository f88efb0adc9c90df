//! Verification as a daemon asks for it: on every rung of the ladder that works here, with programs that mean no good.

mod answers;
mod hostile;
mod loads;
mod world;
