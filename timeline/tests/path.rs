//! Rules 19, 42 and 52: golden cases, and a twin.

use eql_timeline::path::{NO_NODE, Path, PathSpec, cut_within, cut_within_from, edges, path};
use eql_timeline::{SessionSpan, Window};
use proptest::prelude::*;

const PLAIN: PathSpec = PathSpec { depth: 5, keep_repeats: false };

fn whole(nodes: &[u32]) -> SessionSpan {
    SessionSpan { first: 0, last: nodes.len() as u32 - 1 }
}

fn nodes(spec: PathSpec, codes: &[u32], starting: Option<u32>, ending: Option<u32>) -> Option<(Vec<u32>, bool)> {
    let flags = |node: u32| codes.iter().map(|&code| code == node).collect::<Vec<bool>>();
    let (starting, ending) = (starting.map(flags), ending.map(flags));
    path(&spec, whole(codes), codes, starting.as_deref(), ending.as_deref()).map(|path| (path.nodes, path.more))
}

#[test]
fn rule_19_equal_neighbours_collapse() {
    assert_eq!(nodes(PLAIN, &[1, 1, 2, 2, 1], None, None), Some((vec![1, 2, 1], false)));
    assert_eq!(nodes(PathSpec { keep_repeats: true, ..PLAIN }, &[1, 1, 2], None, None), Some((vec![1, 1, 2], false)));
    // A row that is no node is passed over; its neighbours collapse.
    assert_eq!(nodes(PLAIN, &[1, NO_NODE, 1, 2], None, None), Some((vec![1, 2], false)));
}

#[test]
fn rule_19_from_the_first_start_to_the_last_end() {
    assert_eq!(nodes(PLAIN, &[9, 1, 2, 1, 3], Some(1), None), Some((vec![1, 2, 1, 3], false)));
    assert_eq!(nodes(PLAIN, &[1, 2, 3, 2, 4], None, Some(2)), Some((vec![1, 2, 3, 2], false)));
    assert_eq!(nodes(PLAIN, &[1, 2, 3], Some(9), None), None);
    assert_eq!(nodes(PLAIN, &[2, 1, 3], Some(1), Some(2)), None);
}

#[test]
fn rule_19_one_event_paths_are_kept_and_deep_ones_cut() {
    assert_eq!(nodes(PLAIN, &[7], None, None), Some((vec![7], false)));
    let shallow = PathSpec { depth: 2, ..PLAIN };
    assert_eq!(nodes(shallow, &[1, 2, 3], None, None), Some((vec![1, 2], true)));
    // Rule 52: under ENDING the last nodes are kept.
    assert_eq!(nodes(shallow, &[1, 2, 3], None, Some(3)), Some((vec![2, 3], true)));
}

#[test]
fn rule_42_a_path_within_a_window_ends_with_it() {
    let mut out = Vec::new();
    cut_within(&Window::Micros(10), &[0, 10, 11, 20, 21, 22], &mut out);
    assert_eq!(out.iter().map(|span| (span.first, span.last)).collect::<Vec<_>>(), [(0, 1), (2, 4), (5, 5)]);
}

#[test]
fn rule_42_a_window_begins_with_the_start() {
    let mut out = Vec::new();
    let starts = [false, true, true, false, false, true, false];
    cut_within_from(&Window::Micros(10), &[0, 5, 9, 15, 16, 30, 41], &starts, &mut out);
    assert_eq!(out.iter().map(|span| (span.first, span.last)).collect::<Vec<_>>(), [(1, 3), (5, 5)]);
}

#[test]
fn rule_42_edges() {
    let path = Path { nodes: vec![1, 2, 1], rows: vec![0, 1, 2], more: false };
    assert_eq!(edges(&path).collect::<Vec<_>>(), [(1, 1, 2), (2, 2, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_equal_the_twin(
        rows in prop::collection::vec((0u32..4, prop::bool::weighted(0.3), prop::bool::weighted(0.3)), 1..9),
        depth in 1usize..5, keep_repeats: bool, starting: bool, ending: bool,
    ) {
        let codes: Vec<u32> = rows.iter().map(|row| if row.0 == 3 { NO_NODE } else { row.0 }).collect();
        let (starts, ends): (Vec<bool>, Vec<bool>) = rows.iter().map(|row| (row.1, row.2)).unzip();
        let low = if starting { starts.iter().position(|&x| x) } else { Some(0) };
        let high = if ending { ends.iter().rposition(|&x| x) } else { Some(rows.len() - 1) };
        let mut wanted = low.zip(high).filter(|(low, high)| low <= high).map(|(low, high)| {
            let kept: Vec<u32> = codes[low..=high].iter().copied().filter(|&code| code != NO_NODE).collect();
            let mut nodes = kept.clone();
            if !keep_repeats { nodes.dedup(); }
            nodes
        }).filter(|nodes| !nodes.is_empty());
        let more = wanted.as_ref().is_some_and(|nodes| nodes.len() > depth);
        if let Some(nodes) = wanted.as_mut() {
            if ending { nodes.drain(..nodes.len().saturating_sub(depth)); } else { nodes.truncate(depth); }
        }
        let found = path(&PathSpec { depth, keep_repeats }, whole(&codes), &codes, starting.then_some(starts.as_slice()), ending.then_some(ends.as_slice()));
        prop_assert_eq!(found.as_ref().map(|path| path.more), wanted.as_ref().map(|_| more));
        if let Some(path) = &found {
            prop_assert!(path.nodes.iter().zip(&path.rows).all(|(&node, &row)| codes[row as usize] == node));
        }
        prop_assert_eq!(found.map(|path| path.nodes), wanted);
    }

    #[test]
    fn window_cuts_cover_the_timeline(mut time in prop::collection::vec(0i64..20, 0..12), window in 0i64..6) {
        time.sort_unstable();
        let mut out = Vec::new();
        cut_within(&Window::Micros(window), &time, &mut out);
        let mut next = 0;
        for span in out {
            prop_assert_eq!(span.first, next);
            next = span.last + 1;
            let first = time[span.first as usize];
            prop_assert!(time[span.last as usize] <= first + window);
            prop_assert!(time.get(next as usize).is_none_or(|&t| t > first + window));
        }
        prop_assert_eq!(next as usize, time.len());
    }
}
