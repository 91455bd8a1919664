//! FUNNEL: how many entities reach each step.

mod measure;
mod rows;
mod show;

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::matches::step_names;
use super::scope::{RowKind, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::DataType;
use eql_grammar::Diagnostic;
use eql_grammar::ast::{self, Attributed, ClauseKind, Counting, OrderMode, Reentry, Step as AstStep};
use show::funnel_output;
use std::sync::Arc;

impl Binder<'_> {
    pub(super) fn funnel(&mut self, a: &ast::Analysis, steps: &[AstStep]) -> Option<Query> {
        let head = HeadKind::Funnel;
        // What is open or not over yet depends on the instant.
        self.uses_now = true;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let subject = self.subject(clauses, steps.first().map(|s| &s.scope));
        let mut steps = steps.to_vec();
        let (names, _) = step_names(&steps);
        self.match_where(clauses, &names, &mut steps);
        let steps = steps.as_slice();
        let sessions = clauses.has(|k| matches!(k, ClauseKind::Counting(Counting::Sessions(_))));
        let within = clauses.get(|k| if let ClauseKind::Within(d) = k { Some(d) } else { None });
        let within = if sessions { within } else { self.require(within, head, "WITHIN", a.head_span, "for example WITHIN 7 days") };
        let window = within.and_then(|d| self.window(d));
        self.funnel_steps(steps);
        let Some(subject) = subject else {
            self.unchecked_steps(steps, clauses);
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let (bound, rows) = self.steps(steps, &subject);
        let held = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let holding = self.holding(held, &rows);
        let (mode, visible, ignoring) = self.order_mode(clauses, &subject);
        let excluding = self.excluding(clauses, &subject, held, steps.len(), mode);
        let until = self.until(clauses, &subject, held);
        let counting = self.counting(clauses, &subject);
        let row = |at: &Vec<usize>| Some(RowScope { columns: vec![], ..rows.get(*at.first()?)?.clone() });
        let named: Vec<(String, usize, RowScope)> = names.into_iter().filter_map(|(n, at)| Some((n, *at.first()?, row(&at)?))).collect();
        let (breakdown, attributed, names, top) = self.funnel_breakdown(clauses, &rows, &named, mode);
        let every = self.every_clause(clauses)?;
        let show = self.funnel_show(clauses, &subject, steps.len());
        let lines =
            if matches!(show, Some(FunnelShow::TimeToConvert(..))) { steps.len().saturating_sub(1)..steps.len() } else { 0..steps.len() };
        let (measures, measured) = self.funnel_measures(clauses, &subject, &every_row(&rows), &named, lines);
        let mut funnel = Funnel {
            subject: subject.id,
            role: self.role.clone(),
            among,
            steps: bound,
            window,
            during: during?,
            ties_forbidden: clauses.has(|k| matches!(k, ClauseKind::Ties(true))),
            mode,
            visible,
            ignoring,
            excluding,
            until,
            reentry: clauses.get(|k| if let ClauseKind::Reentry(r) = k { Some(*r) } else { None }).unwrap_or(Reentry::Best),
            counting: counting?,
            holding,
            every: every.clone().map(|e| (self.column_id(), e)),
            breakdown,
            attributed,
            top: None,
            measures,
            show: show?,
            clock: self.clock.clone(),
        };
        if funnel.bits() > BITS {
            let what = format!("a funnel tells at most {BITS} kinds of events apart, this one has {}", funnel.bits());
            self.error_hint(code::LIMIT, a.head_span, what, "steps with the same events and condition are one kind");
            return None;
        }
        funnel.top = top.map(|n| self.funnel_top(&funnel, n));
        let output = funnel_output(&funnel, &names, &measured, &subject);
        let leading = match &funnel.show {
            FunnelShow::Entities { keys, .. } => keys.len(),
            _ => funnel.breakdown.len() + usize::from(funnel.every.is_some()) + 1,
        };
        self.finish(Query { rel: Rel::Funnel(Box::new(funnel)), output }, clauses, leading)
    }

    /// Marks that a step of a funnel cannot have.
    fn funnel_steps(&mut self, steps: &[AstStep]) {
        self.different_aliases(steps);
        if let Some(s) = steps.iter().find(|s| s.negated) {
            self.error_hint(code::VALUE, s.span, "a FUNNEL has no NOT step", "use SEQUENCE for absence, or EXCLUDING");
        }
        if let Some(s) = steps.first().filter(|s| s.optional) {
            self.error_hint(code::VALUE, s.span, "the first step cannot be OPTIONAL", "begin with the step that everybody takes");
        }
        if let Some(s) = steps.first().filter(|s| s.within.is_some()) {
            self.error_hint(code::VALUE, s.span, "the first step has no step before it", "WITHIN of a step counts from the step before");
        }
    }

    /// Names are checked even where the subject is unknown.
    fn unchecked_steps(&mut self, steps: &[AstStep], clauses: Clauses<'_>) {
        for s in steps {
            self.event_types(&s.scope, None);
        }
        if let Some(Counting::Sessions(s)) = clauses.get(|k| if let ClauseKind::Counting(c) = k { Some(c) } else { None }) {
            self.session_rule(s);
        }
    }

    /// The groups that keep their names: those with the most at step 1 over the whole range.
    fn funnel_top(&mut self, funnel: &Funnel, count: u64) -> Top {
        let ids: [ColumnId; 9] = std::array::from_fn(|_| self.column_id());
        let plain = Funnel { every: None, measures: LineMeasures::default(), show: FunnelShow::Steps(ids), ..funnel.clone() };
        let first = super::top::equals(ids[0], 1);
        let rel = Rel::Filter(Box::new(Rel::Funnel(Box::new(plain))), first);
        let keys: Vec<ColumnId> = funnel.breakdown.iter().map(|b| b.id).collect();
        Top { ranking: Box::new(super::top::ranking(rel, &keys, Expr::column(ids[2], DataType::Int), count)) }
    }

    /// Breakdowns with the row each is taken from, names, TOP.
    fn funnel_breakdown(
        &mut self,
        clauses: Clauses<'_>,
        rows: &[RowScope],
        named: &[(String, usize, RowScope)],
        mode: OrderMode,
    ) -> (Vec<Breakdown>, Vec<RowAt>, Vec<String>, Option<u64>) {
        let at = self.attributed(clauses, rows.len());
        let any_row = every_row(rows);
        let row = match at {
            // In any order the first step may be any of them.
            RowAt::Step(0) if mode == OrderMode::AnyOrder => Some(&any_row),
            RowAt::Step(i) => rows.get(i),
            RowAt::Last | RowAt::All => Some(&any_row),
        };
        let unknown = RowScope::unknown();
        let (items, top) = self.breakdown_items(clauses);
        let (mut breakdown, mut attributed, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for i in items {
            let (mut value, step) = self.named_row_expr(&i.expr, row.unwrap_or(&unknown), named);
            if top.is_some() {
                // With TOP the column is STRING: the rest is `(other)`.
                value.expr = self.cast_to(value.expr, &DataType::String);
            }
            names.push(self.item_name(i));
            breakdown.push(Breakdown { id: self.column_id(), value });
            attributed.push(step.map_or(at, RowAt::Step));
        }
        (breakdown, attributed, names, top)
    }

    fn attributed(&mut self, clauses: Clauses<'_>, steps: usize) -> RowAt {
        let found = clauses.get_at(|k| if let ClauseKind::Breakdown { attributed, .. } = k { Some(*attributed) } else { None });
        let Some((Some(which), span)) = found else { return RowAt::Step(0) };
        match which {
            Attributed::First => RowAt::Step(0),
            Attributed::Last => RowAt::Last,
            Attributed::All => {
                let what = "with ATTRIBUTED ALL an entity may count in several groups";
                self.report(Diagnostic::warning(code::OVERLAP, self.text, self.place(span), what));
                RowAt::All
            }
            Attributed::Step(n) => match usize::try_from(n).ok().filter(|n| (1..=steps).contains(n)) {
                Some(n) => RowAt::Step(n - 1),
                None => {
                    self.error(code::VALUE, span, format!("there is no step {n}: the funnel has {steps}"));
                    RowAt::Step(0)
                }
            },
        }
    }

    /// BREAKDOWN BY on the rows of a step: values, names, TOP.
    pub(super) fn breakdown(&mut self, clauses: Clauses<'_>, row: Option<&RowScope>) -> (Vec<Breakdown>, Vec<String>, Option<u64>) {
        let (items, top) = self.breakdown_items(clauses);
        let (mut out, mut names) = (Vec::new(), Vec::new());
        let unknown = RowScope::unknown();
        for i in items {
            let mut value = self.row_expr(&i.expr, row.unwrap_or(&unknown));
            if top.is_some() && value.expr.data_type != DataType::String {
                // With TOP the column is STRING: the rest is `(other)`.
                value.expr = self.cast_to(value.expr, &DataType::String);
            }
            names.push(self.item_name(i));
            out.push(Breakdown { id: self.column_id(), value });
        }
        (out, names, top)
    }

    /// EVERY: None when it cannot be read, Some(None) when there is none.
    #[allow(clippy::option_option)]
    pub(super) fn every_clause(&mut self, clauses: Clauses<'_>) -> Option<Option<Every>> {
        match clauses.get(|k| if let ClauseKind::Every(d) = k { Some(d) } else { None }) {
            Some(d) => self.every(d).map(Some),
            None => Some(None),
        }
    }
}

/// Kinds of rows a funnel tells apart: a bit each.
const BITS: usize = 64;

impl Funnel {
    /// How many kinds of rows it tells apart: steps with the same selection are one, EXCLUDING, UNTIL, and rows that do not break STRICT.
    fn bits(&self) -> usize {
        let mut seen: Vec<&EventSelect> = Vec::new();
        for s in &self.steps {
            if !seen.contains(&&s.events) {
                seen.push(&s.events);
            }
        }
        let others = [self.excluding.is_some(), self.until.is_some(), self.visible.is_some()];
        seen.len() + others.into_iter().filter(|o| *o).count()
    }
}

/// Rows of all steps: what the last step reached may be.
pub(super) fn every_row(rows: &[RowScope]) -> RowScope {
    let mut all: Vec<Arc<eql_catalog::EventType>> = Vec::new();
    for r in rows {
        if let RowKind::Events(events) = &r.kind {
            all.extend(events.iter().filter(|e| !all.iter().any(|o| o.id == e.id)).cloned().collect::<Vec<_>>());
        }
    }
    if all.is_empty() { RowScope::unknown() } else { RowScope::events(all) }
}

/// A leading column of periods: DATE from day up.
pub(super) fn period_output(id: ColumnId, e: &Every, name: &str) -> Output {
    let data_type = if e.unit >= ast::Unit::Day { DataType::Date } else { DataType::Timestamp };
    Output { id, name: name.into(), data_type }
}
