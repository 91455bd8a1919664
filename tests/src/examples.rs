//! The examples of the language, and the small world they are asked of.

use crate::{Small, root};
use eql_engine::grammar;

const EXAMPLES: &str = include_str!("../../grammar/tests/fixtures/examples.eql");
/// The instant of the small world: noon of 2026-11-20.
pub const EXAMPLES_CLOCK: &str = "SET now = '2026-11-20T12:00:00Z'";
/// Rounds over definitions that need one another.
const ROUNDS: usize = 8;

/// Statements as their own text.
pub fn statements(text: &str) -> Vec<String> {
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

/// The examples, one after the other.
pub fn examples() -> Vec<String> {
    statements(EXAMPLES)
}

/// A data directory with what the examples need: `examples/world.eql` with what they define themselves, `entities.ndjson` and `events.ndjson`.
///
/// # Panics
/// When something in it is refused: nothing could be tested then.
pub fn example_world() -> Small {
    let folder = root().join("tests/examples");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut world = Small::new();
    world.ask(EXAMPLES_CLOCK).unwrap_or_else(|e| panic!("{e}"));
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
    world
        .ask(&format!("{EXAMPLES_CLOCK}; REFRESH TAG value_level; REFRESH TAG rfm; REFRESH TAG persona"))
        .unwrap_or_else(|e| panic!("{e}"));
    world.ask("SUBSCRIBE TO SEGMENT cart_abandon").unwrap_or_else(|e| panic!("{e}"));
    let cursor = world.cursor.clone();
    world.params = [("category", "shoes"), ("period", "last 30 days"), ("1", "Beijing"), ("cursor", cursor.as_str())]
        .into_iter()
        .map(|(name, value)| (name.to_string(), serde_json::from_value(value.into()).unwrap_or_else(|e| panic!("{e}"))))
        .collect();
    world
}
