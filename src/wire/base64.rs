//! Bytes as text: base64 of RFC 4648 with its padding, and nothing else.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, it| bits << 8 | usize::from(*it));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter =
                LETTERS.get(bits >> (18 - 6 * place) & 63).filter(|_| place <= chunk.len());
            text.push(letter.map_or('=', |it| char::from(*it)));
        }
    }
    text
}

/// Or where it stops being base64, in bytes of the text.
pub fn unbase64(text: &str) -> Result<Vec<u8>, usize> {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if !text.len().is_multiple_of(4) {
        return Err(text.len());
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for (place, quad) in body.as_bytes().chunks(4).enumerate() {
        let mut bits = 0_u32;
        for (inner, letter) in quad.iter().enumerate() {
            bits = bits << 6 | digit(*letter).ok_or(place * 4 + inner)?;
        }
        // What a shorter last group lacks is zero, and what it has too much must be.
        bits <<= 6 * (4 - quad.len());
        let [_, whole @ ..] = bits.to_be_bytes();
        let (kept, left) = whole.split_at_checked(quad.len() - 1).ok_or(place * 4)?;
        if left.iter().any(|it| *it != 0) {
            return Err(place * 4 + quad.len() - 1);
        }
        bytes.extend_from_slice(kept);
    }
    Ok(bytes)
}

fn digit(letter: u8) -> Option<u32> {
    let (from, value) = match letter {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => (b'+', 62),
        b'/' => (b'/', 63),
        _ => return None,
    };
    Some(u32::from(letter - from) + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("~~?", "fn4/"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(unbase64(text).as_deref(), Ok(bytes.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unbase64(&base64(&all)), Ok(all));
    }

    #[test]
    fn what_is_none_is_told_where() {
        for (text, place) in [
            ("Zm9", 3),
            ("Zm9v\n", 5),
            ("Zm-v", 2),
            ("Z===", 1),
            ("Zh==", 1),
            ("Zg==Zg==", 2),
            ("====", 0),
        ] {
            assert_eq!(unbase64(text), Err(place), "{text}");
        }
    }
}
