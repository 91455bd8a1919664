//! Every example of the language runs on a small world, and answers as `examples/answers.md` says.
//!
//! The world is `examples/world.eql` with what the examples define, `entities.ndjson` and `events.ndjson`; the clock stands at noon of 2026-11-20.
//! `BLESS=1` writes the answers of today: read that diff as you would read code.

use eql_tests::{Cell, EXAMPLES_CLOCK, Table, example_world, examples, root};
use std::fmt::Write as _;

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
    let mut world = example_world();
    let mut page = String::from(
        "# The examples of the language and their answers\n\nThe world is in this folder; the clock stands at noon of 2026-11-20 (UTC).\n",
    );
    for text in examples() {
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
        world.ask(&format!("{EXAMPLES_CLOCK}; SET time_zone = 'UTC'")).unwrap_or_else(|e| panic!("{e}"));
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
