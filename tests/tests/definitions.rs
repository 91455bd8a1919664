//! What is kept of definitions survives a restart, and what is due is refreshed.

use eql_tests::{Cell, Small};

const DAY_US: i64 = 86_400_000_000;

/// Microseconds of a day of January 2026, at midnight.
fn january(day: i64) -> i64 {
    1_767_225_600_000_000 + (day - 1) * DAY_US
}

fn world() -> Small {
    let mut small = Small::new();
    small.ask("DEFINE ENTITY user KEY user_id STRING (city STRING); DEFINE EVENT a OF user (x BIGINT);").unwrap_or_else(|e| panic!("{e}"));
    small
        .ask("INSERT INTO EVENT a (time, user_id, x) VALUES ('2026-01-01', 'u1', 5), ('2026-01-10', 'u2', 7)")
        .unwrap_or_else(|e| panic!("{e}"));
    small
}

fn texts(small: &mut Small, text: &str) -> Vec<String> {
    let table = small.ask(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let shown = |c: &Cell| if let Cell::Text(t) = c { t.clone() } else { format!("{:?}", c.number()) };
    table.rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join(" ")).collect()
}

fn at(small: &mut Small, day: i64, text: &str) {
    small.set_clock(january(day));
    small.ask(text).unwrap_or_else(|e| panic!("{text}: {e}"));
}

#[test]
fn versions_survive_a_restart_with_and_without_a_checkpoint() {
    let mut small = world();
    at(&mut small, 5, "DEFINE SEGMENT s OF user AS DID a REFRESH EVERY day; DEFINE TAG t OF user AS sum(a.x) REFRESH EVERY day");
    at(&mut small, 5, "DEFINE STATIC SEGMENT fix OF user AS DID a; DEFINE TAG score OF user TYPE DOUBLE IMPORTED");
    at(&mut small, 5, "INSERT INTO TAG score VALUES ('u1', 0.5)");
    let look = |small: &mut Small| {
        small.set_clock(january(31));
        let mut all = texts(small, "FIND user AMONG s SHOW user_id, t, score");
        all.extend(texts(small, "FIND user AMONG s AS OF '2026-01-06' SHOW user_id"));
        all.extend(texts(small, "FIND user AMONG fix AS OF '2026-01-06' SHOW user_id"));
        all.extend(texts(small, "SELECT user_id, t, score FROM user ORDER BY user_id AS OF '2026-01-06'"));
        all.extend(texts(small, "SELECT object, rows, version FROM system.refreshes"));
        all.extend(texts(small, "SELECT name, members, version, versions FROM system.segments"));
        all
    };
    let before = look(&mut small);
    let mut small = small.reopen();
    assert_eq!(look(&mut small), before);
    // Behind the checkpoint: another version, which replay makes again.
    at(&mut small, 12, "REFRESH SEGMENT s; REFRESH TAG t; INSERT INTO TAG score VALUES ('u2', 1)");
    let after = look(&mut small);
    assert_ne!(after, before);
    let mut small = small.reopen_without_checkpoint();
    assert_eq!(look(&mut small), after);
    let mut small = small.reopen();
    assert_eq!(look(&mut small), after);
}

#[test]
fn what_is_due_is_refreshed_once_and_in_order() {
    let mut small = world();
    // By name, the set would come before the tag that it is made of.
    at(
        &mut small,
        5,
        "DEFINE TAG z OF user AS sum(a.x) REFRESH EVERY day AT '02:00'; DEFINE SEGMENT b OF user AS z >= 7 REFRESH EVERY day AT '02:00'",
    );
    assert_eq!(small.refresh_due(), 0, "their first versions are of this day");
    assert_eq!(texts(&mut small, "FIND user AMONG b SHOW user_id"), Vec::<String>::new());
    // A week was missed: one refresh makes up for it.
    small.set_clock(january(12) + 3 * 3_600_000_000);
    assert_eq!(small.refresh_due(), 2);
    assert_eq!(texts(&mut small, "FIND user AMONG b SHOW user_id"), ["u2"]);
    assert_eq!(small.refresh_due(), 0);
    let mut small = small.reopen();
    assert_eq!(small.refresh_due(), 0, "what was refreshed is remembered");
    small.set_clock(january(13) + 7_000_000_000);
    assert_eq!(small.refresh_due(), 0, "01:56 is before 02:00");
    small.set_clock(january(13) + 7_200_000_000);
    assert_eq!(small.refresh_due(), 2);
    assert_eq!(
        texts(&mut small, "SELECT object, kind, state FROM system.refreshes WHERE started_at > '2026-01-06'"),
        ["user.z tag finished", "b segment finished", "user.z tag finished", "b segment finished"]
    );
}

#[test]
fn a_refresh_that_fails_is_remembered_and_waits_for_its_next_time() {
    let mut small = world();
    at(&mut small, 5, "DEFINE TAG t OF user AS sum(a.x) REFRESH EVERY day");
    // More than 64 bits hold: the sum cannot be made.
    small
        .ask("INSERT INTO EVENT a (time, user_id, x) VALUES ('2026-01-02', 'u1', 9223372036854775807), ('2026-01-02', 'u1', 9223372036854775806)")
        .unwrap_or_else(|e| panic!("{e}"));
    small.set_clock(january(6));
    assert_eq!(small.refresh_due(), 1);
    assert_eq!(small.refresh_due(), 0);
    let failed = texts(&mut small, "SELECT object, state, error FROM system.refreshes WHERE state = 'failed'");
    assert!(failed.len() == 1 && failed[0].contains("too large"), "{failed:?}");
    assert_eq!(texts(&mut small, "FIND user WHERE t = 5 SHOW user_id"), ["u1"], "the version of before stays");
    small.set_clock(january(7));
    assert_eq!(small.refresh_due(), 1);
}

/// What a version says is what its definition says as of its instant: the slow twin evaluates again.
#[test]
fn a_version_is_the_definition_as_of_its_instant() {
    let mut small = Small::new();
    small.ask("DEFINE ENTITY user KEY user_id STRING (city STRING); DEFINE EVENT a OF user (x BIGINT);").unwrap_or_else(|e| panic!("{e}"));
    let mut seed = 7_u64;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let rows: Vec<String> = (0..120)
        .map(|i| format!("('2026-01-{:02}T{:02}:00:00Z', 'u{:02}', {}, 'e{i}')", 1 + next(28), next(24), next(20), next(9)))
        .collect();
    small.ask(&format!("INSERT INTO EVENT a (time, user_id, x, event_id) VALUES {}", rows.join(", "))).unwrap_or_else(|e| panic!("{e}"));
    let (set, value) = ("sum(a.x DURING last 7 days) >= 5", "CASE WHEN count(a) > 2 THEN 'often' WHEN DID a THEN 'some' END");
    let days = [4, 5, 9, 14, 21];
    small.set_clock(january(days[0]));
    small
        .ask(&format!(
            "DEFINE SEGMENT kept OF user AS {set} REFRESH EVERY day; DEFINE SEGMENT fresh OF user AS {set};
             DEFINE TAG kept_tag OF user AS {value} REFRESH EVERY day; DEFINE TAG fresh_tag OF user AS {value};"
        ))
        .unwrap_or_else(|e| panic!("{e}"));
    for day in &days[1..] {
        at(&mut small, *day, "REFRESH SEGMENT kept; REFRESH TAG kept_tag");
    }
    small.set_clock(january(29));
    for day in days[0]..29 {
        let version = days.iter().rev().find(|d| **d <= day).unwrap_or_else(|| panic!("no version of day {day}"));
        let asked = |what: &str, day: i64| format!("FIND user WHERE user_id IN SEGMENT {what} AS OF '2026-01-{day:02}' SHOW user_id");
        assert_eq!(texts(&mut small, &asked("kept", day)), texts(&mut small, &asked("fresh", *version)), "set of day {day}");
        let asked =
            |what: &str, day: i64| format!("FIND user WHERE {what}_tag IS NOT NULL SHOW user_id, {what}_tag AS OF '2026-01-{day:02}'");
        assert_eq!(texts(&mut small, &asked("kept", day)), texts(&mut small, &asked("fresh", *version)), "tag of day {day}");
    }
}
