//! `GET /v1/catalog`: everything that has a name.

use super::App;
use axum::Json;
use axum::extract::State;
use eql_engine::catalog::{Catalog, EntityType, EventType, Property, Segment, SegmentMode, Tag};
use serde_json::{Value, json};

pub(super) async fn catalog(State(app): State<App>) -> Json<Value> {
    Json(of(&app.engine.catalog()))
}

fn of(catalog: &Catalog) -> Value {
    let relation = |r: &eql_engine::catalog::Relation| json!({ "owner": r.owner.name(), "name": r.name, "many": r.many, "target": r.target.name(), "on": r.on, "comment": r.comment, "definition": r.definition });
    let properties = catalog.virtual_properties().map(|p| {
        json!({ "owner": p.owner.name(), "name": p.name, "type": p.data_type.to_string(), "expr": p.expr, "comment": p.comment, "definition": p.definition })
    });
    let metrics = catalog.metrics().map(|m| json!({ "name": m.name, "expr": m.expr, "comment": m.comment, "definition": m.definition }));
    let sessions = catalog
        .sessions()
        .map(|s| json!({ "name": s.name, "entity": s.entity, "time_zone": s.time_zone, "comment": s.comment, "definition": s.definition }));
    let virtual_events = catalog
        .virtual_events()
        .map(|e| json!({ "name": e.name, "virtual": true, "hidden": e.hidden, "comment": e.comment, "definition": e.definition }));
    json!({
        "version": catalog.version,
        "entities": catalog.entities().map(|e| entity(e)).collect::<Vec<_>>(),
        "events": catalog.events().map(|e| event(catalog, e)).chain(virtual_events).collect::<Vec<_>>(),
        "properties": properties.collect::<Vec<_>>(),
        "relations": catalog.relations().map(|r| relation(r)).collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "sessions": sessions.collect::<Vec<_>>(),
        "tags": catalog.tags().map(|t| tag(t)).collect::<Vec<_>>(),
        "segments": catalog.segments().map(|s| segment(s)).collect::<Vec<_>>(),
    })
}

fn entity(e: &EntityType) -> Value {
    let identities = e.identities.iter().map(|i| json!({ "name": i.name, "type": i.data_type.to_string(), "unique": i.unique }));
    json!({
        "name": e.name,
        "key": e.key.iter().map(property).collect::<Vec<_>>(),
        "properties": e.properties.iter().map(property).collect::<Vec<_>>(),
        "identities": identities.collect::<Vec<_>>(),
        "comment": e.comment,
        "definition": e.definition,
    })
}

fn event(catalog: &Catalog, e: &EventType) -> Value {
    let participants = e.participants.iter().map(|p| {
        let entity = catalog.entity_by_id(p.entity).map(|e| e.name.as_str());
        json!({ "entity": entity, "name": p.name, "keys": p.key_names })
    });
    json!({
        "name": e.name,
        "virtual": false,
        "participants": participants.collect::<Vec<_>>(),
        "properties": e.properties.iter().map(property).collect::<Vec<_>>(),
        "hidden": e.hidden,
        "comment": e.comment,
        "definition": e.definition,
    })
}

fn property(p: &Property) -> Value {
    json!({
        "name": p.name,
        "type": p.data_type.to_string(),
        "history": p.history,
        "sensitive": p.sensitive,
        "required": p.required,
        "default": p.default,
        "comment": p.comment,
    })
}

fn tag(t: &Tag) -> Value {
    json!({
        "name": t.name,
        "entity": t.entity,
        "type": t.data_type.to_string(),
        "imported": t.imported,
        "time_zone": t.time_zone,
        "comment": t.comment,
        "definition": t.definition,
    })
}

fn segment(s: &Segment) -> Value {
    let mode = match s.mode {
        SegmentMode::Dynamic => "dynamic",
        SegmentMode::Static => "static",
        SegmentMode::Streaming => "streaming",
    };
    json!({
        "name": s.name,
        "entity": s.entity,
        "mode": mode,
        "imported": s.imported,
        "time_zone": s.time_zone,
        "comment": s.comment,
        "definition": s.definition,
    })
}
