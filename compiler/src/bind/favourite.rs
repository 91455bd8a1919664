//! `top(x, n BY count(event …))`: what an entity had most of. One value, or for n above 1 a list.

use super::Binder;
use super::behaviour::both;
use super::scope::Env;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Value};
use eql_grammar::ast::{self, Arg, EventScope, Scope, Span};
use std::sync::Arc;

/// More favourites than anybody reads.
const TOP_MAX: i64 = 100;

/// Which rows count, and how much: None is once each.
struct Weight {
    scope: EventScope,
    value: Option<ast::Expr>,
    scopes: Vec<Scope>,
}

impl Binder<'_> {
    pub(super) fn favourite_call(&mut self, c: &ast::Call, entity: &Arc<EntityType>, span: Span, env: &mut Env) -> Expr {
        let Some(Arg::Expr(what)) = c.args.first() else {
            return self.error_hint(code::ARGUMENTS, span, "`top` needs a property of the event", EXAMPLE);
        };
        let n = self.favourites(c, span);
        let Some(weight) = self.weight(c, what, entity, span) else { return Expr::invalid() };
        let Some(n) = n else { return Expr::invalid() };
        let mut scope = weight.scope;
        let (mut during, mut clock) = (None, None);
        for s in weight.scopes.iter().chain(&c.scopes) {
            match s {
                Scope::Where(p) => scope.filter = Some(Box::new(both(scope.filter.take(), p.clone()))),
                Scope::During(r) => during = Some(r),
                Scope::AsOf(t) => clock = self.instant(t),
                Scope::By(_) => {}
                Scope::OrderBy(_) => {
                    self.error_hint(code::ARGUMENTS, span, "`top` is ordered by its BY", EXAMPLE);
                }
            }
        }
        let clock = Clock { as_of: clock.or_else(|| self.clock.as_of.clone()), ..self.clock.clone() };
        self.with_clock(clock, |b| {
            let during = match during {
                Some(r) => b.range(r),
                None => b.during.clone(),
            };
            let events = b.select_events(&scope, entity, &[]);
            let value = b.row_expr(what, &events.row);
            let order = weight.value.map(|w| (b.row_expr(&w, &events.row), true));
            let wrong = |r: &RowExpr| matches!(r.expr.kind, ExprKind::Invalid);
            if wrong(&value) || order.as_ref().is_some_and(|(o, _)| wrong(o)) {
                return Expr::invalid();
            }
            if let Some((o, _)) = order.as_ref().filter(|(o, _)| !o.expr.data_type.is_numeric()) {
                return b.error(code::TYPE, span, format!("BY sum(…) needs numbers, these are {}", o.expr.data_type));
            }
            let one = value.expr.data_type.clone();
            let data_type = if n == 1 { one } else { DataType::List(Box::new(one)) };
            let kind = BehaviourKind::Aggregate { function: Aggregation::Top(n), events: events.select, value: Some(value), order, during };
            b.behaviour(kind, data_type, env)
        })
    }

    fn favourites(&mut self, c: &ast::Call, span: Span) -> Option<u64> {
        let n = match c.args.get(1) {
            None => Some(1),
            Some(Arg::Expr(e)) => match self.expr(e, &mut Env::empty()).kind {
                ExprKind::Literal(Value::Int(n)) => Some(n),
                _ => None,
            },
            Some(_) => None,
        };
        let n = n.filter(|n| (1..=TOP_MAX).contains(n));
        if n.is_none() {
            self.error_hint(code::ARGUMENTS, span, format!("`top` needs how many it gives, from 1 to {TOP_MAX}"), EXAMPLE);
        }
        n.and_then(|n| u64::try_from(n).ok())
    }

    /// The aggregate behind BY names the events; without one the value does.
    fn weight(&mut self, c: &ast::Call, what: &ast::Expr, entity: &Arc<EntityType>, span: Span) -> Option<Weight> {
        let by = c.scopes.iter().find_map(|s| if let Scope::By(e) = s { Some(e) } else { None });
        let Some(by) = by else {
            let found = self.event_of(what, Some(entity)).map(|(scope, _)| Weight { scope, value: None, scopes: vec![] });
            if found.is_none() {
                self.error_hint(code::ARGUMENTS, span, "`top` needs the events it ranges over", EXAMPLE);
            }
            return found;
        };
        let ast::ExprKind::Call(call) = &by.kind else {
            self.error_hint(code::ARGUMENTS, by.span, "BY of `top` takes count(…) or sum(…)", EXAMPLE);
            return None;
        };
        let found = self.event_argument(call, entity).map(|(scope, value)| (call.name.text().to_ascii_lowercase(), scope, value));
        match found {
            Some((name, scope, None)) if name == "count" && !call.distinct => {
                Some(Weight { scope, value: None, scopes: call.scopes.clone() })
            }
            Some((name, scope, Some(value))) if name == "sum" && !call.distinct => {
                Some(Weight { scope, value: Some(value), scopes: call.scopes.clone() })
            }
            _ => {
                self.error_hint(code::ARGUMENTS, by.span, "BY of `top` takes count(event …) or sum(event.property …)", EXAMPLE);
                None
            }
        }
    }
}

const EXAMPLE: &str = "for example top(product.category, 1 BY count(purchase DURING last 90 days))";
