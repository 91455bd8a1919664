//! Words of other languages, as one table: where they stand, what is written here instead, and what to say.
//!
//! Only a word that means nothing at its place is looked up, so a row never takes a name away from anybody.

use super::site::Site;
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;

/// Where the words stand.
#[derive(Clone, Copy)]
enum At {
    /// Where a clause may begin.
    Clause,
    /// Between two values.
    Operator,
    /// After `|>`.
    Stage,
    /// Where a range of time is wanted.
    Range,
    /// Wherever the grammar stopped.
    Anywhere,
}

/// Where, the words (`^` marks the one at which the grammar stops, else the first), what replaces them ("" = nothing does), the hint.
type Row = (At, &'static str, &'static str, &'static str);

use At::{Anywhere, Clause, Operator, Range, Stage};

const ROWS: &[Row] = &[
    // Conditions.
    (Operator, "RLIKE", "MATCHES", "regular expressions are matched with `MATCHES`"),
    (Operator, "REGEXP", "MATCHES", "regular expressions are matched with `MATCHES`"),
    (Operator, "REGEX", "MATCHES", "regular expressions are matched with `MATCHES`"),
    (Operator, "SIMILAR TO", "MATCHES", "regular expressions are matched with `MATCHES`"),
    (Operator, "GLOB", "LIKE", "write `LIKE` with `%` and `_`, or `MATCHES` with a regular expression"),
    (Operator, "STARTSWITH", "STARTS WITH", "write `STARTS WITH`"),
    (Operator, "ENDSWITH", "ENDS WITH", "write `ENDS WITH`"),
    (Operator, "BEGINS WITH", "STARTS WITH", "write `STARTS WITH`"),
    (Operator, "HASPREFIX", "STARTS WITH", "write `STARTS WITH`"),
    (Operator, "HASSUFFIX", "ENDS WITH", "write `ENDS WITH`"),
    (Operator, "CONTAINS_CS", "CONTAINS", "write `CONTAINS`: it minds the case"),
    (Operator, "ICONTAINS", "CONTAINS", "write `lower(name) CONTAINS 'ann'` where the case does not matter"),
    (Operator, "INCLUDES", "CONTAINS", "write `CONTAINS`"),
    (Operator, "EQUALS", "=", "equality is written `=`"),
    (Operator, "EQ", "=", "equality is written `=`"),
    (Operator, "XOR", "", "either of two but not both is `(a AND NOT b) OR (b AND NOT a)`"),
    (Operator, "DIV", "", "division of whole numbers is `floor(a / b)`"),
    (Operator, "MOD", "%", "the rest of a division is `a % b`"),
    (Operator, "ISNULL", "IS NULL", "write `IS NULL`"),
    (Operator, "NOTNULL", "IS NOT NULL", "write `IS NOT NULL`"),
    (Operator, "EXISTS", "IS NOT NULL", "write `IS NOT NULL`"),
    (Anywhere, "NOT ^NULL", "IS NOT NULL", "write `IS NOT NULL`"),
    (Anywhere, "IS NOT ^DISTINCT FROM", "=", "write `=`; for two missing values add `OR (a IS NULL AND b IS NULL)`"),
    (Anywhere, "IS ^DISTINCT FROM", "!=", "write `!=`: it keeps missing values"),
    (Anywhere, "IS NOT ^EMPTY", "IS SET", "write `IS SET`: neither missing nor empty"),
    (Anywhere, "IS ^EMPTY", "IS NOT SET", "write `IS NOT SET`: missing or empty"),
    (Anywhere, "IS ^BLANK", "IS NOT SET", "write `IS NOT SET`: missing or empty"),
    (Anywhere, "IS ^MISSING", "IS NULL", "write `IS NULL`"),
    (Anywhere, "IS NOT ^UNKNOWN", "IS NOT NULL", "write `IS NOT NULL`"),
    (Anywhere, "IS ^UNKNOWN", "IS NULL", "write `IS NULL`"),
    // What an entity did.
    (Anywhere, "DO", "DID", "what an entity did is written `DID purchase`"),
    (Anywhere, "DO ^", "DID", "what an entity did is written `DID purchase`"),
    (Anywhere, "DOES ^", "DID", "what an entity did is written `DID purchase`"),
    (Anywhere, "DONE ^", "DID", "what an entity did is written `DID purchase`"),
    (Anywhere, "PERFORMED ^", "DID", "what an entity did is written `DID purchase`"),
    (Anywhere, "HAS DONE ^", "DID", "what an entity did is written `DID purchase`"),
    (Anywhere, "DIDNT ^", "NEVER DID", "what an entity did not do is written `NEVER DID purchase`"),
    (Anywhere, "EXISTS ^", "DID", "what an entity did is written `DID purchase`; `EXISTS` takes a query in brackets"),
    (Clause, "LESS THAN", "FEWER THAN", "how often is written `FEWER THAN 3 TIMES`"),
    (Clause, "FOLLOWED BY", "->", "steps are joined by `->`"),
    (Clause, "AND THEN", "->", "steps are joined by `->`"),
    (Clause, "WHO", "WHERE", "conditions begin with `WHERE`"),
    (Clause, "THAT", "WHERE", "conditions begin with `WHERE`"),
    (Clause, "WHICH", "WHERE", "conditions begin with `WHERE`"),
    (Clause, "FILTER", "WHERE", "conditions begin with `WHERE`"),
    (Clause, "PREWHERE", "WHERE", "conditions begin with `WHERE`"),
    // Periods, ranges and windows.
    (Clause, "PER", "EVERY", "the length of a period is given with `EVERY day`"),
    (Clause, "EACH", "EVERY", "the length of a period is given with `EVERY day`"),
    (Clause, "GRANULARITY", "EVERY", "the length of a period is given with `EVERY day`"),
    (Clause, "INTERVAL", "EVERY", "the length of a period is given with `EVERY day`"),
    (Clause, "HOURLY", "EVERY hour", "the length of a period is given with `EVERY hour`"),
    (Clause, "DAILY", "EVERY day", "the length of a period is given with `EVERY day`"),
    (Clause, "WEEKLY", "EVERY week", "the length of a period is given with `EVERY week`"),
    (Clause, "MONTHLY", "EVERY month", "the length of a period is given with `EVERY month`"),
    (Clause, "CONVERSION WINDOW", "WITHIN", "the time from the first step is given with `WITHIN 1 day`"),
    (Clause, "WINDOW", "WITHIN", "the time from the first step is given with `WITHIN 1 day`"),
    (Range, "PAST", "last", "write `last 7 days`"),
    (Range, "THE LAST", "last", "write `last 7 days`"),
    (Range, "TRAILING", "last", "write `last 7 days`"),
    (Range, "CURRENT", "this", "write `this week`"),
    (Range, "WHOLE", "", "the whole history is `all time`"),
    (Range, "EVER", "all time", "the whole history is `all time`"),
    (Range, "BETWEEN", "", "a range is written `'2026-01-01' TO '2026-01-31'`"),
    (Range, "TIME", "", "a range is written `since '2026-01-01'` or `'2026-01-01' TO '2026-01-31'`"),
    (Anywhere, "COMPARE TO LAST ^PERIOD", "COMPARE TO previous period", "write `COMPARE TO previous period`"),
    (Clause, "AT TIME ZONE", "IN TIME ZONE", "write `IN TIME ZONE 'Asia/Shanghai'`"),
    (Clause, "TIME ZONE", "IN TIME ZONE", "write `IN TIME ZONE 'Asia/Shanghai'`"),
    (Clause, "TIMEZONE", "IN TIME ZONE", "write `IN TIME ZONE 'Asia/Shanghai'`"),
    // Groups and order.
    (Clause, "BREAK DOWN BY", "BREAKDOWN BY", "write `BREAKDOWN BY`"),
    (Clause, "SEGMENT BY", "BREAKDOWN BY", "groups of an analysis are made with `BREAKDOWN BY`"),
    (Clause, "SEGMENTED BY", "BREAKDOWN BY", "groups of an analysis are made with `BREAKDOWN BY`"),
    (Clause, "GROUPED BY", "BREAKDOWN BY", "groups of an analysis are made with `BREAKDOWN BY`"),
    (Anywhere, "SPLIT ^", "BREAKDOWN BY", "groups of an analysis are made with `BREAKDOWN BY`"),
    (Clause, "TOP", "", "the greatest groups are `BREAKDOWN BY channel TOP 5`, the first rows `LIMIT 5`"),
    (Anywhere, "SELECT TOP ^", "", "the first rows are `LIMIT 10` at the end"),
    (Anywhere, "GROUPING ^SETS", "", "one list of groups a query: join several with `UNION ALL`"),
    (Clause, "ASCENDING", "ASC", "write `ASC`"),
    (Clause, "DESCENDING", "DESC", "write `DESC`"),
    (Anywhere, "NULLS LAST ^DESC", "DESC NULLS LAST", "write `DESC NULLS LAST`"),
    (Anywhere, "NULLS FIRST ^DESC", "DESC NULLS FIRST", "write `DESC NULLS FIRST`"),
    (Clause, "SORT BY", "ORDER BY", "write `ORDER BY`"),
    (Clause, "FETCH", "", "the first rows are `LIMIT 10`"),
    (Clause, "OFFSET", "", "rows are skipped inside a limit: `LIMIT 100 OFFSET 20`"),
    (Anywhere, "LIMIT ^ALL", "", "leave the limit out"),
    (Clause, "QUALIFY", "|> WHERE", "what OVER computed is filtered by a stage: `|> WHERE r = 1`"),
    (Anywhere, "ROWS", "", "a window has the usual frame, up to the current row: `sum(x) OVER (ORDER BY time)`"),
    (Anywhere, "RANGE", "", "a window has the usual frame, up to the current row: `sum(x) OVER (ORDER BY time)`"),
    (Anywhere, "WITH RECURSIVE ^", "", "a query cannot use itself"),
    (Anywhere, "MINUS", "EXCEPT", "write `EXCEPT`"),
    // Tables.
    (Anywhere, "NATURAL JOIN", "", "a join says its condition: `JOIN b ON a.id = b.id`"),
    (Anywhere, "ARRAY JOIN", "", "members of a list are tested with `HAS`: `interests HAS 'music'`"),
    (Anywhere, "LATERAL", "", "use a path such as `purchase.product.name`, or a join with `ON`"),
    (Anywhere, "FINAL", "", "leave it out: an entity is always one row"),
    (Clause, "TABLESAMPLE", "", "write `SAMPLE 10%`"),
    (Clause, "MATCH_RECOGNIZE", "", "events in order are a `SEQUENCE`, counted they are a `FUNNEL`"),
    (Clause, "EMIT CHANGES", "", "changes are followed with `SUBSCRIBE TO SEGMENT vip`"),
    (Clause, "FORMAT", "", "the format is the client's: eql query --format json"),
    (Clause, "SETTINGS", "", "settings stand before the statement: `SET threads = 4`"),
    (Clause, "INTO OUTFILE", "", "results are written by the client: eql export --query … -o FILE"),
    // Funnels and retention.
    (Clause, "EXCLUDE", "EXCLUDING", "write `EXCLUDING refund`"),
    (Clause, "WITHOUT", "EXCLUDING", "write `EXCLUDING refund`"),
    (Clause, "IN SEQUENCE", "IN ORDER", "write `IN ORDER`"),
    (Clause, "ORDERED", "IN ORDER", "write `IN ORDER`"),
    (Clause, "SEQUENTIAL", "IN ORDER", "write `IN ORDER`"),
    (Clause, "UNORDERED", "IN ANY ORDER", "write `IN ANY ORDER`"),
    (Clause, "ANY ORDER", "IN ANY ORDER", "write `IN ANY ORDER`"),
    (Clause, "STRICT ORDER", "IN STRICT ORDER", "write `IN STRICT ORDER`"),
    (Clause, "STRICT", "IN STRICT ORDER", "write `IN STRICT ORDER`"),
    (Anywhere, "COUNTING ^USERS", "COUNTING ENTITIES", "write `COUNTING ENTITIES`: it is what a funnel does anyway"),
    (Anywhere, "COUNTING ^EVENTS", "COUNTING ATTEMPTS", "write `COUNTING ATTEMPTS`"),
    (Clause, "START", "STARTING", "write `STARTING register`"),
    (Clause, "STARTS", "STARTING", "write `STARTING register`"),
    (Clause, "COHORT", "STARTING", "write `STARTING register`"),
    (Clause, "RETURN", "RETURNING", "write `RETURNING login`"),
    (Clause, "RETURNS", "RETURNING", "write `RETURNING login`"),
    (Clause, "DAYS", "", "how many periods is written `FOR 7 days`"),
    (Clause, "WEEKS", "", "how many periods is written `FOR 7 weeks`"),
    // Stages.
    (Stage, "SUMMARIZE", "AGGREGATE", "groups are made with `|> AGGREGATE count(*) AS n GROUP BY channel`"),
    (Stage, "SUMMARISE", "AGGREGATE", "groups are made with `|> AGGREGATE count(*) AS n GROUP BY channel`"),
    (Stage, "STATS", "AGGREGATE", "groups are made with `|> AGGREGATE count(*) AS n GROUP BY channel`"),
    (Stage, "GROUP", "", "groups are made with `|> AGGREGATE count(*) AS n GROUP BY channel`"),
    (Stage, "DISTINCT", "", "different values are `|> AGGREGATE count(*) AS n GROUP BY channel`"),
    (Stage, "COUNT", "", "rows are counted with `|> AGGREGATE count(*) AS n`"),
    (Stage, "FILTER", "WHERE", "rows are filtered with `|> WHERE amount > 100`"),
    (Stage, "HAVING", "WHERE", "rows are filtered with `|> WHERE amount > 100`"),
    (Stage, "PROJECT", "SELECT", "columns are chosen with `|> SELECT channel`"),
    (Stage, "KEEP", "SELECT", "columns are chosen with `|> SELECT channel`"),
    (Stage, "FIELDS", "SELECT", "columns are chosen with `|> SELECT channel`"),
    (Stage, "EVAL", "EXTEND", "columns are added with `|> EXTEND amount * 2 AS double`"),
    (Stage, "DERIVE", "EXTEND", "columns are added with `|> EXTEND amount * 2 AS double`"),
    (Stage, "MUTATE", "EXTEND", "columns are added with `|> EXTEND amount * 2 AS double`"),
    (Stage, "SET", "EXTEND", "columns are added with `|> EXTEND amount * 2 AS double`"),
    (Stage, "TAKE", "LIMIT", "the first rows are `|> LIMIT 10`"),
    (Stage, "HEAD", "LIMIT", "the first rows are `|> LIMIT 10`"),
    (Stage, "TOP", "", "the greatest are `|> ORDER BY amount DESC |> LIMIT 10`"),
    (Stage, "SORT BY", "ORDER BY", "rows are ordered with `|> ORDER BY amount DESC`"),
    (Stage, "SORT", "ORDER BY", "rows are ordered with `|> ORDER BY amount DESC`"),
    (Stage, "JOIN", "", "tables are joined in `FROM`, before the stages"),
    (Stage, "UNION", "", "queries are joined before the stages, or in brackets: `(FROM a) UNION ALL (FROM b)`"),
    // Definitions.
    (
        Anywhere,
        "TABLE",
        "",
        "there are entities and events: `DEFINE ENTITY`, `DROP EVENT view`, `INSERT INTO ENTITY user (user_id) VALUES ('u1')`",
    ),
    (Anywhere, "SHOW ^TABLES", "", "write `SHOW ENTITIES` or `SHOW EVENTS`"),
    (Anywhere, "SHOW ^DATABASES", "", "there is one catalogue: `SHOW ENTITIES` and `SHOW EVENTS`"),
    (Anywhere, "SHOW ^COLUMNS", "", "write `SHOW PROPERTIES OF purchase`"),
    (Anywhere, "SHOW ^FIELDS", "", "write `SHOW PROPERTIES OF purchase`"),
    (Anywhere, "SHOW ^ME", "", "entities are listed with `FIND user WHERE DID purchase`"),
    (Anywhere, "PRIMARY KEY", "KEY", "the key stands before the columns: `DEFINE ENTITY user KEY user_id STRING (city STRING)`"),
    (
        Anywhere,
        "FOREIGN ^KEY",
        "",
        "links are relations: `DEFINE RELATION purchase.product TO ONE product ON product_id = product.product_id`",
    ),
    (
        Anywhere,
        "REFERENCES",
        "",
        "links are relations: `DEFINE RELATION purchase.product TO ONE product ON product_id = product.product_id`",
    ),
    (Anywhere, "IF ^NOT EXISTS", "", "leave it out: the same definition again does nothing, and `DEFINE OR REPLACE` changes it"),
    (Anywhere, "PARTITIONED BY", "CLUSTER BY", "write `CLUSTER BY store`"),
    (Anywhere, "PARTITION BY", "", "events are kept by entity and time; a second order is `CLUSTER BY store`"),
    (Anywhere, "WATERMARK", "", "how late events may come is said by the segment: `GRACE 1 hour`"),
];

/// What is said of a word of another language.
pub(super) fn word(site: &Site<'_>) -> Option<Diagnostic> {
    let (row, words) = ROWS.iter().filter(|row| stands(site, row.0)).find_map(|row| Some((row, found(site, row.1)?)))?;
    let written = site.text.get(words.start..words.end).unwrap_or_default();
    let message = format!("{} is not written like this here", super::site::quote(written));
    let diagnostic = site.error(code::FOREIGN, words, message).with_hint(row.3);
    Some(if row.2.is_empty() { diagnostic } else { diagnostic.with_fix(site.text, words, row.2) })
}

fn stands(site: &Site<'_>, at: At) -> bool {
    match at {
        Anywhere => true,
        Clause => site.expects(Rule::clause),
        Operator => site.expects_any(&[Rule::pred_tail, Rule::arith, Rule::cmp]),
        Stage => site.is_symbol(-1, &["|>"]),
        Range => site.expects_any(&[Rule::range, Rule::instant]),
    }
}

/// The place of the words, if they stand here. A `^` alone is any word, and not part of the place.
fn found(site: &Site<'_>, phrase: &str) -> Option<Span> {
    let words: Vec<&str> = phrase.split(' ').collect();
    let stop = words.iter().position(|w| w.starts_with('^')).unwrap_or(0);
    let offset = |i: usize| isize::try_from(i).unwrap_or(0) - isize::try_from(stop).unwrap_or(0);
    let stands = |(i, w): (usize, &&str)| match w.trim_start_matches('^') {
        "" => site.token(offset(i)).is_some_and(|t| !matches!(t.kind, crate::token::TokenKind::Symbol)),
        word => site.is_word(offset(i), &[word]),
    };
    if !words.iter().enumerate().all(stands) {
        return None;
    }
    let last = if words.last() == Some(&"^") { words.len().checked_sub(2)? } else { words.len() - 1 };
    Some(site.span(offset(0)).to(site.span(offset(last))))
}

/// True if the word begins a stage in another language.
pub(super) fn is_stage(word: &str) -> bool {
    ROWS.iter().any(|row| matches!(row.0, Stage) && row.1.split(' ').next().is_some_and(|w| w.eq_ignore_ascii_case(word)))
}

/// All hints of the table.
pub(super) fn advice() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.3)
}
