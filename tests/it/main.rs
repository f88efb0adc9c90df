//! The tests that see the program from outside, in one binary.

mod store_contract;
mod store_samples;
