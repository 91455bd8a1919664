//! Operations on entities over the wire.

use crate::wire::{counts, entities, ingest, said, submit};
use crate::world::World;
use eql_stream::IngestError;

#[test]
fn properties_are_set_by_key() {
    let world = World::shop();
    let ingest = ingest(&world);
    for body in [r#"[{"key":"ada","set":{"city":"London","age":36,"nick":"countess"}}]"#, r#"{"user_id":"bob","set":{"vip":true}}"#] {
        assert_eq!(counts(&entities(&ingest, "user", body)), (1, 0, 0));
    }
    let columns = ["user_id", "city", "age", "vip", "extra"];
    assert_eq!(world.entities("user", &columns), ["ada | London | 36 | NULL | {\"nick\":\"countess\"}", "bob | NULL | NULL | true | NULL"]);
}

#[test]
fn the_key_has_several_forms() {
    let world = World::shop();
    let body = r#"{"key":{"basket_id":1,"line":2},"set":{"note":"a"}}
{"key":[1,3],"set":{"note":"b"}}
{"basket_id":1,"line":4,"set":{"note":"c"}}"#;
    assert_eq!(counts(&entities(&ingest(&world), "basket_line", body)), (3, 0, 0));
    assert_eq!(world.entities("basket_line", &["basket_id", "line", "note"]), ["1 | 2 | a", "1 | 3 | b", "1 | 4 | c"]);
}

#[test]
fn rows_about_one_key_apply_in_order() {
    let world = World::shop();
    let lines: Vec<String> =
        (0..9).map(|n| format!("{{\"key\":\"k{}\",\"set\":{{\"age\":{n},\"city\":\"c{n}\",\"vip\":true}}}}", n % 2)).collect();
    assert_eq!(counts(&entities(&ingest(&world), "user", &lines.join("\n"))), (9, 0, 0));
    assert_eq!(world.entities("user", &["user_id", "age", "city"]), ["k0 | 8 | c8", "k1 | 7 | c7"]);
}

#[test]
fn mistakes_are_told_by_row() {
    let world = World::shop();
    let lines = [
        r#"{"key":"ok","set":{"age":1,"city":"x","vip":false}}"#,
        r#"{"set":{"age":1}}"#,
        r#"{"key":"a","set":{"age":"old"}}"#,
        r#"{"key":"a","age":1}"#,
        r#"{"key":"a","sett":{"age":1}}"#,
        r#"{"key":"a","increment":{"city":1}}"#,
        r#"{"key":"a","append":{"city":"x"}}"#,
        r#"{"key":"a","increment":{"agee":1}}"#,
        r#"{"key":"a","bind":{"$cookie":"x"}}"#,
        r#"{"key":"a","delete":true,"set":{"age":1}}"#,
        r#"{"key":"a","set":{"age":1},"increment":{"age":1}}"#,
        r#"{"key":["a","b"],"set":{"age":1}}"#,
        r#"{"key":"a","set":{"user_id":"b"}}"#,
        r#"{"key":"a","set":[1]}"#,
        r#"{"key":{"id":"a"}}"#,
    ];
    let answer = entities(&ingest(&world), "user", &lines.join("\n"));
    assert_eq!(counts(&answer), (1, 0, 14), "{:?}", said(&answer));
    assert_eq!(
        said(&answer),
        [
            "1 missing: `key`, or the key column `user_id` of entity `user`, is missing",
            "2 wrong_type: property `age` of entity `user`: `old` does not fit BIGINT",
            "3 invalid: property `age` stands beside the operations; write it inside of `set`",
            "4 invalid: `sett` is no operation on an entity; the nearest is `set`",
            "5 wrong_type: `increment`: property `city` of entity `user` is STRING, not a number",
            "6 wrong_type: `append`: property `city` of entity `user` is STRING, not a list",
            "7 unknown_property: `increment`: entity `user` has no property `agee`; the nearest is `age`",
            "8 unknown_identity: entity `user` declares no identity `$cookie`; name it in IDENTITIES of its DEFINE ENTITY first",
            "9 invalid: `delete` stands alone; send what follows as another record",
            "10 invalid: property `age` stands in two operations; send them as two records",
            "11 wrong_type: `key`: entity `user` has a key of 1 (`user_id`), not of 2",
            "12 invalid: `set`: `user_id` is the key of entity `user`, which never changes",
            "13 wrong_type: `set`: `[1]` does not fit an object of properties",
            "14 invalid: `key`: entity `user` has the key `user_id`, not `id`",
        ]
    );
    assert_eq!(world.entities("user", &["user_id"]), ["ok"]);
}

#[test]
fn an_unknown_entity_type_is_named() {
    let world = World::shop();
    let answer = submit(&ingest(&world), Some("usr"), r#"{"key":1}"#).recv().unwrap();
    assert!(
        matches!(&answer, Err(e @ IngestError::UnknownEntity { .. }) if e.to_string() == "no entity `usr` is defined; the nearest is `user`")
    );
}
