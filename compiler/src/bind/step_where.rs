//! WHERE of an analysis: what names a step by its alias is a condition of that step alone, the rest one of every step (rule 37).

use super::behaviour::both;
use super::event::conjuncts;
use eql_grammar::ast::{self, Arg, ExprKind as A, InList, Scope, Step};

/// A name of the statement with the numbers of the steps it stands for.
pub(super) type StepName = (String, Vec<usize>);

/// Gives conditions on named steps to them; answers with what remains for all.
pub(super) fn place_where(condition: &ast::Expr, names: &[StepName], steps: &mut [Step]) -> Option<ast::Expr> {
    let mut rest = None;
    for part in conjuncts(condition) {
        let mut part = part.clone();
        let mut named: Vec<&StepName> = Vec::new();
        walk(&mut part, &mut |e| {
            if let A::Path(p) = &e.kind
                && p.parts.len() > 1
            {
                named.extend(names.iter().rev().find(|(n, _)| *n == p.parts[0].name));
            }
        });
        // The last step named tests it: by then the rows of the others are known.
        let Some((own, places)) = named.into_iter().max_by_key(|(_, places)| places.last().copied()) else {
            rest = Some(both(rest.map(Box::new), part));
            continue;
        };
        walk(&mut part, &mut |e| {
            if let A::Path(p) = &mut e.kind
                && p.parts.len() > 1
                && p.parts[0].name == *own
            {
                p.parts.remove(0);
            }
        });
        for place in places {
            if let Some(step) = steps.get_mut(*place) {
                step.scope.filter = Some(Box::new(both(step.scope.filter.take(), part.clone())));
            }
        }
    }
    rest
}

/// Calls `f` for the expression's parts and then for itself. Queries inside it have rows of their own and are left alone.
pub(super) fn walk(e: &mut ast::Expr, f: &mut dyn FnMut(&mut ast::Expr)) {
    match &mut e.kind {
        A::Literal(_) | A::Param(_) | A::Path(_) | A::Duration(_) | A::Subquery(_) | A::Exists(_) | A::Behaviour(_) => {}
        A::Call(c) => {
            c.args.iter_mut().for_each(|a| walk_argument(a, f));
            for s in &mut c.scopes {
                match s {
                    Scope::Where(x) | Scope::By(x) => walk(x, f),
                    Scope::OrderBy(o) => o.iter_mut().for_each(|i| walk(&mut i.expr, f)),
                    Scope::During(_) | Scope::AsOf(_) => {}
                }
            }
        }
        A::Binary(_, a, b) => [a, b].into_iter().for_each(|x| walk(x, f)),
        A::Negate(a) | A::Not(a) | A::Cast(a, _) => walk(a, f),
        A::And(v) | A::Or(v) | A::Tuple(v) => v.iter_mut().for_each(|x| walk(x, f)),
        A::Is { expr, .. } | A::InSegment { expr, .. } => walk(expr, f),
        A::In { expr, list, .. } => {
            walk(expr, f);
            if let InList::Values(v) = list {
                v.iter_mut().for_each(|x| walk(x, f));
            }
        }
        A::Between { expr, low, high, .. } => [expr, low, high].into_iter().for_each(|x| walk(x, f)),
        A::Match { expr, pattern, .. } => [expr, pattern].into_iter().for_each(|x| walk(x, f)),
        A::Case { operand, whens, otherwise } => {
            operand.iter_mut().chain(otherwise).for_each(|x| walk(x, f));
            whens.iter_mut().for_each(|(w, t)| {
                walk(w, f);
                walk(t, f);
            });
        }
    }
    f(e);
}

fn walk_argument(a: &mut Arg, f: &mut dyn FnMut(&mut ast::Expr)) {
    match a {
        Arg::Expr(e) => walk(e, f),
        Arg::Named(_, inner) => walk_argument(inner, f),
        Arg::Star(_) | Arg::AnyEvent(_) | Arg::Event(_) => {}
    }
}
