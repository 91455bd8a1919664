//! Answers worked out by hand on the timelines of four users.

use crate::columns::Columns;
use crate::row::Row;
use crate::{DAY, MINUTE, question};

/// User, minute, event, platform, source, product, amount: three users with events and one, the second, without.
fn four_users() -> Columns {
    let events = ["app_open", "search", "view_item", "add_to_cart", "purchase", "refund", "coupon_claim"];
    let day = DAY / MINUTE;
    let rows = [
        (0, 0, "app_open", 0, 1, 0, 0.0),
        (0, 5, "search", 0, 0, 0, 0.0),
        (0, 9, "view_item", 0, 0, 1, 0.0),
        (0, 60, "add_to_cart", 1, 0, 1, 0.0),
        (0, 3 * day, "purchase", 0, 2, 1, 10.5),
        (2, 60 * day, "view_item", 1, 0, 1, 0.0),
        (2, 60 * day + 1, "add_to_cart", 1, 0, 1, 0.0),
        (2, 60 * day + 2, "purchase", 1, 0, 1, 300.0),
        (2, 60 * day + 3, "purchase", 1, 0, 1, 300.0),
        (2, 61 * day, "purchase", 1, 0, 2, 1.0),
        (2, 61 * day + 1, "coupon_claim", 1, 0, 0, 0.0),
        (3, 60 * day, "add_to_cart", 0, 0, 1, 0.0),
        (3, 68 * day, "view_item", 0, 0, 1, 0.0),
    ];
    let names = |all: &[&str]| all.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let code = |name: &str| events.iter().position(|e| *e == name).unwrap_or_default() as u8;
    Columns {
        first_row: vec![0, 5, 5, 11, 13],
        time: rows.iter().map(|r| i64::from(r.1 as i32) * MINUTE).collect(),
        event: rows.iter().map(|r| code(r.2)).collect(),
        platform: rows.iter().map(|r| r.3).collect(),
        source: rows.iter().map(|r| r.4).collect(),
        product: rows.iter().map(|r| r.5).collect(),
        amount: rows.iter().map(|r| r.6).collect(),
        city_of_user: vec![1, 0, 0, 1],
        vip_of_user: vec![0, 0, 3, 0],
        category_of_product: vec![255, 0, 1],
        events: names(&events),
        platforms: names(&["ios", "web"]),
        sources: names(&["", "search", "email"]),
        cities: names(&["Shanghai", "Wuhan"]),
        categories: names(&["cat_03", "cat_04"]),
        begin: 0,
    }
}

fn answer(name: &str) -> String {
    let columns = four_users();
    let ask = question(name).unwrap_or_else(|| panic!("no question {name}"));
    let [one, two] = [1, 2].map(|threads| ask(&columns, threads).iter().map(Row::json).collect::<Vec<_>>().join(" "));
    assert_eq!(one, two, "{name} on two threads");
    one
}

#[test]
fn funnels() {
    assert_eq!(answer("funnel_3"), "[1,1] [3,2]");
    assert_eq!(answer("funnel_3_city"), r#"["Shanghai",3,1] ["Wuhan",1,1] ["Wuhan",3,1]"#);
    assert_eq!(answer("funnel_5"), "[5,1]");
}

#[test]
fn retention() {
    assert_eq!(answer("retention"), "[0,0,1] [0,3,1] [60,0,1] [60,1,1] [68,0,1]");
}

#[test]
fn segments() {
    assert_eq!(answer("segment"), "[3]");
    assert_eq!(answer("overlap"), "[1,1,1]");
    assert_eq!(answer("rfm"), format!("[3,{},3,601.0] [1,{},1,10.5]", 61 * DAY, 3 * DAY));
}

#[test]
fn trend() {
    assert_eq!(answer("trend"), r#"[60,"cat_03",2,1] [61,"cat_04",1,1]"#);
}

#[test]
fn sessions() {
    // User 1 has three, the first of nine minutes; user 3 two, of three minutes and of one; user 4 two of one event each.
    assert_eq!(answer("sessions"), format!(r#"["ios",4,{}] ["web",3,{}]"#, 9 * MINUTE, 4 * MINUTE));
    let transitions = r#"["add_to_cart","purchase",1] ["app_open","search",1] ["purchase","coupon_claim",1] ["purchase","purchase",1] ["search","view_item",1] ["view_item","add_to_cart",1]"#;
    assert_eq!(answer("transitions"), transitions);
}

#[test]
fn attribution() {
    // The source of the purchase itself does not count.
    assert_eq!(answer("attribution"), r#"["(direct)",3,601.0] ["search",1,10.5]"#);
}

#[test]
fn sequence() {
    assert_eq!(answer("sequence"), "[1]");
}
