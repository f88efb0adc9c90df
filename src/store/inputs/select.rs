//! Which of many inputs are tried: those that failed, the newest, and of the rest some of every shape. The same ones each
//! time, so that two runs can be compared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ports::RecordedInput;

const FAILING: usize = 10;
const NEWEST: usize = 10;

/// At most so many of these, which stand oldest first and are all different.
pub(super) fn selected(all: &[RecordedInput], most: usize) -> Vec<RecordedInput> {
    let mut places: Vec<usize> = Vec::new();
    let newest_first = || (0..all.len()).rev();
    let failed = |it: &usize| all.get(*it).is_some_and(|it| it.failed);
    places.extend(newest_first().filter(failed).take(FAILING));
    let fresh: Vec<usize> = newest_first().filter(|it| !places.contains(it)).take(NEWEST).collect();
    places.extend(fresh);
    let mut shapes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, input) in all.iter().enumerate().filter(|it| !places.contains(&it.0)) {
        shapes.entry(shape(&input.args)).or_default().push(place);
    }
    while places.len() < most && !shapes.is_empty() {
        places.extend(shapes.values_mut().filter_map(Vec::pop));
        shapes.retain(|_, it| !it.is_empty());
    }
    places.truncate(most);
    places.into_iter().filter_map(|it| all.get(it).cloned()).collect()
}

/// Which keys there are, of which type, and about how long it all is.
fn shape(args: &str) -> String {
    let size = args.len().next_power_of_two().trailing_zeros() / 2;
    let kinds = match serde_json::from_str(args) {
        Ok(Value::Object(members)) => {
            let each = members.iter().map(|(key, value)| format!("{key}:{}", kind(value)));
            each.collect::<Vec<_>>().join(",")
        }
        Ok(other) => kind(&other).to_owned(),
        Err(_) => String::new(),
    };
    format!("{kinds}#{size}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(it) if it.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    fn input(number: u8, args: &str, failed: bool) -> RecordedInput {
        let (digest, version) = (Digest([number; 32]), Digest([0; 32]));
        RecordedInput { args: args.to_owned(), digest, failed, version }
    }

    #[test]
    fn failures_first_then_the_newest_then_one_of_every_shape() {
        let mut all = vec![input(200, "{\"rare\":1}", false)];
        all.extend((0..60).map(|it| input(it, "{\"q\":\"x\"}", it % 4 == 0)));
        let numbers: Vec<u8> = selected(&all, 22).iter().map(|it| it.digest.0[0]).collect();
        assert_eq!(numbers[..10], [56, 52, 48, 44, 40, 36, 32, 28, 24, 20], "failed");
        assert_eq!(numbers[10..20], [59, 58, 57, 55, 54, 53, 51, 50, 49, 47], "newest");
        assert!(numbers[20..].contains(&200), "the only one of its shape: {numbers:?}");
        assert_eq!(selected(&all, 5).len(), 5);
        assert_eq!(selected(&all, 1000).len(), all.len());
        assert!(selected(&[], 30).is_empty());
    }

    #[test]
    fn a_shape_is_keys_types_and_size() {
        assert_eq!(shape("{\"b\":1,\"a\":\"x\"}"), shape("{\"a\":\"yz\",\"b\":22}"));
        for other in ["{\"a\":1,\"b\":1}", "{\"a\":\"x\"}", "[1]", "not json"] {
            assert_ne!(shape("{\"a\":\"x\",\"b\":1}"), shape(other), "{other}");
        }
        let long = format!("{{\"a\":{:?},\"b\":1}}", "x".repeat(500));
        assert_ne!(shape("{\"a\":\"x\",\"b\":1}"), shape(&long));
    }
}
