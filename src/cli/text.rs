//! Words for people: colours, times as they are said, and text that cannot steer a terminal. It writes nothing.

use anstyle::{AnsiColor, Style};
use jiff::{Timestamp, tz::TimeZone};

pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const PLAIN: Style = Style::new();

/// Control characters, and those that turn the direction of a line, escaped: a name cannot steer a
/// terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |out, it| {
        if is_hidden(it) {
            out + &it.escape_unicode().to_string()
        } else {
            out + it.encode_utf8(&mut [0; 4])
        }
    })
}

fn is_hidden(it: char) -> bool {
    it.is_control() || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `12 s ago`
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    let (amount, unit) = match seconds {
        // The clocks of two programs may differ a little, and a clock may jump.
        ..=0 => return "now".to_owned(),
        1..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{amount} {unit} ago")
}

/// `18:36:49`, where the person is, and before it the day unless it is today.
pub(super) fn local(now: Timestamp, then: Timestamp, zone: &TimeZone) -> String {
    let (now, then) = (now.to_zoned(zone.clone()), then.to_zoned(zone.clone()));
    let form = if now.date() == then.date() { "%H:%M:%S" } else { "%b %d %H:%M:%S" };
    then.strftime(form).to_string()
}

/// The beginning of it, so that it takes at most `width` characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain((width > 0).then_some('…')).collect()
}

/// As a shell takes it; what would steer a terminal as bash and zsh write it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "_-./%@:+".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if !word.chars().any(is_hidden) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let escaped = word.chars().map(|it| match it {
        '\'' | '\\' => format!("\\{it}"),
        it if is_hidden(it) => format!("\\u{:04x}", u32::from(it)),
        it => it.to_string(),
    });
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (then, shown) in [
            ("2026-01-02T00:00:09Z", "now"),
            ("2026-01-01T23:59:48Z", "12 s ago"),
            ("2026-01-01T23:56:01Z", "3 min ago"),
            ("2026-01-01T12:00:00Z", "12 h ago"),
            ("2025-12-01T00:00:00Z", "32 d ago"),
        ] {
            assert_eq!(ago(now, then.parse().unwrap()), shown);
        }
        let zone = TimeZone::fixed(jiff::tz::offset(-3));
        let before = "2026-01-01T02:59:59Z".parse().unwrap();
        assert_eq!(local(now, now, &zone), "21:00:00");
        assert_eq!(local(now, before, &zone), "Dec 31 23:59:59");
    }

    #[test]
    fn the_next_command_can_be_pasted() {
        assert_eq!(quoted("t/a.py"), "t/a.py");
        assert_eq!(quoted("t/it's $HOME.py"), "'t/it'\\''s $HOME.py'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\u{1b}[2J'b"), "$'a\\u001b[2J\\'b'");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(cut("größe", 5), "größe");
        assert_eq!(cut("größer", 5), "größ…");
        assert_eq!(cut("größer", 0), "");
    }
}
