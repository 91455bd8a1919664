//! SHOW and DESCRIBE: the catalog as a result.

use super::Binder;
use crate::bound::*;
use crate::code;
use eql_catalog::{Catalog, DataType, Identity, Noun, Property, Value};
use eql_grammar::ast::{self, Kind, ShowWhat};

impl Binder<'_> {
    pub(super) fn show_statement(&mut self, what: &ShowWhat, like: Option<&str>) -> Option<Statement> {
        if matches!(what, ShowWhat::Subscriptions) {
            return self.show_subscriptions(like);
        }
        let catalog = self.catalog;
        let nouns: Vec<Noun> = match what {
            ShowWhat::Entities => catalog.entities().map(|e| entity_noun(e)).collect(),
            ShowWhat::Events => event_nouns(catalog),
            ShowWhat::Relations => catalog.relations().map(|r| relation_noun(r)).collect(),
            ShowWhat::Properties(ident) => self.properties_of(ident)?,
            ShowWhat::Segments => catalog.segments().map(|s| segment_noun(s)).collect(),
            ShowWhat::Sessions => {
                catalog.sessions().map(|s| noun(&s.name, "session", Some(s.entity.clone()), &s.comment, &s.definition)).collect()
            }
            ShowWhat::Tags => catalog.tags().map(|t| tag_noun(t)).collect(),
            ShowWhat::Metrics => catalog.metrics().map(|m| noun(&m.name, "metric", None, &m.comment, &m.definition)).collect(),
            ShowWhat::Subscriptions => vec![],
            ShowWhat::Functions => crate::function::functions().map(function_noun).collect(),
        };
        let kept = nouns.into_iter().filter(|n| like.is_none_or(|p| is_like(&n.name, p))).collect();
        Some(self.nouns(kept))
    }

    /// They are no definitions of the catalog: the engine knows where each of them is.
    fn show_subscriptions(&mut self, like: Option<&str>) -> Option<Statement> {
        let names = like.map_or_else(String::new, |pattern| format!(" WHERE name LIKE '{}'", pattern.replace('\'', "''")));
        let text = format!(
            "SELECT name, kind, follows AS type, error AS comment, url AS definition, state, position, cursor, lag, lag_ms, delivered_at, dead_letters
             FROM system.subscriptions{names} ORDER BY kind, name"
        );
        let statement = eql_grammar::parse(&text).statements.into_iter().next()?.ok()?;
        self.statement(&statement)
    }

    fn properties_of(&mut self, ident: &ast::Ident) -> Option<Vec<Noun>> {
        if let Some(e) = self.catalog.entity(&ident.name).cloned() {
            let own = e.key.iter().map(|p| property_noun(p, "key")).chain(e.properties.iter().map(|p| property_noun(p, "property")));
            let tags = self.catalog.tags().filter(|t| t.entity == e.name).map(|t| tag_noun(t));
            return Some(own.chain(self.virtual_nouns(&e.name)).chain(tags).collect());
        }
        if let Some(e) = self.catalog.event(&ident.name).cloned() {
            let keys = e.participants.iter().flat_map(|p| {
                let entity = self.catalog.entity_by_id(p.entity);
                p.key_names.iter().enumerate().map(move |(i, k)| {
                    let t = entity.and_then(|e| e.key.get(i)).map(|c| c.data_type.to_string());
                    Noun { name: k.clone(), kind: "participant", data_type: t, comment: None, definition: None }
                })
            });
            let own = e.properties.iter().map(|p| property_noun(p, "property"));
            return Some(keys.chain(own).chain(self.virtual_nouns(&e.name)).collect());
        }
        let mut names = self.event_names();
        names.extend(self.catalog.entities().map(|e| e.name.clone()));
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        self.unknown_name(code::NOUN, "entity or event", ident, &refs);
        None
    }

    fn virtual_nouns(&self, owner: &str) -> Vec<Noun> {
        let of = |p: &&std::sync::Arc<eql_catalog::VirtualProperty>| p.owner.name() == owner;
        self.catalog
            .virtual_properties()
            .filter(of)
            .map(|p| noun(&p.name, "virtual property", Some(p.data_type.to_string()), &p.comment, &p.definition))
            .collect()
    }

    pub(super) fn describe(&mut self, kind: Option<Kind>, path: &ast::Path) -> Option<Statement> {
        if let Some(nouns) = self.describe_system(kind, path) {
            return nouns.map(|n| self.nouns(n));
        }
        let name = path.text();
        let wants = |k: Kind| kind.is_none_or(|w| w == k);
        let c = self.catalog;
        let mut found: Vec<Noun> = Vec::new();
        if let Some(e) = c.entity(&name).filter(|_| wants(Kind::Entity)) {
            found.push(entity_noun(e));
            found.extend(self.properties_of(&ast::Ident { name: name.clone(), span: path.span() })?);
            found.extend(e.identities.iter().map(identity_noun));
            found.extend(c.relations().filter(|r| r.owner.name() == name).map(|r| relation_noun(r)));
        }
        if let Some(e) = c.event(&name).filter(|_| wants(Kind::Event)) {
            found.push(noun(&e.name, "event", None, &e.comment, &e.definition));
            found.extend(self.properties_of(&ast::Ident { name: name.clone(), span: path.span() })?);
            found.extend(c.relations().filter(|r| r.owner.name() == name).map(|r| relation_noun(r)));
        }
        found.extend(
            c.virtual_event(&name).filter(|_| wants(Kind::Event)).map(|e| noun(&e.name, "virtual event", None, &e.comment, &e.definition)),
        );
        found.extend(c.relation(&name).filter(|_| wants(Kind::Relation)).map(|r| relation_noun(r)));
        found.extend(
            c.property(&name)
                .filter(|_| wants(Kind::Property))
                .map(|p| noun(&name, "virtual property", Some(p.data_type.to_string()), &p.comment, &p.definition)),
        );
        if let [owner, last] = path.parts.as_slice()
            && wants(Kind::Property)
        {
            let e = c.entity(&owner.name).and_then(|e| e.property(&last.name).cloned());
            let v = c.event(&owner.name).and_then(|e| e.property(&last.name).cloned());
            found.extend(e.or(v).map(|p| property_noun(&p, "property")));
        }
        found.extend(c.metric(&name).filter(|_| wants(Kind::Metric)).map(|m| noun(&m.name, "metric", None, &m.comment, &m.definition)));
        found.extend(
            c.session(&name)
                .filter(|_| wants(Kind::Session))
                .map(|s| noun(&s.name, "session", Some(s.entity.clone()), &s.comment, &s.definition)),
        );
        found.extend(
            c.tags().filter(|t| wants(Kind::Tag) && (t.name == name || format!("{}.{}", t.entity, t.name) == name)).map(|t| tag_noun(t)),
        );
        found.extend(c.segment(&name).filter(|_| wants(Kind::Segment)).map(|s| segment_noun(s)));
        if found.is_empty() {
            let names = self.all_names();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::NOUN, "name", &ast::Ident { name, span: path.span() }, &refs);
            return None;
        }
        Some(self.nouns(found))
    }

    pub(super) fn all_names(&self) -> Vec<String> {
        let c = self.catalog;
        let mut out: Vec<String> = c.entities().map(|e| e.name.clone()).chain(self.event_names()).collect();
        out.extend(c.segments().map(|s| s.name.clone()));
        out.extend(c.tags().map(|t| t.name.clone()));
        out.extend(c.metrics().map(|m| m.name.clone()));
        out.extend(c.sessions().map(|s| s.name.clone()));
        out.extend(c.relations().map(|r| format!("{}.{}", r.owner.name(), r.name)));
        out
    }

    fn nouns(&mut self, nouns: Vec<Noun>) -> Statement {
        let columns: Vec<Output> = ["name", "kind", "type", "comment", "definition"]
            .map(|n| Output { id: self.column_id(), name: n.into(), data_type: DataType::String })
            .into();
        let text = |t: Option<String>| t.map_or(Value::Null, Value::String);
        let rows = nouns
            .into_iter()
            .map(|n| vec![Value::String(n.name), Value::String(n.kind.into()), text(n.data_type), text(n.comment), text(n.definition)])
            .collect();
        let typed = columns.iter().map(|c| (c.id, DataType::String)).collect();
        Statement::Query(Query { rel: Rel::Values(typed, rows), output: columns })
    }
}

/// Everything that has a name, by kind and name, with its owner: an entity of a tag, of a property its entity or event.
pub fn nouns(c: &Catalog) -> Vec<(Noun, Option<String>)> {
    let mut out: Vec<(Noun, Option<String>)> = Vec::new();
    let own = |properties: &[Property], kind, owner: &str| -> Vec<(Noun, Option<String>)> {
        properties.iter().map(|p| (property_noun(p, kind), Some(owner.to_string()))).collect()
    };
    for e in c.entities() {
        out.push((entity_noun(e), None));
        out.extend(own(&e.key, "key", &e.name));
        out.extend(own(&e.properties, "property", &e.name));
        out.extend(e.identities.iter().map(|i| (identity_noun(i), Some(e.name.clone()))));
    }
    out.extend(event_nouns(c).into_iter().map(|n| (n, None)));
    for e in c.events() {
        out.extend(own(&e.properties, "property", &e.name));
    }
    let computed = |p: &eql_catalog::VirtualProperty| {
        let n = noun(&p.name, "virtual property", Some(p.data_type.to_string()), &p.comment, &p.definition);
        (n, Some(p.owner.name().to_string()))
    };
    out.extend(c.virtual_properties().map(|p| computed(p)));
    out.extend(c.relations().map(|r| (Noun { name: r.name.clone(), ..relation_noun(r) }, Some(r.owner.name().to_string()))));
    out.extend(c.metrics().map(|m| (noun(&m.name, "metric", None, &m.comment, &m.definition), None)));
    out.extend(c.sessions().map(|s| (noun(&s.name, "session", None, &s.comment, &s.definition), Some(s.entity.clone()))));
    out.extend(c.tags().map(|t| (tag_noun(t), Some(t.entity.clone()))));
    out.extend(c.segments().map(|s| (segment_noun(s), Some(s.entity.clone()))));
    out
}

fn noun(name: &str, kind: &'static str, data_type: Option<String>, comment: &Option<String>, definition: &str) -> Noun {
    Noun { name: name.into(), kind, data_type, comment: comment.clone(), definition: Some(definition.into()) }
}

fn function_noun(f: &'static crate::function::Function) -> Noun {
    Noun {
        name: f.name.into(),
        kind: f.kind.word(),
        data_type: Some(f.result.word().into()),
        comment: Some(f.summary.into()),
        definition: Some(f.signature()),
    }
}

fn entity_noun(e: &eql_catalog::EntityType) -> Noun {
    noun(&e.name, "entity", None, &e.comment, &e.definition)
}

fn identity_noun(i: &Identity) -> Noun {
    let data_type = format!("{} {}", i.data_type, if i.unique { "UNIQUE" } else { "MANY" });
    Noun { name: i.name.clone(), kind: "identity", data_type: Some(data_type), comment: None, definition: None }
}

fn event_nouns(c: &Catalog) -> Vec<Noun> {
    let concrete = c.events().map(|e| noun(&e.name, "event", None, &e.comment, &e.definition));
    concrete.chain(c.virtual_events().map(|e| noun(&e.name, "virtual event", None, &e.comment, &e.definition))).collect()
}

fn relation_noun(r: &eql_catalog::Relation) -> Noun {
    let arrow = if r.many { "to many" } else { "to one" };
    noun(&format!("{}.{}", r.owner.name(), r.name), "relation", Some(format!("{arrow} {}", r.target.name())), &r.comment, &r.definition)
}

fn tag_noun(t: &eql_catalog::Tag) -> Noun {
    noun(&t.name, "tag", Some(t.data_type.to_string()), &t.comment, &t.definition)
}

fn segment_noun(s: &eql_catalog::Segment) -> Noun {
    let mode = match s.mode {
        eql_catalog::SegmentMode::Static => "static",
        eql_catalog::SegmentMode::Dynamic => "dynamic",
        eql_catalog::SegmentMode::Streaming => "streaming",
    };
    noun(&s.name, "segment", Some(format!("{mode} set of {}", s.entity)), &s.comment, &s.definition)
}

fn property_noun(p: &Property, kind: &'static str) -> Noun {
    Noun { name: p.name.clone(), kind, data_type: Some(p.data_type.to_string()), comment: p.comment.clone(), definition: None }
}

/// SQL's LIKE: `%` any text, `_` one character. Linear in time for any number of `%`.
fn is_like(text: &str, pattern: &str) -> bool {
    let (t, p): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut i, mut j, mut star, mut mark) = (0, 0, None, 0);
    while i < t.len() {
        if j < p.len() && p[j] == '%' {
            star = Some(j);
            mark = i;
            j += 1;
        } else if j < p.len() && (p[j] == '_' || p[j] == t[i]) {
            i += 1;
            j += 1;
        } else if let Some(s) = star {
            j = s + 1;
            mark += 1;
            i = mark;
        } else {
            return false;
        }
    }
    p[j..].iter().all(|c| *c == '%')
}
