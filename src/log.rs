//! Log lines on stderr: one JSON object a line, or text on a terminal. Flat fields, the same in both; a
//! control character never gets out raw, so a tool's name cannot forge a line. It chooses no events, and
//! it keeps no time: the clock is handed in.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal as _},
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value};
use tracing::{Event, Subscriber, field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
    reload,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, JSON elsewhere.
    Auto,
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

/// Changes the level of the running log.
#[derive(Clone, Debug)]
pub struct Control(reload::Handle<LevelFilter, Registry>);

/// Microseconds since 1970.
pub type Now = Box<dyn Fn() -> i64 + Send + Sync>;

/// Takes over all events of the process. Fails if that was done before.
pub fn install(
    format: Format,
    level: Level,
    now: Now,
) -> Result<Control, tracing::subscriber::SetGlobalDefaultError> {
    let json = match format {
        Format::Json => true,
        Format::Text => false,
        Format::Auto => !io::stderr().is_terminal(),
    };
    let (subscriber, control) = subscriber(json, level, now, anstream::stderr());
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(control)
}

fn subscriber(
    json: bool,
    level: Level,
    now: Now,
    out: impl io::Write + Send + 'static,
) -> (impl Subscriber + Send + Sync, Control) {
    let (filter, handle) = reload::Layer::new(level.filter());
    let lines = Lines { json, now, out: Mutex::new(out) };
    (tracing_subscriber::registry().with(filter).with(lines), Control(handle))
}

impl Control {
    pub fn set_level(&self, level: Level) {
        // It fails only when the subscriber is gone, and the log with it.
        self.0.reload(level.filter()).unwrap_or(());
    }
}

struct Lines<W> {
    json: bool,
    now: Now,
    out: Mutex<W>,
}

impl<S: Subscriber, W: io::Write + Send + 'static> Layer<S> for Lines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let time = jiff::Timestamp::from_microsecond((self.now)()).unwrap_or_default();
        let level = *event.metadata().level();
        let line =
            if self.json { json(time, level, fields.0) } else { text(time, level, fields.0) };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written has nowhere to say so.
        out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap_or(());
    }
}

/// The leading fields are written first, because the map would sort them among the others.
fn json(time: jiff::Timestamp, level: tracing::Level, mut fields: Map<String, Value>) -> String {
    let lead = ["event", "msg"].map(|it| fields.remove_entry(it));
    let lead = lead.into_iter().flatten().chain(fields);
    let line = lead.fold(format!(r#"{{"ts":"{time:.6}","level":"{}""#, name(level)), |line, it| {
        line + "," + &Value::String(it.0).to_string() + ":" + &it.1.to_string()
    });
    // Only strings can hold a control character here, so the escape is always in its place.
    visible(&line, |it| format!("\\u{:04x}", u32::from(it))) + "}\n"
}

fn text(time: jiff::Timestamp, level: tracing::Level, mut fields: Map<String, Value>) -> String {
    let dim = anstyle::Style::new().dimmed();
    let style = style(level);
    let lead = ["event", "msg"].map(|it| fields.remove(it));
    let lead = lead.iter().flatten().map(|it| format!(" {}", shown(it, false)));
    let rest = fields.iter().map(|it| format!(" {dim}{}={dim:#}{}", it.0, shown(it.1, true)));
    let start = format!("{dim}{time:.3}{dim:#} {style}{:5}{style:#}", name(level));
    start + &lead.chain(rest).collect::<String>() + "\n"
}

/// A string without its quotes, unless it would run into its neighbours.
fn shown(value: &Value, quoted: bool) -> String {
    let plain = match value.as_str() {
        Some(text) if !quoted || !text.contains([' ', '"', '=']) => text.to_owned(),
        _ => value.to_string(),
    };
    visible(&plain, |it| it.escape_unicode().to_string())
}

/// Control characters, and those that turn the direction of a line, in an escaped form.
fn visible(text: &str, escape: impl Fn(char) -> String) -> String {
    let hidden = |it: char| {
        it.is_control() || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().fold(String::with_capacity(text.len()), |out, it| {
        if hidden(it) { out + &escape(it) } else { out + it.encode_utf8(&mut [0; 4]) }
    })
}

fn name(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        tracing::Level::DEBUG => "debug",
        tracing::Level::TRACE => "trace",
    }
}

fn style(level: tracing::Level) -> anstyle::Style {
    let colour = match level {
        tracing::Level::ERROR => anstyle::AnsiColor::Red,
        tracing::Level::WARN => anstyle::AnsiColor::Yellow,
        _ => anstyle::AnsiColor::Green,
    };
    colour.on_default()
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let name = if field.name() == "message" { "msg" } else { field.name() };
        self.0.insert(name.to_owned(), value.into());
    }
}

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // A `Debug` that fails leaves what it wrote so far.
        write!(text, "{value:?}").unwrap_or(());
        self.put(field, text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
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
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(UnknownWord { given: text.to_owned(), known: "auto, json, text" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool, level: Level, act: impl FnOnce(&Control)) -> String {
        let out = Shared::default();
        let (subscriber, control) = subscriber(json, level, Box::new(|| 1_500_000), out.clone());
        tracing::subscriber::with_default(subscriber, || act(&control));
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_is_flat_and_keeps_its_order() {
        let tool = "tools/a.py";
        let lines = logged(true, Level::Info, |_| {
            tracing::info!(event = "version.recorded", seq = 4_u64, %tool, late = true, "seen \"it\"");
        });
        assert_eq!(
            lines,
            "{\"ts\":\"1970-01-01T00:00:01.500000Z\",\"level\":\"info\",\"event\":\"version.recorded\",\
             \"msg\":\"seen \\\"it\\\"\",\"late\":true,\"seq\":4,\"tool\":\"tools/a.py\"}\n"
        );
    }

    #[test]
    fn a_value_cannot_forge_a_line_or_colour_a_terminal() {
        let evil = "a\nb\u{1b}[31m\u{7f}\u{9b}\u{202e}c";
        let act = |_: &Control| tracing::warn!(tool = evil, "{evil}");
        let json = logged(true, Level::Info, act);
        assert_eq!(json.lines().count(), 1);
        assert!(!json.trim_end().contains(|it: char| it.is_control() || it == '\u{202e}'));
        let back: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back.get("tool").unwrap(), evil);
        assert_eq!(back.get("msg").unwrap(), evil);
        let text = logged(false, Level::Info, |_| tracing::warn!(tool = evil, "it"));
        let shown = r"tool=a\u{a}b\u{1b}[31m\u{7f}\u{9b}\u{202e}c";
        assert!(
            anstream::adapter::strip_str(&text).to_string().ends_with(&format!(" it {shown}\n"))
        );
    }

    #[test]
    fn text_reads_as_a_sentence() {
        let text = logged(false, Level::Info, |_| {
            tracing::error!(
                event = "watch.degraded",
                root = "tools",
                why = "no watches left",
                "polling"
            );
        });
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "1970-01-01T00:00:01.500Z error watch.degraded polling root=tools why=\"no watches left\"\n"
        );
    }

    #[test]
    fn the_level_changes_while_it_runs() {
        let lines = logged(true, Level::Warn, |control| {
            tracing::info!("one");
            control.set_level(Level::Debug);
            tracing::debug!("two");
            tracing::trace!("three");
        });
        assert!(lines.contains("two") && lines.lines().count() == 1, "{lines}");
    }
}
