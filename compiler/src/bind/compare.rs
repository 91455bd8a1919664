//! COMPARE TO: the same analysis about another range, its numbers beside those of the main one.
//!
//! Rows are those of the main range; each gets the numbers of the row with the same groups whose period has the same place in its range.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::nothing::nothing;
use crate::bound::*;
use crate::code;
use eql_grammar::ast::{self, Clause, ClauseKind, Head, RangeKind, Span};

/// The other range.
#[derive(Clone, Debug)]
pub(super) enum Other {
    /// The one just before.
    Previous(Option<Every>),
    /// One that is given.
    Range(ast::Range),
}

impl Binder<'_> {
    /// An analysis with COMPARE TO; None when it has none, or its head reports that it takes none.
    #[allow(clippy::option_option)]
    pub(super) fn comparison(&mut self, a: &ast::Analysis) -> Option<Option<Query>> {
        let head = comparable(&a.head)?;
        let clauses = Clauses::of(&a.clauses);
        let (to, span) = clauses.get_at(|k| if let ClauseKind::Compare(r) = k { Some(r.as_ref()) } else { None })?;
        // A clause that stands twice is reported where all clauses are known.
        let whole = |c: &Clause| matches!(c.kind, ClauseKind::Compare(_) | ClauseKind::OrderBy(_) | ClauseKind::Limit(..));
        let bare: Vec<Clause> = a.clauses.iter().filter(|c| !whole(c)).cloned().collect();
        if a.clauses.iter().filter(|c| matches!(c.kind, ClauseKind::Compare(_))).count() > 1 {
            return None;
        }
        if let Some((what, hint)) = senseless(&a.head, clauses) {
            self.error_hint(code::CLAUSE, span, what, hint);
            return Some(None);
        }
        let bare = ast::Analysis { clauses: bare, ..a.clone() };
        Some(self.both_ranges(&bare, head, clauses, to, span))
    }

    fn both_ranges(
        &mut self,
        bare: &ast::Analysis,
        head: HeadKind,
        clauses: Clauses<'_>,
        to: Option<&ast::Range>,
        at: Span,
    ) -> Option<Query> {
        let mut main = self.isolated(|b| b.head(bare))?;
        let (every, during, compared, other) = self.isolated(|b| b.ranges(clauses, head, to, at))?;
        let before = self.diagnostics.len();
        let second = self.isolated(|b| {
            b.compared = Some(other);
            let second = b.head(bare);
            // A head that has its range from elsewhere would answer for its own range again.
            if b.compared.take().is_some() { None } else { second }
        });
        // What is to say about the words has been said.
        self.diagnostics.truncate(before);
        let mut second = second?;
        // The greatest groups of the main range are those of both.
        let mut chosen = Vec::new();
        each_ranking(&mut main.rel, &mut |q| chosen.push(q.clone()));
        let mut chosen = chosen.into_iter();
        each_ranking(&mut second.rel, &mut |q| chosen.next().into_iter().for_each(|main| *q = main));
        let lead = leading(head, clauses, every.is_some());
        let key = |i: usize, name: &str| i < lead || keys_of(head).contains(&name);
        let period = every.map(|every| ComparedPeriod { main: main.output[0].id, other: second.output[0].id, every, during, compared });
        let (mut keys, mut added, mut output) = (Vec::new(), Vec::new(), main.output.clone());
        for (i, (m, o)) in main.output.iter().zip(&second.output).enumerate() {
            if key(i, &m.name) {
                if i > 0 || period.is_none() {
                    keys.push((m.id, o.id));
                }
                continue;
            }
            let id = self.column_id();
            added.push(ComparedColumn { id, other: o.id, nothing: nothing(&second.rel, o.id) });
            output.push(Output { id, name: format!("{}_previous", m.name), data_type: m.data_type.clone() });
        }
        let ordered = main.output.iter().enumerate().filter(|(i, o)| key(*i, &o.name)).map(|(i, _)| i + 1).max().unwrap_or(0);
        let rel = Rel::Compare(Box::new(Compare { main: unsorted(main.rel), other: unsorted(second.rel), period, keys, added }));
        self.finish(Query { rel, output }, clauses, ordered)
    }

    /// The grain of periods, both ranges, and how the second one is said.
    fn ranges(
        &mut self,
        clauses: Clauses<'_>,
        head: HeadKind,
        to: Option<&ast::Range>,
        at: Span,
    ) -> Option<(Option<Every>, TimeRange, TimeRange, Other)> {
        self.clock = self.head_clock(clauses);
        let every = match head {
            // Its periods are those of OVER.
            HeadKind::Stickiness => clauses.get(|k| if let ClauseKind::OverUnit(u) = k { Some(*u) } else { None }).map(|unit| Every {
                count: 1,
                unit,
                clock: self.clock.clone(),
            }),
            _ => self.every_clause(clauses)?,
        };
        let written = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None })?;
        let during = self.range(written)?;
        let other = match to {
            Some(r) => Other::Range(r.clone()),
            None => Other::Previous(every.clone()),
        };
        let compared = self.other_range(written, &other)?;
        let open = |r: &TimeRange| matches!(r.range.kind, RangeKind::AllTime | RangeKind::Before(_));
        if open(&during) && (to.is_none() || every.is_some()) || open(&compared) && every.is_some() {
            let hint = "give a range with a beginning, for example DURING last 30 days";
            self.error_hint(code::VALUE, at, "a range without a beginning has no period before it, and no first period", hint);
            return None;
        }
        Some((every, during, compared, other))
    }

    /// The range that a head answers for in place of the one that is written.
    pub(super) fn other_range(&mut self, written: &ast::Range, other: &Other) -> Option<TimeRange> {
        match other {
            Other::Range(r) => self.range(r),
            Other::Previous(every) => self.range(written).map(|r| TimeRange { before: Some(Before { every: every.clone() }), ..r }),
        }
    }
}

/// Heads that the table of clauses lets take COMPARE.
fn comparable(head: &Head) -> Option<HeadKind> {
    Some(match head {
        Head::Trend(_) => HeadKind::Trend,
        Head::Funnel(_) => HeadKind::Funnel,
        Head::Sequence(_) => HeadKind::Sequence,
        Head::Retention => HeadKind::Retention,
        Head::Sessions(_) => HeadKind::Sessions,
        Head::Distribution(_) => HeadKind::Distribution,
        Head::Intervals => HeadKind::Intervals,
        Head::Attribution => HeadKind::Attribution,
        Head::Ltv => HeadKind::Ltv,
        Head::Lifecycle(_) => HeadKind::Lifecycle,
        Head::Stickiness(_) => HeadKind::Stickiness,
        Head::Paths | Head::Rfm(_) | Head::Profile | Head::Journey => return None,
    })
}

/// Why a result has no numbers to compare, and what to do.
fn senseless(head: &Head, clauses: Clauses<'_>) -> Option<(&'static str, &'static str)> {
    let bounds = clauses.has(|k| matches!(k, ClauseKind::Buckets(..)));
    let bins = clauses.has(|k| matches!(k, ClauseKind::BucketCount(_)));
    match head {
        Head::Sequence(_) => {
            Some(("SEQUENCE gives single matches, which have no numbers to compare", "compare a FUNNEL of the same steps"))
        }
        _ if clauses.show().is_some() => {
            Some(("SHOW lists single things, which have no numbers to compare", "leave out SHOW or COMPARE TO"))
        }
        Head::Sessions(_) if !clauses.has(|k| matches!(k, ClauseKind::Measure(_))) => {
            Some(("single sessions have no numbers to compare", "add MEASURE, for example MEASURE count(*) AS visits"))
        }
        Head::Distribution(_) if !bounds => {
            Some(("bins made from the values differ from range to range", "give their bounds: BUCKETS (1, 5, 10)"))
        }
        Head::Intervals if bins => {
            Some(("bins made from the values differ from range to range", "give their bounds: BUCKETS (1, 5, 10) days"))
        }
        _ => None,
    }
}

/// How many columns stand before the numbers: the period, `touch`, the breakdown.
fn leading(head: HeadKind, clauses: Clauses<'_>, period: bool) -> usize {
    let items = clauses.get(|k| if let ClauseKind::Breakdown { items, .. } = k { Some(items.len()) } else { None }).unwrap_or(0);
    usize::from(period) + usize::from(head == HeadKind::Attribution) + items
}

/// Columns after those that name a row, too.
fn keys_of(head: HeadKind) -> &'static [&'static str] {
    match head {
        HeadKind::Funnel => &["step", "name"],
        HeadKind::Retention | HeadKind::Ltv => &["n"],
        HeadKind::Distribution | HeadKind::Intervals => &["bucket_from", "bucket_to"],
        HeadKind::Stickiness => &["active_periods"],
        _ => &[],
    }
}

/// Rows without their order: they get another one.
fn unsorted(rel: Rel) -> Rel {
    match rel {
        Rel::Sort(input, _) => *input,
        other => other,
    }
}

/// The queries that choose the groups of TOP, in order.
fn each_ranking(rel: &mut Rel, f: &mut dyn FnMut(&mut Query)) {
    match rel {
        Rel::Filter(input, _) | Rel::Project(input, _) | Rel::Sort(input, _) | Rel::Window(input, _) => each_ranking(input, f),
        Rel::Limit(input, ..) | Rel::Aggregate(input, ..) | Rel::Distinct(input) => each_ranking(input, f),
        Rel::Fill(x) => each_ranking(&mut x.input, f),
        Rel::Buckets(x) => each_ranking(&mut x.input, f),
        Rel::Lanes(x) => each_ranking(&mut x.input, f),
        Rel::Periods(x) => each_ranking(&mut x.input, f),
        Rel::Top(x) => {
            f(&mut x.ranking);
            each_ranking(&mut x.input, f);
        }
        Rel::Funnel(x) => x.top.iter_mut().for_each(|t| f(&mut t.ranking)),
        Rel::Retention(x) => x.top.iter_mut().for_each(|t| f(&mut t.ranking)),
        Rel::Lifecycle(x) => x.top.iter_mut().for_each(|t| f(&mut t.ranking)),
        Rel::Stickiness(x) => x.top.iter_mut().for_each(|t| f(&mut t.ranking)),
        _ => {}
    }
}
