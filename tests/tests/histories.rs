//! Properties in time against an obvious loop: random values, some cleared, some late, many at the moments of events.

use eql_tests::{Cell, Small};
use proptest::prelude::*;
use proptest::test_runner::Config;

const USERS: usize = 3;
const SHOPS: usize = 2;
/// Days on which something can happen: few, so that values change at the very moments of events.
const DAYS: u8 = 8;

const SETUP: &str = "SET now = '2026-03-01T00:00:00Z';
DEFINE ENTITY shop KEY shop_id STRING (size BIGINT HISTORY);
DEFINE ENTITY user KEY user_id STRING (level BIGINT HISTORY, shop_id STRING HISTORY);
DEFINE RELATION user.shop TO ONE shop ON shop_id = shop.shop_id;
DEFINE EVENT buy OF user (x BIGINT)";

/// A value of one property of one entity from a day on; no day is from the beginning.
#[derive(Clone, Debug)]
struct Said {
    entity: usize,
    day: Option<u8>,
    value: Option<i64>,
}

#[derive(Clone, Debug)]
struct World {
    levels: Vec<Said>,
    shops: Vec<Said>,
    sizes: Vec<Said>,
    events: Vec<(usize, u8)>,
    /// So many rows of each kind come before the events, the others after them.
    early: usize,
}

fn said(entities: usize, values: i64) -> impl Strategy<Value = Vec<Said>> {
    let one = (0..entities, proptest::option::weighted(0.9, 0..DAYS), proptest::option::weighted(0.8, 0..values));
    proptest::collection::vec(one.prop_map(|(entity, day, value)| Said { entity, day, value }), 0..10)
}

fn world() -> impl Strategy<Value = World> {
    let events = proptest::collection::vec((0..USERS, 0..DAYS), 1..12);
    (said(USERS, 5), said(USERS, SHOPS as i64), said(SHOPS, 5), events, 0..10usize)
        .prop_map(|(levels, shops, sizes, events, early)| World { levels, shops, sizes, events, early })
}

/// What holds at a day: the value of the latest day that is not later; of several the last said.
fn holds(said: &[Said], entity: usize, day: u8) -> Option<i64> {
    let mut best: Option<&Said> = None;
    for s in said.iter().filter(|s| s.entity == entity && s.day.is_none_or(|d| d <= day)) {
        if best.is_none_or(|b| b.day <= s.day) {
            best = Some(s);
        }
    }
    best?.value
}

fn time(day: u8) -> String {
    format!("2026-01-{:02}T00:00:00Z", day + 1)
}

fn tell(small: &Small, entity: &str, property: &str, said: &[Said], text: fn(i64) -> serde_json::Value) {
    // Rows are told one by one: which of them is said last is then beyond doubt.
    for s in said {
        let mut row = serde_json::json!({ format!("{entity}_id"): format!("{entity}{}", s.entity), property: s.value.map(text) });
        if let (Some(day), Some(row)) = (s.day, row.as_object_mut()) {
            row.insert("time".into(), time(day).into());
        }
        small.import(Some(entity), &row.to_string()).unwrap_or_else(|e| panic!("{row}: {e}"));
    }
}

fn tell_all(small: &Small, w: &World, part: impl Fn(&[Said]) -> Vec<Said>) {
    tell(small, "user", "level", &part(&w.levels), Into::into);
    tell(small, "user", "shop_id", &part(&w.shops), |v| format!("shop{v}").into());
    tell(small, "shop", "size", &part(&w.sizes), Into::into);
}

fn filled(w: &World) -> Small {
    let mut small = Small::new();
    small.ask(SETUP).unwrap_or_else(|e| panic!("{e}"));
    tell_all(&small, w, |s| s[..w.early.min(s.len())].to_vec());
    let line = |(i, (user, day)): (usize, &(usize, u8))| {
        serde_json::json!({"event": "buy", "event_id": format!("{i:02}"), "time": time(*day), "user_id": format!("user{user}"), "x": i})
            .to_string()
    };
    let lines: Vec<String> = w.events.iter().enumerate().map(line).collect();
    small.import(None, &lines.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    tell_all(&small, w, |s| s[w.early.min(s.len())..].to_vec());
    small
}

fn ask(small: &mut Small, text: &str) -> Vec<Vec<Option<String>>> {
    let cell = |cell: Cell| match cell {
        Cell::Null => None,
        Cell::Bool(b) => Some(b.to_string()),
        Cell::Text(t) => Some(t),
    };
    let table = small.ask(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
    table.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
}

fn shown(value: Option<i64>) -> Option<String> {
    value.map(|v| v.to_string())
}

fn of_events(w: &World, small: &mut Small) {
    let expected: Vec<Vec<Option<String>>> = w
        .events
        .iter()
        .map(|(user, day)| {
            let shop = holds(&w.shops, *user, *day);
            let size = shop.and_then(|s| holds(&w.sizes, s as usize, *day));
            vec![shown(holds(&w.levels, *user, *day)), shown(size), shop.map(|s| format!("shop{s}"))]
        })
        .collect();
    let text =
        "SELECT at_event(user.level) AS level, at_event(user.shop.size) AS size, at_event(user.shop_id) AS shop FROM buy ORDER BY event_id";
    assert_eq!(ask(small, text), expected, "{w:#?}");
}

fn of_instants(w: &World, small: &mut Small) {
    for day in 0..DAYS {
        let text = format!("SELECT user_id, level, shop.size AS size FROM user ORDER BY user_id AS OF TIMESTAMP '{}'", time(day));
        // Who is not known yet is left out;.
        for row in ask(small, &text) {
            let user: usize = row[0].as_deref().and_then(|id| id.strip_prefix("user")?.parse().ok()).unwrap_or_else(|| panic!("{row:?}"));
            let size = holds(&w.shops, user, day).and_then(|s| holds(&w.sizes, s as usize, day));
            assert_eq!(row[1..], [shown(holds(&w.levels, user, day)), shown(size)], "user{user} as of day {day}: {w:#?}");
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn values_are_those_of_their_time(w in world()) {
        let mut small = filled(&w);
        of_events(&w, &mut small);
        of_instants(&w, &mut small);
        let mut again = small.reopen();
        again.ask("SET now = '2026-03-01T00:00:00Z'").unwrap_or_else(|e| panic!("{e}"));
        of_events(&w, &mut again);
        of_instants(&w, &mut again);
    }
}
