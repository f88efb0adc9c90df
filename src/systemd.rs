//! What systemd is told of a service, and what it hands to one. Without it (no variable of the environment says that
//! it listens) everything here does nothing. When something is to be told is decided elsewhere.

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd},
    time::Duration,
};

use sd_notify::NotifyState;

/// Sent before the configuration is read again. The time goes along in the same message: without it, systemd would
/// wait for ever in units of `Type=notify-reload`.
pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The start, or a reload, is over.
pub fn ready(text: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(line(text))]);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Shown by `systemctl status`.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(line(text))]);
}

/// What follows would be read as something else that we tell.
fn line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The start gets on: it may take this much longer.
pub fn still_starting(time: Duration) {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(micros)]);
}

/// A sign of life for the watchdog.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Without a sign of life for this long, systemd ends the service.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

/// Sockets that systemd bound for us.
pub fn sockets() -> io::Result<Vec<OwnedFd>> {
    Ok(sd_notify::listen_fds()?.map(owned).collect())
}

#[expect(unsafe_code, reason = "systemd passes descriptors by number")]
fn owned(fd: i32) -> OwnedFd {
    // SAFETY: systemd opened it for this process, by its id, and nobody else takes it: this is asked once, at the start.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
