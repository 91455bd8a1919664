//! STREAMING segments: what can be kept up to date event by event, and how long an absence stays unknown.

use super::scope::RowScope;
use super::{Binder, Context, ParamValues};
use crate::bound::*;
use crate::code;
use eql_catalog::Catalog;
use eql_grammar::Diagnostic;
use eql_grammar::ast::{DefOption, Ident, SegmentExpr, SetDefinition, Span};

/// Membership in a segment as a condition on entities, with the definitions that it is made of followed: what a stream maintains.
///
/// # Errors
/// What is wrong with the definition, such as a name that was dropped since; nothing for a segment that is not defined.
pub fn membership(catalog: &Catalog, segment: &str) -> Result<EntityValue, Vec<Diagnostic>> {
    let Some(found) = catalog.segment(segment) else { return Err(vec![]) };
    let Some(entity) = catalog.entity(&found.entity).cloned() else { return Err(vec![]) };
    let params = ParamValues::new();
    let context =
        Context { catalog, params: &params, time_zone: &found.time_zone, week_start: found.week_start, lenient: false, check: false };
    let mut binder = Binder::new(&found.definition, &context);
    let mut scope = RowScope::entity(&entity);
    let name = Ident { name: found.name.clone(), span: Span::default() };
    let member = binder.membership(&SegmentExpr::Named(name, None), &entity, &mut scope);
    if binder.unknown || binder.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(binder.diagnostics);
    }
    Ok(EntityValue { entity: entity.id, value: RowExpr::canonical(scope.columns, member) })
}

impl Binder<'_> {
    /// GRACE in microseconds; 0 without it.
    pub(super) fn grace_option(&mut self, options: &[DefOption]) -> i64 {
        let found = options.iter().find_map(|o| if let DefOption::Grace(d) = o { Some(d) } else { None });
        found.and_then(|d| self.fixed(d, "GRACE")).unwrap_or(0)
    }

    /// Runs `f` with the GRACE of a definition.
    pub(super) fn with_grace<T>(&mut self, grace: i64, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.grace, grace);
        let out = f(self);
        self.grace = before;
        out
    }

    /// Reports what no state of bounded size can follow (rule 29).
    pub(super) fn streamable(&mut self, definition: &SetDefinition, query: Option<&Query>, at: Span) {
        let refresh = "define it without STREAMING, with REFRESH EVERY hour";
        if matches!(definition, SetDefinition::Analysis(_) | SetDefinition::Select(_)) {
            self.error_hint(
                code::VALUE,
                at,
                "a streaming segment is a condition on single entities: an analysis is evaluated as a whole",
                refresh,
            );
            return;
        }
        let mut asked = Vec::new();
        if let Some(q) = query {
            behaviours_of(&q.rel, &mut asked);
        }
        for b in asked {
            let wrong = match &b.kind {
                BehaviourKind::Aggregate { function, .. } => (!is_kept_up(function)).then_some("keeps no state of bounded size"),
                BehaviourKind::Sequence(s) => (!is_bounded(s)).then_some("has a step without WITHIN"),
            };
            if let Some(why) = wrong {
                let (what, hint) = match &b.kind {
                    BehaviourKind::Aggregate { .. } => ("an aggregate", refresh),
                    BehaviourKind::Sequence(_) => {
                        ("a sequence", "write WITHIN and a length behind the steps, or before each step after the first")
                    }
                };
                self.error_hint(code::VALUE, at, format!("a streaming segment cannot follow this: {what} of it {why}"), hint);
            }
        }
    }
}

/// Counts, sums and the like; what needs all values does not go.
fn is_kept_up(function: &Aggregation) -> bool {
    use Aggregation::*;
    match function {
        Count | CountDistinct | Sum | Average | Min | Max | First | Last | Any | BoolAnd | BoolOr | Periods(_) => true,
        Distinct(inner) => is_kept_up(inner),
        _ => false,
    }
}

/// Every step after the first comes within some length.
fn is_bounded(s: &Sequence) -> bool {
    s.window.is_some() || s.session.is_some() || s.steps.iter().skip(1).all(|step| step.within.is_some())
}

fn behaviours_of<'q>(rel: &'q Rel, out: &mut Vec<&'q Behaviour>) {
    match rel {
        Rel::Filter(input, _) | Rel::Project(input, _) | Rel::Distinct(input) => behaviours_of(input, out),
        Rel::Scan(scan) => {
            out.extend(scan.columns.iter().filter_map(|c| if let Leaf::Behaviour(b) = &c.leaf { Some(b.as_ref()) } else { None }))
        }
        _ => {}
    }
}
