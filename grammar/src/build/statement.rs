//! Statements other than queries and definitions.

use super::{Builder, Built};
use crate::ast::{
    ExplainRung, Expr, ExprKind, InsertSource, InsertTarget, Kind, Literal, SetValue, ShowWhat, Statement, StatementKind, SubscribeFrom,
    SubscribeOn, SubscribeTo,
};
use crate::parser::{Parts, Rule};

impl Builder<'_> {
    pub(super) fn statement(&mut self, p: &mut Parts<'_>) -> Built<Statement> {
        let (mut p, span) = self.enter(p, Rule::statement)?;
        if p.rule() != Some(Rule::explain) {
            return Ok(Statement { kind: self.plain(&mut p)?, span });
        }
        let (mut p, span) = self.enter(&mut p, Rule::explain)?;
        p.eat(Rule::kw_explain);
        let rung = match p.take(Rule::explain_rung) {
            Some(pair) => rung(&mut Parts::of(pair)),
            None => ExplainRung::Logical,
        };
        let inner = p.clone().next().map(|pair| self.span(&pair)).unwrap_or(span);
        let statement = Box::new(Statement { kind: self.plain(&mut p)?, span: inner });
        Ok(Statement { kind: StatementKind::Explain { rung, statement }, span })
    }

    fn plain(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        match p.rule() {
            Some(Rule::query) => Ok(StatementKind::Query(self.query(p)?)),
            Some(Rule::define) => Ok(StatementKind::Define(Box::new(self.define(p)?))),
            Some(Rule::insert) => self.insert(p),
            Some(Rule::drop_stmt) => self.drop_statement(p),
            Some(Rule::refresh) => self.refresh(p),
            Some(Rule::show_stmt) => self.show_statement(p),
            Some(Rule::describe) => self.describe(p),
            Some(Rule::subscribe) => self.subscribe(p),
            _ => self.set_statement(p),
        }
    }

    fn insert(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::insert)?;
        p.eat(Rule::kw_insert);
        p.eat(Rule::kw_into);
        let (mut target, _) = self.enter(&mut p, Rule::insert_target)?;
        let target = match target.rule() {
            Some(Rule::kw_segment) => InsertTarget::Segment,
            Some(Rule::kw_tag) => InsertTarget::Tag,
            Some(Rule::kw_entity) => InsertTarget::Entity,
            _ => InsertTarget::Event,
        };
        let name = self.ident(&mut p)?;
        let columns = match p.take(Rule::insert_columns) {
            Some(pair) => self.list(&mut Parts::of(pair), Rule::ident, Self::ident)?,
            None => Vec::new(),
        };
        let source = match p.eat(Rule::kw_values) {
            true => InsertSource::Values(self.list(&mut p, Rule::row, Self::row)?),
            false => InsertSource::Query(Box::new(self.query(&mut p)?)),
        };
        Ok(StatementKind::Insert { target, name, columns, source })
    }

    fn row(&mut self, p: &mut Parts<'_>) -> Built<Vec<Expr>> {
        let (mut p, _) = self.enter(p, Rule::row)?;
        self.exprs(&mut p)
    }

    fn drop_statement(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::drop_stmt)?;
        p.eat(Rule::kw_drop);
        let kind = self.kind(&mut p)?;
        let if_exists = p.eat(Rule::kw_if) && p.eat(Rule::kw_exists);
        Ok(StatementKind::Drop { kind, if_exists, path: self.path(&mut p)? })
    }

    fn kind(&mut self, p: &mut Parts<'_>) -> Built<Kind> {
        let (mut p, _) = self.enter(p, Rule::kind)?;
        p.next().and_then(|word| kind_of(word.as_rule())).ok_or_else(|| self.fault())
    }

    fn refresh(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::refresh)?;
        p.eat(Rule::kw_refresh);
        let kind = p.next().and_then(|word| kind_of(word.as_rule())).ok_or_else(|| self.fault())?;
        Ok(StatementKind::Refresh { kind, name: self.ident(&mut p)? })
    }

    fn show_statement(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::show_stmt)?;
        p.eat(Rule::kw_show);
        let (mut inner, _) = self.enter(&mut p, Rule::show_what)?;
        let what = self.show_what(&mut inner)?;
        let like = if p.eat(Rule::kw_like) { Some(self.text_only(&mut p)?) } else { None };
        Ok(StatementKind::Show { what, like })
    }

    fn show_what(&mut self, p: &mut Parts<'_>) -> Built<ShowWhat> {
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_entities) => ShowWhat::Entities,
            Some(Rule::kw_events) => ShowWhat::Events,
            Some(Rule::kw_relations) => ShowWhat::Relations,
            Some(Rule::kw_segments) => ShowWhat::Segments,
            Some(Rule::kw_sessions) => ShowWhat::Sessions,
            Some(Rule::kw_tags) => ShowWhat::Tags,
            Some(Rule::kw_metrics) => ShowWhat::Metrics,
            Some(Rule::kw_subscriptions) => ShowWhat::Subscriptions,
            Some(Rule::kw_functions) => ShowWhat::Functions,
            _ => {
                p.eat(Rule::kw_of);
                ShowWhat::Properties(self.ident(p)?)
            }
        })
    }

    fn describe(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::describe)?;
        p.eat(Rule::kw_describe);
        let kind = if p.rule() == Some(Rule::kind) { Some(self.kind(&mut p)?) } else { None };
        Ok(StatementKind::Describe { kind, path: self.path(&mut p)? })
    }

    fn subscribe(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::subscribe)?;
        p.eat(Rule::kw_subscribe);
        p.eat(Rule::kw_to);
        let (mut target, _) = self.enter(&mut p, Rule::subscribe_to)?;
        let to = self.subscribe_to(&mut target)?;
        p.eat(Rule::kw_on);
        let on = self.list(&mut p, Rule::sub_on, Self::subscribe_on)?;
        let with = if p.eat(Rule::kw_with) { self.items(&mut p)? } else { Vec::new() };
        let from = if p.eat(Rule::kw_from) { Some(self.subscribe_from(&mut p)?) } else { None };
        Ok(StatementKind::Subscribe { to, on, with, from })
    }

    fn subscribe_to(&mut self, p: &mut Parts<'_>) -> Built<SubscribeTo> {
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_segment) => SubscribeTo::Segment(self.ident(p)?),
            Some(Rule::kw_tag) => SubscribeTo::Tag(self.ident(p)?),
            _ => SubscribeTo::Event(self.step(p)?),
        })
    }

    fn subscribe_on(&mut self, p: &mut Parts<'_>) -> Built<SubscribeOn> {
        let (mut p, _) = self.enter(p, Rule::sub_on)?;
        Ok(match p.rule() {
            Some(Rule::kw_enter) => SubscribeOn::Enter,
            Some(Rule::kw_exit) => SubscribeOn::Exit,
            _ => SubscribeOn::Change,
        })
    }

    fn subscribe_from(&mut self, p: &mut Parts<'_>) -> Built<SubscribeFrom> {
        let (mut p, _) = self.enter(p, Rule::subscribe_from)?;
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_now) => SubscribeFrom::Now,
            Some(Rule::kw_snapshot) => SubscribeFrom::Snapshot,
            _ => SubscribeFrom::Cursor(self.cursor(&mut p)?),
        })
    }

    fn cursor(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        if p.rule() == Some(Rule::param) {
            let param = self.param(p)?;
            let span = param.span;
            return Ok(Expr { kind: ExprKind::Param(param), span });
        }
        let (text, span) = self.string(p)?;
        Ok(Expr { kind: ExprKind::Literal(Literal::Text(text)), span })
    }

    fn set_statement(&mut self, p: &mut Parts<'_>) -> Built<StatementKind> {
        let (mut p, _) = self.enter(p, Rule::set_stmt)?;
        p.eat(Rule::kw_set);
        let name = self.ident(&mut p)?;
        let value = match p.rule() {
            Some(Rule::constant) => SetValue::Literal(self.literal(&mut p)?),
            _ => SetValue::Word(self.ident(&mut p)?),
        };
        Ok(StatementKind::Set { name, value })
    }
}

fn rung(p: &mut Parts<'_>) -> ExplainRung {
    match p.rule() {
        Some(Rule::kw_analyze) => ExplainRung::Analyze,
        Some(Rule::kw_syntax) => ExplainRung::Syntax,
        Some(Rule::kw_bound) => ExplainRung::Bound,
        Some(Rule::kw_physical) => ExplainRung::Physical,
        _ => ExplainRung::Logical,
    }
}

fn kind_of(word: Rule) -> Option<Kind> {
    Some(match word {
        Rule::kw_entity => Kind::Entity,
        Rule::kw_event => Kind::Event,
        Rule::kw_property => Kind::Property,
        Rule::kw_relation => Kind::Relation,
        Rule::kw_metric => Kind::Metric,
        Rule::kw_session => Kind::Session,
        Rule::kw_tag => Kind::Tag,
        Rule::kw_segment => Kind::Segment,
        _ => return None,
    })
}
