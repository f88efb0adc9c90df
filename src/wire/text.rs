//! Times and durations as text: RFC 3339 in UTC with `Z`, and numbers with a unit.

use std::time::Duration;

use crate::model::Timestamp;

/// `2026-11-22T10:00:00.123Z`. A moment that no calendar has (a file's time may be anything) is shown as
/// the nearest one that it has.
pub fn stamp(time: Timestamp) -> String {
    let nearest = if time.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    let time = jiff::Timestamp::from_microsecond(time.0).unwrap_or(nearest);
    format!("{time:.3}")
}

pub fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_microsecond()))
}

/// `250ms`, `60s`, `10m`, `24h`; `0` needs no unit.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if number == 0 => 0,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_to_the_millisecond() {
        assert_eq!(stamp(Timestamp(1_000_000)), "1970-01-01T00:00:01.000Z");
        assert_eq!(stamp(Timestamp(1_123_999)), "1970-01-01T00:00:01.123Z");
        assert_eq!(time("1970-01-01T01:00:01+01:00"), Some(Timestamp(1_000_000)));
        assert_eq!(time("1970-01-01"), None);
        assert!(stamp(Timestamp(i64::MAX)).ends_with('Z'));
        assert!(stamp(Timestamp(i64::MIN)).ends_with('Z'));
    }

    #[test]
    fn durations_need_a_unit() {
        for (text, ms) in [("0", 0), ("1ms", 1), ("2s", 2000), ("3m", 180_000), ("24h", 86_400_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in
            ["", "5", "s", "-1s", "1 s", "1.5s", "1d", "99999999999999999999s", "9999999999999999h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
