//! What several ordinals of one entity have of one property becomes one value: plain values in, a plain value out.

use super::operate::{sum, united};
use eql_catalog::{DataType, Value};

/// What one ordinal has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) value: Value,
    /// The time of the record that said it; what was said without one was said at the beginning.
    pub(super) told: i64,
    /// The time of the `set_once` that gave it.
    pub(super) once: Option<i64>,
    /// It grew by `increment`.
    pub(super) counted: bool,
}

/// The first one stands for the entity, and comes first where nothing else decides. Lists are united, counters added; of values that
/// contradict each other the latest counts, of those that were all set once the earliest. A missing value never contradicts.
pub(super) fn combine(held: &[Held], data_type: &DataType) -> Value {
    let mut there = held.iter().filter(|h| h.value != Value::Null);
    let Some(first) = there.next() else { return Value::Null };
    if matches!(data_type, DataType::List(_)) {
        return there.fold(first.value.clone(), |all, h| match &h.value {
            Value::List(items) => united(&all, items.clone()).unwrap_or(all),
            _ => all,
        });
    }
    if data_type.is_numeric() && held.iter().any(|h| h.counted && h.value != Value::Null) {
        // What does not fit is left out, as an increment that does not fit is.
        return there.fold(first.value.clone(), |all, h| sum(&all, &h.value, data_type).unwrap_or(all));
    }
    let best = there.fold(first, |best, h| {
        let better = match (best.once, h.once) {
            (None, None) => h.told > best.told,
            (Some(before), Some(once)) => once < before,
            (Some(_), None) => true,
            (None, Some(_)) => false,
        };
        if better { h } else { best }
    });
    best.value.clone()
}

/// Members of the first object, then those that only later ones have. What is no object counts as none.
pub(super) fn combine_extra<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let mut texts = texts.peekable();
    let first = texts.next()?;
    if texts.peek().is_none() {
        return Some(first.to_string());
    }
    let object = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).unwrap_or_default();
    let all = texts.fold(object(first), |mut all, text| {
        for (name, value) in object(text) {
            all.entry(name).or_insert(value);
        }
        all
    });
    Some(serde_json::Value::Object(all).to_string())
}

/// Members of an object, and those of a later one in their place; a member that is null there goes. None when none is left.
pub(super) fn followed_extra(before: Option<String>, next: &str) -> Option<String> {
    // The same again, as a repeated import tells it.
    if before.as_deref() == Some(next) || before.is_none() && !next.contains("null") {
        return Some(next.to_string());
    }
    let object = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).unwrap_or_default();
    let mut all = before.as_deref().map(object).unwrap_or_default();
    for (name, value) in object(next) {
        match value {
            serde_json::Value::Null => drop(all.remove(&name)),
            value => drop(all.insert(name, value)),
        }
    }
    (!all.is_empty()).then(|| serde_json::Value::Object(all).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(value: i64, told: i64, once: Option<i64>, counted: bool) -> Held {
        Held { value: Value::Int(value), told, once, counted }
    }

    fn number(held: &[Held]) -> Value {
        combine(held, &DataType::Int)
    }

    #[test]
    fn the_latest_wins_and_of_set_once_the_earliest() {
        assert_eq!(number(&[held(1, 5, None, false), held(2, 7, None, false), held(3, 7, None, false)]), Value::Int(2));
        assert_eq!(number(&[held(1, 7, None, false), held(2, 7, None, false)]), Value::Int(1), "the first one");
        let missing = Held { value: Value::Null, told: 9, once: None, counted: false };
        assert_eq!(number(&[missing.clone(), held(1, 5, None, false)]), Value::Int(1));
        assert_eq!(number(std::slice::from_ref(&missing)), Value::Null);
        assert_eq!(number(&[held(1, 7, Some(7), false), held(2, 5, Some(5), false)]), Value::Int(2));
        assert_eq!(number(&[held(1, 3, Some(3), false), held(2, 5, None, false)]), Value::Int(2), "a set is stronger");
        assert_eq!(number(&[held(2, 5, None, false), held(1, 9, Some(9), false)]), Value::Int(2));
    }

    #[test]
    fn counters_add_and_lists_are_united() {
        assert_eq!(number(&[held(1, 5, None, false), held(2, 3, None, true), held(4, 1, None, false)]), Value::Int(7));
        assert_eq!(number(&[held(i64::MAX, 5, None, true), held(2, 3, None, true), held(-4, 1, None, false)]), Value::Int(i64::MAX - 4));
        let list = |items: &[i64]| Value::List(items.iter().map(|i| Value::Int(*i)).collect());
        let held = |items: &[i64]| Held { value: list(items), told: 0, once: None, counted: false };
        let ints = DataType::List(Box::new(DataType::Int));
        assert_eq!(combine(&[held(&[2, 1]), held(&[3, 1]), held(&[4])], &ints), list(&[2, 1, 3, 4]));
    }

    #[test]
    fn a_later_row_tells_only_of_what_it_names() {
        let first = Some(r#"{ "a":1}"#.to_string());
        assert_eq!(followed_extra(None, r#"{ "a":1}"#), first);
        assert_eq!(followed_extra(first.clone(), r#"{ "a":1}"#), first);
        assert_eq!(followed_extra(first.clone(), r#"{"b":2}"#), Some(r#"{"a":1,"b":2}"#.to_string()));
        assert_eq!(followed_extra(first.clone(), r#"{"a":[null],"b":null}"#), Some(r#"{"a":[null]}"#.to_string()));
        assert_eq!(followed_extra(first, r#"{"a":null}"#), None);
        assert_eq!(followed_extra(None, r#"{"a":null}"#), None);
    }

    #[test]
    fn undeclared_members_are_put_together() {
        assert_eq!(combine_extra([].into_iter()), None);
        assert_eq!(combine_extra([r#"{ "a":1}"#].into_iter()), Some(r#"{ "a":1}"#.to_string()));
        assert_eq!(combine_extra([r#"{"a":1}"#, r#"{"b":2,"a":3}"#].into_iter()), Some(r#"{"a":1,"b":2}"#.to_string()));
    }
}
