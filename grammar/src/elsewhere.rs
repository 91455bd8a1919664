//! Functions and names of other languages, and what is written here: one table for the grammar, the compiler and the manual.

/// Names in lower case, and the advice.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &["windowfunnel", "window_funnel", "funnel", "conversion", "conversion_rate"],
        "how far entities get is `FUNNEL view -> purchase WITHIN 1 day DURING last 30 days`",
    ),
    (
        &["sequencematch", "sequencecount", "sequencenextnode"],
        "events in order are `SEQUENCE view -> purchase WITHIN 1 day DURING last 30 days`, as a condition `DID view -> purchase`",
    ),
    (&["retention"], "who comes back is `RETENTION STARTING register RETURNING login EVERY week FOR 8 weeks DURING last 90 days`"),
    (
        &[
            "uniqexact",
            "uniqcombined",
            "uniqhll12",
            "dcount",
            "count_distinct",
            "countdistinct",
            "unique",
            "uniques",
            "distinct_count",
            "unique_users",
            "uniqueusers",
            "dau",
            "wau",
            "mau",
            "active_users",
        ],
        "different subjects are `users(purchase)`, different values `count(DISTINCT purchase.channel)`",
    ),
    (&["approx_count_distinct", "approx_distinct", "ndv", "hll"], "write `approx_users(purchase)`, or `count(DISTINCT purchase.channel)`"),
    (&["total", "totals"], "events are counted with `count(purchase)`"),
    (&["countif", "count_if"], "write `count(* WHERE amount > 100)`"),
    (&["sumif", "sum_if"], "write `sum(amount WHERE channel = 'app')`"),
    (&["avgif", "averageif", "avg_if", "minif", "maxif", "uniqif"], "write `avg(amount WHERE channel = 'app')`"),
    (&["quantileexact", "approx_percentile", "percentile_disc", "approx_quantile"], "write `percentile(amount, 0.9)`"),
    (&["argmax", "max_by", "arg_max"], "write `last(channel ORDER BY amount)`"),
    (&["argmin", "min_by", "arg_min"], "write `first(channel ORDER BY amount)`"),
    (&["topk", "mode"], "write `top(channel, 1 BY count(purchase))`"),
    (&["grouparray", "groupuniqarray", "make_list", "make_set", "collect_list", "collect_set"], "write `collect(channel)`"),
    (&["nvl", "zeroifnull", "isnull_or"], "write `coalesce(city, 'unknown')`"),
    (&["isnull", "is_null", "isblank"], "write `city IS NULL`"),
    (&["isnotnull", "is_not_null", "notnull"], "write `city IS NOT NULL`"),
    (&["isempty", "empty"], "missing or empty is `city IS NOT SET`"),
    (&["isnotempty", "notempty"], "neither missing nor empty is `city IS SET`"),
    (&["multiif", "decode", "iff_chain", "case_when", "switch"], "write `CASE WHEN vip_level > 3 THEN 'high' ELSE 'low' END`"),
    (&["iff", "ifelse", "if_else"], "write `if(amount > 10, 'big', 'small')`"),
    (&["has", "hasany", "hasall", "array_contains", "arraycontains", "list_contains", "contains_any"], "write `interests HAS 'music'`"),
    (
        &["arrayfilter", "arraymap", "arrayexists", "arrayjoin", "unnest", "explode"],
        "members of a list are tested with `HAS`: `interests HAS 'music'`",
    ),
    (&["contains", "charindex", "locate", "strposition"], "write `name CONTAINS 'ann'`, or `position(name, 'ann')` for the place"),
    (&["startswith", "starts_with"], "write `name STARTS WITH 'A'`"),
    (&["endswith", "ends_with"], "write `name ENDS WITH 'a'`"),
    (&["like", "ilike"], "write `name LIKE 'A%'`"),
    (&["match", "regexp_like", "regexp_matches", "rlike", "regexp", "regexmatch"], "write `name MATCHES 'a.*'`"),
    (&["strcat", "concatenate", "textjoin"], "write `concat(name, city)`"),
    (&["split", "splitbychar", "splitbystring"], "write `split_part(name, ' ', 1)`"),
    (&["tolower", "lowerutf8"], "write `lower(name)`"),
    (&["toupper", "upperutf8"], "write `upper(name)`"),
    (&["strlen", "lengthutf8"], "write `length(name)`"),
    (&["getdate", "sysdate", "sysdatetime", "localtimestamp", "utcnow", "getutcdate", "now64", "unix_timestamp"], "write `now()`"),
    (&["curdate", "yesterday"], "write `today()`, and `today() - 1 day` for the day before"),
    (&["ago"], "write `now() - 7 days`; a range is `DURING last 7 days`"),
    (
        &[
            "date_sub",
            "date_add",
            "datesub",
            "dateadd",
            "adddays",
            "subtractdays",
            "add_months",
            "adddate",
            "subdate",
            "timestampadd",
            "plus",
        ],
        "write `time - 7 days` or `time + 1 month`",
    ),
    (&["datediff", "date_diff", "timestampdiff", "datetime_diff", "age"], "write `(t2 - t1) / 86400`, or `days_since(t)` up to now"),
    (
        &[
            "bin",
            "tumble",
            "hop",
            "window",
            "floor_time",
            "tostartofinterval",
            "datetrunc",
            "trunc_date",
            "startofweek",
            "startofday",
            "startofmonth",
        ],
        "write `bucket(time, 'day')`",
    ),
    (&["tostartofminute"], "write `minute(time)`"),
    (&["tostartofhour"], "write `hour(time)`"),
    (&["todate", "todatetime", "tostartofday", "cast_date"], "write `date(time)`"),
    (&["tostartofweek", "tomonday"], "write `week(time)`"),
    (&["tostartofmonth", "toyyyymm"], "write `month(time)`"),
    (&["tostartofquarter"], "write `quarter(time)`"),
    (&["tostartofyear", "toyear"], "write `year(time)`, or `date_part('year', time)` for the number"),
    (&["dayofweek", "weekday", "todayofweek"], "write `date_part('dow', time)`: 0 is Sunday"),
    (&["dayofmonth", "todayofmonth"], "write `date_part('day', time)`"),
    (&["hourofday", "tohour", "hour_of_day"], "write `date_part('hour', time)`"),
    (
        &["str_to_date", "to_timestamp", "parsedatetime", "parsedatetimebesteffort", "strptime", "from_unixtime"],
        "write `CAST('2026-01-31' AS DATE)`, or `TIMESTAMP '2026-01-31 12:00:00'`",
    ),
    (
        &["date_format", "to_char", "strftime", "formatdatetime", "format_datetime"],
        "periods are written as dates: `month(time)`, `week(time)`",
    ),
    (&["toint32", "toint64", "toint", "to_number", "tolong", "parseint"], "write `CAST(x AS INT)`"),
    (&["tofloat64", "tofloat", "todouble", "toreal"], "write `CAST(x AS DOUBLE)`"),
    (&["tostring", "to_string", "str", "tostr"], "write `CAST(x AS STRING)`"),
    (
        &["jsonextract", "jsonextractstring", "json_extract", "json_value", "get_json_object", "json_extract_path_text", "parse_json"],
        "undeclared properties are read as `extra.name`",
    ),
    (&["rollup", "cube"], "one list of groups a query: join several with `UNION ALL`"),
    (&["row_num", "rownum", "rownumber"], "write `row_number() OVER (ORDER BY time)`"),
    (&["runningdifference", "neighbor"], "write `lag(n) OVER (ORDER BY period)`"),
    (&["cohort", "in_cohort", "incohort"], "write `user_id IN SEGMENT vip`"),
    (&["on"], "the first row of each group: `row_number() OVER (PARTITION BY channel ORDER BY time)`"),
    (&["daterange", "date_range"], "a range is written `DURING last 7 days`"),
];

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

/// What is written here for a function of another language.
pub fn function(name: &str) -> Option<&'static str> {
    find(FUNCTIONS, name)
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
