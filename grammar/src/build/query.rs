//! Queries: SELECT, FIND, the analyses, set operators and pipe stages.

use super::{Builder, Built};
use crate::ast::{
    Analysis, Find, Head, Ident, Join, JoinKind, Pipe, PipeKind, Query, QueryBody, Select, SelectItem, Source, SourceKind, Span,
};
use crate::build::step::fold_sets;
use crate::parser::{Parts, Rule};

impl Builder<'_> {
    pub(super) fn query(&mut self, p: &mut Parts<'_>) -> Built<Query> {
        let (mut p, span) = self.enter(p, Rule::query)?;
        let links = self.list_len(&p);
        self.deep(links, span, |b| {
            let with = match p.take(Rule::with_clause) {
                Some(with) => {
                    let mut with = Parts::of(with);
                    with.eat(Rule::kw_with);
                    b.list(&mut with, Rule::cte, Self::cte)?
                }
                None => Vec::new(),
            };
            let first = b.set_term(&mut p)?;
            let body = b.body_from(first, &mut p)?;
            let mut pipes = b.list(&mut p, Rule::closing, Self::closing)?;
            pipes.extend(b.list(&mut p, Rule::pipe, Self::pipe)?);
            Ok(Query { with, body, pipes, span })
        })
    }

    /// `(…) UNION (…) ORDER BY x LIMIT 10` has the stages of `|> ORDER BY x |> LIMIT 10`.
    fn closing(&mut self, p: &mut Parts<'_>) -> Built<Pipe> {
        let (mut p, span) = self.enter(p, Rule::closing)?;
        if p.eat(Rule::kw_order) {
            p.eat(Rule::kw_by);
            return Ok(Pipe { kind: PipeKind::OrderBy(self.order_items(&mut p)?), span });
        }
        let (count, offset) = self.limit(&mut p)?;
        Ok(Pipe { kind: PipeKind::Limit(count, offset), span })
    }

    /// A query whose first term is the bracketed `first`; `p` holds the set operators and stages after it.
    pub(super) fn query_from(&mut self, first: Query, p: &mut Parts<'_>, span: Span) -> Built<Query> {
        let links = self.list_len(p);
        self.deep(links, span, |b| {
            let body = b.body_from(QueryBody::Nested(Box::new(first)), p)?;
            Ok(Query { with: Vec::new(), body, pipes: b.list(p, Rule::pipe, Self::pipe)?, span })
        })
    }

    fn body_from(&mut self, first: QueryBody, p: &mut Parts<'_>) -> Built<QueryBody> {
        let mut rest = Vec::new();
        while p.rule() == Some(Rule::set_op) {
            let op = self.set_op(p)?;
            rest.push((op, self.set_term(p)?));
        }
        Ok(fold_sets(first, rest, |op, a, z| QueryBody::Set(op, Box::new(a), Box::new(z))))
    }

    fn cte(&mut self, p: &mut Parts<'_>) -> Built<(Ident, Query)> {
        let (mut p, _) = self.enter(p, Rule::cte)?;
        let name = self.ident(&mut p)?;
        p.eat(Rule::kw_as);
        Ok((name, self.query(&mut p)?))
    }

    fn set_term(&mut self, p: &mut Parts<'_>) -> Built<QueryBody> {
        let (mut p, _) = self.enter(p, Rule::set_term)?;
        Ok(match p.rule() {
            Some(Rule::select) => QueryBody::Select(Box::new(self.select(&mut p)?)),
            Some(Rule::from_head) => QueryBody::Select(Box::new(self.short_select(&mut p)?)),
            Some(Rule::find) => QueryBody::Find(Box::new(self.find(&mut p)?)),
            Some(Rule::analysis) => QueryBody::Analysis(Box::new(self.analysis(&mut p)?)),
            _ => QueryBody::Nested(Box::new(self.nested(&mut p)?)),
        })
    }

    fn nested(&mut self, p: &mut Parts<'_>) -> Built<Query> {
        let (mut p, _) = self.enter(p, Rule::nested)?;
        self.query(&mut p)
    }

    pub(super) fn select(&mut self, p: &mut Parts<'_>) -> Built<Select> {
        let (mut p, span) = self.enter(p, Rule::select)?;
        p.eat(Rule::kw_select);
        let distinct = p.eat(Rule::distinct);
        let items = self.select_items(&mut p)?;
        let from = if p.eat(Rule::kw_from) { Some(self.source(&mut p)?) } else { None };
        let joins = self.list(&mut p, Rule::join, Self::join)?;
        Ok(Select { distinct, items, from, joins, clauses: self.clauses(&mut p)?, span })
    }

    /// `FROM x` is `SELECT * FROM x`.
    fn short_select(&mut self, p: &mut Parts<'_>) -> Built<Select> {
        let (mut p, span) = self.enter(p, Rule::from_head)?;
        let star = SelectItem::Star(Span::new(span.start, span.start));
        p.eat(Rule::kw_from);
        let from = Some(self.source(&mut p)?);
        let joins = self.list(&mut p, Rule::join, Self::join)?;
        Ok(Select { distinct: false, items: vec![star], from, joins, clauses: self.clauses(&mut p)?, span })
    }

    fn select_items(&mut self, p: &mut Parts<'_>) -> Built<Vec<SelectItem>> {
        let (mut p, _) = self.enter(p, Rule::select_items)?;
        self.list(&mut p, Rule::select_item, Self::select_item)
    }

    fn select_item(&mut self, p: &mut Parts<'_>) -> Built<SelectItem> {
        let (mut p, span) = self.enter(p, Rule::select_item)?;
        Ok(match p.rule() {
            Some(Rule::star) => SelectItem::Star(span),
            Some(Rule::path_star) => {
                let (mut p, _) = self.enter(&mut p, Rule::path_star)?;
                SelectItem::PathStar(self.path(&mut p)?)
            }
            _ => SelectItem::Item(self.item(&mut p)?),
        })
    }

    fn source(&mut self, p: &mut Parts<'_>) -> Built<Source> {
        let (mut p, span) = self.enter(p, Rule::source)?;
        let kind = match p.rule() {
            Some(Rule::kw_segment) => {
                p.eat(Rule::kw_segment);
                SourceKind::Segment(self.segment_expr(&mut p)?)
            }
            Some(Rule::any_event) => {
                p.eat(Rule::any_event);
                SourceKind::AnyEvent
            }
            Some(Rule::nested) => SourceKind::Query(Box::new(self.nested(&mut p)?)),
            _ => SourceKind::Named(self.path(&mut p)?),
        };
        let alias = if p.eat(Rule::kw_as) { Some(self.ident(&mut p)?) } else { None };
        Ok(Source { kind, alias, span })
    }

    fn join(&mut self, p: &mut Parts<'_>) -> Built<Join> {
        let (mut p, _) = self.enter(p, Rule::join)?;
        let mut kind = if p.eat(Rule::kw_cross) { JoinKind::Cross } else { JoinKind::Inner };
        if let Some(word) = p.take(Rule::join_kind) {
            kind = join_kind(&mut Parts::of(word));
        }
        p.eat(Rule::kw_join);
        let source = self.source(&mut p)?;
        let on = if p.eat(Rule::kw_on) { Some(self.expr(&mut p)?) } else { None };
        Ok(Join { kind, source, on })
    }

    pub(super) fn find(&mut self, p: &mut Parts<'_>) -> Built<Find> {
        let (mut p, span) = self.enter(p, Rule::find)?;
        p.eat(Rule::kw_find);
        Ok(Find { entity: self.ident(&mut p)?, clauses: self.clauses(&mut p)?, span })
    }

    pub(super) fn analysis(&mut self, p: &mut Parts<'_>) -> Built<Analysis> {
        let (mut p, span) = self.enter(p, Rule::analysis)?;
        let head = p.next().ok_or_else(|| self.fault())?;
        let mut inner = Parts::of(head);
        let word = inner.next().ok_or_else(|| self.fault())?;
        let head_span = self.span(&word);
        let head = self.head(word.as_rule(), &mut inner)?;
        Ok(Analysis { head, head_span, clauses: self.clauses(&mut p)?, span })
    }

    fn head(&mut self, word: Rule, p: &mut Parts<'_>) -> Built<Head> {
        Ok(match word {
            Rule::kw_trend => Head::Trend(self.items(p)?),
            Rule::kw_distribution => Head::Distribution(self.items(p)?),
            Rule::kw_funnel => Head::Funnel(self.steps(p)?),
            Rule::kw_sequence => Head::Sequence(self.steps(p)?),
            Rule::kw_lifecycle => Head::Lifecycle(self.step(p)?),
            Rule::kw_stickiness => Head::Stickiness(self.step(p)?),
            Rule::kw_rfm => Head::Rfm(self.step(p)?),
            Rule::kw_sessions => Head::Sessions(self.ident(p)?),
            Rule::kw_retention => Head::Retention,
            Rule::kw_paths => Head::Paths,
            Rule::kw_intervals => Head::Intervals,
            Rule::kw_attribution => Head::Attribution,
            Rule::kw_ltv => Head::Ltv,
            Rule::kw_profile => Head::Profile,
            Rule::kw_journey => Head::Journey,
            _ => return Err(self.fault()),
        })
    }

    fn pipe(&mut self, p: &mut Parts<'_>) -> Built<Pipe> {
        let (mut p, span) = self.enter(p, Rule::pipe)?;
        if p.rule() == Some(Rule::limit) {
            let (count, offset) = self.limit(&mut p)?;
            return Ok(Pipe { kind: PipeKind::Limit(count, offset), span });
        }
        let word = p.next().ok_or_else(|| self.fault())?;
        let kind = match word.as_rule() {
            Rule::kw_where => PipeKind::Where(self.expr(&mut p)?),
            Rule::kw_select => PipeKind::Select(self.select_items(&mut p)?),
            Rule::kw_extend => PipeKind::Extend(self.items(&mut p)?),
            Rule::kw_aggregate => self.aggregate(&mut p)?,
            _ => {
                p.eat(Rule::kw_by);
                PipeKind::OrderBy(self.order_items(&mut p)?)
            }
        };
        Ok(Pipe { kind, span })
    }

    fn aggregate(&mut self, p: &mut Parts<'_>) -> Built<PipeKind> {
        let measures = self.items(p)?;
        let grouped = p.eat(Rule::kw_group) && p.eat(Rule::kw_by);
        Ok(PipeKind::Aggregate(measures, if grouped { self.items(p)? } else { Vec::new() }))
    }
}

fn join_kind(p: &mut Parts<'_>) -> JoinKind {
    match p.next().map(|word| word.as_rule()) {
        Some(Rule::kw_left) => JoinKind::Left,
        Some(Rule::kw_right) => JoinKind::Right,
        Some(Rule::kw_full) => JoinKind::Full,
        _ => JoinKind::Inner,
    }
}
