//! Aggregates that are short for another one: `sum_if(x, p)` is `sum(x WHERE p)`, `arg_max(x, y)` is `last(x ORDER BY y)`.

use super::Binder;
use super::scope::{Aggregates, Env};
use crate::function::Function;
use eql_grammar::ast::{self, Arg, Expr, ExprKind, Ident, IsWhat, OrderItem, Scope};

impl Binder<'_> {
    /// The call in full; None when it is no shorthand, or not written as one.
    pub(super) fn spelled_out(&self, f: &Function, c: &ast::Call, env: &Env) -> Option<ast::Call> {
        let value = |n: usize| if let Some(Arg::Expr(e)) = c.args.get(n) { Some(e.clone()) } else { None };
        if f.max != c.args.len() {
            return None;
        }
        match f.name {
            "count_distinct" => Some(ast::Call { distinct: true, ..named(c, "count") }),
            "count_if" => {
                let condition = value(0)?;
                let events = match env.aggregates {
                    Aggregates::Behaviour | Aggregates::Events(_) => self.event_of(&condition, None),
                    _ => None,
                };
                let arg = events.map_or(Arg::Star(condition.span), |(scope, _)| Arg::Event(scope));
                Some(with(ast::Call { args: vec![arg], ..named(c, "count") }, Scope::Where(condition)))
            }
            "sum_if" => self.conditional(c, "sum", value(0)?, value(1)?),
            "avg_if" => self.conditional(c, "avg", value(0)?, value(1)?),
            "min_if" => self.conditional(c, "min", value(0)?, value(1)?),
            "max_if" => self.conditional(c, "max", value(0)?, value(1)?),
            "arg_min" => Some(extreme(c, value(0)?, value(1)?, "first")),
            "arg_max" => Some(extreme(c, value(0)?, value(1)?, "last")),
            _ => None,
        }
    }

    fn conditional(&self, c: &ast::Call, name: &str, value: Expr, condition: Expr) -> Option<ast::Call> {
        Some(with(ast::Call { args: vec![Arg::Expr(value)], ..named(c, name) }, Scope::Where(condition)))
    }
}

fn named(c: &ast::Call, name: &str) -> ast::Call {
    let span = c.name.span();
    ast::Call { name: ast::Path { parts: vec![Ident { name: name.to_string(), span }] }, ..c.clone() }
}

fn with(mut c: ast::Call, scope: Scope) -> ast::Call {
    c.scopes.push(scope);
    c
}

/// Of equal places the least (or greatest) value: the same answer every time.
fn extreme(c: &ast::Call, value: Expr, by: Expr, name: &str) -> ast::Call {
    let key = |expr: &Expr| OrderItem { expr: expr.clone(), descending: false, nulls_first: None };
    let known = Expr { span: by.span, kind: ExprKind::Is { expr: Box::new(by.clone()), negated: true, what: IsWhat::Null } };
    let order = Scope::OrderBy(vec![key(&by), key(&value)]);
    with(with(ast::Call { args: vec![Arg::Expr(value)], ..named(c, name) }, Scope::Where(known)), order)
}
