//! Signals → what they ask for: the first SIGTERM or SIGINT to stop gently, every later one to stop at
//! once, SIGHUP to reload. It acts on nothing itself. SIGIO (somebody breaks one of our file leases)
//! would kill a process that does not handle it, so it is handled and means nothing; SIGPIPE is ignored by
//! the runtime of the language.

use std::{io, thread};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGIO, SIGTERM},
    iterator::{Handle, Signals},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Stop,
    StopNow,
    Reload,
}

/// Listens until it is dropped; from then on the signals do nothing at all.
#[derive(Debug)]
pub struct Listening {
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

/// Calls `tell` on a thread of its own, where it may block and lock.
pub fn listen(mut tell: impl FnMut(Signal) + Send + 'static) -> io::Result<Listening> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGIO])?;
    let handle = signals.handle();
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut stopping = false;
        for number in signals.forever() {
            match number {
                SIGTERM | SIGINT if stopping => tell(Signal::StopNow),
                SIGTERM | SIGINT => {
                    stopping = true;
                    tell(Signal::Stop);
                }
                SIGHUP => tell(Signal::Reload),
                _ => (),
            }
        }
    })?;
    Ok(Listening { handle, thread: Some(thread) })
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic in `tell` has been printed by then.
            thread.join().unwrap_or(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use signal_hook::{consts::SIGPIPE, low_level::raise};

    use super::*;

    /// One test, because signals belong to the whole process.
    #[test]
    fn signals_become_wishes() {
        let (sender, receiver) = mpsc::channel();
        let listening = listen(move |it| sender.send(it).unwrap()).unwrap();
        // Two signals of one kind that wait are one, so each is seen before the next is raised.
        let told = |number| {
            raise(number).unwrap();
            receiver.recv_timeout(Duration::from_secs(10)).unwrap()
        };
        assert_eq!(told(SIGHUP), Signal::Reload);
        raise(SIGIO).unwrap();
        raise(SIGPIPE).unwrap();
        assert_eq!(told(SIGINT), Signal::Stop);
        assert_eq!(told(SIGTERM), Signal::StopNow);
        assert_eq!(told(SIGINT), Signal::StopNow);
        assert_eq!(told(SIGHUP), Signal::Reload);
        drop(listening);
        assert!(receiver.recv().is_err(), "the thread has ended and dropped its end");
    }
}
