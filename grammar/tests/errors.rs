//! The mistakes of `fixtures/errors.md`: each brings the picture that stands there.
//!
//! `BLESS=1 cargo test -p eql-grammar` rewrites the pictures; read the difference as code.

mod picture;

use eql_grammar::parse;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/errors.md");

#[test]
fn every_mistake_brings_its_picture() {
    picture::hold(FILE, &|eql| parse(eql).diagnostics());
}

#[test]
fn every_code_is_in_the_table_and_every_place_in_the_text() {
    let cases = std::fs::read_to_string(FILE).expect("the fixture is there");
    for eql in picture::texts(&cases) {
        for found in parse(eql).diagnostics() {
            assert!(eql_grammar::code::code(found.code).is_some(), "{}", found.code);
            assert!(eql.get(found.span.start..found.span.end).is_some(), "{found}");
            assert!(found.message.chars().next().is_some_and(|c| !c.is_uppercase()), "{found}");
            assert!(!found.message.ends_with('.'), "{found}");
            assert!(found.hint.is_some(), "no advice: {found}");
        }
    }
}

/// The short list of wrong statements: code, line and column of each.
#[test]
fn the_first_wrong_statements() {
    let text = include_str!("fixtures/wrong.eql");
    let found: Vec<_> = parse(text).diagnostics().iter().map(|d| (d.code, d.span.line, d.span.column)).collect();
    let wanted = [
        ("EQL0112", 2, 27),
        ("EQL0114", 4, 30),
        ("EQL0103", 6, 23),
        ("EQL0104", 8, 1),
        ("EQL0102", 10, 21),
        ("EQL0107", 12, 27),
        ("EQL0108", 16, 8),
        ("EQL0109", 18, 51),
        ("EQL0110", 22, 16),
    ];
    assert_eq!(found, wanted);
}
