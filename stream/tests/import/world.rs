//! A small shop, and how tests look at it.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{UInt32Type, UInt64Type};
use arrow::util::display::array_value_to_string;
use eql_catalog::*;
use eql_store::{EventColumn, EventRows, Store, StoreOptions};
use eql_stream::{ImportError, ImportReport, ImportRequest, Input, Target, import};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) dir: TempDir,
}

fn property(id: u16, name: &str, data_type: DataType) -> Property {
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

fn entity(id: u16, name: &str, key: &[(&str, DataType)], properties: &[(&str, DataType)]) -> Object {
    let all: Vec<Property> = (0u16..).zip(key.iter().chain(properties)).map(|(i, (n, t))| property(i, n, t.clone())).collect();
    let (key, properties) = all.split_at(key.len());
    Object::Entity(EntityType {
        id: EntityTypeId(id),
        name: name.into(),
        key: key.to_vec(),
        properties: properties.to_vec(),
        identities: vec![],
        comment: None,
        definition: format!("DEFINE ENTITY {name}"),
    })
}

fn event(id: u16, name: &str, participants: &[(u16, &str, &[&str])], properties: &[(&str, DataType)]) -> Object {
    let participant = |(entity, name, keys): &(u16, &str, &[&str])| Participant {
        entity: EntityTypeId(*entity),
        name: (*name).into(),
        key_names: keys.iter().map(|k| k.to_string()).collect(),
    };
    Object::Event(EventType {
        id: EventTypeId(id),
        name: name.into(),
        participants: participants.iter().map(participant).collect(),
        properties: (0u16..).zip(properties).map(|(i, (n, t))| property(i, n, t.clone())).collect(),
        hidden: false,
        cluster_by: vec![],
        keep: None,
        comment: None,
        definition: format!("DEFINE EVENT {name}"),
    })
}

impl World {
    /// A store without definitions.
    pub(crate) fn empty() -> World {
        let dir = tempfile::tempdir().unwrap();
        World { store: Arc::new(Store::open(&dir.path().join("data"), StoreOptions::default()).unwrap()), dir }
    }

    /// user, product, station, basket_line; purchase, visit, ride, thing (every type).
    pub(crate) fn shop() -> World {
        use DataType as T;
        let world = World::empty();
        let every_type = [
            ("text", T::String),
            ("flag", T::Bool),
            ("whole", T::Int),
            ("real", T::Double),
            ("money", T::Decimal(10, 2)),
            ("day", T::Date),
            ("at", T::Timestamp),
            ("words", T::List(Box::new(T::String))),
            ("numbers", T::List(Box::new(T::Int))),
            ("about", T::Json),
        ];
        world.put(entity(0, "user", &[("user_id", T::String)], &[("city", T::String), ("age", T::Int), ("vip", T::Bool)]));
        world.put(entity(1, "product", &[("product_id", T::Int)], &[("price", T::Decimal(10, 2))]));
        world.put(entity(2, "station", &[("station_id", T::String)], &[]));
        world.put(entity(3, "basket_line", &[("basket_id", T::Int), ("line", T::Int)], &[("note", T::String)]));
        let (user, product): (&[&str], &[&str]) = (&["user_id"], &["product_id"]);
        let (u, p) = ((0, "user", user), (1, "product", product));
        world.put(event(0, "purchase", &[u, p], &[("amount", T::Decimal(10, 2)), ("quantity", T::Int)]));
        world.put(event(1, "visit", &[u], &[("page", T::String)]));
        world.put(event(2, "ride", &[u, (2, "origin", &["origin_station_id"]), (2, "destination", &["destination_station_id"])], &[]));
        world.put(event(3, "thing", &[u], &every_type));
        world.put(event(4, "line_scan", &[(3, "basket_line", &["basket_id", "line"])], &[]));
        world
    }

    pub(crate) fn put(&self, object: Object) {
        self.store.define(Change::Put(Box::new(object))).unwrap();
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn request(&self, target: &str, name: &str, content: impl AsRef<[u8]>) -> ImportRequest {
        let target = Target::parse_or_define(&self.store.catalog(), target).unwrap();
        ImportRequest::new(target, vec![Input::File(self.file(name, content))])
    }

    pub(crate) fn run(&self, request: ImportRequest) -> Result<ImportReport, ImportError> {
        import(&self.store, request, &|_| {})
    }

    /// Imports a file with every option at its default.
    pub(crate) fn import(&self, target: &str, name: &str, content: impl AsRef<[u8]>) -> ImportReport {
        self.run(self.request(target, name, content)).unwrap()
    }

    pub(crate) fn rows(&self, event: &str) -> Arc<EventRows> {
        let snapshot = self.store.snapshot().unwrap();
        let id = snapshot.catalog().event(event).unwrap().id;
        snapshot.events(id).unwrap()
    }

    /// Rows of an event as text, in ingest order: system columns, keys and properties by name, separated by ` | `.
    pub(crate) fn events(&self, event: &str, columns: &[&str]) -> Vec<String> {
        let snapshot = self.store.snapshot().unwrap();
        let declared = snapshot.catalog().event(event).unwrap().clone();
        let rows = snapshot.events(declared.id).unwrap();
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let sequence = rows.gather(&EventColumn::Sequence, &all).unwrap();
        let mut order: Vec<(u64, usize)> = sequence.as_primitive::<UInt64Type>().values().iter().copied().zip(0..).collect();
        order.sort_unstable();
        let values: Vec<ArrayRef> = columns.iter().map(|c| self.event_column(&declared, &rows, c, &all)).collect();
        order.iter().map(|(_, row)| line(&values, *row)).collect()
    }

    fn event_column(&self, event: &EventType, rows: &EventRows, name: &str, all: &[u32]) -> ArrayRef {
        let plain = |column: EventColumn| rows.gather(&column, all).unwrap();
        let participant =
            event.participants.iter().enumerate().find_map(|(i, p)| Some((i, p, p.key_names.iter().position(|k| k == name)?)));
        match (name, participant) {
            ("time", _) => plain(EventColumn::Time),
            ("event_id", _) => plain(EventColumn::EventId),
            ("received_at", _) => plain(EventColumn::Received),
            ("sequence", _) => plain(EventColumn::Sequence),
            ("extra", _) => plain(EventColumn::Extra),
            (_, Some((place, participant, key))) => {
                let ordinals = plain(EventColumn::Participant(place));
                let entities = self.store.snapshot().unwrap().entities(participant.entity).unwrap();
                arrow::compute::take(entities.key(key), ordinals.as_primitive::<UInt32Type>(), None).unwrap()
            }
            (name, None) => plain(EventColumn::Property(event.property(name).unwrap().id)),
        }
    }

    /// Entities as text, in the order of their key's text.
    pub(crate) fn entities(&self, entity: &str, columns: &[&str]) -> Vec<String> {
        let snapshot = self.store.snapshot().unwrap();
        let declared = snapshot.catalog().entity(entity).unwrap().clone();
        let entities = snapshot.entities(declared.id).unwrap();
        let column = |name: &&str| match declared.key.iter().position(|k| k.name == *name) {
            Some(i) => entities.key(i).clone(),
            None if *name == "extra" => entities.extra().unwrap(),
            None => entities.property(declared.property(name).unwrap().id).unwrap(),
        };
        let values: Vec<ArrayRef> = columns.iter().map(column).collect();
        let mut lines: Vec<String> = (0..entities.len()).map(|row| line(&values, row)).collect();
        lines.sort();
        lines
    }
}

fn line(values: &[ArrayRef], row: usize) -> String {
    let cell = |v: &ArrayRef| if v.is_null(row) { "NULL".to_string() } else { array_value_to_string(v, row).unwrap() };
    values.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

/// What was said about rejected rows.
pub(crate) fn messages(report: &ImportReport) -> Vec<String> {
    report.rejects.iter().map(|r| format!("{} {}: {}", r.row, r.column.as_deref().unwrap_or("-"), r.message)).collect()
}
