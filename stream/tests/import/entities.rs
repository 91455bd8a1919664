//! Entities are updated by key.

use crate::world::{World, messages};

#[test]
fn the_last_row_of_a_key_wins_and_missing_columns_stay() {
    let world = World::shop();
    let report = world.import("user", "a.csv", "user_id,city,age\na,Rome,1\nb,Oslo,2\na,Bonn,3\n");
    assert_eq!((report.rows, report.accepted, report.rejected), (3, 3, 0));
    assert_eq!(world.entities("user", &["user_id", "city", "age"]), ["a | Bonn | 3", "b | Oslo | 2"]);
    world.import("user", "b.csv", "user_id,city\na,\nc,Kyiv\n");
    assert_eq!(world.entities("user", &["user_id", "city", "age"]), ["a | NULL | 3", "b | Oslo | 2", "c | Kyiv | NULL"]);
    let mut request = world.request("user", "c.csv", "user_id,city,age\nb,,9\n");
    request.keep_null = true;
    world.run(request).unwrap();
    assert_eq!(world.entities("user", &["user_id", "city", "age"])[1], "b | Oslo | 9");
}

#[test]
fn a_json_object_says_nothing_of_what_it_lacks() {
    let world = World::shop();
    let lines = r#"{"user_id":"a","city":"Rome","age":1}
{"user_id":"b","age":5}
{"user_id":"a","age":2}
{"user_id":"a","vip":true}
{"user_id":"b","age":null,"city":"Oslo"}
{"user_id":"c"}"#;
    let report = world.import("user", "a.ndjson", lines);
    assert_eq!((report.rows, report.accepted), (6, 6));
    let expected = ["a | Rome | 2 | true", "b | Oslo | NULL | NULL", "c | NULL | NULL | NULL"];
    assert_eq!(world.entities("user", &["user_id", "city", "age", "vip"]), expected);
    world.import("user", "b.ndjson", r#"{"user_id":"a","city":null}"#);
    assert_eq!(world.entities("user", &["user_id", "city", "age", "vip"])[0], "a | NULL | 2 | true");
}

#[test]
fn an_entity_needs_its_key() {
    let world = World::shop();
    let report = world.import("product", "a.csv", "product_id,price\n1,9.99\n,2\nx,3\n");
    assert_eq!(
        messages(&report),
        ["2 product_id: the key `product_id` is missing (line 3)", "3 product_id: `x` does not fit BIGINT (line 4)"]
    );
    assert_eq!(world.entities("product", &["product_id", "price"]), ["1 | 9.99"]);
}

#[test]
fn composite_keys_fall_together() {
    let world = World::shop();
    world.import("basket_line", "a.csv", "basket_id,line,note\n1,1,x\n1,2,y\n1,1,z\n1,1,z\n");
    assert_eq!(world.entities("basket_line", &["basket_id", "line", "note"]), ["1 | 1 | z", "1 | 2 | y"]);
}

#[test]
fn importing_entities_again_changes_nothing() {
    let world = World::shop();
    let csv = "user_id,city,shoe\na,Rome,42\n";
    let first = world.import("user", "a.csv", csv);
    let again = world.import("user", "a.csv", csv);
    assert_eq!(first.notes, ["column `shoe` is not declared: 1 value went to extra"]);
    assert_eq!((again.rows, again.rejected), (1, 0));
    assert_eq!(world.entities("user", &["user_id", "city", "extra"]), ["a | Rome | {\"shoe\":\"42\"}"]);
}
