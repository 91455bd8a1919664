//! Calls: arguments, what narrows them, OVER, and the keys of ORDER BY.

use super::{Builder, Built};
use crate::ast::{Arg, Call, Expr, ExprKind, Frame, FrameBound, OrderItem, Over, Path, Scope};
use crate::parser::{Pair, Parts, Rule};

impl Builder<'_> {
    /// `f(…)` or `a.b`, where a key or a model is wanted.
    pub(super) fn call_or_path(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let Some(pair) = p.clone().next() else { return Err(self.fault()) };
        let span = self.span(&pair);
        let kind = if pair.as_rule() == Rule::path { ExprKind::Path(self.path(p)?) } else { self.reference(p)? };
        Ok(Expr { kind, span })
    }

    /// A path, or a call if brackets follow it.
    pub(super) fn reference(&mut self, p: &mut Parts<'_>) -> Built<ExprKind> {
        let (mut p, span) = self.enter(p, Rule::reference)?;
        let name = self.path(&mut p)?;
        match p.take(Rule::call) {
            Some(call) => Ok(ExprKind::Call(Box::new(self.deep(0, span, |b| b.call(name, &mut Parts::of(call)))?))),
            None => Ok(ExprKind::Path(name)),
        }
    }

    fn call(&mut self, name: Path, p: &mut Parts<'_>) -> Built<Call> {
        let mut call = Call { name, distinct: false, args: Vec::new(), scopes: Vec::new(), over: None };
        if let Some(args) = p.take(Rule::args) {
            let mut args = Parts::of(args);
            call.distinct = args.eat(Rule::distinct);
            call.args = self.list(&mut args, Rule::arg, Self::arg)?;
        }
        call.scopes = self.list(p, Rule::scope, Self::scope)?;
        if let Some(filter) = p.take(Rule::filter) {
            call.scopes.push(self.filter(filter)?);
        }
        if p.rule() == Some(Rule::over) {
            call.over = Some(self.over(p)?);
        }
        Ok(call)
    }

    fn filter(&mut self, filter: Pair<'_>) -> Built<Scope> {
        let mut p = Parts::of(filter);
        p.eat(Rule::kw_filter);
        p.eat(Rule::kw_where);
        Ok(Scope::Where(self.expr(&mut p)?))
    }

    fn arg(&mut self, p: &mut Parts<'_>) -> Built<Arg> {
        let (mut p, _) = self.enter(p, Rule::arg)?;
        let Some(named) = p.take(Rule::named_arg) else { return self.plain_arg(&mut p) };
        let mut p = Parts::of(named);
        let name = self.ident(&mut p)?;
        Ok(Arg::Named(name, Box::new(self.plain_arg(&mut p)?)))
    }

    fn plain_arg(&mut self, p: &mut Parts<'_>) -> Built<Arg> {
        let Some(pair) = p.clone().next() else { return Err(self.fault()) };
        let span = self.span(&pair);
        Ok(match pair.as_rule() {
            Rule::star => Arg::Star(span),
            Rule::any_event => Arg::AnyEvent(span),
            Rule::bracket => Arg::Event(self.bracket(p)?),
            _ => Arg::Expr(self.expr(p)?),
        })
    }

    fn scope(&mut self, p: &mut Parts<'_>) -> Built<Scope> {
        let (mut p, _) = self.enter(p, Rule::scope)?;
        if let Some(instant) = self.as_of(&mut p)? {
            return Ok(Scope::AsOf(instant));
        }
        let word = p.next().ok_or_else(|| self.fault())?;
        Ok(match word.as_rule() {
            Rule::kw_where => Scope::Where(self.expr(&mut p)?),
            Rule::kw_during => Scope::During(self.range(&mut p)?),
            Rule::kw_by => Scope::By(self.expr(&mut p)?),
            _ => {
                p.eat(Rule::kw_by);
                Scope::OrderBy(self.order_items(&mut p)?)
            }
        })
    }

    fn over(&mut self, p: &mut Parts<'_>) -> Built<Over> {
        let (mut p, _) = self.enter(p, Rule::over)?;
        p.eat(Rule::kw_over);
        let mut over = Over { partition_by: Vec::new(), order_by: Vec::new(), frame: None };
        if let Some(partition) = p.take(Rule::partition) {
            let mut partition = Parts::of(partition);
            partition.eat(Rule::kw_partition);
            partition.eat(Rule::kw_by);
            over.partition_by = self.exprs(&mut partition)?;
        }
        if p.eat(Rule::kw_order) {
            p.eat(Rule::kw_by);
            over.order_by = self.order_items(&mut p)?;
        }
        if let Some(frame) = p.take(Rule::frame) {
            over.frame = Some(self.frame(frame)?);
        }
        Ok(over)
    }

    fn frame(&mut self, frame: Pair<'_>) -> Built<Frame> {
        let span = self.span(&frame);
        let mut p = Parts::of(frame);
        let range = p.eat(Rule::kw_range);
        p.eat(Rule::kw_rows);
        p.eat(Rule::kw_between);
        let start = self.frame_bound(&mut p)?;
        p.eat(Rule::kw_and);
        // A single bound is the first row; the last is then the current one.
        let end = if p.rule() == Some(Rule::frame_bound) { self.frame_bound(&mut p)? } else { FrameBound::Rows(0) };
        Ok(Frame { range, start, end, span })
    }

    fn frame_bound(&mut self, p: &mut Parts<'_>) -> Built<FrameBound> {
        let (mut p, _) = self.enter(p, Rule::frame_bound)?;
        if p.eat(Rule::kw_unbounded) {
            return Ok(if p.eat(Rule::kw_preceding) { FrameBound::First } else { FrameBound::Last });
        }
        if p.eat(Rule::kw_current) {
            return Ok(FrameBound::Rows(0));
        }
        let count = self.count_only(&mut p)?;
        let rows = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(FrameBound::Rows(if p.eat(Rule::kw_preceding) { -rows } else { rows }))
    }

    pub(super) fn order_items(&mut self, p: &mut Parts<'_>) -> Built<Vec<OrderItem>> {
        let (mut p, _) = self.enter(p, Rule::order_items)?;
        self.list(&mut p, Rule::order_item, Self::order_item)
    }

    fn order_item(&mut self, p: &mut Parts<'_>) -> Built<OrderItem> {
        let (mut p, _) = self.enter(p, Rule::order_item)?;
        let expr = self.expr(&mut p)?;
        let descending = p.eat(Rule::kw_desc);
        p.eat(Rule::kw_asc);
        let nulls_first = if p.eat(Rule::kw_nulls) { Some(p.eat(Rule::kw_first)) } else { None };
        Ok(OrderItem { expr, descending, nulls_first })
    }
}
