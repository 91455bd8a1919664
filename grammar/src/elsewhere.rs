//! Functions and names of other languages, and what is written here: one table for the grammar, the compiler and the manual.

mod function;

use function::FUNCTIONS;

/// Names of tables that other systems have.
const NOUNS: &[(&[&str], &str)] = &[
    (
        &["events", "event", "raw_events", "raw_event", "event_log"],
        "rows of one event are `FROM purchase`, those of all events `FROM ANY EVENT`",
    ),
    (&["users", "persons", "person", "people", "profiles", "customers"], "an entity has its name in the singular: `FIND user`"),
    (&["cohorts", "cohort", "segments"], "members of a set are `FROM SEGMENT vip`; all sets are `SHOW SEGMENTS`"),
    (&["tables", "information_schema", "pg_catalog"], "what there is, is listed by `SHOW ENTITIES` and `SHOW EVENTS`"),
];

/// Names of columns that other systems have.
const COLUMNS: &[(&[&str], &str)] = &[
    (
        &["timestamp", "ts", "event_time", "eventtime", "created_at", "occurred_at", "datetime", "date", "$time", "dt", "event_date"],
        "the time of an event is `time`, its day `day(time)`",
    ),
    (
        &["distinct_id", "person_id", "$user_id", "amplitude_id", "device_id", "$distinct_id", "anonymous_id"],
        "the subject is named by its key, such as `user_id`",
    ),
    (&["event_name", "event_type", "action", "$event", "eventname"], "the name of an event is `event`"),
    (&["uuid", "insert_id", "$insert_id", "message_id"], "the id of an event is `event_id`"),
    (&["sysdate", "localtimestamp", "current_time", "localtime"], "the instant of the statement is `now()`"),
];

/// What is written here for a function of another language, whatever its case and its `_`.
pub fn function(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    find(FUNCTIONS, &plain)
}

/// The names of functions that there is advice for: a test holds them against the functions that there are.
pub fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|(names, _)| names.iter().copied())
}

/// What is written here for a column that other systems have.
pub fn column(name: &str) -> Option<&'static str> {
    find(COLUMNS, name)
}

/// What is written here for a table that other systems have.
pub fn noun(name: &str) -> Option<&'static str> {
    find(NOUNS, name)
}

fn find(table: &'static [(&'static [&'static str], &'static str)], name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    table.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, advice)| *advice)
}

/// All advice that is given on habits of other languages: a test reads it.
pub fn advice() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().chain(NOUNS).chain(COLUMNS).map(|(_, advice)| *advice).chain(crate::classify::foreign_advice())
}
