//! What makes two failures the same for a person: the kind of the error, the function of the tool in which it arose, and
//! what was said, without what differs from call to call.

/// Stands for a text. Not meant against somebody who wants two texts to be the same.
pub(super) fn stand_in(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) fn fingerprint(kind: &str, function: &str, message: &str) -> u64 {
    stand_in(&format!("{kind}\0{function}\0{}", plain(message)))
}

/// The message with `_` in place of numbers, hashes, paths and whatever is quoted.
fn plain(message: &str) -> String {
    let mut plain = String::with_capacity(message.len());
    let mut rest = message.chars().peekable();
    while let Some(it) = rest.next() {
        match it {
            '\'' | '"' | '`' => {
                // An apostrophe inside a word quotes nothing.
                let in_word = it == '\'' && plain.ends_with(char::is_alphanumeric);
                if in_word {
                    plain.push(it);
                } else {
                    rest.by_ref().find(|end| *end == it);
                    plain.push('_');
                }
            }
            _ if is_of_word(it) => {
                let mut word = String::from(it);
                while let Some(more) = rest.next_if(|it| is_of_word(*it)) {
                    word.push(more);
                }
                plain.push_str(if varies(&word) { "_" } else { &word });
            }
            _ => plain.push(it),
        }
    }
    plain
}

fn is_of_word(it: char) -> bool {
    it.is_alphanumeric() || matches!(it, '/' | '\\' | '_' | '-' | '.')
}

fn varies(word: &str) -> bool {
    let is_hex = word.len() >= 6 && word.chars().all(|it| it.is_ascii_hexdigit());
    is_hex || word.contains(['/', '\\']) || word.contains(|it: char| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_left_out_and_what_says_something_is_not() {
        for (one, other) in [
            ("no row 17 in /tmp/a.db", "no row 4 in /srv/x/b.db"),
            ("key 'a b' is missing", "key 'c' is missing"),
            ("id deadbeefcafe", "id 0123456789ab"),
            ("at 0x7f3a in \"x\"", "at 0x11 in \"yy z\""),
            ("an open ' quote", "an open ' other"),
        ] {
            assert_eq!(plain(one), plain(other));
        }
        assert_eq!(plain("it can't be read"), "it can't be read");
        assert_ne!(plain("name is not defined"), plain("name is not callable"));
        assert_ne!(fingerprint("KeyError", "run", ""), fingerprint("KeyError", "load", ""));
        assert_ne!(fingerprint("KeyError", "run", ""), fingerprint("TypeError", "run", ""));
    }
}
