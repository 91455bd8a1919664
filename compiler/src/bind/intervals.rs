//! INTERVALS: how long from one thing to another.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::distribution::bounds_type;
use super::matches::{Groups, Matched, Shape, step_names};
use super::scope::RowScope;
use super::time::unit_millis;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, BinaryOp, ClauseKind, Unit};

const HEAD: HeadKind = HeadKind::Intervals;

impl Binder<'_> {
    pub(super) fn intervals(&mut self, a: &ast::Analysis) -> Option<Query> {
        let clauses = self.clauses(HEAD, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, HEAD, a.head_span);
        let starting = clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None });
        let ending = clauses.get(|k| if let ClauseKind::Ending(s) = k { Some(s) } else { None });
        let within = clauses.get(|k| if let ClauseKind::Within(d) = k { Some(d) } else { None });
        let starting = self.require(starting, HEAD, "STARTING", a.head_span, "for example STARTING register");
        let ending = self.require(ending, HEAD, "ENDING", a.head_span, "for example ENDING purchase");
        let within = self.require(within, HEAD, "WITHIN", a.head_span, "for example WITHIN 30 days");
        let (starting, ending) = (starting?, ending?);
        self.plain_step(starting, "STARTING");
        self.plain_step(ending, "ENDING");
        let window = within.and_then(|d| self.window(d));
        let subject = self.subject(clauses, Some(&starting.scope));
        let mut steps = vec![starting.clone(), ending.clone()];
        self.different_aliases(&steps);
        let (names, shared) = step_names(&steps);
        self.match_where(clauses, &names, &mut steps);
        let Some(subject) = subject else {
            self.event_types(&ending.scope, None);
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let (bound, rows) = self.steps(&steps, &subject);
        let holding = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let holding = self.holding(holding, &rows);
        let named = names.iter().filter_map(|(n, at)| Some((n.clone(), at[0], RowScope { columns: vec![], ..rows.get(at[0])?.clone() })));
        let mut m = Matched::new(&subject, rows.first()?, named.collect(), shared);
        let interval = self.match_column(&mut m, MatchColumn::Seconds(0, 1), DataType::Double);
        m.env.matched.push(("interval".into(), interval.clone()));
        let table = self.interval_table(clauses, interval, &mut m)?;
        let rule = IntervalRule {
            window: Some(window?),
            ties_forbidden: clauses.has(|k| matches!(k, ClauseKind::Ties(true))),
            same: steps[0].scope == steps[1].scope,
            first_time: clauses.has(|k| matches!(k, ClauseKind::FirstTime)),
        };
        let matches = Rel::Matches(Box::new(Matches {
            subject: subject.id,
            role: self.role.clone(),
            among,
            steps: bound,
            rule: MatchRule::Interval(rule),
            holding,
            during: during?,
            columns: m.into_columns(),
            clock: self.clock.clone(),
        }));
        match table {
            Table::Shaped(shape, leading) => {
                let query = self.shaped(shape, matches);
                self.finish(query, clauses, leading)
            }
            Table::Bucketed(b) => {
                let leading = b.groups.len() + 1;
                let query = self.interval_buckets(*b, matches);
                self.finish(query, clauses, leading)
            }
        }
    }

    fn interval_table(&mut self, clauses: Clauses<'_>, interval: Expr, m: &mut Matched) -> Option<Table> {
        if let Some(shape) = self.match_show(HEAD, clauses, m)? {
            let leading = shape.width();
            return Some(Table::Shaped(shape, leading));
        }
        let groups = self.match_groups(HEAD, clauses, MatchColumn::Time(0), m)?;
        let who = self.match_column(m, MatchColumn::Subject, DataType::Int);
        let measures = clauses.get_at(|k| if let ClauseKind::Measure(i) = k { Some(i) } else { None });
        if clauses.has(|k| matches!(k, ClauseKind::Buckets(..) | ClauseKind::BucketCount(_))) {
            if let Some((_, span)) = measures {
                let hint = "BUCKETS counts pairs and entities: ask for the measures in a statement of their own";
                self.error_hint(code::CLAUSE_CONFLICT, span, "MEASURE and BUCKETS exclude each other in INTERVALS", hint);
            }
            let unit = self.bucket_unit(clauses)?;
            return Some(Table::Bucketed(Box::new(Bucketed {
                groups,
                value: in_units(interval, unit),
                who,
                cut: self.cut(clauses)?,
                top: m.top_by(0),
            })));
        }
        let (pairs, n) = self.over_matches(Aggregation::Count, None, DataType::Int);
        let (entities, who) = self.over_matches(Aggregation::CountDistinct, Some(who), DataType::Int);
        let mut aggregates = vec![pairs, entities];
        let mut columns = vec![("pairs".to_string(), n), ("entities".to_string(), who)];
        let (more, shown) = match measures {
            Some((items, _)) => self.match_measures(items, m),
            None => self.quantiles(&interval),
        };
        aggregates.extend(more);
        columns.extend(shown);
        let leading = groups.len();
        // The groups of TOP are those of most pairs, or of the first thing measured.
        let top = m.top_by(if measures.is_some() { 2 } else { 0 });
        Some(Table::Shaped(Shape::Groups(Groups { groups, aggregates, columns, top }), leading))
    }

    fn quantiles(&mut self, interval: &Expr) -> super::matches::Measured {
        let listed = [
            ("min", Aggregation::Min),
            ("p25", Aggregation::Percentile(0.25)),
            ("median", Aggregation::Percentile(0.5)),
            ("p75", Aggregation::Percentile(0.75)),
            ("max", Aggregation::Max),
            ("avg", Aggregation::Average),
        ];
        let made = listed.map(|(name, f)| (name, self.over_matches(f, Some(interval.clone()), DataType::Double)));
        made.into_iter().map(|(name, (aggregate, e))| (aggregate, (name.to_string(), e))).unzip()
    }

    /// The unit of BUCKETS (a, b) unit; None (reported) for units that have no fixed length.
    fn bucket_unit(&mut self, clauses: Clauses<'_>) -> Option<Unit> {
        match clauses.get_at(|k| if let ClauseKind::Buckets(_, u) = k { *u } else { None }) {
            None => Some(Unit::Second),
            Some((u, span)) if u >= Unit::Month => {
                let hint = "use days or weeks, for example BUCKETS (30, 60, 90) days";
                self.error_hint(code::VALUE, span, "BUCKETS of intervals need a unit of fixed length", hint);
                None
            }
            Some((u, _)) => Some(u),
        }
    }

    /// `bucket_from`, `bucket_to`, `pairs`, `entities` in each group.
    fn interval_buckets(&mut self, mut b: Bucketed, mut matches: Rel) -> Query {
        if let Some((n, breakdowns, _)) = b.top {
            let (pairs, count) = self.over_matches(Aggregation::Count, None, DataType::Int);
            let skip = b.groups.len().saturating_sub(breakdowns);
            (matches, b.groups) = self.top_rows(matches, b.groups, skip, n, &[pairs], Some(&count));
        }
        let (mut project, mut output) = (Vec::new(), Vec::new());
        for (name, e) in b.groups {
            let id = self.column_id();
            output.push(Output { id, name, data_type: e.data_type.clone() });
            project.push((id, e));
        }
        let groups = project.iter().map(|(id, _)| *id).collect();
        let (value, who) = (self.column_id(), self.column_id());
        project.extend([(value, b.value), (who, b.who)]);
        let ids: [ColumnId; 3] = std::array::from_fn(|_| self.column_id());
        let entities = self.column_id();
        let bound = bounds_type(&b.cut, DataType::Double);
        let columns = [
            (ids[0], "bucket_from", bound.clone()),
            (ids[1], "bucket_to", bound),
            (ids[2], "pairs", DataType::Int),
            (entities, "entities", DataType::Int),
        ];
        output.extend(columns.map(|(id, name, data_type)| Output { id, name: name.into(), data_type }));
        let input = Rel::Project(Box::new(matches), project);
        let distinct = Some((who, entities));
        Query { rel: Rel::Buckets(Box::new(Buckets { input, groups, value, cut: b.cut, output: ids, distinct })), output }
    }
}

/// What becomes of the pairs.
enum Table {
    Shaped(Shape, usize),
    Bucketed(Box<Bucketed>),
}

/// Pairs counted by the length between them.
struct Bucketed {
    groups: Vec<(String, Expr)>,
    value: Expr,
    who: Expr,
    cut: Cut,
    top: Option<(u64, usize, usize)>,
}

/// Seconds as a number of units.
fn in_units(seconds: Expr, unit: Unit) -> Expr {
    if unit == Unit::Second {
        return seconds;
    }
    let length = Expr::literal(Value::Double(unit_millis(unit) as f64 / 1000.0));
    Expr { kind: ExprKind::Arithmetic(BinaryOp::Divide, Box::new(seconds), Box::new(length)), data_type: DataType::Double }
}
