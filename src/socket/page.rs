//! Pages of a list. A cursor says where the page before ended, for that list alone; nobody need know how.

use std::fmt::Write as _;

use super::problem::Problem;
use crate::wire::List;

const USUAL: u32 = 100;
const MOST: u32 = 1000;

pub(super) fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(format!("limit is {limit}, it may be 1 to {MOST}"))
            .with("field", "limit"));
    }
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Cuts a list that was read one item too far, and makes the cursor from the last item that stays.
pub(super) fn list<T>(
    mut items: Vec<T>,
    limit: usize,
    as_of: u64,
    cursor: impl FnOnce(&T) -> String,
) -> List<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    List { items, next, as_of }
}

/// `list` is a letter for the list that the cursor belongs to.
pub(super) fn cursor(list: char, place: &str) -> String {
    place.bytes().fold(String::from(list), |mut text, byte| {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
        text
    })
}

/// Where the page before ended.
pub(super) fn place<T>(
    list: char,
    cursor: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let place = cursor.strip_prefix(list).and_then(unhex).and_then(|it| parse(&it));
    place.map(Some).ok_or_else(|| {
        Problem::invalid(format!("{cursor:?} is no cursor of this list"))
            .hint("hand back `next` of the page before, or leave it out")
            .with("field", "cursor")
    })
}

fn unhex(text: &str) -> Option<String> {
    let pairs = text.as_bytes().chunks(2).map(|it| {
        let text = std::str::from_utf8(it).ok().filter(|it| it.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    });
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_list() {
        let ours = cursor('t', "tools/größe.py");
        let read = |list, it: &str| place(list, Some(it), |it| Some(it.to_owned()));
        assert_eq!(read('t', &ours).unwrap().as_deref(), Some("tools/größe.py"));
        for (list, it) in [('h', ours.as_str()), ('t', ""), ('t', "tx"), ('t', "t6"), ('t', "tff")]
        {
            assert!(read(list, it).is_err(), "{it}");
        }
    }
}
