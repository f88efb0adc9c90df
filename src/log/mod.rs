//! Log lines, in the form that their reader takes: fields of systemd's journal, one JSON object a line, or text on a
//! terminal. The fields are the same in all of them. It chooses no events, and it keeps no time: the clock is handed
//! in. Who logs never waits for long for who reads (`queue`).

mod entry;
mod journal;
mod line;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsStr,
    io::{self, IsTerminal as _, Write as _},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
    reload,
};

use entry::Entry;
use queue::{Queue, Sink};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The journal if stderr leads there, text on a terminal, JSON elsewhere.
    Auto,
    /// Fields of systemd's journal.
    Journal,
    Json,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is none of {known}")]
pub struct UnknownWord {
    given: String,
    known: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error(
        "nobody takes log entries at {}: {source}; set log.format to \"auto\", \"json\" or \"text\"",
        journal::SOCKET
    )]
    NoJournal { source: io::Error },
    #[error("starting the thread of the log: {0}")]
    Thread(io::Error),
    #[error("the log was installed before")]
    Twice,
}

/// The running log.
#[derive(Clone, Debug)]
pub struct Control {
    level: reload::Handle<LevelFilter, Registry>,
    queue: Arc<Queue>,
}

/// Microseconds since 1970.
pub type Now = Box<dyn Fn() -> i64 + Send + Sync>;

/// What an entry becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Journal,
    Json,
    Text,
}

/// Takes over all events of the process. `journal_stream` is the variable by which systemd tells a service that its
/// output leads to the journal.
pub fn install(
    format: Format,
    level: Level,
    now: Now,
    journal_stream: Option<&OsStr>,
) -> Result<Control, InstallError> {
    let (form, sink) = open(format, journal_stream)?;
    let (subscriber, control) = subscriber(form, level, now, sink)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| InstallError::Twice)?;
    Ok(control)
}

fn open(format: Format, journal_stream: Option<&OsStr>) -> Result<(Form, Sink), InstallError> {
    match format {
        Format::Journal => match journal::open() {
            Ok(sink) => Ok((Form::Journal, sink)),
            Err(source) => Err(InstallError::NoJournal { source }),
        },
        Format::Json => Ok((Form::Json, stderr())),
        Format::Text => Ok((Form::Text, stderr())),
        Format::Auto if io::stderr().is_terminal() => Ok((Form::Text, stderr())),
        Format::Auto => {
            let journal = journal::is_stderr(journal_stream).then(journal::open);
            let journal = journal.and_then(Result::ok).map(|it| (Form::Journal, it));
            Ok(journal.unwrap_or_else(|| (Form::Json, stderr())))
        }
    }
}

/// Colours go away where nobody would see them.
fn stderr() -> Sink {
    let mut out = anstream::stderr();
    Box::new(move |line| {
        out.write_all(line)?;
        out.flush()
    })
}

fn subscriber(
    form: Form,
    level: Level,
    now: Now,
    sink: Sink,
) -> Result<(impl Subscriber + Send + Sync, Control), InstallError> {
    let (filter, handle) = reload::Layer::new(level.filter());
    let queue = Arc::new(Queue::default());
    let now: Arc<dyn Fn() -> i64 + Send + Sync> = now.into();
    let lost = {
        let now = Arc::clone(&now);
        move |lines| form.render(&Entry::lost(now(), lines))
    };
    queue.start(sink, lost).map_err(InstallError::Thread)?;
    let layer = Entries { form, now, queue: Arc::clone(&queue) };
    Ok((tracing_subscriber::registry().with(filter).with(layer), Control { level: handle, queue }))
}

impl Control {
    pub fn set_level(&self, level: Level) {
        // It fails only when the subscriber is gone, and the log with it.
        self.level.reload(level.filter()).unwrap_or(());
    }

    /// Waits until everything logged so far is written, at most `limit`.
    pub fn flush(&self, limit: Duration) {
        self.queue.flush(limit);
    }
}

struct Entries {
    form: Form,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    queue: Arc<Queue>,
}

impl<S: Subscriber> Layer<S> for Entries {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.queue.put(self.form.render(&Entry::of(event, (self.now)())));
    }
}

impl Form {
    fn render(self, entry: &Entry) -> Vec<u8> {
        match self {
            Self::Journal => journal::datagram(entry),
            Self::Json => line::json(entry).into_bytes(),
            Self::Text => line::text(entry).into_bytes(),
        }
    }
}

impl Level {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

impl FromStr for Level {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(UnknownWord {
                given: text.to_owned(),
                known: "error, warn, info, debug, trace",
            }),
        }
    }
}

impl FromStr for Format {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "auto" => Ok(Self::Auto),
            "journal" => Ok(Self::Journal),
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(UnknownWord { given: text.to_owned(), known: "auto, journal, json, text" }),
        }
    }
}
