//! A stream of facts without gap or repetition: from the log up to its head, then live; whoever falls
//! behind the live ones goes back to the log. It holds one piece at a time.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{call::Call, events::Filter, problem::Problem};
use crate::{
    model::{Record, Seq},
    reconcile::Handle,
    wire::Event,
};

/// Records that are read from the log at once.
const AT_ONCE: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Lines,
    Sse,
}

/// What a client wants to be told.
pub(super) struct Wish {
    pub(super) after: Seq,
    pub(super) filter: Filter,
    pub(super) form: Form,
    /// Go on with what becomes true later.
    pub(super) follow: bool,
}

pub(super) struct Feed {
    handle: Handle,
    live: broadcast::Receiver<Arc<Record>>,
    /// Everything up to here was told, or is not wanted.
    after: Seq,
    filter: Filter,
    form: Form,
    /// `None`: for ever.
    until: Option<Seq>,
    caught_up: bool,
    opened: bool,
    keep_alive: Duration,
    stop: CancellationToken,
}

impl Feed {
    /// Subscribes before the log is read: what becomes true in between is in one of the two.
    pub(super) fn new(call: &Call, wish: Wish) -> Result<Self, Problem> {
        let handle = call.handle()?.clone();
        let live = handle.subscribe();
        Ok(Self {
            until: (!wish.follow).then(|| handle.view().as_of()),
            handle,
            live,
            after: wish.after,
            filter: wish.filter,
            form: wish.form,
            caught_up: false,
            opened: false,
            keep_alive: call.service.limits().keep_alive,
            stop: call.stop.clone(),
        })
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// The next piece, or the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if !self.opened {
            self.opened = true;
            // The head of the answer goes out with it, so that a client knows it is connected.
            if self.form == Form::Sse {
                return Some(Bytes::from_static(b"retry: 1000\n\n"));
            }
        }
        loop {
            if self.stop.is_cancelled() || self.until.is_some_and(|it| self.after >= it) {
                return None;
            }
            let piece = if self.caught_up { self.hear().await? } else { self.read().await? };
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    }

    /// From the log.
    async fn read(&mut self) -> Option<Bytes> {
        let (archive, after) = (Arc::clone(self.handle.archive()), self.after);
        let read =
            tokio::task::spawn_blocking(move || archive.records(after, AT_ONCE)).await.ok()?;
        let mut records = read
            .inspect_err(
                |error| tracing::error!(%error, "a stream of events ends: the log cannot be read"),
            )
            .ok()?;
        records.retain(|it| self.until.is_none_or(|until| it.seq <= until));
        if records.is_empty() && self.until.is_some() {
            return None;
        }
        self.caught_up = records.is_empty();
        Some(self.tell(&records.iter().collect::<Vec<_>>()))
    }

    /// What just became true.
    async fn hear(&mut self) -> Option<Bytes> {
        let heard = tokio::select! {
            () = self.stop.cancelled() => return None,
            heard = self.live.recv() => heard,
            () = tokio::time::sleep(self.keep_alive) => return Some(self.sign_of_life()),
        };
        match heard {
            // The log told it already, or the client knows it.
            Ok(record) if record.seq <= self.after => Some(Bytes::new()),
            Ok(record) if record.seq == self.after.next() => Some(self.tell(&[&record])),
            Ok(_) | Err(RecvError::Lagged(_)) => {
                self.caught_up = false;
                Some(Bytes::new())
            }
            Err(RecvError::Closed) => None,
        }
    }

    fn sign_of_life(&self) -> Bytes {
        match self.form {
            Form::Sse => Bytes::from_static(b": nothing new\n\n"),
            Form::Lines => Bytes::new(),
        }
    }

    fn tell(&mut self, records: &[&Record]) -> Bytes {
        let mut text = String::new();
        for record in records {
            self.after = record.seq;
            if self.filter.wants(record) {
                self.write(&Event::from(*record), &mut text);
            }
        }
        text.into()
    }

    fn write(&self, event: &Event, text: &mut String) {
        // Strings and numbers alone: it can be written.
        let json = serde_json::to_string(event).unwrap_or_default();
        match self.form {
            Form::Lines => text.extend([json.as_str(), "\n"]),
            Form::Sse => {
                let head = format!("id: {}\nevent: {}\ndata: ", event.seq, event.event);
                text.extend([head.as_str(), json.as_str(), "\n\n"]);
            }
        }
    }
}
