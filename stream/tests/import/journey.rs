//! The completejourney data, where `EQL_COMPLETEJOURNEY` names the folder of its files.

use crate::world::World;
use eql_catalog::*;
use eql_stream::{ImportRequest, Input, Target};
use std::path::PathBuf;

/// Enough of the definitions to import the events.
fn world() -> World {
    let world = World::empty();
    let entity = |id: u16, name: &str, key: &str| {
        Object::Entity(EntityType {
            id: EntityTypeId(id),
            name: name.into(),
            key: vec![property(0, key, DataType::Int)],
            properties: vec![],
            identities: vec![],
            comment: None,
            definition: String::new(),
        })
    };
    let entities = [
        ("household", "household_id"),
        ("product", "product_id"),
        ("store", "store_id"),
        ("basket", "basket_id"),
        ("campaign", "campaign_id"),
        ("coupon", "coupon_upc"),
    ];
    (0..).zip(entities).for_each(|(id, (name, key))| world.put(entity(id, name, key)));
    let participant = |i: u16| Participant {
        entity: EntityTypeId(i),
        name: entities[usize::from(i)].0.into(),
        key_names: vec![entities[usize::from(i)].1.into()],
    };
    let event = |id: u16, name: &str, of: &[u16], properties: Vec<Property>| {
        Object::Event(EventType {
            id: EventTypeId(id),
            name: name.into(),
            participants: of.iter().map(|i| participant(*i)).collect(),
            properties,
            hidden: false,
            cluster_by: vec![],
            keep: None,
            comment: None,
            definition: String::new(),
        })
    };
    let money = ["sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"];
    let mut properties = vec![property(0, "quantity", DataType::Int), property(5, "week", DataType::Int)];
    properties.extend((1..).zip(money).map(|(i, m)| property(i, m, DataType::Decimal(10, 2))));
    world.put(event(0, "purchase", &[0, 1, 2, 3], properties));
    world.put(event(1, "campaign_receive", &[0, 4], vec![]));
    world.put(event(2, "coupon_redeem", &[0, 4, 5], vec![]));
    world
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

fn request(files: &[&str]) -> Option<ImportRequest> {
    let folder = PathBuf::from(std::env::var_os("EQL_COMPLETEJOURNEY")?);
    let inputs = files.iter().map(|f| folder.join(f)).filter(|f| f.exists()).map(Input::File).collect::<Vec<_>>();
    let mut request = ImportRequest::new(Target::Events, inputs);
    request.map = [("event_type", "event"), ("ts", "time")].map(|(a, b)| (a.into(), b.into())).to_vec();
    request.id = vec!["event_id".into()];
    Some(request)
}

#[test]
fn the_events_are_imported_whole_and_once() {
    let Some(first) = request(&["events.parquet"]) else {
        return;
    };
    let world = world();
    let report = world.run(first).unwrap();
    eprintln!("{report:?}: {:.0} events a second", report.rows as f64 / report.seconds);
    assert_eq!((report.accepted, report.rejected), (report.rows, 0));
    assert_eq!(report.notes, Vec::<String>::new());
    let again = world.run(request(&["events.parquet"]).unwrap()).unwrap();
    assert_eq!((again.accepted, again.duplicates), (0, report.rows));
    let count = |event: &str| world.rows(event).len() as u64;
    assert_eq!(count("purchase") + count("campaign_receive") + count("coupon_redeem"), report.rows);
    let json = world.run(request(&["events.jsonl.gz"]).unwrap()).unwrap();
    assert_eq!((json.accepted, json.duplicates, json.rejected), (0, json.rows, 0));
}
