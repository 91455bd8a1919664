//! A small world: users, products and stores; purchases, messages and visits.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use arrow::array::*;
use eql_catalog::*;
use eql_store::*;
use std::path::Path;
use std::sync::Arc;

pub const USER: EntityTypeId = EntityTypeId(0);
pub const PRODUCT: EntityTypeId = EntityTypeId(1);
pub const STORE: EntityTypeId = EntityTypeId(2);
pub const PURCHASE: EventTypeId = EventTypeId(0);
pub const MESSAGE: EventTypeId = EventTypeId(1);
pub const VISIT: EventTypeId = EventTypeId(2);

pub fn property(id: u16, name: &str, data_type: DataType) -> Property {
    Property {
        id: PropertyId(id),
        name: name.into(),
        data_type,
        history: false,
        sensitive: false,
        required: false,
        default: None,
        comment: None,
    }
}

pub fn entity(id: EntityTypeId, name: &str, key: Vec<Property>, properties: Vec<Property>) -> Change {
    let object = EntityType { id, name: name.into(), key, properties, identities: vec![], comment: None, definition: String::new() };
    Change::Put(Box::new(Object::Entity(object)))
}

pub fn event(id: EventTypeId, name: &str, participants: &[(EntityTypeId, &str)], properties: Vec<Property>) -> Change {
    let participant = |(entity, name): &(EntityTypeId, &str)| Participant { entity: *entity, name: name.to_string(), key_names: vec![] };
    let object = EventType {
        id,
        name: name.into(),
        participants: participants.iter().map(participant).collect(),
        properties,
        hidden: false,
        cluster_by: vec![],
        keep: None,
        comment: None,
        definition: String::new(),
    };
    Change::Put(Box::new(Object::Event(object)))
}

pub fn segment(name: &str, entity: &str) -> Change {
    let object = Segment {
        name: name.into(),
        entity: entity.into(),
        mode: SegmentMode::Static,
        imported: true,
        time_zone: "UTC".into(),
        week_start: WeekStart::Monday,
        comment: None,
        definition: String::new(),
    };
    Change::Put(Box::new(Object::Segment(object)))
}

pub fn tag(name: &str, entity: &str, data_type: DataType) -> Change {
    let object = Tag {
        name: name.into(),
        entity: entity.into(),
        data_type,
        imported: true,
        time_zone: "UTC".into(),
        week_start: WeekStart::Monday,
        comment: None,
        definition: String::new(),
    };
    Change::Put(Box::new(Object::Tag(object)))
}

pub fn world() -> Vec<Change> {
    vec![
        entity(
            USER,
            "user",
            vec![property(0, "user_id", DataType::Int)],
            vec![property(1, "name", DataType::String), property(2, "age", DataType::Int)],
        ),
        entity(
            PRODUCT,
            "product",
            vec![property(0, "code", DataType::String), property(1, "variant", DataType::Int)],
            vec![property(2, "price", DataType::Decimal(10, 2))],
        ),
        entity(STORE, "store", vec![property(0, "store_code", DataType::String)], vec![]),
        event(
            PURCHASE,
            "purchase",
            &[(USER, "user"), (PRODUCT, "product")],
            vec![
                property(0, "quantity", DataType::Int),
                property(1, "note", DataType::String),
                property(2, "value", DataType::Decimal(10, 2)),
                property(3, "labels", DataType::List(Box::new(DataType::String))),
                property(4, "ratio", DataType::Double),
                property(5, "day", DataType::Date),
                property(6, "gift", DataType::Bool),
            ],
        ),
        event(MESSAGE, "message", &[(USER, "sender"), (USER, "receiver")], vec![property(0, "length", DataType::Int)]),
        event(VISIT, "visit", &[(STORE, "store"), (USER, "user")], vec![]),
        segment("vip", "user"),
        tag("level", "user", DataType::Int),
    ]
}

pub fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

pub fn open_world(dir: &Path) -> Store {
    let store = open(dir);
    if store.position() == 0 {
        for change in world() {
            store.define(change).unwrap();
        }
    }
    store
}

pub fn ints(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

pub fn texts(values: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

/// One event, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happened {
    pub id: String,
    pub time: i64,
    pub received: Option<i64>,
    /// First and second participant: user number, product `p<n>`/n, store `s<n>`.
    pub who: [Option<i64>; 2],
    /// The first integer property.
    pub number: Option<i64>,
    pub note: Option<String>,
    pub extra: Option<String>,
    pub order: Option<u32>,
}

pub fn happened(id: &str, time: i64, first: i64, second: i64) -> Happened {
    Happened { id: id.into(), time, who: [Some(first), Some(second)], ..Happened::default() }
}

pub fn keys_of(entity: EntityTypeId, who: &[Option<i64>]) -> Vec<ArrayRef> {
    match entity {
        USER => vec![ints(who.iter().copied())],
        PRODUCT => vec![texts(who.iter().map(|w| w.map(|n| format!("p{n}")))), ints(who.iter().copied())],
        _ => vec![texts(who.iter().map(|w| w.map(|n| format!("s{n}"))))],
    }
}

pub fn participants(event: EventTypeId) -> [EntityTypeId; 2] {
    match event {
        PURCHASE => [USER, PRODUCT],
        MESSAGE => [USER, USER],
        _ => [STORE, USER],
    }
}

pub fn batch(event: EventTypeId, rows: &[Happened]) -> EventBatch {
    let who = |i: usize| rows.iter().map(|r| r.who[i]).collect::<Vec<_>>();
    let mut properties = Vec::new();
    if event != VISIT && rows.iter().any(|r| r.number.is_some()) {
        properties.push((PropertyId(0), ints(rows.iter().map(|r| r.number))));
    }
    if event == PURCHASE && rows.iter().any(|r| r.note.is_some()) {
        properties.push((PropertyId(1), texts(rows.iter().map(|r| r.note.clone()))));
        let value: Decimal128Array = rows.iter().map(|r| r.number.map(|n| i128::from(n) * 7)).collect();
        properties.push((PropertyId(2), Arc::new(value.with_precision_and_scale(10, 2).unwrap())));
        let mut labels = ListBuilder::new(StringBuilder::new());
        for row in rows {
            row.note.iter().for_each(|n| labels.values().append_value(n));
            labels.append(row.note.is_some());
        }
        properties.push((PropertyId(3), Arc::new(labels.finish())));
        properties.push((PropertyId(4), Arc::new(rows.iter().map(|r| r.number.map(|n| n as f64 / 3.0)).collect::<Float64Array>())));
        properties.push((PropertyId(5), Arc::new(rows.iter().map(|r| r.number.map(|n| n as i32)).collect::<Date32Array>())));
        properties.push((PropertyId(6), Arc::new(rows.iter().map(|r| r.number.map(|n| n % 2 == 0)).collect::<BooleanArray>())));
    }
    EventBatch {
        event,
        keys: participants(event).iter().enumerate().map(|(i, e)| keys_of(*e, &who(i))).collect(),
        time: rows.iter().map(|r| Some(r.time)).collect::<TimestampMicrosecondArray>(),
        id: rows.iter().map(|r| Some(r.id.clone())).collect(),
        received: rows.iter().any(|r| r.received.is_some()).then(|| rows.iter().map(|r| r.received).collect()),
        properties,
        extra: rows.iter().any(|r| r.extra.is_some()).then(|| rows.iter().map(|r| r.extra.clone()).collect()),
        order: rows.iter().map(|r| r.order).collect::<Option<Vec<u32>>>().map(UInt32Array::from),
        identities: vec![],
    }
}

pub fn append(store: &Store, event: EventTypeId, rows: &[Happened]) -> Appended {
    store.append_events(vec![batch(event, rows)]).unwrap()
}

pub fn users(rows: &[(i64, Option<String>, Option<i64>)]) -> EntityBatch {
    let keys = vec![ints(rows.iter().map(|r| Some(r.0)))];
    let properties = vec![(PropertyId(1), texts(rows.iter().map(|r| r.1.clone()))), (PropertyId(2), ints(rows.iter().map(|r| r.2)))];
    EntityBatch { properties, ..EntityBatch::new(USER, keys) }
}

/// Every value of a column as text, for comparing.
pub fn shown(array: &dyn Array) -> Vec<String> {
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let format = arrow::util::display::ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len()).map(|i| format.value(i).to_string()).collect()
}

/// All that can be read of a store, as text; the same content gives the same text, however it is stored.
pub fn content(store: &Store) -> String {
    let snapshot = store.snapshot().unwrap();
    let mut lines = vec![format!("position {}", snapshot.position())];
    for entity in snapshot.catalog().entities() {
        let columns = snapshot.entities(entity.id).unwrap();
        lines.push(format!("entity {} {} at {}", entity.name, columns.len(), snapshot.entity_position(entity.id)));
        (0..entity.key.len()).for_each(|i| lines.push(shown(columns.key(i)).join(" ")));
        entity.properties.iter().for_each(|p| lines.push(shown(&columns.property(p.id).unwrap()).join(" ")));
        lines.push(shown(&columns.extra().unwrap()).join(" "));
        for p in entity.properties.iter().filter(|p| p.history) {
            let history = columns.history(p.id).unwrap();
            lines.push(format!("{:?} {:?} {}", history.offsets, history.time, shown(&history.values).join(" ")));
        }
        lines.extend(columns.deleted().map(|d| format!("deleted {d:?}")));
        check_rows(entity, &columns);
        lines.extend(columns.known_since().unwrap().map(|k| shown(&k).join(" ")));
    }
    for event in snapshot.catalog().events() {
        lines.push(format!("event {} at {}", event.name, snapshot.event_position(event.id)));
        lines.extend(event_lines(&snapshot, event));
    }
    for segment in snapshot.catalog().segments() {
        let members = snapshot.members(&segment.name).unwrap_or_default();
        let ordinals: Vec<usize> = (0..members.len()).filter(|i| members[*i]).collect();
        lines.push(format!("segment {} {ordinals:?}", segment.name));
        let entity = snapshot.catalog().entity(&segment.entity).unwrap().id;
        lines.extend(version_lines(&snapshot, entity, &Kept::Segment(segment.name.clone())));
    }
    for tag in snapshot.catalog().tags() {
        let entity = snapshot.catalog().entity(&tag.entity).unwrap().id;
        lines.extend(snapshot.tag_values(entity, &tag.name).unwrap().map(|v| shown(&v).join(" ")));
        lines.extend(version_lines(&snapshot, entity, &Kept::Tag(tag.name.clone())));
    }
    lines.extend(snapshot.refreshes().map(|r| format!("{r:?}")));
    lines.join("\n")
}

fn version_lines(snapshot: &Snapshot, entity: EntityTypeId, kept: &Kept) -> Vec<String> {
    let times = snapshot.versions(entity, kept).unwrap();
    let one = |at: i64| format!("{kept:?} at {at}: {}", shown(&snapshot.version(entity, kept, at).unwrap().unwrap()).join(" "));
    times.into_iter().map(one).collect()
}

/// A version of the imported set or tag of the world.
pub fn version(kept: Kept, at: i64, whole: bool, who: &[i64], values: Option<&[i64]>) -> VersionBatch {
    VersionBatch {
        change: None,
        kept,
        entity: USER,
        at,
        whole,
        keys: vec![ints(who.iter().copied().map(Some))],
        values: values.map(|v| ints(v.iter().copied().map(Some))),
        keep_from: None,
        refresh: None,
    }
}

/// Columns are read from their files when somebody needs them, so damage shows here.
pub fn read_entities(snapshot: &Snapshot) -> Result<(), StoreError> {
    for entity in snapshot.catalog().entities() {
        let columns = snapshot.entities(entity.id)?;
        entity.properties.iter().try_for_each(|p| columns.property(p.id).map(drop))?;
        columns.extra()?;
        columns.known_since()?;
    }
    for tag in snapshot.catalog().tags() {
        if let Some(entity) = snapshot.catalog().entity(&tag.entity) {
            snapshot.tag_values(entity.id, &tag.name)?;
        }
    }
    Ok(())
}

/// Single entities are what the columns say.
fn check_rows(entity: &EntityType, columns: &EntityColumns) {
    let texts = |array: ArrayRef| shown(&array);
    let properties: Vec<(PropertyId, Vec<String>)> =
        entity.properties.iter().map(|p| (p.id, texts(columns.property(p.id).unwrap()))).collect();
    let (keys, extra) = ((0..entity.key.len()).map(|i| shown(columns.key(i))).collect::<Vec<_>>(), shown(&columns.extra().unwrap()));
    for i in 0..columns.len() {
        let row = columns.row(i as u32).unwrap().unwrap();
        row.keys.iter().zip(&keys).for_each(|(v, k)| assert_eq!(value_text(v), k[i]));
        assert_eq!(row.properties.len(), properties.len());
        for ((id, value), (expected, column)) in row.properties.iter().zip(&properties) {
            assert_eq!((id, value_text(value)), (expected, column[i].clone()), "row {i} of {}", entity.name);
        }
        assert_eq!(row.extra.unwrap_or("NULL".into()), extra[i]);
        assert_eq!(row.deleted, columns.deleted().is_some_and(|d| d.value(i)));
    }
    assert_eq!(columns.row(columns.len() as u32).unwrap(), None);
    let some: Vec<u32> = (0..columns.len() as u32).rev().step_by(2).collect();
    for (id, column) in &properties {
        let expected: Vec<String> = some.iter().map(|o| column[*o as usize].clone()).collect();
        assert_eq!(shown(&columns.property_at(*id, &some).unwrap()), expected);
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Double(v) => format!("{v:?}"),
        Value::Decimal(v, s) => format!("{:.*}", *s as usize, *v as f64 / 10f64.powi(i32::from(*s))),
        Value::String(v) => v.clone(),
        Value::Date(v) => shown(&Date32Array::from(vec![*v])).remove(0),
        Value::Timestamp(v) => shown(&TimestampMicrosecondArray::from(vec![*v]).with_timezone("UTC")).remove(0),
        Value::List(items) => format!("[{}]", items.iter().map(value_text).collect::<Vec<_>>().join(", ")),
    }
}

/// The rows of an event type in the order of their sequence.
pub fn event_lines(snapshot: &Snapshot, event: &EventType) -> Vec<String> {
    let rows = snapshot.events(event.id).unwrap();
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let mut columns = vec![EventColumn::Sequence, EventColumn::Time, EventColumn::EventId, EventColumn::Received, EventColumn::Extra];
    columns.extend((0..event.participants.len()).map(EventColumn::Participant));
    columns.extend(event.properties.iter().map(|p| EventColumn::Property(p.id)));
    let gathered: Vec<ArrayRef> = columns.iter().map(|c| rows.gather(c, &all).unwrap()).collect();
    for (column, gathered) in columns.iter().zip(&gathered) {
        for chunk in 0..rows.chunk_count() {
            let range = rows.chunk_range(chunk);
            let values = rows.chunk_column(chunk, column).unwrap();
            assert_eq!(values.as_ref(), gathered.slice(range.start as usize, range.len()).as_ref(), "{column:?}");
        }
    }
    let texts: Vec<Vec<String>> = gathered.iter().map(|c| shown(c)).collect();
    let mut lines: Vec<(u64, String)> = (0..rows.len())
        .map(|i| (texts[0][i].parse().unwrap(), texts.iter().map(|c| c[i].clone()).collect::<Vec<_>>().join(" | ")))
        .collect();
    lines.sort();
    lines.into_iter().map(|l| l.1).collect()
}

/// (time, event type, id) of each entity's events, in the order of the timeline.
pub fn timeline_text(snapshot: &Snapshot, timeline: &Timeline) -> Vec<Vec<(i64, u16, String)>> {
    let ids: Vec<Vec<String>> = timeline
        .events
        .iter()
        .map(|e| {
            let rows = snapshot.events(*e).unwrap();
            shown(&rows.gather(&EventColumn::EventId, &(0..rows.len() as u32).collect::<Vec<_>>()).unwrap())
        })
        .collect();
    let row = |i: usize| {
        let code = timeline.code[i] as usize;
        (timeline.time[i], timeline.events[code].0, ids[code][timeline.row[i] as usize].clone())
    };
    timeline.offsets.windows(2).map(|w| (w[0] as usize..w[1] as usize).map(row).collect()).collect()
}
