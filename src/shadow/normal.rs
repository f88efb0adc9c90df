//! What differs from run to run without meaning anything, replaced in a text: addresses in memory, temporary paths, and
//! where the manifest asks for it times and UUIDs.

use super::rules::Normalize;

pub(super) fn normal(text: &str, rules: Normalize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside_word = false;
    while let Some(first) = rest.chars().next() {
        if let Some((length, name)) = found(rest, inside_word, rules) {
            out.push_str(name);
            rest = rest.get(length..).unwrap_or_default();
            inside_word = true;
            continue;
        }
        out.push(first);
        inside_word = first.is_alphanumeric() || first == '_';
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    out
}

/// How many bytes at the beginning, and what stands for them.
fn found(text: &str, inside_word: bool, rules: Normalize) -> Option<(usize, &'static str)> {
    if inside_word {
        return None;
    }
    let bytes = text.as_bytes();
    if rules.uuid && shape(bytes, UUID) == Some(36) {
        return Some((36, "<uuid>"));
    }
    if rules.timestamp
        && let Some(length) = timestamp(bytes)
    {
        return Some((length, "<time>"));
    }
    if rules.hexaddr
        && let Some(hex) = text.strip_prefix("0x")
    {
        let digits = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        // Shorter ones are numbers that somebody wrote.
        return (digits >= 6).then_some((digits + 2, "<address>"));
    }
    if rules.tmppath { temporary(text) } else { None }
}

const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/// `x` is a hex digit, `d` a digit, all else itself.
fn shape(bytes: &[u8], shape: &str) -> Option<usize> {
    let fits = |(is, wanted): (&u8, u8)| match wanted {
        b'x' => is.is_ascii_hexdigit(),
        b'd' => is.is_ascii_digit(),
        b'T' => matches!(is, b'T' | b't' | b' '),
        other => *is == other,
    };
    let whole = bytes.len() >= shape.len() && bytes.iter().zip(shape.bytes()).all(fits);
    whole.then_some(shape.len())
}

/// RFC 3339 with or without fraction and zone; seconds may be left out.
fn timestamp(bytes: &[u8]) -> Option<usize> {
    let mut length = shape(bytes, "dddd-dd-ddTdd:dd")?;
    let after = |length: usize| bytes.get(length..).unwrap_or_default();
    length += shape(after(length), ":dd").unwrap_or(0);
    if matches!(after(length).first(), Some(b'.' | b',')) {
        let digits = after(length + 1).iter().take_while(|it| it.is_ascii_digit()).count();
        length += if digits > 0 { digits + 1 } else { 0 };
    }
    let zone = match after(length).first() {
        Some(b'Z' | b'z') => 1,
        Some(b'+') => shape(after(length), "+dd:dd").or(shape(after(length), "+dddd")).unwrap_or(0),
        Some(b'-') => shape(after(length), "-dd:dd").unwrap_or(0),
        _ => 0,
    };
    Some(length + zone)
}

/// The part of a temporary path that is made up anew each time: `/tmp/tmpk3x_9a/a.txt` → `<tmp>/a.txt`.
fn temporary(text: &str) -> Option<(usize, &'static str)> {
    let name_at = ["/tmp/tmp", "/var/tmp/tmp"].into_iter().find(|it| text.starts_with(it))?.len();
    let rest = text.get(name_at..)?;
    let name = rest.bytes().take_while(|it| it.is_ascii_alphanumeric() || *it == b'_').count();
    (name >= 6).then_some((name_at + name, "<tmp>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_replaced() {
        let all = Normalize { timestamp: true, uuid: true, hexaddr: true, tmppath: true };
        let cases = [
            ("<A object at 0x7f3a12bc90>", "<A object at <address>>"),
            ("0xff is 255", "0xff is 255"),
            ("see /tmp/tmpab12_xy9/a.txt", "see <tmp>/a.txt"),
            ("see /tmp/result.txt", "see /tmp/result.txt"),
            ("at 2024-05-01T10:00:00.123Z.", "at <time>."),
            ("at 2024-05-01 10:00:00+02:00", "at <time>"),
            ("on 2024-05-01", "on 2024-05-01"),
            ("id 123e4567-e89b-12d3-a456-426614174000!", "id <uuid>!"),
            ("größe 0x7f3a12bc90é", "größe <address>é"),
        ];
        for (text, expected) in cases {
            assert_eq!(normal(text, all), expected);
            let none = Normalize::named([]).unwrap();
            assert_eq!(normal(text, none), text);
        }
    }
}
