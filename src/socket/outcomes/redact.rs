//! Secrets in the arguments of calls: known by the name of their key, or by looking like nothing else than a key. Better one
//! value too many than one too few: what is replaced keeps its place and its type.

use serde_json::Value;

const REPLACED: &str = "[redacted]";

/// In a key's name, whatever stands around them.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
    "session",
    "signature",
    "bearer",
];

/// Shorter ones may be words.
const SHORTEST: usize = 20;
/// Bits for each letter. English has about 4 with its spaces, and none of it is one long word.
const BITS: f64 = 3.5;

pub(super) fn secrets(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if is_secret_name(key) && !value.is_null() && !value.is_boolean() {
                    *value = REPLACED.into();
                } else {
                    secrets(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(secrets),
        Value::String(text) if text.split_whitespace().any(is_random) => {
            let shown = text.split(' ').map(|it| if is_random(it) { REPLACED } else { it });
            *text = shown.collect::<Vec<_>>().join(" ");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

fn is_secret_name(key: &str) -> bool {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|it| it.to_ascii_lowercase()).collect();
    plain == "pwd" || plain == "auth" || NAMES.iter().any(|it| plain.contains(it))
}

/// Long, of letters and digits both, and each as likely as the other.
fn is_random(word: &str) -> bool {
    let fits = |it: u8| it.is_ascii_alphanumeric() || b"+/=_-.".contains(&it);
    let bytes = word.as_bytes();
    bytes.len() >= SHORTEST
        && bytes.iter().all(|it| fits(*it))
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_alphabetic)
        && !word.contains("//")
        && entropy(bytes) >= BITS
}

/// Bits for each byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for it in bytes {
        if let Some(count) = counts.get_mut(usize::from(*it)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let part = |count: u32| f64::from(count) / total;
    counts.iter().filter(|it| **it > 0).map(|it| -part(*it) * part(*it).log2()).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let mut args = json!({
            "query": "how do I bake bread at 220 degrees", "api_key": "abc", "X-Auth-Token": 7, "nested": [
                {"Password": "x", "path": "/srv/data/file1.txt"},
                "use sk4Fz9QpL2mXv7TbN1cR8wYd now", "https://example.org/a/b/c/d/e1",
            ],
            "is_secret": true, "aaaa": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa1", "session": null,
        });
        secrets(&mut args);
        assert_eq!(
            args,
            json!({
                "query": "how do I bake bread at 220 degrees", "api_key": "[redacted]",
                "X-Auth-Token": "[redacted]", "nested": [
                    {"Password": "[redacted]", "path": "/srv/data/file1.txt"},
                    "use [redacted] now", "https://example.org/a/b/c/d/e1",
                ],
                "is_secret": true, "aaaa": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa1", "session": null,
            })
        );
    }
}
