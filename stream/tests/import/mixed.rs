//! Files of several event types.

use crate::world::{World, messages};

const CSV: &str = "event,time,user_id,product_id,amount,page,event_id\n\
    visit,2021-01-01,u,,,home,1\n\
    purchase,2021-01-01,u,7,1.5,,2\n\
    visit,2021-01-01,v,,9,cart,3\n\
    purchas,2021-01-01,u,7,1.5,,4\n\
    ,2021-01-01,u,7,1.5,,5\n\
    purchase,never,u,7,1.5,,6\n\
    purchase,2021-01-02,v,8,2,,7\n";

#[test]
fn each_event_takes_the_columns_it_has() {
    let world = World::shop();
    let report = world.import("events", "a.csv", CSV);
    let expected = [
        "4 event: no event `purchas` is defined; the nearest is `purchase` (line 5)",
        "5 event: the name of the event is missing (line 6)",
        "6 time: `never` does not fit TIMESTAMP (line 7)",
    ];
    assert_eq!(messages(&report), expected);
    assert_eq!((report.rows, report.accepted, report.rejected), (7, 4, 3));
    assert_eq!(report.notes, ["column `amount` is not declared by `visit`: 1 value went to extra"]);
    assert_eq!(
        world.events("visit", &["user_id", "page", "event_id", "extra"]),
        ["u | home | 1 | NULL", "v | cart | 3 | {\"amount\":\"9\"}"]
    );
    assert_eq!(world.events("purchase", &["user_id", "product_id", "amount", "extra"]), ["u | 7 | 1.50 | NULL", "v | 8 | 2.00 | NULL"]);
}

#[test]
fn ingest_order_is_the_order_of_the_file() {
    let world = World::shop();
    world.import("events", "a.csv", CSV);
    let sequence = |event: &str| world.events(event, &["sequence"]).iter().map(|s| s.parse::<u64>().unwrap()).collect::<Vec<_>>();
    let (visits, purchases) = (sequence("visit"), sequence("purchase"));
    assert!(visits[0] < purchases[0] && purchases[0] < visits[1] && visits[1] < purchases[1], "{visits:?} {purchases:?}");
}

#[test]
fn a_row_of_another_event_is_not_imported_as_this_one() {
    let world = World::shop();
    let report = world.import("visit", "a.csv", "event,time,user_id\nvisit,2021-01-01,u\npurchase,2021-01-01,u\n,2021-01-01,w\n");
    assert_eq!(messages(&report), ["2 event: the row is of event `purchase`, but `visit` is imported (line 3)"]);
    assert_eq!(world.events("visit", &["user_id"]), ["u", "w"]);
}

#[test]
fn roles_have_keys_of_their_own() {
    let world = World::shop();
    let csv = "time,user_id,origin_station_id,destination_station_id,station_id\n2021-01-01,u,a,b,\n2021-01-02,u,a,,x\n";
    world.import("ride", "a.csv", csv);
    let found = world.events("ride", &["origin_station_id", "destination_station_id", "extra"]);
    assert_eq!(found, ["a | b | NULL", "a | NULL | {\"station_id\":\"x\"}"]);
}
