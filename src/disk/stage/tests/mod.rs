//! Switches on real files.
