//! Sizes and durations as people write them: a whole number and a unit, such as `16 MiB` or `5s`.
//! No number goes without its unit, and zero is never meant.

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];
const DURATIONS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// In bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    number(text, SIZES).ok_or_else(|| {
        format!("{text:?} is not a size: a whole number over 0 with B, KiB, MiB, GiB, kB, MB or GB")
    })
}

/// In milliseconds.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    number(text, DURATIONS).ok_or_else(|| {
        format!("{text:?} is not a duration: a whole number over 0 with ms, s, m, h or d")
    })
}

fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = units.iter().find(|it| it.0 == unit.trim_start()).map(|it| it.1)?;
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|it| *it > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_unit() {
        assert_eq!(size("16 MiB"), Ok(16 << 20));
        assert_eq!(size("1kB"), Ok(1000));
        assert_eq!(duration("200ms"), Ok(200));
        assert_eq!(duration("24 h"), Ok(86_400_000));
    }

    #[test]
    fn nothing_else() {
        for text in
            ["", "5", "s", "-5s", "5 S", "1.5h", "0s", "99999999999999999999d", "5 s s", "ü"]
        {
            assert!(duration(text).is_err(), "{text}");
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("18446744073709551615 GiB").is_err());
    }
}
