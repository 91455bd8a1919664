//! DEFINE: syntax becomes an object of the catalog.

use super::Binder;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{
    Change, DataType, EntityType, EventType, Identity, Metric, NounKind, Object, Owner, Participant, Property, PropertyId, Relation,
    Resolved,
};
use eql_catalog::{SessionRule, VirtualEvent, VirtualProperty};
use eql_grammar::ast::{self, ColumnOption, DefOption, Define, Definition, Ident};

impl Binder<'_> {
    pub(super) fn define(&mut self, d: &Define, statement: &ast::Statement) -> Option<Statement> {
        let text = eql_grammar::print(&ast::Statement {
            kind: ast::StatementKind::Define(Box::new(Define { replace: false, ..d.clone() })),
            span: statement.span,
        });
        let comment = d.options.iter().find_map(|o| if let DefOption::Comment(c) = o { Some(c.clone()) } else { None });
        self.kept_options(d, statement.span);
        let what = Common { text, comment, hidden: d.options.iter().any(|o| matches!(o, DefOption::Hidden)), replace: d.replace };
        match &d.what {
            Definition::Entity { name, key, columns, identities } => self.define_entity(what, name, key, columns, identities),
            Definition::Event { name, participants, columns } => self.define_event(what, name, participants, columns, &d.options),
            Definition::VirtualEvent { name, alternatives } => self.define_virtual_event(what, name, alternatives),
            Definition::Property { path, expr } => self.define_property(what, path, expr),
            Definition::Relation { path, many, target, on } => self.define_relation(what, path, *many, target, on),
            Definition::Metric { name, expr } => self.define_metric(what, name, expr),
            Definition::Session { name, clauses } => self.define_session(what, name, clauses),
            Definition::Tag { name, entity, type_name, definition } => {
                self.define_tag(what, name, entity, type_name.as_ref(), definition, &d.options)
            }
            Definition::Segment { name, mode, entity, definition } => {
                self.define_segment(what, name, *mode, entity, definition, &d.options)
            }
        }
    }

    /// A definition again: the same is nothing, another needs OR REPLACE.
    pub(super) fn put(&mut self, what: &Common, kind: &str, name: &Ident, known: Option<&str>, object: Object) -> Option<Statement> {
        if self.diagnostics.iter().any(eql_grammar::Diagnostic::is_error) {
            return None;
        }
        match known {
            Some(text) if text == what.text => {
                return Some(Statement::Nothing(format!("{kind} `{}` is already defined like this", name.name)));
            }
            Some(text) if !what.replace => {
                let hint = format!("DEFINE OR REPLACE changes it; now it is: {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
                self.error_hint(code::EXISTS, name.span, format!("{kind} `{}` is already defined, and differently", name.name), hint);
                return None;
            }
            Some(_) => self.replaceable(&object, name)?,
            None => {}
        }
        let verb = if known.is_some() { "replaced" } else { "defined" };
        Some(Statement::Change(Change::Put(Box::new(object)), format!("{kind} `{}` {verb}", name.name)))
    }

    /// What others are made of is not replaced by what they cannot be made of.
    fn replaceable(&mut self, object: &Object, name: &Ident) -> Option<()> {
        let noun = match object {
            Object::Entity(o) => (NounKind::Entity, o.name.clone()),
            Object::Event(o) => (NounKind::Event, o.name.clone()),
            Object::VirtualEvent(o) => (NounKind::Event, o.name.clone()),
            Object::Metric(o) => (NounKind::Metric, o.name.clone()),
            Object::Session(o) => (NounKind::Session, o.name.clone()),
            Object::Segment(o) => (NounKind::Segment, o.name.clone()),
            Object::Tag(o) => (NounKind::Tag, format!("{}.{}", o.entity, o.name)),
            Object::Property(o) => (NounKind::Property, format!("{}.{}", o.owner.name(), o.name)),
            Object::Relation(o) => (NounKind::Relation, format!("{}.{}", o.owner.name(), o.name)),
        };
        // What the store refuses is refused there.
        let Ok(next) = self.catalog.apply(&Change::Put(Box::new(object.clone()))) else { return Some(()) };
        let Some((user, why)) = self.broken_by(&next, &noun) else { return Some(()) };
        let what = format!("{} `{}` cannot be replaced by this: {user} is made of it, and {why}", noun.0.word(), noun.1);
        self.error_hint(code::EXISTS, name.span, what, format!("change or drop {user} first"));
        None
    }

    /// Entities and events share one name space: paths begin with either.
    fn free_name(&mut self, name: &Ident, kind: &str) {
        let other = match self.catalog.resolve(&name.name) {
            Some(Resolved::Entity(_)) if kind != "entity" => "an entity",
            Some(Resolved::Event(_) | Resolved::VirtualEvent(_)) if kind != "event" => "an event",
            _ => return,
        };
        self.error(code::EXISTS, name.span, format!("`{}` is the name of {other}", name.name));
    }

    fn define_entity(
        &mut self,
        what: Common,
        name: &Ident,
        key: &[ast::Column],
        columns: &[ast::Column],
        identities: &[ast::Column],
    ) -> Option<Statement> {
        self.free_name(name, "entity");
        let known = self.catalog.entity(&name.name).cloned();
        let mut ids = Numbers::of(known.as_ref().map(|k| k.key.iter().chain(&k.properties)));
        ids.types_may_change = true;
        let mut seen = Vec::new();
        let key_columns: Vec<Property> = key.iter().filter_map(|c| self.property_of(c, &mut ids, &mut seen)).collect();
        for k in &key_columns {
            if matches!(k.data_type, DataType::List(_) | DataType::Json | DataType::Double) {
                self.error(code::TYPE_NAME, name.span, format!("a key cannot be {}", k.data_type));
            }
        }
        let properties = columns.iter().filter_map(|c| self.property_of(c, &mut ids, &mut seen)).collect();
        let mut kept = Vec::new();
        for c in identities {
            let data_type = self.type_name(&c.type_name)?;
            kept.push(Identity {
                name: c.name.name.clone(),
                data_type,
                unique: c.options.iter().any(|o| matches!(o, ColumnOption::Unique)),
            });
        }
        if let Some(k) = &known
            && k.key.iter().map(|p| (&p.name, &p.data_type)).ne(key_columns.iter().map(|p| (&p.name, &p.data_type)))
        {
            self.error_hint(
                code::EXISTS,
                name.span,
                format!("the key of entity `{}` cannot change", name.name),
                "define another entity, or drop this one first",
            );
        }
        let id = known.as_ref().map_or(self.catalog.next_entity_id(), |k| k.id);
        let object = EntityType {
            id,
            name: name.name.clone(),
            key: key_columns,
            properties,
            identities: kept,
            comment: what.comment.clone(),
            definition: what.text.clone(),
        };
        self.put(&what, "entity", name, known.as_ref().map(|k| k.definition.as_str()), Object::Entity(object))
    }

    fn property_of(&mut self, c: &ast::Column, ids: &mut Numbers, seen: &mut Vec<String>) -> Option<Property> {
        if seen.contains(&c.name.name) {
            self.error(code::DUPLICATE, c.name.span, format!("`{}` stands twice", c.name.name));
            return None;
        }
        seen.push(c.name.name.clone());
        let data_type = self.type_name(&c.type_name)?;
        let id = match ids.number(&c.name.name, &data_type) {
            Ok(id) => id,
            Err(before) => {
                let hint = "drop the property first, or give the new one another name";
                self.error_hint(
                    code::EXISTS,
                    c.name.span,
                    format!("property `{}` is {before}: its type cannot become {data_type} while data may be there", c.name.name),
                    hint,
                );
                return None;
            }
        };
        let has = |f: fn(&ColumnOption) -> bool| c.options.iter().any(f);
        let default = c.options.iter().find_map(|o| if let ColumnOption::Default(l) = o { Some(literal_text(l)) } else { None });
        let comment = c.options.iter().find_map(|o| if let ColumnOption::Comment(t) = o { Some(t.clone()) } else { None });
        Some(Property {
            id,
            name: c.name.name.clone(),
            data_type,
            history: has(|o| matches!(o, ColumnOption::History)),
            sensitive: has(|o| matches!(o, ColumnOption::Sensitive)),
            required: has(|o| matches!(o, ColumnOption::NotNull)),
            default,
            comment,
        })
    }

    fn define_event(
        &mut self,
        what: Common,
        name: &Ident,
        participants: &[(Ident, Option<Ident>)],
        columns: &[ast::Column],
        options: &[DefOption],
    ) -> Option<Statement> {
        self.free_name(name, "event");
        let known = self.catalog.event(&name.name).cloned();
        let mut list = Vec::new();
        let mut complete = true;
        for (entity, role) in participants {
            let Some(t) = self.entity_type(entity) else {
                complete = false;
                continue;
            };
            let names = match role {
                Some(r) => t.key.iter().map(|k| format!("{}_{}", r.name, k.name)).collect(),
                None => t.key.iter().map(|k| k.name.clone()).collect(),
            };
            let role = role.as_ref().unwrap_or(entity);
            if list.iter().any(|p: &Participant| p.name == role.name) {
                self.error_hint(
                    code::DUPLICATE,
                    role.span,
                    format!("participant `{}` stands twice", role.name),
                    "give each a role: station AS origin",
                );
            }
            list.push(Participant { entity: t.id, name: role.name.clone(), key_names: names });
        }
        let mut ids = Numbers::of(known.as_ref().map(|k| k.properties.iter()));
        // Repeating a participant's key among the columns is allowed and means the same column.
        let keys: Vec<String> = list.iter().flat_map(|p| p.key_names.clone()).collect();
        let mut seen = Vec::new();
        let own: Vec<&ast::Column> = columns.iter().filter(|c| !keys.contains(&c.name.name)).collect();
        for c in &own {
            if matches!(c.name.name.as_str(), "event" | "time" | "event_id" | "received_at" | "extra") {
                self.error_hint(
                    code::DUPLICATE,
                    c.name.span,
                    format!("every event has the system column `{}`", c.name.name),
                    "leave it out, or use another name",
                );
            }
        }
        let properties = own.into_iter().filter_map(|c| self.property_of(c, &mut ids, &mut seen)).collect();
        if let Some(k) = &known
            && complete
            && k.participants != list
        {
            self.error_hint(
                code::EXISTS,
                name.span,
                format!("the participants of event `{}` cannot change", name.name),
                "define another event, or drop this one first",
            );
        }
        if !complete {
            return None;
        }
        let cluster_by = options
            .iter()
            .find_map(|o| if let DefOption::ClusterBy(c) = o { Some(c.iter().map(|i| i.name.clone()).collect()) } else { None });
        let id = known.as_ref().map_or(self.catalog.next_event_id(), |k| k.id);
        let object = EventType {
            id,
            name: name.name.clone(),
            participants: list,
            properties,
            hidden: what.hidden,
            cluster_by: cluster_by.unwrap_or_default(),
            keep: self.keep(options),
            comment: what.comment.clone(),
            definition: what.text.clone(),
        };
        self.put(&what, "event", name, known.as_ref().map(|k| k.definition.as_str()), Object::Event(object))
    }

    fn define_virtual_event(&mut self, what: Common, name: &Ident, alternatives: &[ast::EventScope]) -> Option<Statement> {
        self.free_name(name, "event");
        for a in alternatives {
            if let Some(subject) = self.default_subject(a) {
                self.following.push(name.name.clone());
                self.select_events(a, &subject, &[]);
                self.following.pop();
            } else {
                self.event_types(a, None);
            }
        }
        let known = self.catalog.virtual_event(&name.name).cloned();
        let object =
            VirtualEvent { name: name.name.clone(), comment: what.comment.clone(), hidden: what.hidden, definition: what.text.clone() };
        self.put(&what, "event", name, known.as_ref().map(|k| k.definition.as_str()), Object::VirtualEvent(object))
    }

    fn owner(&mut self, path: &ast::Path) -> Option<(Owner, RowScope)> {
        let [owner, _] = path.parts.as_slice() else {
            self.error_hint(code::NOUN, path.span(), format!("`{}` needs an owner", path.text()), "write owner.name, for example user.age");
            return None;
        };
        if let Some(e) = self.catalog.entity(&owner.name).cloned() {
            self.used(NounKind::Entity, || e.name.clone());
            return Some((Owner::Entity(e.name.clone()), RowScope::entity(&e)));
        }
        if let Some(e) = self.catalog.event(&owner.name).cloned() {
            self.used(NounKind::Event, || e.name.clone());
            return Some((Owner::Event(e.name.clone()), RowScope::events(vec![e])));
        }
        let mut names = self.event_names();
        names.extend(self.catalog.entities().map(|e| e.name.clone()));
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        self.unknown_name(code::NOUN, "entity or event", owner, &refs);
        None
    }

    fn define_property(&mut self, what: Common, path: &ast::Path, expr: &ast::Expr) -> Option<Statement> {
        let (owner, scope) = self.owner(path)?;
        let name = path.parts[1].clone();
        let declared = match &owner {
            Owner::Entity(e) => self.catalog.entity(e).is_some_and(|t| t.property(&name.name).is_some()),
            Owner::Event(e) => self.catalog.event(e).is_some_and(|t| t.property(&name.name).is_some()),
        };
        if declared {
            self.error(code::EXISTS, name.span, format!("`{}` is a stored property already", path.text()));
        }
        let aggregates = if matches!(owner, Owner::Entity(_)) { Aggregates::Behaviour } else { Aggregates::None };
        let mut env = Env::row(scope).with(aggregates);
        self.following.push(path.text());
        let bound = self.expr(expr, &mut env);
        self.following.pop();
        let known = self.catalog.property(&path.text()).cloned();
        let object = VirtualProperty {
            owner,
            name: name.name.clone(),
            data_type: bound.data_type,
            expr: self.words(expr.span),
            comment: what.comment.clone(),
            definition: what.text.clone(),
        };
        self.put(
            &what,
            "property",
            &Ident { name: path.text(), span: path.span() },
            known.as_ref().map(|k| k.definition.as_str()),
            Object::Property(object),
        )
    }

    fn define_relation(&mut self, what: Common, path: &ast::Path, many: bool, target: &Ident, on: &ast::Expr) -> Option<Statement> {
        let owner = self.owner(path);
        let target_owner = if let Some(e) = self.catalog.entity(&target.name) {
            Some((Owner::Entity(e.name.clone()), RowScope::entity(e)))
        } else if let Some(e) = self.catalog.event(&target.name) {
            Some((Owner::Event(e.name.clone()), RowScope::events(vec![e.clone()])))
        } else {
            let names: Vec<String> = self.catalog.entities().map(|e| e.name.clone()).chain(self.event_names()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::NOUN, "entity or event", target, &refs);
            None
        };
        let ((owner, mut own), (target_owner, mut other)) = (owner?, target_owner?);
        let mut pairs = Vec::new();
        for part in super::event::conjuncts(on) {
            let ast::ExprKind::Binary(ast::BinaryOp::Equal, a, b) = &part.kind else {
                self.error_hint(
                    code::VALUE,
                    part.span,
                    "a relation is made of equalities",
                    "for example ON product_id = product.product_id",
                );
                continue;
            };
            pairs.extend(self.relation_pair(a, b, target, owner.name(), &mut own, &mut other));
        }
        if let (false, Owner::Entity(e)) = (many, &target_owner)
            && let Some(t) = self.catalog.entity(e).cloned()
            && !t.key.iter().all(|k| pairs.iter().any(|(_, c)| *c == k.name))
        {
            let hint = format!("equate every key column of `{}`, or declare the relation TO MANY", t.name);
            self.error_hint(code::VALUE, on.span, format!("TO ONE needs the whole key of `{}`", t.name), hint);
        }
        let name = path.parts[1].name.clone();
        let known = self.catalog.relation(&path.text()).cloned();
        let object =
            Relation { owner, name, many, target: target_owner, on: pairs, comment: what.comment.clone(), definition: what.text.clone() };
        self.put(
            &what,
            "relation",
            &Ident { name: path.text(), span: path.span() },
            known.as_ref().map(|k| k.definition.as_str()),
            Object::Relation(object),
        )
    }

    /// One equality: which side is the owner's column, which the target's.
    fn relation_pair(
        &mut self,
        a: &ast::Expr,
        b: &ast::Expr,
        target: &Ident,
        owner: &str,
        own: &mut RowScope,
        other: &mut RowScope,
    ) -> Option<(String, String)> {
        let path = |e: &ast::Expr| if let ast::ExprKind::Path(p) = &e.kind { Some(p.clone()) } else { None };
        let (Some(x), Some(y)) = (path(a), path(b)) else {
            self.error(code::VALUE, a.span.to(b.span), "a relation equates columns");
            return None;
        };
        let of_target = |p: &ast::Path| p.parts.len() == 2 && p.parts[0].name == target.name;
        let (mine, theirs) = if of_target(&x) && !of_target(&y) { (y, x) } else { (x, y) };
        let found = [(&mine, own), (&theirs, other)].map(|(p, scope)| {
            let found = self.resolve(scope, &p.parts);
            if found.is_none() {
                let ident = Ident { name: p.text(), span: p.span() };
                self.unknown_name(code::PROPERTY, "column", &ident, &[]);
            }
            found
        });
        // What begins with the name of the side itself goes on behind it.
        let behind = |p: &ast::Path, side: &str| match p.parts.as_slice() {
            [first, rest @ ..] if !rest.is_empty() && first.name == side => ast::Path { parts: rest.to_vec() }.text(),
            _ => p.text(),
        };
        let [Some(x), Some(y)] = found else { return None };
        if matches!(x.kind, ExprKind::Invalid) || matches!(y.kind, ExprKind::Invalid) {
            return None;
        }
        if !joins(&x.data_type, &y.data_type) {
            let what = format!("`{}` is {} and `{}` is {}: they are never equal", mine.text(), x.data_type, theirs.text(), y.data_type);
            self.error_hint(
                code::TYPE,
                a.span.to(b.span),
                what,
                "a relation equates columns of one type; a virtual property can convert one",
            );
            return None;
        }
        Some((behind(&mine, owner), behind(&theirs, &target.name)))
    }

    fn define_metric(&mut self, what: Common, name: &Ident, expr: &ast::Expr) -> Option<Statement> {
        let analysis = ast::Analysis {
            head: ast::Head::Trend(vec![ast::Item { expr: expr.clone(), alias: Some(name.clone()) }]),
            head_span: expr.span,
            clauses: vec![ast::Clause {
                kind: ast::ClauseKind::During(ast::Range { kind: ast::RangeKind::AllTime, span: expr.span }),
                span: expr.span,
            }],
            span: expr.span,
        };
        if let ast::Head::Trend(items) = &analysis.head {
            self.trend(&analysis, items);
        }
        let known = self.catalog.metric(&name.name).cloned();
        let object =
            Metric { name: name.name.clone(), expr: self.words(expr.span), comment: what.comment.clone(), definition: what.text.clone() };
        self.put(&what, "metric", name, known.as_ref().map(|k| k.definition.as_str()), Object::Metric(object))
    }

    fn define_session(&mut self, what: Common, name: &Ident, clauses: &[ast::Clause]) -> Option<Statement> {
        let entity = self.check_rule(clauses, name);
        let known = self.catalog.session(&name.name).cloned();
        let object = SessionRule {
            name: name.name.clone(),
            entity: entity?,
            time_zone: self.clock.zone.to_string(),
            week_start: self.clock.week_start,
            comment: what.comment.clone(),
            definition: what.text.clone(),
        };
        self.put(&what, "session", name, known.as_ref().map(|k| k.definition.as_str()), Object::Session(object))
    }
}

/// Whether values of two types can be equal.
fn joins(a: &DataType, b: &DataType) -> bool {
    let number = |t: &DataType| matches!(t, DataType::Int | DataType::Double | DataType::Decimal(..));
    a == b || (number(a) && number(b))
}

/// What all definitions have.
pub(super) struct Common {
    pub text: String,
    pub comment: Option<String>,
    pub hidden: bool,
    pub replace: bool,
}

/// Property numbers: kept for a property that stays, new ones beyond all that were used.
struct Numbers {
    known: Vec<(String, DataType, PropertyId)>,
    next: u16,
    /// The store converts the values that are there, or refuses.
    types_may_change: bool,
}

impl Numbers {
    fn of<'p>(known: Option<impl Iterator<Item = &'p Property>>) -> Self {
        let known: Vec<_> = known.into_iter().flatten().map(|p| (p.name.clone(), p.data_type.clone(), p.id)).collect();
        let next = known.iter().map(|k| k.2.0 + 1).max().unwrap_or(0);
        Self { known, next, types_may_change: false }
    }

    /// The property's number, or the other type it has.
    fn number(&mut self, name: &str, t: &DataType) -> Result<PropertyId, DataType> {
        match self.known.iter().find(|k| k.0 == name) {
            Some((_, before, id)) if before == t || self.types_may_change => Ok(*id),
            Some((_, before, _)) => Err(before.clone()),
            None => {
                let id = PropertyId(self.next);
                self.next = self.next.saturating_add(1);
                Ok(id)
            }
        }
    }
}

fn literal_text(l: &ast::Literal) -> String {
    match l {
        ast::Literal::Number(n) => n.clone(),
        ast::Literal::Text(t) | ast::Literal::Typed(_, t) => t.clone(),
        ast::Literal::Bool(b) => b.to_string(),
        ast::Literal::Null => "NULL".into(),
    }
}
