//! What differs between two documents, place by place. A place that the manifest ignores is counted, not hidden.

use std::collections::BTreeSet;

use super::{
    path::{Place, Pointer, keys_are_data},
    rules::Rules,
    value::Value,
};

/// `None` on a side: there is nothing at this place.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub(super) place: Place,
    pub control: Option<Value>,
    pub candidate: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Differences {
    pub(super) found: Vec<Difference>,
    pub(super) ignored: usize,
}

impl Difference {
    /// As a JSON pointer.
    pub fn path(&self) -> String {
        Pointer(&self.place.path).to_string()
    }
}

pub(super) fn differences(control: &Value, candidate: &Value, rules: &Rules) -> Differences {
    let mut all = Differences::default();
    Comparison { rules, all: &mut all }.compare(&Place::default(), Some(control), Some(candidate));
    all
}

/// Whether a value is what an example says it must be.
pub fn fits(expected: &Value, value: &Value, rules: &Rules) -> bool {
    let wrap = |it: &Value| Value::map([("value", it.clone())]);
    differences(&wrap(expected), &wrap(value), rules).found.is_empty()
}

/// Whether two values at one place are the same as far as the rules go.
pub(super) fn same_at(
    place: &Place,
    one: Option<&Value>,
    other: Option<&Value>,
    rules: &Rules,
) -> bool {
    let mut all = Differences::default();
    Comparison { rules, all: &mut all }.compare(place, one, other);
    all.found.is_empty()
}

struct Comparison<'a> {
    rules: &'a Rules,
    all: &'a mut Differences,
}

impl Comparison<'_> {
    fn compare(&mut self, place: &Place, one: Option<&Value>, other: Option<&Value>) {
        if one == other {
            return;
        }
        if self.rules.ignore.iter().any(|it| it.covers(&place.path)) {
            self.all.ignored += 1;
            return;
        }
        match (one, other) {
            (Some(Value::Map(a)), Some(Value::Map(b))) => {
                let is_data = keys_are_data(a) || keys_are_data(b);
                for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                    self.compare(&place.key(key, is_data), a.get(key), b.get(key));
                }
            }
            (Some(Value::List(a)), Some(Value::List(b))) if a.len() == b.len() => {
                if self.rules.unordered.iter().any(|it| it.names(&place.path)) {
                    self.compare_multisets(place, a, b);
                    return;
                }
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    self.compare(&place.index(index), Some(a), Some(b));
                }
            }
            (Some(a), Some(b)) if self.near(place, a, b) => (),
            _ => self.found(place, one, other),
        }
    }

    /// Each of the one finds one of the other that nobody else has found.
    fn compare_multisets(&mut self, place: &Place, one: &[Value], other: &[Value]) {
        let inner = place.index(0);
        let mut left: Vec<&Value> = other.iter().collect();
        let all_found = one.iter().all(|it| {
            let at = left.iter().position(|b| same_at(&inner, Some(it), Some(b), self.rules));
            at.map(|it| left.swap_remove(it)).is_some()
        });
        if !all_found {
            let lists = [one, other].map(|it| Value::List(it.to_vec()));
            self.found(place, Some(&lists[0]), Some(&lists[1]));
        }
    }

    fn near(&self, place: &Place, one: &Value, other: &Value) -> bool {
        let (Some(a), Some(b)) = (one.number(), other.number()) else { return false };
        let whole = matches!((one, other), (Value::Integer(_), Value::Integer(_)));
        match self.rules.tolerance.iter().find(|it| it.0.covers(&place.path)) {
            Some((_, most)) => (a - b).abs() <= most * a.abs().max(b.abs()).max(1.0),
            // 1 and 1.0 are one number; large integers that differ may be one float.
            None => !whole && a.to_bits() == b.to_bits(),
        }
    }

    fn found(&mut self, place: &Place, one: Option<&Value>, other: Option<&Value>) {
        self.all.found.push(Difference {
            place: place.clone(),
            control: one.cloned(),
            candidate: other.cloned(),
        });
    }
}
