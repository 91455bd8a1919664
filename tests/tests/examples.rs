//! Every example of the language runs on a small world, and answers as `examples/answers.md` says.
//!
//! The world is `examples/world.eql` with what the examples define, `entities.ndjson` and `events.ndjson`; the clock stands at noon of 2026-11-20.
//! `BLESS=1` writes the answers of today: read that diff as you would read code.

use eql_engine::grammar;
use eql_tests::{Cell, Small, Table, root};
use std::fmt::Write as _;

const EXAMPLES: &str = include_str!("../../grammar/tests/fixtures/examples.eql");
const CLOCK: &str = "SET now = '2026-11-20T12:00:00Z'";
/// Rounds over definitions that need one another.
const ROUNDS: usize = 8;

/// Statements as their own text.
fn statements(text: &str) -> Vec<String> {
    let parsed = grammar::parse(text);
    parsed.statements.iter().flatten().map(|s| text[s.span.start..s.span.end].trim().trim_end_matches(';').to_string()).collect()
}

fn is_definition(text: &str, kinds: &[&str]) -> bool {
    kinds.iter().any(|k| text.starts_with(&format!("DEFINE {k}")))
}

/// Runs definitions in rounds until each has found what it needs; what is left with what it lacks.
fn define(world: &mut Small, mut open: Vec<String>) -> Vec<String> {
    let mut lacks = Vec::new();
    for _ in 0..ROUNDS {
        lacks.clear();
        open.retain(|text| match world.ask(text) {
            Ok(_) => false,
            Err(e) => {
                lacks.push(format!("{text}\n{e}"));
                true
            }
        });
    }
    lacks
}

fn world() -> Small {
    let folder = root().join("tests/examples");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut world = Small::new();
    world.ask(CLOCK).unwrap_or_else(|e| panic!("{e}"));
    let examples = statements(EXAMPLES);
    let of = |kinds: &[&str]| examples.iter().filter(|t| is_definition(t, kinds)).cloned().collect::<Vec<_>>();
    let mut nouns = of(&["ENTITY", "EVENT", "RELATION", "PROPERTY", "METRIC", "SESSION"]);
    nouns.extend(statements(&read("world.eql")));
    let lacks = define(&mut world, nouns);
    assert!(lacks.is_empty(), "{}", lacks.join("\n\n"));
    for line in read("entities.ndjson").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let kind = line["entity"].as_str().unwrap_or_default();
        world.import(Some(kind), &line["row"].to_string()).unwrap_or_else(|e| panic!("{kind}: {e}"));
    }
    world.import(None, &read("events.ndjson")).unwrap_or_else(|e| panic!("{e}"));
    // What is refreshed has a version of last month and one of now.
    world.ask("SET now = '2026-10-15T12:00:00Z'").unwrap_or_else(|e| panic!("{e}"));
    let lacks = define(&mut world, of(&["TAG", "SEGMENT", "STATIC SEGMENT", "STREAMING SEGMENT"]));
    assert!(lacks.is_empty(), "{}", lacks.join("\n\n"));
    world.ask(&format!("{CLOCK}; REFRESH TAG value_level; REFRESH TAG rfm; REFRESH TAG persona")).unwrap_or_else(|e| panic!("{e}"));
    world.ask("SUBSCRIBE TO SEGMENT cart_abandon").unwrap_or_else(|e| panic!("{e}"));
    let cursor = world.cursor.clone();
    world.params = [("category", "shoes"), ("period", "last 30 days"), ("1", "Beijing"), ("cursor", cursor.as_str())]
        .into_iter()
        .map(|(name, value)| (name.to_string(), serde_json::from_value(value.into()).unwrap_or_else(|e| panic!("{e}"))))
        .collect();
    world
}

fn drawn(table: &Table) -> String {
    let cell = |c: &Cell| match c {
        Cell::Null => "NULL".to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Text(t) if t.is_empty() => "''".to_string(),
        Cell::Text(t) => t.clone(),
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(table.columns.clone()).chain(table.rows.iter().map(|r| r.iter().map(cell).collect())).collect();
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(c, w)| format!("{c:w$}")).collect();
        format!("| {} |", cells.join(" | "))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_example_answers() {
    let mut world = world();
    let mut page = String::from(
        "# The examples of the language and their answers\n\nThe world is in this folder; the clock stands at noon of 2026-11-20 (UTC).\n",
    );
    for text in statements(EXAMPLES) {
        let answer = match world.ask(&text) {
            // Times and memory differ from run to run.
            Ok(table) if text.starts_with("EXPLAIN ANALYZE") => {
                format!("{} lines of a plan", if table.rows.len() > 5 { "many" } else { "few" })
            }
            Ok(table) if table.columns.is_empty() => "done".to_string(),
            Ok(mut table) => {
                // Without an order rows come as threads hand them in.
                if !text.contains("ORDER BY") && (text.starts_with("SELECT") || text.starts_with("WITH") || text.contains("|> AGGREGATE")) {
                    table.rows.sort_by_key(|row| format!("{row:?}"));
                }
                drawn(&table)
            }
            Err(e) => format!("error: {e}"),
        };
        // The clock and the zone of the examples are their own.
        world.ask(&format!("{CLOCK}; SET time_zone = 'UTC'")).unwrap_or_else(|e| panic!("{e}"));
        let _ = write!(page, "\n```eql\n{text}\n```\n```text\n{answer}\n```\n");
    }
    let place = root().join("tests/examples/answers.md");
    let before = std::fs::read_to_string(&place).unwrap_or_default();
    if before == page {
        return;
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&place, &page).unwrap_or_else(|e| panic!("{e}"));
        return;
    }
    let differ: Vec<String> =
        before.lines().zip(page.lines()).filter(|(a, b)| a != b).take(20).map(|(a, b)| format!("- {a}\n+ {b}")).collect();
    panic!("the answers differ:\n{}", differ.join("\n"));
}
