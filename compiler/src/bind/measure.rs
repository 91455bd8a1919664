//! MEASURE over the rows that an analysis has matched (rules 37, 49): the return rows of a cell.

use super::Binder;
use super::aggregate::any_event;
use super::scope::{Aggregates, Env, RowKind, RowScope};
use super::trend::{sums_of, zero_sums};
use crate::bound::*;
use crate::code;
use crate::function::Function;
use eql_catalog::DataType;
use eql_grammar::ast::{self, Arg, EventRef, EventScope, Item, Span};

/// The rows that measures of a cell may name.
pub(super) struct CellRows {
    /// The rows of the cell.
    pub row: RowScope,
    /// The start row, by its alias or the name of its event.
    pub start: Option<(String, RowScope)>,
}

impl Binder<'_> {
    /// Reports measures that are values of single rows.
    pub(super) fn single_rows(&mut self, items: &[Item], measures: &[(String, Expr)], aggregates: &[(ColumnId, Aggregate)]) {
        for (i, (_, e)) in items.iter().zip(measures) {
            if e.columns().iter().any(|id| !aggregates.iter().any(|(known, _)| known == id)) {
                let hint = "put it inside an aggregate such as median(…), or list single rows with SHOW";
                self.error_hint(code::UNGROUPED, i.expr.span, "a measure aggregates: this is a value of single rows", hint);
            }
        }
    }

    /// Measures over the rows of a cell, with their names; None when one of them is wrong (reported). The aggregates of `env` say what they mean.
    pub(super) fn cell_measures(
        &mut self,
        items: &[Item],
        rows: CellRows,
        mut env: Env,
        is_start: ColumnId,
    ) -> Option<(Measures, Vec<String>)> {
        env.rows = vec![rows.row];
        env.steps = rows.start.into_iter().map(|(name, row)| (name, 0, row)).collect();
        let items = self.expand_metrics(items);
        let mut output = Vec::new();
        let mut names = Vec::new();
        for i in &items {
            names.push(self.item_name(i));
            output.push((self.column_id(), self.expr(&i.expr, &mut env)));
        }
        let aggregates = std::mem::replace(&mut env.aggregates, Aggregates::None);
        let (Aggregates::Events(mut aggregates) | Aggregates::Matched(mut aggregates)) = aggregates else { return None };
        for (i, (_, e)) in items.iter().zip(&output) {
            if matches!(e.kind, ExprKind::Invalid) {
                return None;
            }
            if e.columns().iter().any(|c| !aggregates.iter().any(|a| a.0 == *c)) {
                let hint = "for example MEASURE sum(purchase.amount) AS revenue";
                self.error_hint(code::UNGROUPED, i.expr.span, "a MEASURE is an aggregate over the rows of a cell", hint);
                return None;
            }
        }
        let sums = sums_of(&aggregates);
        for (_, e) in &mut output {
            *e = zero_sums(std::mem::replace(e, Expr::invalid()), &sums);
        }
        let (mut columns, start_columns) = (env.rows.swap_remove(0).columns, env.steps.pop().map_or_else(Vec::new, |s| s.2.columns));
        for (_, a) in &mut aggregates {
            for e in a.argument.iter_mut().chain(a.filter.iter_mut()) {
                crate::rewrite::hoist_into(e, &mut columns, &mut self.next);
            }
            // A cell without rows still has a line, and its mark is NULL.
            let row = Expr::predicate(ExprKind::Not(Box::new(Expr::predicate(ExprKind::IsNull(Box::new(Expr::column(
                is_start,
                DataType::Bool,
            )))))));
            a.filter = Expr::all(a.filter.take().into_iter().chain([row]));
        }
        Some((Measures { start_columns, columns, is_start, aggregates, output, cumulative: false }, names))
    }

    /// An aggregate over matched rows: over those of an event when its argument names one, else over all of them.
    pub(super) fn matched_aggregate(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let named = match c.args.first() {
            Some(Arg::Event(s)) => Some(s.clone()),
            Some(Arg::AnyEvent(s)) => Some(any_event(*s)),
            Some(Arg::Expr(e)) => self.event_of(e, None).map(|found| found.0).filter(|s| !aliased(s, env)),
            _ => None,
        };
        let Some(scope) = named else { return self.row_aggregate(f, c, span, env) };
        if !self.matched_holds(&scope, env) {
            let hint = "a measure ranges over the rows of RETURNING: aggregate their event, or count(*)";
            return self.error_hint(code::ARGUMENTS, span, "the measure names an event that is not among the returns", hint);
        }
        self.event_aggregate(f, c, span, env)
    }

    /// Whether one of the events is among the matched rows; also true for unknown ones, which are reported where they are bound.
    fn matched_holds(&mut self, scope: &EventScope, env: &Env) -> bool {
        let Some(RowKind::Events(rows)) = env.rows.first().map(|r| r.kind.clone()) else { return true };
        let before = (self.diagnostics.len(), self.unknown);
        let found = self.event_types(scope, None);
        self.diagnostics.truncate(before.0);
        self.unknown = before.1;
        found.is_none_or(|events| events.iter().any(|e| rows.iter().any(|r| r.id == e.id)))
    }

    /// By which name the row of a step is read: its alias, or its only event unless `other` rows have it too.
    pub(super) fn row_name(step: &ast::Step, other: &ast::Step) -> Option<String> {
        if let Some(alias) = &step.alias {
            return Some(alias.name.clone());
        }
        let names = |s: &ast::Step| -> Vec<String> {
            s.scope.events.iter().filter_map(|e| if let EventRef::Named(i) = e { Some(i.name.clone()) } else { None }).collect()
        };
        match names(step).as_slice() {
            [one] if !names(other).contains(one) => Some(one.clone()),
            _ => None,
        }
    }
}

/// True when the name that was taken for an event is the alias of a step.
fn aliased(scope: &EventScope, env: &Env) -> bool {
    let [EventRef::Named(i)] = scope.events.as_slice() else { return false };
    env.steps.iter().any(|s| s.0 == i.name) || env.rows.iter().any(|r| r.name.as_deref() == Some(i.name.as_str()))
}
