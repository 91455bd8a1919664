//! Entities that become one and come apart in a live segment, against an obvious loop.

#![allow(clippy::unwrap_used)]

use eql_tests::{Cell, Small};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::BTreeSet;

const USERS: usize = 5;
const WINDOW_DAYS: i64 = 5;
const DAY_US: i64 = 86_400_000_000;
/// 2026-01-01T00:00:00Z
const BEGIN_US: i64 = 1_767_225_600_000_000;

const SETUP: &str = "DEFINE ENTITY user KEY user_id STRING (x BIGINT) IDENTITIES ($mail STRING MANY);
DEFINE EVENT visit OF user;
DEFINE STREAMING SEGMENT keen OF user AS DID visit AT LEAST 2 TIMES DURING last 5 rolling days";

/// What happens at noon of a day.
#[derive(Clone, Debug)]
enum Deed {
    Visits(usize, usize),
    Merge(usize, usize),
    Unmerge(usize, usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let two = (0..USERS, 0..USERS);
    prop_oneof![
        4 => (0..USERS, 1..3usize).prop_map(|(who, times)| Deed::Visits(who, times)),
        3 => two.clone().prop_map(|(a, b)| Deed::Merge(a, b)),
        2 => two.prop_map(|(a, b)| Deed::Unmerge(a, b)),
    ]
}

/// (absorbed, survivor, since, until)
type Edge = (usize, usize, i64, i64);

#[derive(Default)]
struct Loop {
    edges: Vec<Edge>,
    visits: Vec<(usize, i64)>,
}

impl Loop {
    fn above(&self, user: usize, at: i64) -> Option<usize> {
        self.edges.iter().find(|(absorbed, _, since, until)| *absorbed == user && *since <= at && at < *until).map(|e| e.1)
    }

    fn root(&self, user: usize, at: i64) -> usize {
        self.above(user, at).map_or(user, |above| self.root(above, at))
    }

    fn merge(&mut self, a: usize, b: usize, at: i64) {
        let (survivor, absorbed) = (self.root(a, at), self.root(b, at));
        if survivor != absorbed {
            self.edges.push((absorbed, survivor, at, i64::MAX));
        }
    }

    /// The one named second leaves; where it stands for the first, what lies below it on the way leaves.
    fn unmerge(&mut self, a: usize, b: usize, at: i64) {
        if a == b || self.root(a, at) != self.root(b, at) {
            return;
        }
        let (mut leaves, mut below) = (b, a);
        while let Some(above) = self.above(below, at) {
            if above == b {
                leaves = below;
            }
            below = above;
        }
        if let Some(edge) = self.edges.iter_mut().find(|e| e.0 == leaves && e.3 == i64::MAX) {
            edge.3 = at;
        }
    }

    fn keen(&self, at: i64) -> BTreeSet<String> {
        let from = at - WINDOW_DAYS * DAY_US;
        let visits =
            |root: usize| self.visits.iter().filter(|(who, time)| self.root(*who, at) == root && from <= *time && *time < at).count();
        (0..USERS).filter(|u| self.root(*u, at) == *u && visits(*u) >= 2).map(|u| format!("u{u}")).collect()
    }
}

fn noon(day: usize) -> i64 {
    BEGIN_US + day as i64 * DAY_US + DAY_US / 2
}

fn text(at: i64) -> String {
    let hours = (at - BEGIN_US) / 3_600_000_000;
    format!("2026-01-{:02}T{:02}:00:00Z", hours / 24 + 1, hours % 24)
}

fn do_it(small: &Small, known: &mut Loop, deed: &Deed, day: usize, ids: &mut usize) {
    let (at, time) = (noon(day), text(noon(day)));
    let operate = |what: &str, a: usize, b: usize| {
        small.ingest(Some("user"), &format!("{{\"key\":\"u{a}\",\"time\":\"{time}\",\"{what}\":\"u{b}\"}}\n")).unwrap();
    };
    match deed {
        Deed::Visits(who, times) => {
            let mut rows = String::new();
            for _ in 0..*times {
                *ids += 1;
                rows += &format!("{{\"event_id\":\"{ids}\",\"time\":\"{time}\",\"user_id\":\"u{who}\"}}\n");
                known.visits.push((*who, at));
            }
            small.import(Some("visit"), &rows).unwrap();
        }
        Deed::Merge(a, b) => {
            operate("merge", *a, *b);
            known.merge(*a, *b, at);
        }
        Deed::Unmerge(a, b) => {
            operate("unmerge", *a, *b);
            known.unmerge(*a, *b, at);
        }
    }
}

fn names(small: &mut Small, question: &str, column: &str) -> BTreeSet<String> {
    let table = small.ask(question).unwrap_or_else(|e| panic!("{question}: {e}"));
    let place = table.columns.iter().position(|c| c == column).unwrap_or_else(|| panic!("{:?}", table.columns));
    let name = |row: &Vec<Cell>| match &row[place] {
        Cell::Text(name) => Some(name.clone()),
        _ => None,
    };
    table.rows.iter().filter_map(name).collect()
}

proptest! {
    #![proptest_config(Config { cases: 12, failure_persistence: None, ..Config::default() })]

    #[test]
    fn after_every_deed_it_is_what_a_loop_makes_of_it(deeds in prop::collection::vec(deed(), 4..20), again in 0..20usize) {
        let (mut small, mut known, mut ids) = (Small::new(), Loop::default(), 0);
        small.set_clock(BEGIN_US);
        small.ask(SETUP).unwrap();
        small.import(Some("user"), &(0..USERS).map(|u| format!("{{\"user_id\":\"u{u}\"}}\n")).collect::<String>()).unwrap();
        small.ask("SUBSCRIBE TO SEGMENT keen FROM SNAPSHOT").unwrap();
        for (day, deed) in deeds.iter().enumerate() {
            let now = noon(day) + DAY_US / 4;
            small.set_clock(now);
            do_it(&small, &mut known, deed, day, &mut ids);
            if day == again {
                small = small.reopen();
            }
            let live = names(&mut small, "SUBSCRIBE TO SEGMENT keen FROM SNAPSHOT", "entity");
            prop_assert_eq!(live, known.keen(now), "live, after day {} of {:?}", day, deeds);
        }
    }
}
