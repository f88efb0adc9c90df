//! Lines for programs and for people. A control character never gets out raw, so a tool's name cannot forge a line.

use serde_json::Value;
use tracing::Level;

use super::entry::Entry;

pub(super) fn json(entry: &Entry) -> String {
    let (time, level) = (time(entry), name(entry.level));
    let start = format!(r#"{{"ts":"{time:.6}","level":"{level}""#);
    let line = entry.fields().fold(start, |line, it| {
        line + "," + &Value::from(it.0).to_string() + ":" + &it.1.to_string()
    });
    // Only strings can hold a control character here, so the escape is always in its place.
    visible(&line, |it| format!("\\u{:04x}", u32::from(it))) + "}\n"
}

pub(super) fn text(entry: &Entry) -> String {
    let dim = anstyle::Style::new().dimmed();
    let (style, level) = (style(entry.level), name(entry.level));
    let start = format!("{dim}{:.3}{dim:#} {style}{level:5}{style:#} ", time(entry));
    start + &sentence(entry, dim) + "\n"
}

/// Event, message and the other fields, with the fields' names in this style.
pub(super) fn sentence(entry: &Entry, style: anstyle::Style) -> String {
    let word = |(name, value): (&str, &Value)| match name {
        "event" | "msg" => shown(value, false),
        _ => format!("{style}{name}={style:#}{}", shown(value, true)),
    };
    entry.fields().map(word).collect::<Vec<_>>().join(" ")
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

fn time(entry: &Entry) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(entry.time).unwrap_or_default()
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn style(level: Level) -> anstyle::Style {
    let colour = match level {
        Level::ERROR => anstyle::AnsiColor::Red,
        Level::WARN => anstyle::AnsiColor::Yellow,
        _ => anstyle::AnsiColor::Green,
    };
    colour.on_default()
}
