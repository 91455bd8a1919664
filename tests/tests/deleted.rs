//! Who was deleted is in no universe: not found, not counted, not led to, and a member of nothing; their events stay.
#![allow(clippy::unwrap_used)]

use arrow::array::{ArrayRef, BooleanArray, StringArray};
use eql_store::{EntityBatch, Store, StoreOptions};
use eql_tests::Small;
use std::path::Path;
use std::sync::Arc;

const SETUP: &str = "SET now = '2026-02-01T00:00:00Z';
DEFINE ENTITY company KEY company_id STRING (industry STRING);
DEFINE ENTITY user KEY user_id STRING (city STRING, company_id STRING);
DEFINE RELATION user.company TO ONE company ON company_id = company.company_id;
DEFINE RELATION company.staff TO MANY user ON company_id = user.company_id;
DEFINE EVENT a OF user (x BIGINT);
DEFINE STATIC SEGMENT panel OF user IMPORTED;";

const USERS: &str = r#"{"user_id":"u1","city":"Rome","company_id":"c1"}
{"user_id":"u2","city":"Oslo","company_id":"c1"}
{"user_id":"u3","city":"Bonn","company_id":"c2"}"#;

fn delete(data: &Path, entity: &str, key: &str) {
    let store = Store::open(data, StoreOptions::default()).unwrap();
    let id = store.catalog().entity(entity).unwrap().id;
    let keys: ArrayRef = Arc::new(StringArray::from(vec![key]));
    let batch = EntityBatch { delete: Some(BooleanArray::from(vec![true])), ..EntityBatch::new(id, vec![keys]) };
    store.append_entities(batch).unwrap();
    store.close().unwrap();
}

fn cells(world: &mut Small, text: &str) -> Vec<String> {
    let table = world.ask(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    table.rows.iter().map(|row| row.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_deleted_are_in_no_universe() {
    let mut world = Small::new();
    world.ask(SETUP).unwrap();
    world.import(Some("company"), r#"{"company_id":"c1","industry":"retail"}"#).unwrap();
    world.import(Some("user"), USERS).unwrap();
    world.import(None, r#"{"event":"a","time":"2026-01-01T10:00:00Z","user_id":"u2","x":1}"#).unwrap();
    world.ask("INSERT INTO SEGMENT panel (user_id) VALUES ('u1'), ('u2')").unwrap();
    let questions = [
        ("FIND user SHOW user_id", 3, 2),
        ("FIND user WHERE NEVER DID a SHOW user_id", 2, 2),
        ("FIND user AMONG panel SHOW user_id", 2, 1),
        ("FIND user WHERE DID a SHOW user_id", 1, 0),
        ("SELECT user_id FROM user", 3, 2),
        ("SELECT x FROM a", 1, 1),
    ];
    for (question, before, _) in questions {
        assert_eq!(cells(&mut world, question).len(), before, "{question}");
    }
    let staff = "FIND company SHOW company_id, count(staff) AS n";
    let before = cells(&mut world, staff);
    let mut world = world.reopen_after(|data| delete(data, "user", "u2"));
    world.ask("SET now = '2026-02-01T00:00:00Z'").unwrap();
    for (question, _, after) in questions {
        assert_eq!(cells(&mut world, question).len(), after, "{question}");
    }
    assert_ne!(cells(&mut world, staff), before);
    assert_eq!(cells(&mut world, "FIND user WHERE company.industry = 'retail' SHOW user_id").len(), 1);
    let mut world = world.reopen_after(|data| delete(data, "company", "c1"));
    assert_eq!(cells(&mut world, "FIND user WHERE company.industry = 'retail' SHOW user_id").len(), 0);
    world.import(None, r#"{"event":"a","time":"2026-01-02T10:00:00Z","user_id":"u2","x":1}"#).unwrap();
    assert_eq!(cells(&mut world, "FIND user WHERE DID a SHOW user_id").len(), 1, "an event revives");
}
