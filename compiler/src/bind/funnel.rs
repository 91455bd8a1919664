//! FUNNEL: how many entities reach each step.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::scope::{RowKind, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, Attributed, ClauseKind, Counting, OrderMode, Reentry, Show, Step as AstStep};
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
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let sessions = clauses.has(|k| matches!(k, ClauseKind::Counting(Counting::Sessions(_))));
        let within = clauses.get(|k| if let ClauseKind::Within(d) = k { Some(d) } else { None });
        let within = if sessions { within } else { self.require(within, head, "WITHIN", a.head_span, "for example WITHIN 7 days") };
        let window = within.and_then(|d| self.window(d));
        self.funnel_later(clauses, steps);
        let Some(subject) = subject else {
            self.unchecked_steps(steps, clauses);
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let (bound, rows) = self.steps(steps, &subject);
        self.excluded(clauses, &subject);
        let holding = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let holding = self.holding(holding, &rows);
        let attributed = self.attributed(clauses, steps.len());
        let any_step = every_row(&rows);
        let (breakdown, names, top) = self.breakdown(clauses, attributed.map_or(Some(&any_step), |i| rows.get(i)));
        if top.is_some() {
            self.later("FUNNEL … BREAKDOWN … TOP");
        }
        let every = self.every_clause(clauses)?;
        let show = self.funnel_show(clauses, &subject, steps.len());
        let funnel = Funnel {
            subject: subject.id,
            role: self.role.clone(),
            among,
            steps: bound,
            window,
            during: during?,
            ties_forbidden: clauses.has(|k| matches!(k, ClauseKind::Ties(true))),
            reentry: clauses.get(|k| if let ClauseKind::Reentry(r) = k { Some(*r) } else { None }).unwrap_or(Reentry::Best),
            attempts: clauses.has(|k| matches!(k, ClauseKind::Counting(Counting::Attempts))),
            holding,
            every: every.clone().map(|e| (self.column_id(), e)),
            breakdown,
            attributed,
            top: top.map(|count| Top { count }),
            show: show?,
            clock: self.clock.clone(),
        };
        let output = funnel_output(&funnel, &names, &subject);
        let leading = funnel.breakdown.len() + usize::from(funnel.every.is_some()) + 1;
        self.finish(Query { rel: Rel::Funnel(Box::new(funnel)), output }, clauses, leading)
    }

    /// What the language has and this version only checks.
    fn funnel_later(&mut self, clauses: Clauses<'_>, steps: &[AstStep]) {
        if clauses.has(|k| matches!(k, ClauseKind::Mode { mode: OrderMode::AnyOrder | OrderMode::Strict, .. })) {
            self.later("FUNNEL … IN ANY ORDER and IN STRICT ORDER");
        }
        if let Some(c) = clauses.get(|k| if let ClauseKind::Counting(Counting::Sessions(s)) = k { Some(s) } else { None }) {
            self.session_rule(c);
            self.later("FUNNEL … COUNTING SESSIONS");
        }
        for (what, found) in [
            ("FUNNEL … EXCLUDING", clauses.has(|k| matches!(k, ClauseKind::Excluding { .. }))),
            ("FUNNEL … UNTIL", clauses.has(|k| matches!(k, ClauseKind::Until(_)))),
            ("FUNNEL … MEASURE", clauses.has(|k| matches!(k, ClauseKind::Measure(_)))),
            ("OPTIONAL steps", steps.iter().any(|s| s.optional)),
        ] {
            if found {
                self.later(what);
            }
        }
        if let Some(s) = steps.iter().find(|s| s.negated) {
            self.error_hint(code::VALUE, s.span, "a FUNNEL has no NOT step", "use SEQUENCE for absence, or EXCLUDING");
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

    /// Checks the events of EXCLUDING, UNTIL and IGNORING.
    pub(super) fn excluded(&mut self, clauses: Clauses<'_>, subject: &Arc<EntityType>) {
        let mut found: Vec<&AstStep> = Vec::new();
        found.extend(clauses.get(|k| if let ClauseKind::Excluding { step, .. } = k { Some(step) } else { None }));
        found.extend(clauses.get(|k| if let ClauseKind::Until(s) = k { Some(s) } else { None }));
        found.extend(
            clauses.get(|k| if let ClauseKind::Mode { ignoring, .. } = k { Some(ignoring.iter()) } else { None }).into_iter().flatten(),
        );
        for s in found {
            self.select_events(&s.scope, subject, &[]);
        }
    }

    fn attributed(&mut self, clauses: Clauses<'_>, steps: usize) -> Option<usize> {
        let (which, span) = clauses.get_at(|k| if let ClauseKind::Breakdown { attributed, .. } = k { Some(*attributed) } else { None })?;
        match which {
            None | Some(Attributed::First) => Some(0),
            Some(Attributed::Last) => None,
            Some(Attributed::All) => {
                self.later("BREAKDOWN … ATTRIBUTED ALL");
                Some(0)
            }
            Some(Attributed::Step(n)) => match usize::try_from(n).ok().filter(|n| (1..=steps).contains(n)) {
                Some(n) => Some(n - 1),
                None => {
                    self.error(code::VALUE, span, format!("there is no step {n}: the funnel has {steps}"));
                    Some(0)
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

    fn funnel_show(&mut self, clauses: Clauses<'_>, subject: &EntityType, steps: usize) -> Option<FunnelShow> {
        match clauses.show() {
            None => Some(FunnelShow::Steps(std::array::from_fn(|_| self.column_id()))),
            Some((Show::Entities { converted, step }, span)) => {
                if let Some((_, n)) = step
                    && (*n == 0 || *n > steps as u64)
                {
                    self.error(code::VALUE, span, format!("there is no step {n}: the funnel has {steps}"));
                    return None;
                }
                let keys = subject.key.iter().map(|_| self.column_id()).collect();
                let times = (0..steps).map(|_| self.column_id()).collect();
                Some(FunnelShow::Entities { keys, reached: self.column_id(), times, converted: *converted, step: *step })
            }
            Some((Show::TimeToConvert, _)) => {
                self.later("SHOW TIME TO CONVERT");
                Some(FunnelShow::Steps(std::array::from_fn(|_| self.column_id())))
            }
            Some((_, span)) => {
                self.error_hint(
                    code::CLAUSE,
                    span,
                    "FUNNEL shows ENTITIES or TIME TO CONVERT",
                    "for example SHOW ENTITIES DROPPED AFTER STEP 2",
                );
                None
            }
        }
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

/// The result columns in the contract's order.
fn funnel_output(f: &Funnel, names: &[String], subject: &EntityType) -> Vec<Output> {
    let mut out = Vec::new();
    if let FunnelShow::Entities { keys, reached, times, .. } = &f.show {
        for (id, k) in keys.iter().zip(&subject.key) {
            out.push(Output { id: *id, name: k.name.clone(), data_type: k.data_type.clone() });
        }
        out.push(Output { id: *reached, name: "reached".into(), data_type: DataType::Int });
        for (i, id) in times.iter().enumerate() {
            out.push(Output { id: *id, name: format!("t{}", i + 1), data_type: DataType::Timestamp });
        }
        return out;
    }
    if let Some((id, e)) = &f.every {
        out.push(period_output(*id, e, "period"));
    }
    for (b, name) in f.breakdown.iter().zip(names) {
        out.push(Output { id: b.id, name: name.clone(), data_type: b.value.expr.data_type.clone() });
    }
    if let FunnelShow::Steps(ids) = &f.show {
        let counted = if f.attempts { "attempts" } else { "entities" };
        let int = |n: &str| (n.to_string(), DataType::Int);
        let double = |n: &str| (n.to_string(), DataType::Double);
        let columns = [
            int("step"),
            ("name".into(), DataType::String),
            int(counted),
            int("open"),
            double("rate"),
            double("step_rate"),
            double("rate_closed"),
            double("median_seconds"),
            double("avg_seconds"),
        ];
        out.extend(ids.iter().zip(columns).map(|(id, (name, data_type))| Output { id: *id, name, data_type }));
    }
    out
}

/// A leading column of periods: DATE from day up.
pub(super) fn period_output(id: ColumnId, e: &Every, name: &str) -> Output {
    let data_type = if e.unit >= ast::Unit::Day { DataType::Date } else { DataType::Timestamp };
    Output { id, name: name.into(), data_type }
}
