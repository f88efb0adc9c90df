//! Which of several media types a client wants, by its `Accept` header.

use axum::http::{HeaderMap, header};

/// The best of `offers`; the first where the client does not care. `None`: it takes none of them.
pub(super) fn wanted(headers: &HeaderMap, offers: &[&'static str]) -> Option<&'static str> {
    let text: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    if text.is_empty() {
        return offers.first().copied();
    }
    let ranges: Vec<(&str, u16)> = text.iter().flat_map(|it| it.split(',')).map(range).collect();
    let ranked = offers.iter().map(|offer| (quality(&ranges, offer), *offer));
    // Of equal ones the first is the best.
    ranked.rev().filter(|it| it.0 > 0).max_by_key(|it| it.0).map(|it| it.1)
}

/// Whether the client names this type itself, not by a wildcard.
pub(super) fn names(headers: &HeaderMap, media: &str) -> bool {
    let all = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
    all.flat_map(|it| it.split(','))
        .map(range)
        .any(|it| it.0.eq_ignore_ascii_case(media) && it.1 > 0)
}

/// The media range and its quality in thousandths.
fn range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let quality =
        parts.find_map(|it| it.strip_prefix("q=")).map_or(1.0, |it| it.parse().unwrap_or(0.0));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1000"
    )]
    let thousandths = (f32::clamp(quality, 0.0, 1.0) * 1000.0) as u16;
    (media, thousandths)
}

/// By the range that names the offer most exactly.
fn quality(ranges: &[(&str, u16)], offer: &str) -> u16 {
    let kind = offer.split('/').next().unwrap_or_default();
    let exactness = |it: &str| {
        if it.eq_ignore_ascii_case(offer) {
            Some(2)
        } else if it.strip_suffix("/*").is_some_and(|it| it.eq_ignore_ascii_case(kind)) {
            Some(1)
        } else {
            (it == "*/*").then_some(0)
        }
    };
    let fits = ranges.iter().filter_map(|it| Some((exactness(it.0)?, it.1)));
    fits.max().map_or(0, |it| it.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_range_counts() {
        const OFFERS: &[&str] = &["application/json", "application/x-ndjson", "text/event-stream"];
        for (accept, best) in [
            ("*/*", Some("application/json")),
            ("text/event-stream", Some("text/event-stream")),
            ("text/*", Some("text/event-stream")),
            ("application/json;q=0.5, application/x-ndjson", Some("application/x-ndjson")),
            ("*/*, application/json;q=0", Some("application/x-ndjson")),
            ("image/png", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wanted(&headers, OFFERS), best, "{accept}");
        }
        assert_eq!(wanted(&HeaderMap::new(), OFFERS), Some("application/json"));
    }
}
