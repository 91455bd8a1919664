//! What SET changes, and what a request brings along.

use std::collections::BTreeMap;

/// Settings that hold from one statement to the next. Unset ones fall back to the data directory's clock, UTC, Monday and the server's limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// `SET now`: microseconds since 1970-01-01T00:00Z.
    pub now: Option<i64>,
    /// `SET time_zone`: IANA name.
    pub time_zone: Option<String>,
    /// `SET week_start`.
    pub week_start: Option<eql_catalog::WeekStart>,
    /// `SET dialect`: `eql`, `sql` or `auto`.
    pub dialect: Option<String>,
    /// `SET result_cache`: `on` (default) or `off`.
    pub result_cache_off: bool,
    /// `SET threads`.
    pub threads: Option<usize>,
    /// `SET memory_limit`: bytes.
    pub memory_limit: Option<u64>,
    /// `SET timeout`: milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Parameter values by name (`:name` is `name`, `$1` is `1`), as text; a number, `true`, `false`, `null`, a JSON list, or any other text.
pub type Params = BTreeMap<String, serde_json::Value>;
