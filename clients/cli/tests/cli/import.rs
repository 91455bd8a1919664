//! `eql import` and `eql export`.

use crate::driver::Bench;
use serde_json::json;

#[test]
fn the_summary_counts() {
    let bench = Bench::with_users();
    bench.file("p.csv", "id,user_id,time,amount,item\n1,a,2024-01-01T10:00:00Z,1.25,milk\n2,a,2024-01-02T10:00:00Z,2.00,bread\n");
    let first = bench.run(&["import", "purchase", "p.csv", "--map", "id=event_id"]).done();
    assert!(first.out.contains("2 rows") && first.out.contains("2 accepted") && first.out.contains("rows/s"), "{}", first.out);
    let again = bench.run(&["import", "purchase", "p.csv", "--map", "id=event_id"]).done();
    assert!(again.out.contains("0 accepted") && again.out.contains("2 duplicates"), "{}", again.out);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM purchase"), json!([[2]]));
}

#[test]
fn options_may_stand_after_the_files() {
    let bench = Bench::with_users();
    bench.file("more.csv", "user_id,city\nd,Rome\n");
    bench.run(&["import", "user", "more.csv", "--data", "eql-data", "--format", "csv"]).done();
    assert_eq!(bench.rows("FIND user WHERE city = 'Rome' SHOW user_id"), json!([["d"]]));
}

#[test]
fn stdin_is_a_file() {
    let bench = Bench::with_users();
    bench.run_with_stdin(&["import", "user", "-", "--format", "ndjson"], "{\"user_id\":\"e\",\"city\":\"Rome\"}\n").done();
    assert_eq!(bench.rows("FIND user WHERE city = 'Rome' SHOW user_id"), json!([["e"]]));
}

#[test]
fn rejects_are_told_and_do_not_fail_until_nothing_is_left() {
    let bench = Bench::with_users();
    bench.file("half.csv", "user_id,born\nf,1999-09-09\ng,yesterday\n");
    let half = bench.run(&["import", "user", "half.csv"]).done();
    assert!(half.out.contains("1 rejected") && half.err.contains("born"), "{half:?}");
    bench.file("none.csv", "user_id,born\ng,yesterday\n");
    bench.run(&["import", "user", "none.csv"]).fails(1, "every row was rejected");
}

#[test]
fn define_infers_and_prints() {
    let bench = Bench::new();
    bench.file("shops.csv", "shop_id,town,size\n1,Oslo,10\n2,Rome,20\n");
    let ran = bench.run(&["import", "shop", "shops.csv", "--define"]).done();
    assert!(ran.out.contains("DEFINE") && ran.out.contains("town"), "{}", ran.out);
    assert_eq!(bench.rows("SELECT town FROM shop ORDER BY town"), json!([["Oslo"], ["Rome"]]));
}

#[test]
fn unknown_targets_are_named() {
    let bench = Bench::with_users();
    bench.run(&["import", "usr", "users.csv"]).fails(1, "usr");
    bench.run(&["export", "usr", "-o", "x.csv"]).fails(1, "usr");
}

#[test]
fn what_is_exported_can_be_imported() {
    let bench = Bench::with_users();
    let query = "FIND user SHOW user_id, city, born, balance ORDER BY user_id";
    let rows = bench.rows(query);
    for name in ["u.parquet", "u.csv", "u.ndjson"] {
        let exported = bench.run(&["export", "--query", query, "-o", name]).done();
        assert!(exported.out.contains("3 rows"), "{}", exported.out);
        let data = format!("from-{name}");
        bench.run(&["query", "-f", "schema.eql", "--data", &data]).done();
        bench.run(&["import", "user", name, "--data", &data]).done();
        let again = bench.run(&["query", query, "--format", "json", "--data", &data]).json();
        assert_eq!(again["rows"], rows, "{name}");
    }
    bench.run(&["export", "user", "-o", "all.parquet"]).done();
    bench.run(&["export", "user", "-o", "all.arrow"]).done();
    bench.run(&["export", "--query", "SET time_zone = 'UTC'", "-o", "x.csv"]).fails(1, "no rows");
}
