//! What names may come from: the rows of events, of an entity, of a table.

use eql_catalog::{Catalog, DataType, EntityType, EventType, Owner};
use eql_grammar::ast::{Definition, EventRef, StatementKind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something whose parts have names.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Rows of these events.
    Events(Vec<Arc<EventType>>),
    /// Rows of an entity type.
    Entity(Arc<EntityType>),
    /// Columns of a result: name, type, what it says.
    Table(Vec<(String, String, String)>),
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Property,
    Tag,
    Column,
    /// `time`, `event`, and the keys of participants.
    System,
    Relation,
    Participant,
}

/// A part of a source.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) part: Part,
    /// Its type, or where it leads.
    pub(crate) detail: String,
    pub(crate) owner: String,
    pub(crate) comment: Option<String>,
}

/// The columns that every event has.
const SYSTEM: [(&str, DataType, &str); 4] = [
    ("event", DataType::String, "the name of the event"),
    ("time", DataType::Timestamp, "when it happened"),
    ("event_id", DataType::String, "what makes it one event"),
    ("received_at", DataType::Timestamp, "when it was taken in"),
];

impl Source {
    /// Gives each part whose name passes, each name once.
    pub(crate) fn each(&self, catalog: &Catalog, passes: &dyn Fn(&str) -> bool, give: &mut dyn FnMut(Member)) {
        match self {
            Source::Table(columns) => {
                for (name, detail, comment) in columns.iter().filter(|c| passes(&c.0)) {
                    let comment = Some(comment.clone()).filter(|c| !c.is_empty());
                    give(Member { name: name.clone(), part: Part::Column, detail: detail.clone(), owner: String::new(), comment });
                }
            }
            Source::Entity(entity) => of_entity(catalog, entity, passes, give),
            Source::Events(events) if events.is_empty() => {}
            Source::Events(events) => of_events(catalog, events, passes, give),
        }
    }

    /// The part of this name.
    pub(crate) fn member(&self, catalog: &Catalog, name: &str) -> Option<Member> {
        let mut found = None;
        self.each(catalog, &|n| n == name, &mut |m| {
            found.get_or_insert(m);
        });
        found
    }

    /// Where a name leads that is followed by a dot.
    pub(crate) fn follow(&self, catalog: &Catalog, name: &str) -> Option<Source> {
        match self {
            Source::Table(_) => None,
            Source::Entity(entity) => relation(catalog, &entity.name, name).or_else(|| (entity.name == name).then(|| self.clone())),
            Source::Events(events) => {
                let participant = events.iter().flat_map(|e| &e.participants).find(|p| p.name == name);
                let by_role = participant.and_then(|p| catalog.entity_by_id(p.entity));
                let by_type = || catalog.entity(name).filter(|t| events.iter().any(|e| e.participant_of(t.id).is_some()));
                if let Some(entity) = by_role.or_else(by_type) {
                    return Some(Source::Entity(entity.clone()));
                }
                let own = || events.iter().find(|e| e.name == name).map(|e| Source::Events(vec![e.clone()]));
                events.iter().find_map(|e| relation(catalog, &e.name, name)).or_else(own)
            }
        }
    }
}

fn relation(catalog: &Catalog, owner: &str, name: &str) -> Option<Source> {
    of_owner(catalog, &catalog.relation(&format!("{owner}.{name}"))?.target)
}

/// The rows of an entity type or an event.
pub(crate) fn of_owner(catalog: &Catalog, owner: &Owner) -> Option<Source> {
    match owner {
        Owner::Entity(name) => catalog.entity(name).cloned().map(Source::Entity),
        Owner::Event(name) => catalog.event(name).map(|e| Source::Events(vec![e.clone()])),
    }
}

/// The rows of whatever has this name: an entity type, an event, a virtual event.
pub(crate) fn named(catalog: &Catalog, name: &str) -> Option<Source> {
    match catalog.entity(name) {
        Some(entity) => Some(Source::Entity(entity.clone())),
        None => Some(events(catalog, name)).filter(|e| !e.is_empty()).map(Source::Events),
    }
}

/// The concrete events behind a name.
pub(crate) fn events(catalog: &Catalog, name: &str) -> Vec<Arc<EventType>> {
    if let Some(event) = catalog.event(name) {
        return vec![event.clone()];
    }
    let Some(made) = catalog.virtual_event(name) else { return Vec::new() };
    let parsed = eql_grammar::parse(&made.definition).statements.into_iter().next();
    let Some(Ok(statement)) = parsed else { return Vec::new() };
    let StatementKind::Define(define) = statement.kind else { return Vec::new() };
    let Definition::VirtualEvent { alternatives, .. } = define.what else { return Vec::new() };
    let names = alternatives.into_iter().flat_map(|a| a.events).filter_map(|e| match e {
        EventRef::Named(ident) => Some(ident.name),
        EventRef::Any(_) => None,
    });
    names.filter_map(|n| catalog.event(&n).cloned()).collect()
}

/// All events that ANY EVENT means.
pub(crate) fn any_event(catalog: &Catalog) -> Vec<Arc<EventType>> {
    catalog.events().filter(|e| !e.hidden).cloned().collect()
}

fn of_entity(catalog: &Catalog, entity: &EntityType, passes: &dyn Fn(&str) -> bool, give: &mut dyn FnMut(Member)) {
    for p in entity.key.iter().chain(&entity.properties).filter(|p| passes(&p.name)) {
        give(property(p, &entity.name));
    }
    for tag in catalog.tags().filter(|t| t.entity == entity.name && passes(&t.name)) {
        give(Member {
            name: tag.name.clone(),
            part: Part::Tag,
            detail: tag.data_type.to_string(),
            owner: entity.name.clone(),
            comment: tag.comment.clone(),
        });
    }
    owned(catalog, &|owner| matches!(owner, Owner::Entity(name) if *name == entity.name), passes, give);
}

fn of_events(catalog: &Catalog, events: &[Arc<EventType>], passes: &dyn Fn(&str) -> bool, give: &mut dyn FnMut(Member)) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for event in events {
        for p in event.properties.iter().filter(|p| passes(&p.name)) {
            if seen.insert(&p.name) {
                give(property(p, &event.name));
            }
        }
    }
    let names: BTreeSet<&str> = events.iter().map(|e| e.name.as_str()).collect();
    owned(catalog, &|owner| matches!(owner, Owner::Event(name) if names.contains(name.as_str())), passes, give);
    for (name, data_type, comment) in SYSTEM.iter().filter(|s| passes(s.0)) {
        if seen.insert(name) {
            let (detail, comment) = (data_type.to_string(), Some((*comment).to_owned()));
            give(Member { name: (*name).to_owned(), part: Part::System, detail, owner: "every event".to_owned(), comment });
        }
    }
    for participant in events.iter().flat_map(|e| &e.participants) {
        let Some(entity) = catalog.entity_by_id(participant.entity) else { continue };
        for (key, column) in participant.key_names.iter().zip(&entity.key).filter(|(key, _)| passes(key)) {
            if seen.insert(key) {
                let (detail, comment) = (column.data_type.to_string(), Some(format!("the key of {}", participant.name)));
                give(Member { name: key.clone(), part: Part::System, detail, owner: participant.name.clone(), comment });
            }
        }
        if passes(&participant.name) && seen.insert(&participant.name) {
            give(Member {
                name: participant.name.clone(),
                part: Part::Participant,
                detail: format!("the {} of the event", entity.name),
                owner: entity.name.clone(),
                comment: entity.comment.clone(),
            });
        }
    }
}

fn property(p: &eql_catalog::Property, owner: &str) -> Member {
    Member {
        name: p.name.clone(),
        part: Part::Property,
        detail: p.data_type.to_string(),
        owner: owner.to_owned(),
        comment: p.comment.clone(),
    }
}

/// Virtual properties and relations.
fn owned(catalog: &Catalog, is_owner: &dyn Fn(&Owner) -> bool, passes: &dyn Fn(&str) -> bool, give: &mut dyn FnMut(Member)) {
    for p in catalog.virtual_properties().filter(|p| passes(&p.name) && is_owner(&p.owner)) {
        give(Member {
            name: p.name.clone(),
            part: Part::Property,
            detail: p.data_type.to_string(),
            owner: p.owner.name().to_owned(),
            comment: p.comment.clone().or_else(|| Some(format!("= {}", p.expr))),
        });
    }
    for r in catalog.relations().filter(|r| passes(&r.name) && is_owner(&r.owner)) {
        let many = if r.many { "many" } else { "one" };
        give(Member {
            name: r.name.clone(),
            part: Part::Relation,
            detail: format!("to {many} {}", r.target.name()),
            owner: r.owner.name().to_owned(),
            comment: r.comment.clone(),
        });
    }
}
