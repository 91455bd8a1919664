//! Sessions by looking at every pair of neighbours.

use eql_timeline::{SessionSpan, SessionSpec};

pub fn sessions(spec: &SessionSpec, time: &[i64], starts: &[bool], ends: &[bool], split: &[u32]) -> Vec<SessionSpan> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for row in 0..time.len() {
        let joins = groups.last().is_some_and(|group| {
            let previous = row - 1;
            time[row] - time[previous] <= spec.timeout
                && spec.max.is_none_or(|max| time[row] - time[group[0]] <= max)
                && !starts[row]
                && !ends[previous]
                && split[row] == split[previous]
        });
        match groups.last_mut() {
            Some(group) if joins => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    groups.iter().map(|group| SessionSpan { first: group[0] as u32, last: group[group.len() - 1] as u32 }).collect()
}
