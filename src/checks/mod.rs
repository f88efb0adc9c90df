//! Verification.
pub mod sandbox;
