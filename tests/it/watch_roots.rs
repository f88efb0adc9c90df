//! Roots that go, come back, are replaced.
