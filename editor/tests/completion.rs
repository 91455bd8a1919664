//! Completions by hand: `^` is the cursor.
#![allow(clippy::print_stdout)]

use eql_catalog::Catalog;
use eql_compiler::Against;
use eql_editor::{Completion, Item, Kind, complete};
use std::time::Instant;

const SCHEMA: &str = "
DEFINE ENTITY user KEY user_id STRING (city STRING, $country STRING, signed_up_at TIMESTAMP COMMENT 'first seen');
DEFINE ENTITY brand KEY brand_id STRING (label STRING);
DEFINE ENTITY product KEY product_id STRING (category STRING, price DOUBLE, brand_id STRING);
DEFINE EVENT purchase OF user, product (amount DOUBLE, channel STRING);
DEFINE EVENT search OF user (words STRING);
DEFINE EVENT `Add to cart!` OF user, product (quantity INT);
DEFINE RELATION product.brand TO ONE brand ON brand_id = brand.brand_id;
DEFINE PROPERTY purchase.cents AS amount * 100;
DEFINE METRIC basket AS avg(purchase.amount);
DEFINE SESSION visit OF user OVER ANY EVENT TIMEOUT 30 minutes;
DEFINE TAG level OF user AS CASE WHEN count(purchase) > 3 THEN 'high' ELSE 'low' END;
DEFINE SEGMENT vip OF user AS count(purchase) > 10;
";

fn catalog() -> Catalog {
    let checked = eql_compiler::check(SCHEMA, Against::default());
    assert!(checked.diagnostics.iter().all(|d| !d.is_error()), "{:?}", checked.diagnostics);
    checked.catalog
}

fn at(text: &str) -> Completion {
    let offset = text.find('^').unwrap_or_else(|| panic!("no cursor in {text}"));
    complete(&catalog(), &text.replacen('^', "", 1), offset)
}

fn labels(text: &str) -> Vec<String> {
    at(text).items.into_iter().map(|i| i.label).collect()
}

#[track_caller]
fn first(text: &str, wanted: &[&str]) {
    let found = labels(text);
    assert_eq!(found.iter().take(wanted.len()).map(String::as_str).collect::<Vec<_>>(), wanted, "{text}: {found:?}");
}

#[track_caller]
fn has(text: &str, wanted: &[&str]) {
    let found = labels(text);
    for w in wanted {
        assert!(found.iter().any(|l| l == w), "{text}: `{w}` is missing in {found:?}");
    }
}

#[track_caller]
fn lacks(text: &str, unwanted: &[&str]) {
    let found = labels(text);
    for w in unwanted {
        assert!(found.iter().all(|l| l != w), "{text}: `{w}` in {found:?}");
    }
}

fn item(text: &str, label: &str) -> Item {
    at(text).items.into_iter().find(|i| i.label == label).unwrap_or_else(|| panic!("{text}: no {label}"))
}

#[test]
fn a_statement_begins_with_a_head() {
    first("^", &["FIND", "SELECT"]);
    first("FIND user;\n^", &["FIND", "SELECT"]);
    first("fu^", &["FUNNEL"]);
    assert_eq!(item("fu^", "FUNNEL").insert, "funnel");
    assert_eq!(item("FU^", "FUNNEL").insert, "FUNNEL");
    has("EXPLAIN ^", &["ANALYZE", "FUNNEL", "DEFINE"]);
}

#[test]
fn names_stand_where_the_words_before_ask_for_them() {
    assert_eq!(labels("FIND ^"), ["brand", "product", "user"]);
    assert_eq!(labels("TREND count(purchase) OF ^"), ["brand", "product", "user"]);
    assert_eq!(labels("SESSIONS ^"), ["visit"]);
    assert_eq!(labels("PATHS BY SESSION ^"), ["visit"]);
    first("FIND user AMONG ^", &["vip"]);
    first("FIND user WHERE user_id IN SEGMENT ^", &["vip"]);
    assert_eq!(labels("DROP TAG IF EXISTS ^"), Vec::<String>::new());
    assert_eq!(labels("REFRESH TAG ^"), ["level"]);
    assert_eq!(labels("DROP EVENT s^"), ["search", "purchase"]);
    first("SELECT * FROM ^", &["Add to cart!", "brand"]);
    has("SELECT * FROM system.^", &["parts", "settings"]);
    has("DESCRIBE ^", &["user", "purchase", "basket"]);
    assert!(labels("DEFINE SEGMENT ^").is_empty() && labels("DEFINE EVENT ^").is_empty(), "a new name is the writer's");
    assert_eq!(labels("SELECT amount AS ^"), ["OF"], "a new name is the writer's, but AS OF is a clause");
}

#[test]
fn steps_are_events() {
    for text in [
        "FUNNEL ^",
        "FUNNEL search -> ^",
        "FIND user WHERE DID ^",
        "FIND user WHERE DID [^",
        "RETENTION STARTING ^",
        "LIFECYCLE ^",
        "PATHS OVER search, ^",
    ] {
        first(text, &["Add to cart!", "purchase", "search"]);
    }
    assert_eq!(item("FUNNEL ^", "Add to cart!").insert, "`Add to cart!`");
    let quoted = item("FUNNEL `Add^", "Add to cart!");
    assert_eq!((quoted.insert.as_str(), quoted.replace.start, quoted.replace.end), ("`Add to cart!`", 7, 11));
    first("FUNNEL pur^", &["purchase"]);
}

#[test]
fn conditions_know_whose_rows_they_are_about() {
    first("FIND user WHERE ^", &["city", "$country", "level", "signed_up_at", "user_id"]);
    has("FIND user WHERE ^", &["DID", "NEVER DID", "NOT", "count", "basket"]);
    lacks("FIND user WHERE ^", &["amount", "row_number", "purchase"]);
    first("FIND user WHERE ci^", &["city"]);
    first("FIND user WHERE co^", &["$country"]);
    first("FIND user WHERE DID [purchase WHERE ^", &["amount", "cents", "channel", "event"]);
    lacks("FIND user WHERE DID [purchase WHERE ^", &["city", "words", "DID"]);
    first("FIND user WHERE count(purchase WHERE ^", &["amount", "cents", "channel"]);
    first("FIND user WHERE count(^", &["city"]);
    has("FIND user WHERE count(^", &["purchase", "ANY EVENT"]);
    first("FUNNEL search -> purchase WITHIN 1 day DURING today WHERE ^", &["amount", "cents", "channel", "words"]);
    first("SELECT ^ FROM purchase", &["amount", "cents", "channel"]);
    first("SELECT sum(a^) FROM purchase", &["amount"]);
    first("PROFILE OF user BREAKDOWN BY ^", &["city", "$country"]);
    first("DEFINE SEGMENT x OF user AS ^", &["city", "$country"]);
    first("SESSIONS visit MEASURE avg(d^", &["depth", "duration"]);
    first("FIND user WHERE DID purchase SHOW ^", &["city", "$country"]);
}

#[test]
fn a_path_goes_on_behind_its_dot() {
    assert_eq!(labels("FIND user WHERE DID [purchase WHERE product.^"), ["brand_id", "category", "price", "product_id", "brand"]);
    assert_eq!(labels("FIND user WHERE DID [purchase WHERE product.brand.^"), ["brand_id", "label"]);
    assert_eq!(labels("FIND user WHERE DID [purchase WHERE product.ca^"), ["category"]);
    first("TREND sum(purchase.^", &["amount", "cents", "channel"]);
    first("FUNNEL search AS s -> purchase WITHIN 1 day DURING today BREAKDOWN BY s.^", &["words"]);
    first("SELECT p.^ FROM purchase AS p", &["amount", "cents", "channel"]);
    assert!(labels("FIND user WHERE nothing.^").is_empty());
    assert_eq!(item("FIND user WHERE DID [purchase WHERE product.^", "category").detail, "STRING of product");
}

#[test]
fn clauses_are_those_of_the_head_once() {
    first("FUNNEL search -> purchase ^", &["WITHIN", "DURING"]);
    first("RETENTION ^", &["STARTING", "RETURNING", "FOR", "DURING"]);
    lacks("FUNNEL search -> purchase WITHIN 1 day ^", &["WITHIN", "GROUP BY", "DEPTH", "TIMEOUT"]);
    lacks("FUNNEL search -> purchase ^ WITHIN 1 day", &["WITHIN"]);
    has("FUNNEL search -> purchase WITHIN 1 day ^", &["BREAKDOWN BY", "HOLDING", "IN ANY ORDER", "EXCLUDING"]);
    lacks("FUNNEL search -> purchase IN ANY ORDER ^", &["IN STRICT ORDER"]);
    first("TREND count(purchase) ev^", &["EVERY"]);
    first("TREND count(purchase) ^", &["DURING"]);
    has("SELECT city FROM user ^", &["WHERE", "GROUP BY", "HAVING", "JOIN"]);
    lacks("SELECT city FROM user ^", &["EVERY", "MEASURE"]);
    has("FIND user WHERE DID purchase ^", &["AT LEAST", "DURING", "SHOW"]);
    has("FIND user WHERE DID purchase DURING today AND DID search ^", &["DURING"]);
    assert_eq!(labels("DEFINE SESSION s ^"), ["OF", "OVER", "TIMEOUT", "STARTING", "ENDING", "MAX", "SPLIT BY"]);
    assert_eq!(item("FUNNEL search ^", "HOLDING").kind, Kind::Clause);
    assert_eq!(labels("SELECT city FROM user ORDER ^"), ["BY"]);
}

#[test]
fn times_types_and_settings() {
    first("TREND count(purchase) DURING ^", &["last 30 days"]);
    first("TREND count(purchase) EVERY ^", &["day"]);
    first("FUNNEL search WITHIN 7 ^", &["days"]);
    first("FUNNEL search WITHIN 1 d^", &["day"]);
    first("DEFINE EVENT x OF user (a ^", &["STRING", "INT"]);
    assert_eq!(labels("SET ^").len(), 8);
    assert_eq!(labels("SET week_start = ^"), ["'monday'", "'saturday'", "'sunday'"]);
    first("FIND user WHERE city ^", &["=", "!="]);
    first("FIND user WHERE city = 'x' ^", &["AND"]);
    first("FIND user WHERE city IN ^", &["SEGMENT"]);
    lacks("FIND user WHERE city IN ^", &["ORDER BY"]);
    first("ATTRIBUTION GOAL purchase TOUCHES search MODEL ^", &["first", "last", "linear"]);
    lacks("PATHS OVER ^", &["day"]);
    first("STICKINESS search EVERY day OVER w^", &["week"]);
    lacks("TREND ^", &["event_id", "row_number"]);
    has("TREND ^", &["count", "sum", "basket"]);
    first("SUBSCRIBE TO ^", &["EVENT", "SEGMENT", "TAG"]);
}

#[test]
fn nothing_is_offered_inside_texts_comments_numbers_and_parameters() {
    let texts = ["city = 'O^", "city = 'O^slo'", "city = 1^", "city = :c^", "city -- wh^", "city /* ^", "city /* wh^ */"];
    for text in texts.map(|t| format!("FIND user WHERE {t}")) {
        assert!(at(&text).items.is_empty(), "{text}");
    }
    has("FIND user -- a comment\n wh^", &["WHERE"]);
}

#[test]
fn the_word_under_the_cursor_is_replaced_whole() {
    let found = item("FIND user WHERE ci^ty = 'x'", "city");
    assert_eq!((found.replace.start, found.replace.end), (16, 20));
    let after = item("FIND user WHERE ^", "city");
    assert_eq!((after.replace.start, after.replace.end), (16, 16));
    assert_eq!(after.documentation, None);
    assert_eq!(item("FIND user WHERE sig^", "signed_up_at").documentation.as_deref(), Some("first seen"));
}

#[test]
fn what_begins_as_typed_comes_before_what_contains_it() {
    first("FIND user WHERE c^", &["city", "$country"]);
    first("SELECT ^ FROM purchase", &["amount"]);
    let found = labels("FIND user WHERE DID [purchase WHERE n^");
    let place = |l: &str| found.iter().position(|f| f == l).unwrap_or(usize::MAX);
    assert!(place("nullif") < place("amount"), "{found:?}");
}

#[test]
fn definitions_of_the_text_count_and_come_first() {
    let text = "DEFINE EVENT zap OF user (volts INT); FUNNEL ^";
    first(text, &["zap", "Add to cart!"]);
    first("DEFINE EVENT zap OF user (volts INT); FIND user WHERE DID [zap WHERE ^", &["volts"]);
    has("WITH a AS (FIND user), b AS (FIND user) SELECT * FROM ^", &["a", "b"]);
    first("WITH a AS (SELECT city AS town FROM user) SELECT ^ FROM a", &["town"]);
    first("TREND count(purchase) AS orders EVERY day DURING today |> WHERE ^", &["orders", "period"]);
}

#[test]
fn a_mistake_earlier_in_the_statement_does_not_end_the_help() {
    has("FUNNEL search -> purchase EVRY day DURING ^", &["last 30 days"]);
    has("FUNNEL search -> -> purchase HOLDING cha^", &["channel"]);
    let astray = labels("FIND user user user wher^");
    assert!(astray.iter().any(|l| l == "WHERE"), "{astray:?}");
}

/// A catalog of a large company: 1,000 events with 10,000 properties, and ANY EVENT means them all.
#[test]
fn a_large_catalog_is_cut_to_a_bounded_answer() {
    let mut text = String::from("DEFINE ENTITY user KEY user_id STRING (city STRING);");
    for event in 0..1000 {
        let columns: Vec<String> = (0..10).map(|p| format!("property_{event}_{p} STRING")).collect();
        text.push_str(&format!("DEFINE EVENT event_{event} OF user ({});", columns.join(", ")));
    }
    let catalog = eql_compiler::check(&text, Against::default()).catalog;
    assert_eq!(catalog.events().count(), 1000);
    for (query, some) in [
        ("FIND user WHERE DID [ANY EVENT WHERE ", "property_0_0"),
        ("FIND user WHERE DID [ANY EVENT WHERE property_99", "property_999_9"),
        ("FUNNEL ", "event_0"),
        ("TREND sum(event_500.", "property_500_0"),
    ] {
        let started = Instant::now();
        let found = complete(&catalog, query, query.len());
        println!("{query:45} {:>7.2} ms, {} items", started.elapsed().as_secs_f64() * 1e3, found.items.len());
        assert!(found.items.len() <= 200 && found.items.iter().any(|i| i.label == some), "{query}");
    }
    assert!(complete(&catalog, "FUNNEL ", 7).incomplete);
}
