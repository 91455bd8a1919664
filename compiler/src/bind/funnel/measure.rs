//! MEASURE of FUNNEL: aggregates over the rows that attempts matched at a line's step (rules 37, 49).

use super::super::Binder;
use super::super::clause::Clauses;
use super::super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, Arg, ClauseKind};
use std::ops::Range;
use std::sync::Arc;

type Named = [(String, usize, RowScope)];

impl Binder<'_> {
    /// A value on one row: `row`, or that of the step whose name it uses.
    pub(super) fn named_row_expr(&mut self, e: &ast::Expr, row: &RowScope, named: &Named) -> (RowExpr, Option<usize>) {
        let mut env = Env::row(RowScope { columns: vec![], ..row.clone() });
        env.steps = named.to_vec();
        let expr = self.expr(e, &mut env);
        let mut used: Vec<(Option<usize>, Vec<ScanColumn>)> =
            env.steps.into_iter().map(|(_, n, s)| (Some(n), s.columns)).chain([(None, env.rows.swap_remove(0).columns)]).collect();
        used.retain(|(_, columns)| !columns.is_empty());
        if used.len() > 1 {
            self.error_hint(code::VALUE, e.span, "a breakdown looks at the row of one step", "break down by each value on its own");
        }
        let (step, columns) = used.pop().unwrap_or_default();
        (crate::rewrite::hoist(RowExpr { columns, expr }, &mut self.next), step)
    }

    /// The measures of each of `lines`, with their names.
    pub(super) fn funnel_measures(
        &mut self,
        clauses: Clauses<'_>,
        subject: &Arc<EntityType>,
        row: &RowScope,
        named: &Named,
        lines: Range<usize>,
    ) -> (LineMeasures, Vec<String>) {
        let Some(items) = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None }) else {
            return (LineMeasures::default(), vec![]);
        };
        let mut env = Env::row(RowScope { columns: vec![], ..row.clone() }).with(Aggregates::Rows(vec![]));
        env.steps = named.to_vec();
        env.subject = Some(subject.id);
        let (mut names, mut bound) = (Vec::new(), Vec::new());
        for i in items {
            names.push(self.item_name(i));
            let expr = self.expr(&counted_steps(&i.expr, named), &mut env);
            bound.push((i.expr.span, expr));
        }
        let Aggregates::Rows(mut aggregates) = std::mem::replace(&mut env.aggregates, Aggregates::None) else {
            return (LineMeasures::default(), names);
        };
        for (span, expr) in &bound {
            if expr.columns().iter().any(|c| !aggregates.iter().any(|a| a.0 == *c)) {
                self.error_hint(code::UNGROUPED, *span, "a MEASURE is an aggregate over matched rows", "for example MEASURE sum(amount)");
                return (LineMeasures::default(), names);
            }
        }
        let mut scope = env.rows.swap_remove(0);
        for (_, a) in &mut aggregates {
            if matches!(a.function, Aggregation::First | Aggregation::Last) && a.order.is_empty() {
                let time = self.leaf(&mut scope, Leaf::Time, DataType::Timestamp);
                a.order.push(SortKey { expr: time, descending: false, nulls_first: false });
            }
        }
        let mut columns = scope.columns;
        for e in aggregates.iter_mut().flat_map(|(_, a)| parts(a)) {
            crate::rewrite::hoist_into(e, &mut columns, &mut self.next);
        }
        let used: Vec<ColumnId> = aggregates.iter_mut().flat_map(|(_, a)| parts(a)).flat_map(|e| e.columns()).collect();
        columns.retain(|c| used.contains(&c.id));
        let steps = env.steps.into_iter().flat_map(|(_, n, s)| s.columns.into_iter().map(move |c| (n, c))).collect();
        let mut measures = LineMeasures { line_columns: columns, step_columns: steps, ..LineMeasures::default() };
        measures.output = bound.iter().map(|(_, e)| (self.column_id(), e.data_type.clone(), vec![])).collect();
        for step in lines {
            self.measured_line(step, &aggregates, &bound, &mut measures);
        }
        (measures, names)
    }

    /// The aggregates of one line, over values of their own.
    fn measured_line(
        &mut self,
        step: usize,
        aggregates: &[(ColumnId, Aggregate)],
        bound: &[(ast::Span, Expr)],
        measures: &mut LineMeasures,
    ) {
        let (mut line, mut numbers, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        for (id, aggregate) in aggregates {
            let (mut own, to) = (aggregate.clone(), self.column_id());
            for e in parts(&mut own) {
                let (id, data_type) = (self.column_id(), e.data_type.clone());
                measures.values.push(MatchedValue { id, step, expr: std::mem::replace(e, Expr::column(id, data_type)) });
            }
            if own.function == Aggregation::Sum {
                sums.push(to);
            }
            numbers.push((*id, to));
            line.push((to, own));
        }
        measures.lines.push(line);
        for ((_, expr), (_, _, lines)) in bound.iter().zip(&mut measures.output) {
            let mut expr = expr.clone();
            expr.renumber(&numbers);
            lines.push(super::super::trend::zero_sums(expr, &sums));
        }
    }
}

/// The expressions inside an aggregate.
fn parts(a: &mut Aggregate) -> impl Iterator<Item = &mut Expr> {
    a.argument.iter_mut().chain(a.filter.iter_mut()).chain(a.order.iter_mut().map(|k| &mut k.expr))
}

/// `count(purchase)` counts the rows of the step of that name.
fn counted_steps(e: &ast::Expr, named: &Named) -> ast::Expr {
    let mut e = e.clone();
    rewrite(&mut e, named);
    e
}

fn rewrite(e: &mut ast::Expr, named: &Named) {
    use ast::ExprKind as A;
    match &mut e.kind {
        A::Call(c) if c.name.text().eq_ignore_ascii_case("count") => {
            if let [Arg::Expr(ast::Expr { kind: A::Path(p), span })] = c.args.as_mut_slice()
                && p.parts.len() == 1
                && named.iter().any(|(n, ..)| *n == p.parts[0].name)
            {
                p.parts.push(ast::Ident { name: "time".into(), span: *span });
            }
        }
        A::Call(c) => c.args.iter_mut().for_each(|a| {
            if let Arg::Expr(x) = a {
                rewrite(x, named);
            }
        }),
        A::Binary(_, a, b) => {
            rewrite(a, named);
            rewrite(b, named);
        }
        A::Negate(a) | A::Cast(a, _) => rewrite(a, named),
        _ => {}
    }
}
