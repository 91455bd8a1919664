//! What names can mean at a place, and the columns that get used.

use super::Binder;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, EntityTypeId, EventType, EventTypeId, NounKind, Owner};
use eql_grammar::ast::{self, Ident, Span};
use std::sync::Arc;

/// What kind of rows a scope offers.
#[derive(Clone, Debug)]
pub(super) enum RowKind {
    /// Event rows of these types.
    Events(Vec<Arc<EventType>>),
    /// Rows of an entity type.
    Entity(Arc<EntityType>),
    /// Columns of a result.
    Table(Vec<Output>),
    /// Something undefined: every name is silently invalid.
    Unknown,
}

/// One source of names.
#[derive(Clone, Debug)]
pub(super) struct RowScope {
    pub kind: RowKind,
    /// The columns used so far.
    pub columns: Vec<ScanColumn>,
    /// `AS name`, or the source's own name.
    pub name: Option<String>,
}

impl RowScope {
    pub(super) fn new(kind: RowKind, name: Option<String>) -> Self {
        Self { kind, columns: Vec::new(), name }
    }
    pub(super) fn entity(entity: &Arc<EntityType>) -> Self {
        Self::new(RowKind::Entity(entity.clone()), Some(entity.name.clone()))
    }
    pub(super) fn events(events: Vec<Arc<EventType>>) -> Self {
        Self::new(RowKind::Events(events), None)
    }
    pub(super) fn unknown() -> Self {
        Self::new(RowKind::Unknown, None)
    }
}

/// What aggregates mean at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Aggregates {
    /// Nothing: rows are single.
    None,
    /// Values of behaviour of the entity whose row it is (FIND, tags, segments).
    Behaviour,
    /// SQL's, collected here.
    Rows(Vec<(ColumnId, Aggregate)>),
    /// Over event rows, as in TREND: the first argument names the events.
    Events(Vec<(ColumnId, Aggregate)>),
    /// Over event rows that an analysis has chosen: an event as the first argument narrows them.
    Matched(Vec<(ColumnId, Aggregate)>),
}

/// Everything that names can mean at a place.
#[derive(Clone, Debug)]
pub(super) struct Env {
    /// Sources; several after a join.
    pub rows: Vec<RowScope>,
    /// Rows matched by earlier steps: alias, step number, columns.
    pub steps: Vec<(String, usize, RowScope)>,
    /// Names of a match itself, such as `interval`, before those of its rows.
    pub matched: Vec<(String, Expr)>,
    /// Names given to expressions, for ORDER BY and GROUP BY.
    pub aliases: Vec<(String, Expr)>,
    /// Meaning of aggregates.
    pub aggregates: Aggregates,
    /// Window calls, where they may stand.
    pub windows: Option<Vec<(ColumnId, WindowCall)>>,
    /// The subject's ordinal, for distinct subjects.
    pub subject: Option<EntityTypeId>,
    /// The events of an LTV's start, and the column that marks the start row itself: a measure takes it in when it has the same events.
    pub start: Option<(ast::EventScope, ColumnId)>,
    /// Ranges of single measures of TREND.
    pub lanes: Option<Lanes>,
}

/// Measures with a range of their own: the column that tells for which range a row counts, 0 being the head's, and the ranges from 1.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub column: ColumnId,
    pub ranges: Vec<TimeRange>,
}

impl Env {
    pub(super) fn row(scope: RowScope) -> Self {
        Self {
            rows: vec![scope],
            steps: vec![],
            matched: vec![],
            aliases: vec![],
            aggregates: Aggregates::None,
            windows: None,
            subject: None,
            start: None,
            lanes: None,
        }
    }
    pub(super) fn empty() -> Self {
        Self { rows: vec![], ..Self::row(RowScope::unknown()) }
    }
    pub(super) fn with(mut self, aggregates: Aggregates) -> Self {
        self.aggregates = aggregates;
        self
    }
    /// The columns used of the only source.
    pub(super) fn into_columns(self) -> Vec<ScanColumn> {
        self.rows.into_iter().flat_map(|r| r.columns).collect()
    }
}

impl Binder<'_> {
    /// The column for `leaf`, made at its first use.
    pub(super) fn leaf(&mut self, scope: &mut RowScope, leaf: Leaf, data_type: DataType) -> Expr {
        if let Some(c) = scope.columns.iter().find(|c| c.leaf == leaf) {
            return Expr::column(c.id, c.data_type.clone());
        }
        let id = self.column_id();
        scope.columns.push(ScanColumn { id, leaf, data_type: data_type.clone() });
        Expr::column(id, data_type)
    }

    /// What a path means here.
    pub(super) fn path(&mut self, path: &ast::Path, env: &mut Env) -> Expr {
        let Some(first) = path.parts.first() else { return Expr::invalid() };
        if let ([_], Some((_, own))) = (path.parts.as_slice(), env.matched.iter().find(|(n, _)| *n == first.name)) {
            return own.clone();
        }
        if path.parts.len() > 1
            && let Some(found) = self.step_path(first, &path.parts[1..], env)
        {
            return found;
        }
        if env.rows.len() > 1
            && path.parts.len() > 1
            && let Some(i) = env.rows.iter().position(|r| r.name.as_deref() == Some(first.name.as_str()))
        {
            let found = self.resolve(&mut env.rows[i], &path.parts[1..]);
            return found.unwrap_or_else(|| self.missing(path, &env.rows[i..=i]));
        }
        let mut found: Vec<Expr> = Vec::new();
        for row in &mut env.rows {
            found.extend(self.resolve(row, &path.parts));
        }
        if found.len() > 1 {
            return self.error_hint(
                code::AMBIGUOUS,
                path.span(),
                format!("`{}` stands in more than one source", path.text()),
                "write the source's name before it",
            );
        }
        match found.pop() {
            Some(e) => e,
            None => self.alias_or_missing(path, env),
        }
    }

    fn alias_or_missing(&mut self, path: &ast::Path, env: &Env) -> Expr {
        if path.parts.len() == 1
            && let Some((_, e)) = env.aliases.iter().find(|(n, _)| *n == path.parts[0].name)
        {
            return e.clone();
        }
        if let [one] = path.parts.as_slice()
            && let Some(f) = crate::function::function(&one.name)
            && one.name.to_ascii_lowercase().starts_with("current_")
        {
            // SQL writes CURRENT_DATE and CURRENT_TIMESTAMP without brackets.
            return self.clocked(f, vec![], path.span());
        }
        self.missing(path, &env.rows)
    }

    /// `r.x` of an earlier step: a column of that step's row.
    fn step_path(&mut self, first: &Ident, rest: &[Ident], env: &mut Env) -> Option<Expr> {
        let at = env.steps.iter().rposition(|(n, _, _)| *n == first.name)?;
        let mut scope = env.steps[at].2.clone();
        let found = self.resolve(&mut scope, rest);
        let out = found.unwrap_or_else(|| self.missing(&ast::Path { parts: rest.to_vec() }, std::slice::from_ref(&scope)));
        env.steps[at].2 = scope;
        Some(out)
    }

    /// What the names mean for the rows of one source; None when nothing.
    pub(super) fn resolve(&mut self, scope: &mut RowScope, parts: &[Ident]) -> Option<Expr> {
        match scope.kind.clone() {
            RowKind::Unknown => {
                self.unknown = true;
                Some(Expr::invalid())
            }
            RowKind::Table(columns) => self.resolve_table(scope, &columns, parts),
            RowKind::Entity(e) => self.resolve_entity(scope, &e, parts),
            RowKind::Events(e) => self.resolve_event(scope, &e, parts),
        }
    }

    fn resolve_table(&mut self, scope: &RowScope, columns: &[Output], parts: &[Ident]) -> Option<Expr> {
        let parts = match parts {
            [q, rest @ ..] if !rest.is_empty() && scope.name.as_deref() == Some(q.name.as_str()) => rest,
            p => p,
        };
        let wanted = parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".");
        let found = columns
            .iter()
            .find(|c| c.name == wanted)
            .or_else(|| columns.iter().find(|c| c.name == parts.last().map_or("", |p| p.name.as_str())));
        found.map(|c| Expr::column(c.id, c.data_type.clone()))
    }

    fn resolve_entity(&mut self, scope: &mut RowScope, entity: &Arc<EntityType>, parts: &[Ident]) -> Option<Expr> {
        let (first, rest) = parts.split_first()?;
        let name = first.name.as_str();
        if rest.is_empty() {
            return self.entity_property(scope, entity, first);
        }
        if let Some(relation) = self.catalog.relation(&format!("{}.{name}", entity.name)).cloned() {
            return self.through_relation(scope, &relation, rest, first.span);
        }
        if name == "extra" {
            return Some(self.leaf(scope, Leaf::Extra(dotted(rest)), DataType::String));
        }
        if name == entity.name || scope.name.as_deref() == Some(name) {
            return self.resolve_entity(scope, entity, rest);
        }
        None
    }

    fn entity_property(&mut self, scope: &mut RowScope, entity: &Arc<EntityType>, ident: &Ident) -> Option<Expr> {
        let name = ident.name.as_str();
        if let Some(i) = entity.key.iter().position(|k| k.name == name) {
            return Some(self.leaf(scope, Leaf::Key(i), entity.key[i].data_type.clone()));
        }
        if let Some(p) = entity.properties.iter().find(|p| p.name == name) {
            return Some(self.timed_property(scope, entity, p, ident.span));
        }
        if let Some(p) = self.catalog.property(&format!("{}.{name}", entity.name)).cloned() {
            return self.virtual_property(scope, &p, ident.span);
        }
        if let Some(tag) = self.catalog.tag(&entity.name, name).cloned() {
            return Some(self.tag_value(scope, entity, &tag, ident.span));
        }
        None
    }

    fn virtual_property(&mut self, scope: &mut RowScope, p: &eql_catalog::VirtualProperty, at: Span) -> Option<Expr> {
        let ast = match eql_grammar::parse_expr(&p.expr) {
            Ok(e) => e,
            Err(d) => return Some(self.error(code::PROPERTY, at, format!("property `{}` cannot be read: {}", p.name, d.message))),
        };
        let full = format!("{}.{}", p.owner.name(), p.name);
        self.used(NounKind::Property, || full.clone());
        let behaviour = matches!(scope.kind, RowKind::Entity(_));
        let mut env =
            Env::row(std::mem::replace(scope, RowScope::unknown())).with(if behaviour { Aggregates::Behaviour } else { Aggregates::None });
        let out = self.follow(&full, at, |b| b.expr(&ast, &mut env)).unwrap_or_else(Expr::invalid);
        if let Some(row) = env.rows.pop() {
            *scope = row;
        }
        Some(out)
    }

    /// The value behind a relation.
    fn through_relation(&mut self, scope: &mut RowScope, relation: &eql_catalog::Relation, rest: &[Ident], at: Span) -> Option<Expr> {
        self.used(NounKind::Relation, || format!("{}.{}", relation.owner.name(), relation.name));
        let Owner::Entity(target) = &relation.target else {
            let hint = format!("for each {0}: FIND {0} SHOW count({1})", relation.owner.name(), relation.name);
            return Some(self.error_hint(code::TO_MANY, at, format!("`{}` leads to events: aggregate them", relation.name), hint));
        };
        let target = self.catalog.entity(target)?.clone();
        if relation.many {
            return self.through_many(scope, relation, &target, rest, at);
        }
        let before = self.diagnostics.len();
        match self.hop(|b| b.relation_link(scope, relation, &target, at)) {
            Some(link) => self.through(scope, link, &target, rest),
            // What is wrong with the key has been said.
            None => (self.diagnostics.len() > before).then(Expr::invalid),
        }
    }

    fn relation_link(&mut self, scope: &RowScope, relation: &eql_catalog::Relation, target: &Arc<EntityType>, at: Span) -> Option<Link> {
        let mut source = Vec::new();
        for key in &target.key {
            let (own, _) = relation.on.iter().find(|(_, t)| *t == key.name)?;
            source.push(self.link_column(scope, own, at)?);
        }
        if let [ScanColumn { leaf: Leaf::ParticipantKey(by_event, entity, 0), .. }] = source.as_slice()
            && *entity == target.id
        {
            return Some(Link::Participant(by_event.clone()));
        }
        Some(Link::Key(source))
    }

    /// A value of the entity a to-one link leads to.
    fn through(&mut self, scope: &mut RowScope, link: Link, target: &Arc<EntityType>, rest: &[Ident]) -> Option<Expr> {
        let mut inner = RowScope::entity(target);
        let expr = self.resolve(&mut inner, rest)?;
        if matches!(expr.kind, ExprKind::Invalid) {
            return Some(expr);
        }
        let data_type = expr.data_type.clone();
        let value = EntityValue { entity: target.id, value: RowExpr::canonical(inner.columns, expr) };
        Some(self.leaf(scope, Leaf::Through(link, Box::new(value)), data_type))
    }

    /// The values of all entities a to-many relation leads to, as a list.
    fn through_many(
        &mut self,
        scope: &mut RowScope,
        relation: &eql_catalog::Relation,
        target: &Arc<EntityType>,
        rest: &[Ident],
        _at: Span,
    ) -> Option<Expr> {
        let link = self.hop(|b| b.many_link(scope, relation, target))?;
        let mut inner = RowScope::entity(target);
        let expr = self.resolve(&mut inner, rest)?;
        if matches!(expr.kind, ExprKind::Invalid) {
            return Some(expr);
        }
        let data_type = DataType::List(Box::new(expr.data_type.clone()));
        let value = EntityValue { entity: target.id, value: RowExpr::canonical(inner.columns, expr) };
        Some(self.leaf(scope, Leaf::ThroughMany(link, Box::new(value)), data_type))
    }

    pub(super) fn many_link(&mut self, scope: &RowScope, relation: &eql_catalog::Relation, target: &Arc<EntityType>) -> Option<ManyLink> {
        let (mut source, mut theirs, inner) = (Vec::new(), Vec::new(), RowScope::entity(target));
        for (own, other) in &relation.on {
            source.push(self.link_column(scope, own, Span::default())?);
            theirs.push(self.link_column(&inner, other, Span::default())?);
        }
        Some(ManyLink { source, entity: target.id, target: theirs })
    }

    /// A side of a relation's equality: a column of the row, a path from it, or a value computed from its columns.
    fn link_column(&mut self, scope: &RowScope, name: &str, at: Span) -> Option<ScanColumn> {
        let ident = |name: &str| Ident { name: name.to_string(), span: at };
        let mut row = RowScope { columns: Vec::new(), ..scope.clone() };
        let found = match self.resolve(&mut row, &[ident(name)]) {
            Some(found) => found,
            None => self.resolve(&mut row, &name.split('.').map(ident).collect::<Vec<_>>())?,
        };
        let data_type = found.data_type.clone();
        match found.kind {
            ExprKind::Invalid => None,
            ExprKind::Column(id) => row.columns.iter().find(|c| c.id == id).map(unnumbered),
            _ => {
                let leaf = Leaf::Computed(Box::new(RowExpr::canonical(row.columns, found)));
                Some(ScanColumn { id: ColumnId(0), leaf, data_type })
            }
        }
    }

    fn resolve_event(&mut self, scope: &mut RowScope, events: &[Arc<EventType>], parts: &[Ident]) -> Option<Expr> {
        let (first, rest) = parts.split_first()?;
        let name = first.name.as_str();
        if rest.is_empty() {
            return self.event_property(scope, events, first);
        }
        let by_event: Vec<(EventTypeId, usize, EntityTypeId)> = events
            .iter()
            .filter_map(|e| e.participants.iter().position(|p| p.name == name).map(|i| (e.id, i, e.participants[i].entity)))
            .collect();
        if let Some((_, _, entity)) = by_event.first().copied() {
            let target = self.catalog.entity_by_id(entity)?.clone();
            let link = Link::Participant(by_event.iter().filter(|b| b.2 == entity).map(|b| (b.0, b.1)).collect());
            return self.through(scope, link, &target, rest);
        }
        if let Some(r) = events.iter().find_map(|e| self.catalog.relation(&format!("{}.{name}", e.name))).cloned() {
            return self.through_relation(scope, &r, rest, first.span);
        }
        if name == "extra" {
            return Some(self.leaf(scope, Leaf::Extra(dotted(rest)), DataType::String));
        }
        if events.iter().any(|e| e.name == name) || scope.name.as_deref() == Some(name) || self.stands_for(first, events) {
            return self.resolve_event(scope, events, rest);
        }
        // By its type, an entity in a role: `station` means its first role.
        let entity = self.catalog.entity(name)?.clone();
        let roles: Vec<_> = events.iter().filter_map(|e| e.participant_of(entity.id).map(|i| (e.id, i))).collect();
        if roles.is_empty() { None } else { self.through(scope, Link::Participant(roles), &entity, rest) }
    }

    fn event_property(&mut self, scope: &mut RowScope, events: &[Arc<EventType>], ident: &Ident) -> Option<Expr> {
        let name = ident.name.as_str();
        let declared: Vec<_> = events.iter().filter_map(|e| e.property(name).map(|p| (e.id, p.id, p.data_type.clone()))).collect();
        if let Some((_, _, t)) = declared.first().cloned() {
            if let Some(other) = declared.iter().find(|d| d.2 != t) {
                return Some(self.error(
                    code::TYPE,
                    ident.span,
                    format!("`{name}` is {t} in one of the events and {} in another", other.2),
                ));
            }
            return Some(self.leaf(scope, Leaf::EventProperty(declared.into_iter().map(|d| (d.0, d.1)).collect()), t));
        }
        if let Some(p) = events.iter().find_map(|e| self.catalog.property(&format!("{}.{name}", e.name))).cloned() {
            return self.virtual_property(scope, &p, ident.span);
        }
        match name {
            "event" => Some(self.leaf(scope, Leaf::EventName, DataType::String)),
            "time" => Some(self.leaf(scope, Leaf::Time, DataType::Timestamp)),
            "event_id" => Some(self.leaf(scope, Leaf::EventId, DataType::String)),
            "received_at" => Some(self.leaf(scope, Leaf::ReceivedAt, DataType::Timestamp)),
            _ => self.participant_key(scope, events, name),
        }
    }

    fn participant_key(&mut self, scope: &mut RowScope, events: &[Arc<EventType>], name: &str) -> Option<Expr> {
        let mut by_event = Vec::new();
        let mut found: Option<(EntityTypeId, usize)> = None;
        for e in events {
            for (i, p) in e.participants.iter().enumerate() {
                let key = p.key_names.iter().position(|k| k == name).or_else(|| (p.name == name && p.key_names.len() == 1).then_some(0));
                if let Some(k) = key
                    && found.is_none_or(|f| f == (p.entity, k))
                    && !by_event.iter().any(|(id, _)| *id == e.id)
                {
                    found = Some((p.entity, k));
                    by_event.push((e.id, i));
                }
            }
        }
        let (entity, key) = found?;
        let data_type = self.catalog.entity_by_id(entity)?.key.get(key)?.data_type.clone();
        Some(self.leaf(scope, Leaf::ParticipantKey(by_event, entity, key), data_type))
    }

    /// The ordinal of the subject on event rows.
    pub(super) fn subject_ordinal(&mut self, scope: &mut RowScope, subject: EntityTypeId) -> Option<Expr> {
        let RowKind::Events(events) = scope.kind.clone() else { return None };
        let role = self.role.clone();
        let by_event: Vec<_> = events.iter().filter_map(|e| participant(e, subject, role.as_deref()).map(|i| (e.id, i))).collect();
        (!by_event.is_empty()).then(|| self.leaf(scope, Leaf::ParticipantOrdinal(by_event, subject), DataType::Int))
    }
}

/// Columns of a link are used by their place: without a number two links that mean the same are equal.
fn unnumbered(column: &ScanColumn) -> ScanColumn {
    ScanColumn { id: ColumnId(0), ..column.clone() }
}

/// The participant of `event` by which it lies on the subject's timeline.
pub(super) fn participant(event: &EventType, subject: EntityTypeId, role: Option<&str>) -> Option<usize> {
    match role {
        Some(r) => event.participants.iter().position(|p| p.entity == subject && p.name == r),
        None => event.participant_of(subject),
    }
}

fn dotted(parts: &[Ident]) -> String {
    parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".")
}
