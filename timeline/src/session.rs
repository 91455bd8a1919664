//! Sessions: a timeline cut into visits (rules 22, 43).

/// How sessions are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSpec {
    /// A gap longer than this (µs) cuts; an equal one does not.
    pub timeout: i64,
    /// A session longer than this (µs, first to last row) is cut.
    pub max: Option<i64>,
}

/// One session: rows `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSpan {
    /// Its first row, relative to the run.
    pub first: u32,
    /// Its last row, relative to the run.
    pub last: u32,
}

/// Cuts one entity's rows (times in µs, sorted) and appends the sessions. A row in `starts` begins a session, one in `ends` is the last
/// of its session, and a change of code in `split` cuts.
pub fn sessions(
    spec: &SessionSpec,
    time: &[i64],
    starts: Option<&[bool]>,
    ends: Option<&[bool]>,
    split: Option<&[u32]>,
    out: &mut Vec<SessionSpan>,
) {
    if let (None, None, None, None) = (starts, ends, split, spec.max) {
        return by_gaps(spec.timeout, time, out);
    }
    let flag = |flags: Option<&[bool]>, row: usize| flags.and_then(|flags| flags.get(row).copied()).unwrap_or(false);
    let mut first = 0;
    for row in 1..time.len() {
        let cut = time[row].saturating_sub(time[row - 1]) > spec.timeout
            || spec.max.is_some_and(|max| time[row].saturating_sub(time[first]) > max)
            || flag(starts, row)
            || flag(ends, row - 1)
            || split.is_some_and(|codes| codes.get(row) != codes.get(row - 1));
        if cut {
            out.push(SessionSpan { first: first as u32, last: row as u32 - 1 });
            first = row;
        }
    }
    if !time.is_empty() {
        out.push(SessionSpan { first: first as u32, last: time.len() as u32 - 1 });
    }
}

/// Cut by nothing but gaps: 64 of them are compared before any is looked at.
fn by_gaps(timeout: i64, time: &[i64], out: &mut Vec<SessionSpan>) {
    let mut first = 0;
    let mut row = 1;
    while row < time.len() {
        let end = time.len().min(row + 64);
        let gaps = time[row..end].iter().zip(&time[row - 1..end - 1]).enumerate();
        let mut cuts =
            gaps.fold(0u64, |cuts, (place, (later, earlier))| cuts | u64::from(later.saturating_sub(*earlier) > timeout) << place);
        while cuts != 0 {
            let cut = row + cuts.trailing_zeros() as usize;
            out.push(SessionSpan { first: first as u32, last: cut as u32 - 1 });
            first = cut;
            cuts &= cuts - 1;
        }
        row = end;
    }
    if !time.is_empty() {
        out.push(SessionSpan { first: first as u32, last: time.len() as u32 - 1 });
    }
}

impl SessionSpan {
    /// Number of event rows: `depth` (rule 43).
    pub fn depth(&self) -> u32 {
        self.last - self.first + 1
    }

    /// From the first row to the last, in µs; 0 for one event.
    pub fn duration(&self, time: &[i64]) -> i64 {
        match (time.get(self.first as usize), time.get(self.last as usize)) {
            (Some(first), Some(last)) => last.saturating_sub(*first),
            _ => 0,
        }
    }

    /// One event only (rule 22).
    pub fn bounce(&self) -> bool {
        self.first == self.last
    }

    /// How long (µs) the entity stayed at `row`: to the next row of the session, `None` for the last.
    pub fn dwell(&self, time: &[i64], row: u32) -> Option<i64> {
        if row < self.first || row >= self.last {
            return None;
        }
        Some(time.get(row as usize + 1)?.saturating_sub(*time.get(row as usize)?))
    }
}
