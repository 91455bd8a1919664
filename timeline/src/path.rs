//! Paths: which way an entity went (rules 19, 38, 42, 52).

mod transitions;

pub use transitions::Transitions;

use crate::calendar::Window;
use crate::session::SessionSpan;

/// A node code for a row that is no node: it is passed over.
pub const NO_NODE: u32 = u32::MAX;

/// What is kept of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathSpec {
    /// Most nodes of a path; what goes beyond is `(more)`. 0 keeps none.
    pub depth: usize,
    /// Equal neighbours stay two nodes.
    pub keep_repeats: bool,
}

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The node codes, in order.
    pub nodes: Vec<u32>,
    /// The row of each node: of several collapsed ones the first.
    pub rows: Vec<u32>,
    /// Nodes beyond the depth were left out: at the end, or with ENDING at the beginning. If not, what follows the last is `(exit)`.
    pub more: bool,
}

/// The path through one session: the rows of `span`, in the sort order. `nodes` gives each row its node code, or [`NO_NODE`].
///
/// With `starting` the path begins at the first row so marked, with `ending` it ends at the last one; a session without such a row has
/// no path, nor has one without a node. With `ending` the depth keeps the last nodes.
pub fn path(spec: &PathSpec, span: SessionSpan, nodes: &[u32], starting: Option<&[bool]>, ending: Option<&[bool]>) -> Option<Path> {
    let marked = |flags: &[bool], row: usize| flags.get(row).copied().unwrap_or(false);
    let end = (span.last as usize + 1).min(nodes.len());
    let mut rows = span.first as usize..end;
    if let Some(flags) = starting {
        rows.start = rows.clone().find(|&row| marked(flags, row))?;
    }
    if let Some(flags) = ending {
        rows.end = rows.clone().rev().find(|&row| marked(flags, row))? + 1;
    }
    let mut path = Path { nodes: Vec::new(), rows: Vec::new(), more: false };
    for row in rows.filter(|&row| nodes[row] != NO_NODE) {
        if spec.keep_repeats || path.nodes.last() != Some(&nodes[row]) {
            path.nodes.push(nodes[row]);
            path.rows.push(row as u32);
        }
    }
    if path.nodes.is_empty() {
        return None;
    }
    path.more = path.nodes.len() > spec.depth;
    if ending.is_some() {
        let surplus = path.nodes.len().saturating_sub(spec.depth);
        path.nodes.drain(..surplus);
        path.rows.drain(..surplus);
    } else {
        path.nodes.truncate(spec.depth);
        path.rows.truncate(spec.depth);
    }
    Some(path)
}

/// Cuts a timeline into paths WITHIN a window (times in µs, sorted): a path ends with the window after its first row, the next row
/// starts another.
pub fn cut_within(window: &Window, time: &[i64], out: &mut Vec<SessionSpan>) {
    let mut first = 0;
    while let Some(&t) = time.get(first) {
        let next = first + time[first..].partition_point(|&x| x <= window.end(t)).max(1);
        out.push(SessionSpan { first: first as u32, last: next as u32 - 1 });
        first = next;
    }
}

/// The same where a path begins with a row marked in `starts`: it ends with the window after that row, and the next marked row behind it
/// starts another. Other rows outside a path belong to none.
pub fn cut_within_from(window: &Window, time: &[i64], starts: &[bool], out: &mut Vec<SessionSpan>) {
    let mut from = 0;
    while let Some(first) = (from..time.len().min(starts.len())).find(|&row| starts[row]) {
        let next = first + time[first..].partition_point(|&x| x <= window.end(time[first])).max(1);
        out.push(SessionSpan { first: first as u32, last: next as u32 - 1 });
        from = next;
    }
}

/// The transitions of a path: (step from 1, source, target), for SHOW EDGES.
pub fn edges(path: &Path) -> impl Iterator<Item = (usize, u32, u32)> + '_ {
    path.nodes.windows(2).enumerate().map(|(place, pair)| (place + 1, pair[0], pair[1]))
}
