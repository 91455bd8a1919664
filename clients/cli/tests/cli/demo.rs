//! `eql demo`.

use crate::driver::{Bench, demo_file};

#[test]
fn the_demo_loads_once_and_shows_a_tour() {
    let bench = Bench::new();
    let first = bench.run(&["demo", "--no-serve"]).done();
    assert!(
        first.out.contains("2018-01-01T05:00:00Z") && first.out.contains("FIND household") && first.out.contains("eql shell"),
        "{}",
        first.out
    );
    let again = bench.run(&["demo", "--no-serve"]).done();
    assert!(again.out.contains("holds the demo data already"), "{}", again.out);
    let tour = |out: &str| out[out.find("FIND household").unwrap()..].to_string();
    assert_eq!(tour(&again.out), tour(&first.out));
    assert_eq!(bench.rows("SELECT count(*) AS n FROM household"), serde_json::json!([[99]]));
}

#[test]
fn other_data_are_left_alone() {
    let bench = Bench::with_users();
    bench.run(&["demo", "--no-serve"]).fails(1, "holds other data");
}

#[test]
fn the_schema_is_sound() {
    let schema = demo_file("schema.eql");
    Bench::new().run(&["check", schema.to_str().unwrap()]).done();
}
