//! The table of functions tells the truth: every example in it runs, and every function stands in the manual with its arguments.

use eql_compiler::function::{Family, Function, FunctionKind, functions};
use eql_tests::{Small, root};

/// Needs rows of its own, which a case of its rule has.
const ELSEWHERE: &[&str] = &["at_event", "bounce_rate", "streak"];

/// Belong to the language, and to a later version: the list fails as soon as one of them runs.
const EXPECTED_LATER: &[&str] = &["top", "kmeans"];

fn world() -> Small {
    let mut world = Small::new();
    world
        .ask(
            "DEFINE ENTITY user KEY user_id STRING (city STRING);
             DEFINE EVENT purchase OF user (amount DOUBLE, quantity BIGINT, channel STRING);",
        )
        .unwrap_or_else(|e| panic!("{e}"));
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
