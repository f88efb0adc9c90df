//! What a run prints: the beginning and the end are kept, what lies between is read and thrown away, so that a program
//! that prints without end neither waits for us nor fills our memory.

use std::{
    collections::VecDeque,
    io::{self, PipeReader, Read as _},
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::job::{HEAD_BYTES, TAIL_BYTES};

/// At one time, so that the other things that are waited for get their turn.
const STEP: usize = 1 << 20;

pub(super) struct Output {
    from: PipeReader,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    pub(super) ended: bool,
}

impl Output {
    pub(super) fn new(from: PipeReader) -> io::Result<Self> {
        fcntl_setfl(&from, fcntl_getfl(&from)? | OFlags::NONBLOCK)?;
        Ok(Self { from, head: Vec::new(), tail: VecDeque::new(), ended: false })
    }

    pub(super) fn pipe(&self) -> &PipeReader {
        &self.from
    }

    /// Takes what is there, and does not wait for more.
    pub(super) fn take(&mut self) {
        let mut buffer = [0; 16 << 10];
        let mut taken = 0;
        while taken < STEP && !self.ended {
            match self.from.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    taken += count;
                    self.keep(buffer.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => {
                    self.ended = error.kind() != io::ErrorKind::WouldBlock;
                    return;
                }
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
        let last = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.tail.extend(last);
        let over = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..over);
    }

    /// Everybody who could write to it is gone.
    pub(super) fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        // A pipe holds 64 KiB unless it was made larger, at most 1 MiB.
        self.take();
        (self.head, self.tail.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut output = Output::new(reader).unwrap();
        for number in 0..20_000 {
            writeln!(writer, "line {number}").unwrap();
            if number % 1000 == 0 {
                output.take();
            }
        }
        assert!(!output.ended);
        drop(writer);
        let (head, tail) = output.finish();
        assert_eq!((head.len(), tail.len()), (HEAD_BYTES, TAIL_BYTES));
        assert!(head.starts_with(b"line 0\nline 1\n") && tail.ends_with(b"line 19999\n"));
    }
}
