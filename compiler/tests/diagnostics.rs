//! Wrong statements over the sample's schema: the code, the place and the help that a user gets.

use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::{Bound, Statement};
use eql_compiler::{Context, ParamValues, bind};
use eql_grammar::{Diagnostic, parse};

const SCHEMA: &str = include_str!("../../demo/completejourney/schema.eql");
const MORE: &str = "
    DEFINE SEGMENT buyers OF household AS DID purchase;
    DEFINE TAG first_buy OF household AS first(purchase.time);
    DEFINE EVENT treat AS [purchase WHERE product.department = 'FLORAL'] OR coupon_redeem;
    DEFINE PROPERTY purchase.net AS sales_value - retail_disc;
    DEFINE ENTITY member KEY member_id STRING (city STRING, level INT HISTORY, born DATE);
    DEFINE EVENT visit OF member (stay DOUBLE, page STRING);
    DEFINE PROPERTY member.visits AS count(visit);";

fn bound(catalog: &Catalog, text: &str) -> Vec<Result<Bound, Vec<Diagnostic>>> {
    let params = ParamValues::new();
    let context = Context { catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: false };
    parse(text).statements.into_iter().map(|s| s.map(|s| bind(text, &s, &context))).collect()
}

fn catalog() -> Catalog {
    let text = format!("{SCHEMA}\n{MORE}");
    let mut catalog = Catalog::default();
    for statement in parse(&text).statements {
        let statement = statement.expect("the schema parses");
        let params = ParamValues::new();
        let context =
            Context { catalog: &catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: false };
        let b = bind(&text, &statement, &context);
        match b.statement {
            Some(Statement::Change(change, _)) => catalog = catalog.apply(&change).expect("it applies"),
            other => panic!("{other:?}: {:?}", b.diagnostics),
        }
    }
    catalog
}

/// Statement, code, the text under the caret, a piece of the hint or message.
const WRONG: &[(&str, &str, &str, &str)] = &[
    // Found by random statements.
    ("TREND users(visit) DURING last 7 days OF household", "EQL0214", "users(visit)", "no participant `household`"),
    (
        "TREND sum(purchase.sales_value) + sales_value AS n DURING last 7 days",
        "EQL0405",
        "sum(purchase.sales_value) + sales_value",
        "single rows",
    ),
    ("SESSIONS trip MEASURE count(*) AS n, abs(depth) AS lines DURING last 7 days", "EQL0405", "abs(depth)", "single rows"),
    ("DEFINE EVENT look OF member (page STRING) KEEP 3 months", "EQL0315", "3 months", "KEEP needs a fixed length"),
    ("DEFINE EVENT look OF member (page STRING) KEEP 0 days", "EQL0315", "0 days", "KEEP 90 days"),
    ("DEFINE EVENT look OF member (page STRING) KEEP :long", "EQL0315", ":long", "write the length"),
    ("DEFINE EVENT look AS visit KEEP 30 days", "EQL0311", "", "stored events"),
    ("DEFINE EVENT look OF member (page STRING) REFRESH EVERY day", "EQL0311", "", "belongs to tags"),
    ("FIND household WHERE DID purchse", "EQL0204", "purchse", "did you mean `purchase`"),
    ("FIND houshold", "EQL0201", "houshold", "did you mean `household`"),
    ("FIND household WHERE incme = 'x'", "EQL0202", "incme", "did you mean `income`"),
    ("FIND household WHERE Income = 'x'", "EQL0202", "Income", "did you mean `income`"),
    // `stay` is a number, `page` a text, and both are two letters away.
    ("SELECT page FROM visit WHERE stage > 3", "EQL0202", "stage", "did you mean `stay`"),
    ("SELECT stay FROM visit WHERE stage = 'x'", "EQL0202", "stage", "did you mean `page`"),
    ("SELECT stay FROM visit WHERE 'x' = stage", "EQL0202", "stage", "did you mean `page`"),
    ("SELECT stay FROM visit WHERE visit.paeg = 'x'", "EQL0202", "visit.paeg", "did you mean `visit.page`"),
    ("SELECT stay FROM visit WHERE member.ctiy = 'x'", "EQL0202", "member.ctiy", "did you mean `member.city`"),
    ("SELECT properties.page FROM visit", "EQL0202", "properties.page", "did you mean `page`"),
    ("SELECT shoe_size FROM visit", "EQL0202", "shoe_size", "there are `stay`, `page`"),
    ("FIND household WHERE DID shipment", "EQL0204", "shipment", "`purchase`, `visit`"),
    ("SELECT count(*) FROM events", "EQL0204", "events", "FROM ANY EVENT"),
    ("FIND users", "EQL0201", "users", "singular"),
    ("TREND count(purchse) EVERY day DURING today", "EQL0204", "purchse", "did you mean `purchase`"),
    ("TREND sum(purchse.sales_value) EVERY day DURING today", "EQL0204", "purchse", "did you mean `purchase`"),
    ("TREND count(household) EVERY day DURING today", "EQL0407", "count(household)", "name the event"),
    ("TREND count('purchase') EVERY day DURING today", "EQL0407", "'purchase'", "not a text"),
    ("FIND household WHERE count(purchase, quantity > 1) > 1", "EQL0407", "count(purchase, quantity > 1)", "WHERE amount > 100"),
    ("FROM visit |> EXTEND twice = stay * 2", "EQL0202", "twice = stay * 2", "stay * 2 AS twice"),
    ("SELECT time - 7 FROM visit", "EQL0401", "time - 7", "time - 7 days"),
    ("FIND member WHERE city + 'x' = 'y'", "EQL0401", "city + 'x'", "`||`"),
    ("FIND member WHERE born > 'soon'", "EQL0315", "'soon'", "'2026-01-31'"),
    ("FIND member WHERE born > '2017-02-30'", "EQL0315", "'2017-02-30'", "is no date"),
    ("FIND member WHERE city = 5", "EQL0401", "city = 5", "write `'5'`"),
    ("FIND member WHERE city HAS 'a'", "EQL0401", "city HAS 'a'", "CONTAINS"),
    ("SELECT department FROM purchase", "EQL0202", "department", "did you mean `product.department`"),
    ("SELECT purchase.department FROM purchase", "EQL0202", "purchase.department", "product.department"),
    ("FIND household WHERE household_id IN SEGMENT buyrs", "EQL0203", "buyrs", "did you mean `buyers`"),
    ("FIND household WHERE income IN SEGMENT buyers", "EQL0203", "income IN SEGMENT buyers", "key"),
    ("FIND product AMONG buyers", "EQL0203", "buyers", "not of `product`"),
    ("SESSIONS trp MEASURE count(*) DURING all time", "EQL0205", "trp", "did you mean `trip`"),
    ("FIND household SHOW lowr(income) AS x", "EQL0206", "lowr", "did you mean `lower`"),
    ("DESCRIBE EVENT purchas", "EQL0207", "purchas", "did you mean `purchase`"),
    ("DROP SEGMENT nobody", "EQL0207", "nobody", "not defined"),
    ("SET time_zon = 'UTC'", "EQL0207", "time_zon", "did you mean `time_zone`"),
    (
        "SELECT household_id FROM household AS a JOIN household AS b ON a.household_id = b.household_id",
        "EQL0208",
        "household_id",
        "source's name",
    ),
    ("FIND household WHERE income = :income", "EQL0209", ":income", "--param income"),
    ("FIND household WHERE DID purchase DURING $1", "EQL0209", "$1", "no value"),
    ("DEFINE ENTITY store KEY store_id BIGINT (size INT)", "EQL0210", "store", "OR REPLACE"),
    ("DEFINE ENTITY purchase KEY id BIGINT ()", "EQL0210", "purchase", "name of an event"),
    ("DEFINE OR REPLACE ENTITY store KEY store_id STRING ()", "EQL0210", "store", "key"),
    ("DEFINE OR REPLACE EVENT visit OF member (stay INT, page STRING)", "EQL0210", "stay", "DOUBLE"),
    ("DEFINE ENTITY thing KEY id INT (a INT, a STRING)", "EQL0211", "a", "twice"),
    ("DEFINE EVENT ride OF store, store ()", "EQL0211", "store", "role"),
    ("DEFINE EVENT tick OF store (time TIMESTAMP)", "EQL0211", "time", "system column"),
    ("DEFINE OR REPLACE SEGMENT buyers OF household AS household_id IN SEGMENT buyers", "EQL0212", "buyers", "itself"),
    ("DEFINE ENTITY thing KEY id INT (a NUMBR)", "EQL0213", "NUMBR", "types are"),
    ("DEFINE ENTITY thing KEY id DOUBLE ()", "EQL0213", "thing", "key cannot be DOUBLE"),
    ("FUNNEL campaign_receive -> visit OF household WITHIN 1 day DURING all time", "EQL0214", "visit", "participants are member"),
    (
        "RETENTION STARTING purchase RETURNING purchase EXCLUDING coupon_redeem FOR 3 days DURING all time",
        "EQL0311",
        "EXCLUDING coupon_redeem",
        "AMONG",
    ),
    ("FIND household GROUP BY income", "EQL0311", "GROUP BY income", "PROFILE"),
    ("TREND count(purchase) MEASURE count(*) DURING all time", "EQL0311", "MEASURE count(*)", "behind TREND"),
    ("TREND count(purchase) GROUP BY channel DURING all time", "EQL0311", "GROUP BY channel", "BREAKDOWN BY"),
    ("FIND household LIMIT 1 LIMIT 2", "EQL0312", "LIMIT 2", "leave one out"),
    ("TREND count(purchase) EVERY day", "EQL0313", "TREND", "DURING"),
    ("DISTRIBUTION income DURING all time", "EQL0313", "DISTRIBUTION", "add OF user"),
    ("FUNNEL purchase -> coupon_redeem DURING all time", "EQL0313", "FUNNEL", "WITHIN"),
    ("RETENTION RETURNING purchase FOR 3 days DURING all time", "EQL0313", "RETENTION", "STARTING"),
    ("RETENTION STARTING purchase RETURNING purchase DURING all time", "EQL0313", "RETENTION", "FOR 14 days"),
    ("PROFILE MEASURE count(*)", "EQL0313", "PROFILE", "OF user"),
    ("RETENTION STARTING purchase RETURNING purchase FOR 3 days CALENDAR ROLLING DURING all time", "EQL0314", "ROLLING", "keep one"),
    ("FIND household WHERE NEVER DID purchase AT LEAST 2 TIMES", "EQL0314", "NEVER DID purchase AT LEAST 2 TIMES", "frequency"),
    ("TREND count(purchase) DURING '2017-02-30' TO '2017-03-01'", "EQL0315", "'2017-02-30'", "YYYY-MM-DD"),
    ("TREND count(purchase) DURING all time IN TIME ZONE 'Europe/Atlantis'", "EQL0315", "'Europe/Atlantis'", "IANA"),
    ("FIND household WHERE DID purchase -> coupon_redeem WITHIN 99999999 years", "EQL0315", "99999999 years", "too long"),
    ("RETENTION STARTING purchase RETURNING purchase BUCKETS (3, 1) days DURING all time", "EQL0315", "BUCKETS (3, 1) days", "rise"),
    ("FUNNEL purchase -> NOT coupon_redeem WITHIN 1 day DURING all time", "EQL0315", "NOT coupon_redeem", "SEQUENCE"),
    ("SEQUENCE NOT purchase -> coupon_redeem DURING all time", "EQL0315", "NOT purchase", "starts the wait"),
    ("SEQUENCE purchase -> NOT coupon_redeem DURING all time", "EQL0315", "NOT coupon_redeem", "NOT WITHIN 1 hour"),
    ("SEQUENCE purchase -> purchase DURING all time SHOW purchase.quantity", "EQL0208", "purchase.quantity", "name the steps with AS"),
    ("INTERVALS STARTING purchase ENDING coupon_redeem DURING all time", "EQL0313", "INTERVALS", "WITHIN 30 days"),
    ("INTERVALS STARTING purchase ENDING coupon_redeem WITHIN 1 day DURING all time MEASURE interval", "EQL0405", "interval", "median"),
    ("ATTRIBUTION GOAL purchase TOUCHES campaign_receive MODEL lst DURING all time", "EQL0315", "lst", "did you mean `last`"),
    (
        "ATTRIBUTION GOAL purchase TOUCHES coupon_redeem MODEL linear DURING all time MEASURE max(quantity)",
        "EQL0404",
        "max(quantity)",
        "MODEL first",
    ),
    ("FIND household WHERE income MATCHES '(a'", "EQL0315", "'(a'", "open group"),
    ("SET now = 'soon'", "EQL0315", "now", "2018-01-01"),
    ("FIND household WHERE income > 5", "EQL0401", "income > 5", "CAST"),
    ("SELECT income + 1 FROM household", "EQL0401", "income + 1", "numbers"),
    ("SELECT sum(income) FROM household", "EQL0401", "sum(income)", "numbers"),
    ("FIND household WHERE income = NULL", "EQL0402", "income = NULL", "IS NULL"),
    ("FIND household WHERE income != NULL", "EQL0402", "income != NULL", "IS NOT NULL"),
    ("FIND household WHERE income = \"50-74K\"", "EQL0403", "\"50-74K\"", "'50-74K'"),
    ("SELECT income FROM household WHERE count(*) > 1", "EQL0404", "count(*)", "HAVING"),
    ("FIND household WHERE sum(income) > 1", "EQL0404", "sum(income)", "event"),
    ("SELECT income, count(*) FROM household", "EQL0405", "income", "GROUP BY"),
    ("FIND household SHOW substring(income) AS x", "EQL0407", "substring(income)", "2 to 3"),
    ("FIND household SHOW percentile(purchase.sales_value, 7) AS p", "EQL0407", "percentile(purchase.sales_value, 7)", "0 to 1"),
    ("FIND household SHOW streak(purchase) AS s", "EQL0407", "streak(purchase)", "BY day"),
    ("SELECT bucket(time, 'fortnight') FROM purchase", "EQL0407", "bucket(time, 'fortnight')", "one of"),
    ("FIND household WHERE income", "EQL0408", "income", "STRING"),
    ("SELECT city FROM member AS OF '2017-01-01'", "EQL0409", "city", "HISTORY"),
    ("SELECT at_event(member.city) FROM visit", "EQL0409", "member.city", "HISTORY"),
    ("FIND member WHERE level = 3 AS OF '2017-01-01'", "EQL0409", "member", "`member.city` and 1 more without history: left out"),
    ("SELECT at_event(member.visits) FROM visit", "EQL0409", "member.visits", "not kept in time"),
    ("SELECT at_event(page) FROM visit", "EQL0407", "at_event(page)", "a property of a participant"),
    ("SELECT at_event(visit.page) FROM visit", "EQL0407", "at_event(visit.page)", "a property of a participant"),
    ("FIND member WHERE at_event(member.level) = 1", "EQL0407", "at_event(member.level)", "needs an event"),
    ("SELECT * FROM system.cachs", "EQL0207", "cachs", "did you mean `system.caches`"),
    ("SELECT * FROM system.xyzzy", "EQL0207", "xyzzy", "there are caches, catalog, entities"),
    ("DESCRIBE system.part", "EQL0207", "part", "system.parts"),
    ("SELECT 1 AS a UNION SELECT 1 AS a, 2 AS b", "EQL0410", "", "same number"),
    ("SUBSCRIBE TO SEGMENT buyers", "EQL0203", "buyers", "STREAMING"),
];

#[test]
fn each_mistake_is_named_where_it_is_with_what_to_do() {
    let catalog = catalog();
    let mut failures = Vec::new();
    for (text, code, at, words) in WRONG {
        let found: Vec<Diagnostic> = bound(&catalog, text).into_iter().flat_map(|r| r.map_or_else(|d| d, |b| b.diagnostics)).collect();
        let said = |d: &Diagnostic| format!("{} {}", d.message, d.hint.clone().unwrap_or_default());
        let fits = |d: &&Diagnostic| {
            d.code == *code && (at.is_empty() || text.get(d.span.start..d.span.end) == Some(*at)) && said(d).contains(words)
        };
        if found.iter().find(fits).is_none() {
            let got: Vec<String> = found
                .iter()
                .map(|d| format!("{} at `{}`: {}", d.code, text.get(d.span.start..d.span.end).unwrap_or("?"), said(d)))
                .collect();
            failures.push(format!("{text}\n  wanted {code} at `{at}` with {words:?}\n  got {got:#?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Statements that are right; several were once refused.
const RIGHT: &[&str] = &[
    "FIND household WHERE DID treat AND NEVER DID [treat WHERE event = 'purchase'] SHOW first_buy",
    "SELECT product.department, sum(net) AS net FROM purchase GROUP BY product.department HAVING sum(net) > 1 ORDER BY 2 DESC",
    "SELECT product.manufacturer.product_count AS n, count(*) FROM purchase GROUP BY product.manufacturer.product_count",
    "SELECT product.department AS department, count(*) AS n FROM purchase GROUP BY department ORDER BY n DESC, department",
    "FIND household WHERE count(baskets WHERE total_value > 10) > 3",
    "FIND household WHERE DID coupon_redeem AS r -> WITHIN 1 day [purchase WHERE r.covers.product_id HAS product_id]",
    "TREND users(ANY EVENT) AS u, sum(purchase.net) / users(purchase) AS per EVERY 2 weeks DURING last 90 days BREAKDOWN BY household.income",
    "FUNNEL campaign_receive AS a -> coupon_redeem HOLDING campaign_id WITHIN 30 calendar days DURING all time EVERY month SHOW ENTITIES CONVERTED",
    "SELECT household_id IN SEGMENT buyers AS OF '2017-06-01' AS june FROM household |> AGGREGATE count(* WHERE june) AS n",
    "WITH a AS (FIND household WHERE DID purchase) SELECT count(*) FROM a |> EXTEND 1 + 1 AS two |> LIMIT 1",
    "FIND household WHERE kids_count IS SET AND NOT (income = 'x' OR income IN ('a', 'b')) AND age BETWEEN '1' AND '3'",
    "DISTRIBUTION count(DISTINCT purchase.basket_id) OF household BUCKETS (1, 2, 6) DURING all time AMONG buyers EXCEPT (FIND household WHERE DID coupon_redeem)",
    "DEFINE STATIC SEGMENT fixed OF household AS SEGMENT buyers INTERSECT buyers",
    "EXPLAIN PHYSICAL SELECT sum(sales_value) OVER (PARTITION BY household_id ORDER BY time) AS running FROM purchase",
    "SELECT month, sum(rows) AS rows FROM system.parts WHERE subject = 'household' AND events HAS 'purchase' GROUP BY month ORDER BY month",
    "FROM system.queries |> WHERE state = 'running' |> SELECT id, seconds, rows, statement |> ORDER BY seconds DESC",
    "SELECT statement, count(*) AS times, percentile(seconds, 0.95) AS slow FROM system.queries GROUP BY statement ORDER BY slow DESC LIMIT 10",
    "SELECT name, 100.0 * hits / (hits + misses) AS percent_hit, bytes, bytes_max FROM system.caches",
    "SELECT at_event(member.level) AS level, count(*) AS n FROM visit WHERE at_event(member.level) > 1 GROUP BY at_event(member.level)",
    "SELECT at_event(member.member_id), member.level FROM visit AS OF '2017-01-01'",
    "FIND member WHERE level = 3 AND count(visit WHERE at_event(member.level) = 1) > 2 AS OF '2017-01-01' SHOW level",
    "TREND avg(at_event(visit.member.level)) EVERY day DURING last 7 days BREAKDOWN BY at_event(member.level)",
    "FIND member SHOW level AS now, last(at_event(visit.member.level)) AS before",
    "FUNNEL [visit WHERE at_event(member.level) = 1] AS a -> [visit WHERE at_event(member.level) > at_event(a.member.level)] WITHIN 1 day DURING all time",
    "INSERT INTO ENTITY member (member_id, level, born) VALUES ('m1', 3, DATE '2000-02-29'), ('m2', NULL, '2001-01-01')",
];

#[test]
fn right_statements_are_bound() {
    let catalog = catalog();
    for text in RIGHT {
        for r in bound(&catalog, text) {
            let b = r.unwrap_or_else(|d| panic!("{text}: {d:?}"));
            assert!(b.diagnostics.is_empty(), "{text}: {:?}", b.diagnostics);
            assert!(b.statement.is_some_and(|s| !matches!(s, Statement::Later(_))), "{text}");
        }
    }
}

#[test]
fn equal_questions_are_equal_plans() {
    let catalog = catalog();
    let one = "FIND household WHERE count(purchase WHERE product.department = 'MEAT') > 1 SHOW count(purchase WHERE product.department = 'MEAT') AS n";
    let Some(Ok(Bound { statement: Some(Statement::Query(q)), .. })) = bound(&catalog, one).pop() else { panic!("it binds") };
    let text = format!("{q:?}");
    // The aggregate that stands twice is one column of the scan.
    assert_eq!(text.matches("Behaviour(").count(), 1, "{text}");
}

#[test]
fn keep_is_a_property_of_the_event_type_and_can_be_changed() {
    let mut catalog = catalog();
    let put = |catalog: &Catalog, text: &str| match bound(catalog, text).pop() {
        Some(Ok(Bound { statement: Some(Statement::Change(change, _)), .. })) => catalog.apply(&change).expect("it applies"),
        other => panic!("{text}: {other:?}"),
    };
    let steps = [
        ("DEFINE OR REPLACE EVENT visit OF member (stay DOUBLE, page STRING) KEEP 90 days", Some(90 * 86_400_000_000)),
        ("DEFINE OR REPLACE EVENT visit OF member (stay DOUBLE, page STRING) KEEP 36 hours COMMENT 'brief'", Some(36 * 3_600_000_000)),
        ("DEFINE OR REPLACE EVENT visit OF member (stay DOUBLE, page STRING)", None),
    ];
    for (text, keep) in steps {
        catalog = put(&catalog, text);
        let event = catalog.event("visit").expect("it is there");
        assert_eq!(event.keep, keep, "{text}");
        assert_eq!(event.definition.contains("KEEP"), keep.is_some(), "{}", event.definition);
        let bytes = serde_json::to_string(&catalog).expect("it is written");
        assert_eq!(serde_json::from_str::<Catalog>(&bytes).expect("it is read"), catalog);
        assert_eq!(bytes.contains("\"keep\""), keep.is_some(), "a catalog without KEEP is written as before");
    }
}
