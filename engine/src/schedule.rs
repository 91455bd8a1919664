//! Refreshes that are due: REFRESH EVERY, obeyed.

use crate::{Answer, Engine, EngineError, Params, Session};
use eql_catalog::{Catalog, NounKind, WeekStart};
use eql_compiler::{Noun, Schedule, bound::Clock};
use eql_grammar::ast::{Ident, Kind, Span, Statement, StatementKind};
use eql_store::{Kept, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Something that is refreshed.
struct Object {
    noun: Noun,
    schedule: Schedule,
    zone: String,
    week_start: WeekStart,
    definition: String,
}

impl Engine {
    /// Makes the refreshes that are due, one after the other: first what others are made of. One that was missed, many times even, is made
    /// once; one that fails is remembered and tried again when it is due next. How many were tried. Another call that is still at it makes
    /// this one return at once.
    ///
    /// # Errors
    /// What the store meets; what a refresh meets is remembered in `system.refreshes`.
    pub async fn refresh_due(&self) -> Result<usize, EngineError> {
        let Ok(_alone) = self.refreshing.try_lock() else { return Ok(0) };
        let catalog = self.catalog();
        let objects = objects(&catalog);
        if objects.is_empty() {
            return Ok(0);
        }
        let snapshot = self.snapshot().await?;
        let now = self.setup(&Session::default(), &Params::new()).now;
        let mut due = BTreeMap::new();
        for object in &objects {
            if next(&snapshot, object)? <= now {
                due.insert(object.noun.1.clone() + object.noun.0.word(), object);
            }
        }
        let due: Vec<&Object> = due.into_values().collect();
        for object in in_order(&catalog, &due) {
            let statement = statement(&object.noun);
            let text = eql_grammar::print(&statement);
            match self.run(&mut Session::default(), &text, &statement, &Params::new()).await {
                Ok(Answer::Done(words)) => tracing::info!(words, "refreshed"),
                Ok(Answer::Rows(_)) => {}
                Err(e) => tracing::warn!(object = object.noun.1, error = %e, "not refreshed; it is tried again when it is due next"),
            }
        }
        Ok(due.len())
    }
}

fn objects(c: &Catalog) -> Vec<Object> {
    let tags = c.tags().filter_map(|t| {
        let noun = (NounKind::Tag, format!("{}.{}", t.entity, t.name));
        Some(Object {
            noun,
            schedule: eql_compiler::schedule(&t.definition)?,
            zone: t.time_zone.clone(),
            week_start: t.week_start,
            definition: t.definition.clone(),
        })
    });
    let segments = c.segments().filter_map(|s| {
        Some(Object {
            noun: (NounKind::Segment, s.name.clone()),
            schedule: eql_compiler::schedule(&s.definition)?,
            zone: s.time_zone.clone(),
            week_start: s.week_start,
            definition: s.definition.clone(),
        })
    });
    tags.chain(segments).collect()
}

/// When it is due: at once if it was never made.
fn next(snapshot: &Snapshot, object: &Object) -> Result<i64, EngineError> {
    let tried = snapshot.refreshes().rev().find(|r| r.kind == object.noun.0.word() && r.object == object.noun.1).map(|r| r.started_at);
    let Some(last) = tried.max(newest(snapshot, &object.noun)?) else { return Ok(i64::MIN) };
    let clock = Clock { zone: object.zone.as_str().into(), week_start: object.week_start, as_of: None };
    eql_planner::next_due(&object.schedule, &clock, last).map_err(crate::rows::plan_error)
}

/// The time of the newest version.
fn newest(snapshot: &Snapshot, noun: &Noun) -> Result<Option<i64>, EngineError> {
    let catalog = snapshot.catalog();
    let (entity, kept) = match noun {
        (NounKind::Tag, name) => match name.split_once('.') {
            Some((entity, tag)) => (Some(entity), Kept::Tag(tag.to_string())),
            None => return Ok(None),
        },
        (_, name) => (catalog.segment(name).map(|s| s.entity.as_str()), Kept::Segment(name.clone())),
    };
    let Some(entity) = entity.and_then(|e| catalog.entity(e)) else { return Ok(None) };
    Ok(snapshot.versions(entity.id, &kept)?.last().copied())
}

/// What others are made of, directly or not, before them; else by name.
fn in_order<'o>(catalog: &Catalog, due: &[&'o Object]) -> Vec<&'o Object> {
    let needs: Vec<BTreeSet<String>> = due.iter().map(|o| all_uses(catalog, &o.definition)).collect();
    let mut left: Vec<usize> = (0..due.len()).collect();
    let mut out = Vec::new();
    while !left.is_empty() {
        let waits = |i: &usize| left.iter().any(|j| j != i && needs[*i].contains(&key(&due[*j].noun)));
        // Definitions make no circle; were there one, the first of it would go first.
        let at = left.iter().position(|i| !waits(i)).unwrap_or(0);
        out.push(due[left.remove(at)]);
    }
    out
}

fn key(noun: &Noun) -> String {
    format!("{} {}", noun.0.word(), noun.1)
}

/// Everything that a definition is made of.
fn all_uses(catalog: &Catalog, definition: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![definition.to_string()]);
    while let Some(text) = open.pop() {
        for noun in eql_compiler::uses(catalog, &text) {
            if seen.insert(key(&noun)) {
                open.extend(text_of(catalog, &noun));
            }
        }
    }
    seen
}

fn text_of(c: &Catalog, noun: &Noun) -> Option<String> {
    let name = noun.1.as_str();
    match noun.0 {
        NounKind::Segment => c.segment(name).map(|s| s.definition.clone()),
        NounKind::Tag => name.split_once('.').and_then(|(entity, tag)| c.tag(entity, tag)).map(|t| t.definition.clone()),
        NounKind::Property => c.property(name).map(|p| p.definition.clone()),
        NounKind::Event => c.virtual_event(name).map(|e| e.definition.clone()),
        NounKind::Metric => c.metric(name).map(|m| m.definition.clone()),
        NounKind::Session => c.session(name).map(|s| s.definition.clone()),
        NounKind::Entity | NounKind::Relation => None,
    }
}

fn statement(noun: &Noun) -> Statement {
    let kind = if noun.0 == NounKind::Tag { Kind::Tag } else { Kind::Segment };
    let name = Ident { name: noun.1.clone(), span: Span::default() };
    Statement { kind: StatementKind::Refresh { kind, name }, span: Span::default() }
}
