//! SUBSCRIBE: a streaming segment, a stored tag or events, followed as they change (rule 59).

use super::Binder;
use super::scope::Env;
use crate::bound::*;
use crate::code;
use eql_catalog::{SegmentMode, Value};
use eql_grammar::ast::{
    self, Clause, ClauseKind, EventRef, EventScope, Find, Ident, Item, QueryBody, Select, SelectItem, Show, Source as AstSource,
    SourceKind, Span, StatementKind, SubscribeFrom, SubscribeOn, SubscribeTo,
};

impl Binder<'_> {
    pub(super) fn subscribe(
        &mut self,
        to: &SubscribeTo,
        on: &[SubscribeOn],
        with: &[Item],
        from: Option<&SubscribeFrom>,
    ) -> Option<Statement> {
        let follows = match to {
            SubscribeTo::Segment(s) => self.followed_segment(s, on),
            SubscribeTo::Tag(t) => self.followed_tag(t, on),
            SubscribeTo::Event(step) => self.followed_events(step, on),
        };
        let payload = self.payload(follows.as_ref(), with);
        let from = self.subscribe_from(follows.as_ref(), from);
        Some(Statement::Subscribe(Box::new(Subscribe { follows: follows?, payload: payload?, from: from? })))
    }

    fn followed_segment(&mut self, s: &Ident, on: &[SubscribeOn]) -> Option<Follows> {
        let Some(found) = self.catalog.segment(&s.name).cloned() else {
            let names: Vec<String> = self.catalog.segments().map(|s| s.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::SEGMENT, "segment", s, &refs);
            return None;
        };
        if found.mode != SegmentMode::Streaming {
            let hint = format!("define it as DEFINE STREAMING SEGMENT {} …", found.name);
            self.error_hint(code::SEGMENT, s.span, format!("segment `{}` is not maintained as events arrive", found.name), hint);
            return None;
        }
        let entity = self.catalog.entity(&found.entity)?.id;
        let all = on.is_empty() || on.contains(&SubscribeOn::Change);
        let (enter, exit) = (all || on.contains(&SubscribeOn::Enter), all || on.contains(&SubscribeOn::Exit));
        Some(Follows::Segment { name: found.name.clone(), entity, enter, exit })
    }

    fn followed_tag(&mut self, t: &Ident, on: &[SubscribeOn]) -> Option<Follows> {
        let tag = self.one_tag(t)?;
        if on.iter().any(|o| *o != SubscribeOn::Change) {
            let words = "a tag changes: nobody enters or leaves it";
            self.error_hint(code::CLAUSE, t.span, words, "write ON CHANGE, or subscribe to a segment `FIND … WHERE tag = value`");
            return None;
        }
        if !tag.imported && super::schedule(&tag.definition).is_none() {
            let words = format!("tag `{}` is computed at each statement, nobody knows when it changes", tag.name);
            self.error_hint(code::NOUN, t.span, words, "define it with REFRESH EVERY hour, or another length");
            return None;
        }
        let entity = self.catalog.entity(&tag.entity)?.id;
        Some(Follows::Tag { name: tag.name.clone(), entity })
    }

    /// Each event type becomes a SELECT of its rows, which is what its new rows are asked with.
    fn followed_events(&mut self, step: &ast::Step, on: &[SubscribeOn]) -> Option<Follows> {
        let scope = &step.scope;
        if !on.is_empty() || step.negated || step.optional || step.within.is_some() {
            let words = "events are followed as they come: ON, NOT, OPTIONAL and WITHIN have no meaning here";
            self.error_hint(code::CLAUSE, step.span, words, "leave it out");
            return None;
        }
        let mut events = Vec::new();
        for select in self.selects(scope)? {
            let query = ast::Query { with: vec![], body: QueryBody::Select(Box::new(select)), pipes: vec![], span: step.span };
            let statement = ast::Statement { kind: StatementKind::Query(query.clone()), span: step.span };
            let query = self.query(&query)?;
            let concrete = self.event_types(scope, None)?.into_iter().map(|e| e.id).collect();
            events.push(FollowedEvents { statement, output: query.output, types: concrete });
        }
        Some(Follows::Events(events))
    }

    fn selects(&mut self, scope: &EventScope) -> Option<Vec<Select>> {
        let mut out = Vec::new();
        for event in &scope.events {
            let names: Vec<Ident> = match event {
                EventRef::Named(name) => vec![name.clone()],
                EventRef::Any(span) => {
                    let shown = self.catalog.events().filter(|e| !e.hidden);
                    shown.map(|e| Ident { name: e.name.clone(), span: *span }).collect()
                }
            };
            out.extend(names.into_iter().map(|name| select(name, scope)));
        }
        Some(out)
    }

    /// WITH: what is shown beside each change, as FIND … SHOW has it.
    fn payload(&mut self, follows: Option<&Follows>, with: &[Item]) -> Option<Option<Payload>> {
        if with.is_empty() {
            return Some(None);
        }
        let entity = match follows? {
            Follows::Segment { entity, .. } => self.entity_of(*entity)?,
            Follows::Tag { .. } | Follows::Events(_) => {
                let words = "WITH goes with a segment: a tag's change and an event are sent whole";
                self.error_hint(code::CLAUSE, with[0].expr.span, words, "leave it out");
                return None;
            }
        };
        let span = with[0].expr.span;
        let show = Clause { kind: ClauseKind::Show(Show::Items(with.to_vec())), span };
        let find = Find { entity: Ident { name: entity.name.clone(), span }, clauses: vec![show], span };
        let query = ast::Query { with: vec![], body: QueryBody::Find(Box::new(find)), pipes: vec![], span };
        let statement = ast::Statement { kind: StatementKind::Query(query.clone()), span };
        let output = self.query(&query)?.output;
        Some(Some(Payload { statement, output }))
    }

    fn subscribe_from(&mut self, follows: Option<&Follows>, from: Option<&SubscribeFrom>) -> Option<SubscribedFrom> {
        match from {
            None | Some(SubscribeFrom::Now) => Some(SubscribedFrom::Now),
            Some(SubscribeFrom::Snapshot) if matches!(follows, Some(Follows::Events(_))) => {
                let words = "events have no snapshot: they are followed from now, or from a cursor";
                self.error_hint(code::CLAUSE, Span::default(), words, "write FROM NOW, and ask for the past with SELECT");
                None
            }
            Some(SubscribeFrom::Snapshot) => Some(SubscribedFrom::Snapshot),
            Some(SubscribeFrom::Cursor(e)) => match self.expr(e, &mut Env::empty()).kind {
                ExprKind::Literal(Value::String(cursor)) => Some(SubscribedFrom::Cursor(cursor)),
                _ => {
                    self.error_hint(code::VALUE, e.span, "a cursor is text", "give the `cursor` of the last change that was received");
                    None
                }
            },
        }
    }
}

fn select(event: Ident, scope: &EventScope) -> Select {
    let span = event.span;
    let kind = SourceKind::Named(ast::Path { parts: vec![event] });
    let filter = scope.filter.iter().map(|p| Clause { kind: ClauseKind::Where((**p).clone()), span });
    let during = scope.during.iter().map(|r| Clause { kind: ClauseKind::During(r.clone()), span });
    Select {
        distinct: false,
        items: vec![SelectItem::Star(span)],
        from: Some(AstSource { kind, alias: None, span }),
        joins: vec![],
        clauses: filter.chain(during).collect(),
        span,
    }
}
