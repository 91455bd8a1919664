//! A file of several event types.

use super::coerce::coerce;
use super::times::Times;
use crate::ImportError;
use crate::source::RawColumn;
use arrow::array::*;
use eql_catalog::DataType;
use eql_store::EventBatch;
use hashbrown::HashMap;

/// Names of events, as text.
pub(crate) fn names(column: &RawColumn) -> Result<StringArray, ImportError> {
    Ok(coerce(column, &DataType::String, &Times::utc())?.values.as_string().clone())
}

/// The rows of each name, in the order in which the names were first seen.
pub(crate) fn groups(names: &StringArray) -> Vec<(Option<&str>, Vec<u32>)> {
    let mut groups: Vec<(Option<&str>, Vec<u32>)> = Vec::new();
    let mut places = HashMap::new();
    let mut last = None;
    for (row, name) in names.iter().enumerate() {
        let place = match last {
            Some((same, place)) if same == name => place,
            _ => *places.entry(name).or_insert(groups.len()),
        };
        if place == groups.len() {
            groups.push((name, Vec::new()));
        }
        groups[place].1.push(row as u32);
        last = Some((name, place));
    }
    groups
}

/// The batches with the places of their rows among all admitted ones.
pub(crate) fn in_order(batches: Vec<(EventBatch, UInt32Array)>, raw_rows: usize) -> Vec<EventBatch> {
    if batches.len() < 2 {
        return batches.into_iter().map(|(b, _)| b).collect();
    }
    let mut rank = vec![0u32; raw_rows];
    batches.iter().flat_map(|(_, rows)| rows.values()).for_each(|row| rank[*row as usize] = 1);
    let mut next = 0;
    for place in &mut rank {
        next += std::mem::replace(place, next);
    }
    let ordered = |(batch, rows): (EventBatch, UInt32Array)| {
        let order = rows.values().iter().map(|row| rank[*row as usize]).collect::<Vec<_>>();
        EventBatch { order: Some(order.into()), ..batch }
    };
    batches.into_iter().map(ordered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_name() {
        let names = StringArray::from(vec![Some("a"), Some("a"), None, Some("b"), Some("a")]);
        assert_eq!(groups(&names), [(Some("a"), vec![0, 1, 4]), (None, vec![2]), (Some("b"), vec![3])]);
    }
}
