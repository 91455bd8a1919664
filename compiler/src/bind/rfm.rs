//! RFM: entities by recency, frequency and monetary value, each cut into bins of equal counts.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Value};
use eql_grammar::ast::{self, BinaryOp, ClauseKind, Item, Show, Step as AstStep};
use std::sync::Arc;

/// Bins of a measure where BUCKETS is missing.
const BINS: u64 = 5;
const BINS_MAX: u64 = 1000;

/// One row an entity: its columns as (number, name, value).
type Columns = Vec<(ColumnId, String, Expr)>;

impl Binder<'_> {
    pub(super) fn rfm(&mut self, a: &ast::Analysis, step: &AstStep) -> Option<Query> {
        let head = HeadKind::Rfm;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        self.plain_step(step, head.word());
        let bins = self.bins(clauses);
        let entities = self.rfm_show(clauses);
        let measure = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None });
        let example = "for example MEASURE last(purchase.time) AS recency, count(purchase) AS frequency, sum(purchase.amount) AS monetary";
        let measure = self.require(measure, head, "MEASURE", a.head_span, example);
        let Some(subject) = self.subject(clauses, Some(&step.scope)) else {
            self.event_types(&step.scope, None);
            return None;
        };
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let events = self.select_events(&step.scope, &subject, &[]).select;
        // The step carries WHERE; measures are held to the step.
        self.events_where = None;
        let mut env = Env::row(RowScope::entity(&subject)).with(Aggregates::Behaviour);
        let measures = self.rfm_measures(measure?, &events, during.as_ref(), a.head_span, &mut env);
        let count = BehaviourKind::Aggregate { function: Aggregation::Count, events, value: None, order: None, during };
        let count = self.behaviour(count, DataType::Int, &mut env);
        let mut filter =
            vec![Expr::predicate(ExprKind::Compare(BinaryOp::NotEqual, Box::new(count), Box::new(Expr::literal(Value::Int(0)))))];
        if let Some(s) = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }) {
            let mut row = env.rows.swap_remove(0);
            filter.push(self.membership(s, &subject, &mut row));
            env.rows.push(row);
        }
        let (groups, top) = self.rfm_groups(clauses, entities?, &mut env);
        let keys = self.rfm_keys(&subject, &mut env);
        let scan = Scan { source: Source::Entities(subject.id), columns: env.into_columns(), during: None, clock: self.clock.clone() };
        let rows = Rel::Scan(Box::new(scan));
        let rows = match Expr::all(filter) {
            Some(p) => Rel::Filter(Box::new(rows), p),
            None => rows,
        };
        let (rows, groups) = match top {
            Some(n) => self.rfm_top(rows, groups, n),
            None => (rows, groups),
        };
        let measures = measures?;
        let project = keys.iter().chain(&groups).chain(&measures).map(|(id, _, e)| (*id, e.clone())).collect();
        let (rows, scores) = self.scored(Rel::Project(Box::new(rows), project), &keys, &measures, bins?);
        if entities? {
            let columns = [read(&keys), read(&measures), scores].concat();
            let query = self.project(rows, columns);
            return self.finish(query, clauses, subject.key.len());
        }
        let query = self.cells_of(rows, &groups, scores, &measures);
        self.finish(query, clauses, groups.len() + 3)
    }

    fn bins(&mut self, clauses: Clauses<'_>) -> Option<u64> {
        if let Some((_, span)) = clauses.get_at(|k| if let ClauseKind::Buckets(..) = k { Some(()) } else { None }) {
            self.error_hint(code::VALUE, span, "the bins of RFM are a number of them, not bounds", "for example BUCKETS 5");
            return None;
        }
        let Some((n, span)) = clauses.get_at(|k| if let ClauseKind::BucketCount(n) = k { Some(*n) } else { None }) else {
            return Some(BINS);
        };
        if !(1..=BINS_MAX).contains(&n) {
            self.error(code::VALUE, span, "BUCKETS needs 1 to 1,000 bins");
            return None;
        }
        Some(n)
    }

    /// True for SHOW ENTITIES.
    fn rfm_show(&mut self, clauses: Clauses<'_>) -> Option<bool> {
        match clauses.show() {
            None => Some(false),
            Some((Show::Entities { converted: None, step: None }, _)) => Some(true),
            Some((_, span)) => {
                self.error_hint(code::CLAUSE, span, "RFM shows ENTITIES, or without SHOW the cells", "write SHOW ENTITIES");
                None
            }
        }
    }

    /// The three measures, each over the step's rows in the range alone.
    fn rfm_measures(
        &mut self,
        items: &[Item],
        step: &EventSelect,
        during: Option<&TimeRange>,
        at: ast::Span,
        env: &mut Env,
    ) -> Option<Columns> {
        if items.len() != 3 {
            let what = format!("RFM takes three measures, recency, frequency and monetary value in this order, not {}", items.len());
            self.error(code::ARGUMENTS, at, what);
        }
        let items = self.expand_metrics(items);
        let mut out = Vec::new();
        let mut sound = items.len() == 3;
        for (place, item) in items.iter().enumerate() {
            let known = env.rows[0].columns.len();
            let value = self.expr(&item.expr, env);
            for i in known..env.rows[0].columns.len() {
                sound &= self.held_to_step(&mut env.rows[0].columns[i].leaf, step, during, item.expr.span);
            }
            sound &= self.rfm_type(place, &value, item.expr.span);
            out.push((self.column_id(), self.item_name(item), value));
        }
        sound.then_some(out)
    }

    /// Recency is a time or a number; the others are numbers.
    fn rfm_type(&mut self, place: usize, value: &Expr, at: ast::Span) -> bool {
        if matches!(value.kind, ExprKind::Invalid) {
            return false;
        }
        let t = &value.data_type;
        let fits = t.is_numeric() || place == 0 && t.is_temporal();
        if !fits {
            let name = ["recency", "frequency", "monetary value"].get(place).copied().unwrap_or("a measure");
            let wanted = if place == 0 { "a time or a number" } else { "a number" };
            self.error(code::TYPE, at, format!("{name} is {wanted}, this is {t}"));
        }
        fits
    }

    /// Holds what an entity did to the rows of the step; false (reported) where that leaves no event.
    fn held_to_step(&mut self, leaf: &mut Leaf, step: &EventSelect, range: Option<&TimeRange>, at: ast::Span) -> bool {
        let Leaf::Behaviour(b) = leaf else { return true };
        let hint = "name the event that stands behind RFM";
        let BehaviourKind::Aggregate { events, during, .. } = &mut b.kind else {
            self.error_hint(code::AGGREGATE, at, "a measure of RFM is an aggregate over the rows of its event", hint);
            return false;
        };
        let own = during.take();
        *events = self.narrowed(step, events, own.as_ref());
        *during = range.cloned();
        if events.cases.is_empty() {
            self.error_hint(code::ARGUMENTS, at, "a measure of RFM sees only the events behind RFM, and this one names others", hint);
        }
        !events.cases.is_empty()
    }

    /// Rows that both selections take, in the range `during`.
    fn narrowed(&mut self, step: &EventSelect, asked: &EventSelect, during: Option<&TimeRange>) -> EventSelect {
        let mut cases = Vec::new();
        for (s, a) in step.cases.iter().flat_map(|s| asked.cases.iter().map(move |a| (s, a))) {
            let events: Vec<_> = a.events.iter().filter(|e| s.events.contains(e)).copied().collect();
            if events.is_empty() {
                continue;
            }
            let mut ranges = [&s.during, &a.during].into_iter().flatten().chain(during);
            let first = ranges.next().cloned();
            let mut parts: Vec<RowExpr> = ranges.map(|r| self.in_range(r)).collect();
            parts.extend([&s.filter, &a.filter].into_iter().flatten().cloned());
            cases.push(EventCase { events, filter: self.all_of(parts), during: first });
        }
        EventSelect { cases }
    }

    fn in_range(&mut self, range: &TimeRange) -> RowExpr {
        let id = self.column_id();
        let time = Expr::column(id, DataType::Timestamp);
        let expr = Expr::predicate(ExprKind::InRange(Box::new(time), Box::new(range.clone())));
        RowExpr { columns: vec![ScanColumn { id, leaf: Leaf::Time, data_type: DataType::Timestamp }], expr }
    }

    /// Conditions over the same rows as one.
    fn all_of(&mut self, mut parts: Vec<RowExpr>) -> Option<RowExpr> {
        if parts.len() < 2 {
            return parts.pop();
        }
        let (mut columns, mut conditions) = (Vec::<ScanColumn>::new(), Vec::new());
        for RowExpr { columns: own, mut expr } in parts {
            // Each numbers its columns for itself: here they get numbers of their own.
            let mut numbers = Vec::new();
            for c in own {
                let known = columns.iter().find(|k| k.leaf == c.leaf).map(|k| k.id);
                let from = c.id;
                let to = known.unwrap_or_else(|| {
                    let id = self.column_id();
                    columns.push(ScanColumn { id, ..c });
                    id
                });
                numbers.push((from, to));
            }
            expr.renumber(&numbers);
            conditions.push(expr);
        }
        Expr::all(conditions).map(|expr| RowExpr::canonical(columns, expr))
    }

    /// The groups with the most entities keep their names.
    fn rfm_top(&mut self, rows: Rel, groups: Columns, n: u64) -> (Rel, Columns) {
        let id = self.column_id();
        let counted = Aggregate { function: Aggregation::Count, argument: None, filter: None, order: vec![], data_type: DataType::Int };
        let named = groups.iter().map(|(_, name, e)| (name.clone(), e.clone())).collect();
        let (rows, cut) = self.top_rows(rows, named, 0, n, &[(id, counted)], Some(&Expr::column(id, DataType::Int)));
        (rows, groups.into_iter().zip(cut).map(|((id, ..), (name, e))| (id, name, e)).collect())
    }

    fn rfm_groups(&mut self, clauses: Clauses<'_>, entities: bool, env: &mut Env) -> (Columns, Option<u64>) {
        let (items, top) = self.breakdown_items(clauses);
        self.unattributed(clauses, HeadKind::Rfm);
        if let Some((_, span)) = clauses.get_at(|k| if let ClauseKind::Breakdown { .. } = k { Some(()) } else { None })
            && entities
        {
            let hint = "leave BREAKDOWN BY out, or join the property to the result";
            self.error_hint(code::CLAUSE_CONFLICT, span, "SHOW ENTITIES gives one row an entity: there are no groups", hint);
        }
        (items.iter().map(|i| (self.column_id(), self.item_name(i), self.expr(&i.expr, env))).collect(), top)
    }

    fn rfm_keys(&mut self, subject: &Arc<EntityType>, env: &mut Env) -> Columns {
        let mut row = env.rows.swap_remove(0);
        let keys = subject.key.iter().enumerate();
        let keys = keys.map(|(i, k)| {
            let value = self.leaf(&mut row, Leaf::Key(i), k.data_type.clone());
            (self.column_id(), k.name.clone(), value)
        });
        let keys = keys.collect();
        env.rows.insert(0, row);
        keys
    }

    /// r, f and m beside the rows: from worst to best, ties by the key, and what is missing is worst.
    fn scored(&mut self, rows: Rel, keys: &Columns, measures: &Columns, bins: u64) -> (Rel, Vec<(String, Expr)>) {
        let (mut windows, mut scores) = (Vec::new(), Vec::new());
        for (place, ((id, _, value), name)) in measures.iter().zip(["r", "f", "m"]).enumerate() {
            // A number as recency is a distance in time: less is better.
            let descending = place == 0 && value.data_type.is_numeric();
            let by = |id: ColumnId, t: &DataType, descending| SortKey { expr: Expr::column(id, t.clone()), descending, nulls_first: true };
            let mut order_by = vec![by(*id, &value.data_type, descending)];
            order_by.extend(keys.iter().map(|(k, _, e)| by(*k, &e.data_type, false)));
            let bins = Expr::literal(Value::Int(i64::try_from(bins).unwrap_or(i64::MAX)));
            let made = self.column_id();
            windows.push((
                made,
                WindowCall { function: "ntile", args: vec![bins], partition_by: vec![], order_by, frame: None, data_type: DataType::Int },
            ));
            let score = Expr { kind: ExprKind::Cast(Box::new(Expr::column(made, DataType::Int))), data_type: DataType::Int };
            scores.push((name.to_string(), score));
        }
        (Rel::Window(Box::new(rows), windows), scores)
    }

    /// One row a cell: how many entities, and the averages of the measures.
    fn cells_of(&mut self, rows: Rel, groups: &Columns, scores: Vec<(String, Expr)>, measures: &Columns) -> Query {
        let by: Vec<(String, Expr)> = read(groups).into_iter().chain(scores).collect();
        let keys: Vec<(ColumnId, Expr)> = by.iter().map(|(_, e)| (self.column_id(), e.clone())).collect();
        let mut columns: Vec<(String, Expr)> =
            by.iter().zip(&keys).map(|((n, e), (id, _))| (n.clone(), Expr::column(*id, e.data_type.clone()))).collect();
        let count = self.column_id();
        let counted = Aggregate { function: Aggregation::Count, argument: None, filter: None, order: vec![], data_type: DataType::Int };
        let mut aggregates = vec![(count, counted)];
        columns.push(("entities".into(), Expr::column(count, DataType::Int)));
        for ((name, value), (_, _, e)) in read(measures).into_iter().zip(measures) {
            let id = self.column_id();
            let argument = if e.data_type.is_temporal() { self.instant_number(value) } else { value };
            let function = Aggregation::Average;
            aggregates
                .push((id, Aggregate { function, argument: Some(argument), filter: None, order: vec![], data_type: DataType::Double }));
            let mean = Expr::column(id, DataType::Double);
            columns.push((name, if e.data_type.is_temporal() { self.number_instant(mean, &e.data_type) } else { mean }));
        }
        self.project(Rel::Aggregate(Box::new(rows), keys, aggregates), columns)
    }

    /// Microseconds of a time, so that times have an average.
    fn instant_number(&mut self, time: Expr) -> Expr {
        let time = self.cast_to(time, &DataType::Timestamp);
        Expr { kind: ExprKind::Cast(Box::new(time)), data_type: DataType::Int }
    }

    fn number_instant(&mut self, mean: Expr, t: &DataType) -> Expr {
        let cast = |e: Expr, t: DataType| Expr { kind: ExprKind::Cast(Box::new(e)), data_type: t };
        let time = cast(cast(mean, DataType::Int), DataType::Timestamp);
        self.cast_to(time, t)
    }
}

/// The columns as they come out of the rows.
fn read(columns: &Columns) -> Vec<(String, Expr)> {
    columns.iter().map(|(id, name, e)| (name.clone(), Expr::column(*id, e.data_type.clone()))).collect()
}
