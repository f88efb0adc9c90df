//! The body of an answer as it comes, in pieces or in lines. A stream that breaks off is a stream that ended: what
//! was whole has been handed over, and whoever follows knows where to go on.

use std::{collections::VecDeque, time::Duration};

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use tokio::{runtime::Runtime, time::timeout};

pub(super) struct Stream<'a> {
    runtime: &'a Runtime,
    body: Incoming,
    /// The beginning of a line.
    rest: Vec<u8>,
    lines: VecDeque<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    Some(T),
    /// Nothing came in time.
    Idle,
    End,
}

impl<'a> Stream<'a> {
    pub(super) fn new(runtime: &'a Runtime, body: Incoming) -> Self {
        Self { runtime, body, rest: Vec::new(), lines: VecDeque::new() }
    }

    /// A line without its end. An empty one only keeps the connection alive, and is left out.
    pub(super) fn line(&mut self, within: Option<Duration>) -> Next<Vec<u8>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Next::Some(line);
            }
            match self.piece(within) {
                Next::Some(piece) => self.take(&piece),
                Next::Idle => return Next::Idle,
                Next::End => return Next::End,
            }
        }
    }

    pub(super) fn piece(&mut self, within: Option<Duration>) -> Next<Bytes> {
        let body = &mut self.body;
        let frame = self.runtime.block_on(async {
            match within {
                Some(limit) => timeout(limit, body.frame()).await,
                None => Ok(body.frame().await),
            }
        });
        match frame {
            Err(_) => Next::Idle,
            Ok(Some(Ok(frame))) => Next::Some(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(_)) | None) => Next::End,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let end = self.rest.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        let lines = whole.split(|it| *it == b'\n').map(<[u8]>::trim_ascii);
        self.lines.extend(lines.filter(|it| !it.is_empty()).map(<[u8]>::to_vec));
    }
}
