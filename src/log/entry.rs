//! One event with its fields, before it takes any form.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::{Event, Level, field::Field};

/// What every line begins with, where it is known, in this order.
const FIRST: [&str; 7] = ["event", "msg", "seq", "tool", "version", "deploy", "author"];

pub(super) struct Entry {
    /// Microseconds since 1970.
    pub(super) time: i64,
    pub(super) level: Level,
    fields: Map<String, Value>,
}

impl Entry {
    pub(super) fn of(event: &Event<'_>, time: i64) -> Self {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        Self { time, level: *event.metadata().level(), fields: fields.0 }
    }

    /// So many lines were not written, because nobody read.
    pub(super) fn lost(time: i64, lines: u64) -> Self {
        let why = "nobody read the log for too long; GET /v1/events has what became true";
        let fields = [
            ("event".to_owned(), Value::from("log.lost")),
            ("msg".to_owned(), Value::from(why)),
            ("lines".to_owned(), Value::from(lines)),
        ];
        Self { time, level: Level::WARN, fields: fields.into_iter().collect() }
    }

    /// The fields in the order in which they are shown.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let first = FIRST.iter().filter_map(|it| Some((*it, self.fields.get(*it)?)));
        let rest = self.fields.iter().map(|(name, value)| (name.as_str(), value));
        first.chain(rest.filter(|it| !FIRST.contains(&it.0)))
    }
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
