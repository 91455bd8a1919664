//! The table of functions tells the truth: every example in it runs, and every function stands in the manual with its arguments.

use eql_compiler::function::{Family, Function, FunctionKind, functions};
use eql_tests::{Small, root};

/// Needs rows of its own, which a case of its rule has.
const ELSEWHERE: &[&str] = &["at_event", "bounce_rate", "streak"];

/// Belong to the language, and to a later version: the list fails as soon as one of them runs.
const EXPECTED_LATER: &[&str] = &["top", "kmeans"];

fn world_without_rows() -> Small {
    let mut world = Small::new();
    world
        .ask(
            "DEFINE ENTITY user KEY user_id STRING (city STRING);
             DEFINE EVENT purchase OF user (amount DOUBLE, quantity BIGINT, channel STRING);",
        )
        .unwrap_or_else(|e| panic!("{e}"));
    world
}

fn world() -> Small {
    let world = world_without_rows();
    let rows = r#"{"time":"2026-01-01T10:00:00Z","user_id":"u1","amount":4.5,"quantity":2,"channel":"web"}
{"time":"2026-01-02T10:00:00Z","user_id":"u2","amount":12,"quantity":1,"channel":"app"}
{"time":"2026-01-03T10:00:00Z","user_id":"u2"}"#;
    world.import(Some("purchase"), rows).unwrap_or_else(|e| panic!("{e}"));
    world
}

fn statement(f: &Function) -> String {
    match f.kind {
        FunctionKind::Scalar | FunctionKind::Clocked => format!("SELECT {}", f.example),
        FunctionKind::Aggregate | FunctionKind::Window => format!("SELECT {} FROM purchase", f.example),
    }
}

#[test]
fn every_example_runs() {
    let mut world = world();
    let mut wrong = Vec::new();
    for f in functions().filter(|f| !ELSEWHERE.contains(&f.name)) {
        let answer = world.ask(&statement(f));
        match (answer, EXPECTED_LATER.contains(&f.name)) {
            (Ok(table), false) if table.rows.is_empty() => wrong.push(format!("{}: no rows", f.name)),
            (Ok(_), true) => wrong.push(format!("{} runs now: take it off the list", f.name)),
            (Err(e), false) => wrong.push(format!("{}: {e}", f.name)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_stands_in_the_manual() {
    let pages = root().join("docs/book/src/language/functions");
    let families = [
        Family::Text,
        Family::Url,
        Family::Json,
        Family::Number,
        Family::Time,
        Family::Condition,
        Family::List,
        Family::Aggregate,
        Family::Window,
    ];
    let mut missing = Vec::new();
    for family in families {
        let path = pages.join(format!("{}.md", family.page()));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for f in functions().filter(|f| f.family == family) {
            let line = format!("| `{}` | {} | {} |", f.signature(), f.result.word(), f.summary);
            let names = f.aliases.iter().all(|a| page.contains(&format!("`{a}`")));
            if !page.contains(&line) || !names {
                missing.push(format!("{}: {line} {:?}", family.page(), f.aliases));
            }
        }
    }
    assert!(missing.is_empty(), "the manual lacks\n{}", missing.join("\n"));
}

#[test]
fn functions_are_listed_with_their_arguments() {
    let listed = world().ask("SHOW FUNCTIONS LIKE 'split%'").unwrap_or_else(|e| panic!("{e}"));
    let names: Vec<String> = listed.rows.iter().map(|r| format!("{:?}", r[0])).collect();
    assert_eq!(names, ["Text(\"split_part\")", "Text(\"split\")"]);
    assert_eq!(listed.columns, ["name", "kind", "type", "comment", "definition"]);
    assert_eq!(format!("{:?}", listed.rows[0][4]), "Text(\"split_part(text, separator, n)\")");
}

/// Aggregates that are computed twice: over the rows of SELECT by DataFusion, over what an entity did by our own fold.
const TWICE: &[(&str, &str)] = &[
    ("coalesce(sum(DISTINCT amount), 0)", "sum(DISTINCT purchase.amount)"),
    ("avg(DISTINCT amount)", "avg(DISTINCT purchase.amount)"),
    ("count_distinct(channel)", "count_distinct(purchase.channel)"),
    ("count_if(amount > 3)", "count_if(purchase.amount > 3)"),
    ("avg_if(amount, channel = 'a')", "avg_if(purchase.amount, purchase.channel = 'a')"),
    ("round(stddev_pop(amount), 9)", "round(stddev_pop(purchase.amount), 9)"),
    ("round(var_pop(amount), 9)", "round(var_pop(purchase.amount), 9)"),
    ("round(variance(amount), 9)", "round(variance(purchase.amount), 9)"),
    ("median(amount)", "median(purchase.amount)"),
    ("string_agg(channel, '+')", "string_agg(purchase.channel, '+')"),
    ("string_agg(DISTINCT channel, '+')", "string_agg(DISTINCT purchase.channel, '+')"),
    ("list_join(collect(DISTINCT amount), '.')", "list_join(collect(DISTINCT purchase.amount), '.')"),
    ("list_join(collect(channel), '.')", "list_join(collect(purchase.channel), '.')"),
    ("max(amount WHERE channel = 'b')", "max_if(purchase.amount, purchase.channel = 'b')"),
    ("first(channel)", "first(purchase.channel)"),
    ("last(amount)", "last(purchase.amount)"),
];

/// Small numbers from a seed: the same every time.
fn dice(state: &mut u64, sides: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % sides
}

#[test]
fn rows_and_behaviour_agree() {
    for seed in 1..=6u64 {
        let mut state = seed;
        let mut world = world_without_rows();
        let mut rows = String::new();
        for i in 0..60 {
            let (user, day) = (dice(&mut state, 4), dice(&mut state, 20) + 1);
            let amount = match dice(&mut state, 8) {
                0 => "null".to_string(),
                n => n.to_string(),
            };
            let channel = ["null", "\"a\"", "\"b\"", "\"c\""][dice(&mut state, 4) as usize];
            rows += &format!(
                "{{\"time\":\"2026-01-{day:02}T10:00:{i:02}Z\",\"event_id\":\"{i:03}\",\"user_id\":\"u{user}\",\"amount\":{amount},\"channel\":{channel}}}\n"
            );
        }
        world.import(Some("purchase"), &rows).unwrap_or_else(|e| panic!("{e}"));
        for (of_rows, of_entities) in TWICE {
            let ask = |world: &mut Small, text: String| world.ask(&text).unwrap_or_else(|e| panic!("{text}: {e}")).rows;
            let one = ask(&mut world, format!("SELECT user_id, {of_rows} AS v FROM purchase GROUP BY user_id ORDER BY user_id"));
            let other = ask(&mut world, format!("FIND user SHOW user_id, {of_entities} AS v ORDER BY user_id"));
            assert_eq!(one, other, "seed {seed}: {of_rows} and {of_entities}");
        }
    }
}
