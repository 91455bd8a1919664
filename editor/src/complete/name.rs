//! Names of the catalog, by what the words before them ask for.

use super::item::Kind;
use super::offer::{Fit, Offer};
use crate::scope::{ctes, scope};
use crate::site::Site;
use eql_catalog::{Catalog, SegmentMode};
use eql_compiler::system::{SCHEMA, TABLES};

/// Events where a step is wanted, and what may stand before one.
pub(super) fn step_events(catalog: &Catalog, site: &Site<'_>, offer: &mut Offer<'_>) {
    events(catalog, Fit::Wanted, offer);
    offer.word(Fit::Legal, 0, Kind::Keyword, "ANY EVENT", "every event that is not hidden", "");
    if site.was(1, &["DID", "FUNNEL", "SEQUENCE"]) || site.here > 0 && site.word(site.here - 1).starts_with(['-', '→']) {
        for (i, (word, meaning)) in [
            ("OPTIONAL", "never blocks the steps after it"),
            ("NOT", "does not happen"),
            ("WITHIN", "the longest time since the step before"),
        ]
        .iter()
        .enumerate()
        {
            offer.word(Fit::General, i, Kind::Keyword, word, meaning, "");
        }
    }
}

/// All events.
pub(super) fn events(catalog: &Catalog, fit: Fit, offer: &mut Offer<'_>) {
    for e in catalog.events() {
        let of = || {
            let names: Vec<&str> = e.participants.iter().map(|p| p.name.as_str()).collect();
            format!("event of {}", names.join(", "))
        };
        offer.name(fit, usize::from(e.hidden), Kind::Event, &e.name, of, e.comment.as_deref());
    }
    for e in catalog.virtual_events() {
        offer.name(fit, 0, Kind::Event, &e.name, || "virtual event".to_owned(), e.comment.as_deref());
    }
}

/// All segments.
pub(super) fn segments(catalog: &Catalog, offer: &mut Offer<'_>) {
    for s in catalog.segments() {
        let mode = match s.mode {
            SegmentMode::Dynamic => "dynamic",
            SegmentMode::Static => "static",
            SegmentMode::Streaming => "streaming",
        };
        offer.name(Fit::Wanted, 0, Kind::Segment, &s.name, || format!("{mode} segment of {}", s.entity), s.comment.as_deref());
    }
}

fn entities(catalog: &Catalog, offer: &mut Offer<'_>) {
    for e in catalog.entities() {
        let key = || {
            let names: Vec<&str> = e.key.iter().map(|k| k.name.as_str()).collect();
            format!("entity, key {}", names.join(", "))
        };
        offer.name(Fit::Wanted, 0, Kind::Entity, &e.name, key, e.comment.as_deref());
    }
}

fn sessions(catalog: &Catalog, offer: &mut Offer<'_>) {
    for s in catalog.sessions() {
        offer.name(Fit::Wanted, 0, Kind::Session, &s.name, || format!("session rule of {}", s.entity), s.comment.as_deref());
    }
}

fn metrics(catalog: &Catalog, offer: &mut Offer<'_>) {
    for m in catalog.metrics() {
        offer.name(Fit::Wanted, 0, Kind::Metric, &m.name, || "metric".to_owned(), m.comment.as_deref());
    }
}

fn tags(catalog: &Catalog, offer: &mut Offer<'_>) {
    for t in catalog.tags() {
        offer.name(Fit::Wanted, 0, Kind::Tag, &t.name, || format!("{} tag of {}", t.data_type, t.entity), t.comment.as_deref());
    }
}

/// What the words before a name ask for. Where they ask for a new name, nothing.
pub(super) fn named_by_words(catalog: &Catalog, site: &Site<'_>, offer: &mut Offer<'_>) {
    let was = |words: &[&str]| site.was(1, words);
    if was(&["AS"]) || site.is(0, &["DEFINE"]) && site.was(1, &eql_grammar::word::KINDS) && !owned_kind(site) {
        return;
    }
    if site.is(0, &["SET"]) {
        return settings(site, offer);
    }
    if was(&["PROPERTY", "RELATION"]) || was(&["ONE", "MANY"]) || site.is(0, &["SHOW"]) {
        entities(catalog, offer);
        return events(catalog, Fit::Wanted, offer);
    }
    if was(&["FROM", "JOIN"]) {
        return sources(catalog, site, offer);
    }
    if was(&["SESSIONS", "SESSION"]) {
        return sessions(catalog, offer);
    }
    if was(&["FIND", "OF", "ENTITY"]) || site.is(0, &["DEFINE"]) && site.is(1, &["EVENT"]) && (was(&["BY"]) || site.before(1) == ",") {
        return entities(catalog, offer);
    }
    if was(&["SEGMENT"]) {
        return segments(catalog, offer);
    }
    if was(&["TAG"]) {
        return tags(catalog, offer);
    }
    if was(&["METRIC"]) {
        return metrics(catalog, offer);
    }
    if was(&["EVENT"]) {
        return events(catalog, Fit::Wanted, offer);
    }
    if was(&["DESCRIBE"]) {
        return everything(catalog, offer);
    }
    if site.is(0, &["INSERT"]) {
        return super::value::members(catalog, &scope(catalog, site), offer);
    }
    if was(&["HOLDING"]) || site.before(1) == "," {
        super::value::members(catalog, &scope(catalog, site), offer);
    }
}

/// `DROP PROPERTY`, `DEFINE PROPERTY` and the like name their owner first.
fn owned_kind(site: &Site<'_>) -> bool {
    site.was(1, &["PROPERTY", "RELATION"])
}

fn settings(site: &Site<'_>, offer: &mut Offer<'_>) {
    if site.here == 1 {
        for s in eql_compiler::setting::SETTINGS {
            offer.exact(Fit::Wanted, Kind::Setting, s.name, s.name, s.meaning, "");
        }
    }
}

fn sources(catalog: &Catalog, site: &Site<'_>, offer: &mut Offer<'_>) {
    for (name, _) in ctes(site).into_iter().filter(|(name, _)| *name < site.here) {
        let label = site.name(name).unwrap_or_default();
        offer.name(Fit::Wanted, 0, Kind::Table, &label, || "a query of WITH".to_owned(), None);
    }
    entities(catalog, offer);
    events(catalog, Fit::Wanted, offer);
    for t in TABLES {
        let name = format!("{SCHEMA}.{}", t.name);
        offer.exact(Fit::Known, Kind::Table, &name, &name, "system table", t.comment);
    }
}

/// Everything that has a name.
pub(super) fn everything(catalog: &Catalog, offer: &mut Offer<'_>) {
    entities(catalog, offer);
    events(catalog, Fit::Wanted, offer);
    segments(catalog, offer);
    tags(catalog, offer);
    metrics(catalog, offer);
    sessions(catalog, offer);
}
