//! Every example statement parses, and its printed form is the same statement.

use eql_grammar::{format, parse, print};

const CORPUS: [(&str, &str); 4] = [
    ("examples.eql", include_str!("fixtures/examples.eql")),
    ("retail_schema.eql", include_str!("fixtures/retail_schema.eql")),
    ("retail_tour.eql", include_str!("fixtures/retail_tour.eql")),
    ("retail_cases.eql", include_str!("fixtures/retail_cases.eql")),
];

#[test]
fn every_statement_parses() {
    for (file, text) in CORPUS {
        let parsed = parse(text);
        assert!(parsed.statements.len() > 5, "{file}");
        assert_eq!(parsed.diagnostics(), [], "{file}");
    }
}

#[test]
fn the_printed_statement_is_the_same_statement() {
    for (file, text) in CORPUS {
        for statement in parse(text).statements.into_iter().flatten() {
            let printed = print(&statement);
            let again = parse(&printed).statements;
            assert_eq!(again, [Ok(statement)], "{file}: {printed}");
            let twice: Vec<String> = again.iter().flatten().map(print).collect();
            assert_eq!(twice, [printed], "{file}");
        }
    }
}

#[test]
fn formatting_twice_changes_nothing() {
    for (file, text) in CORPUS {
        let once = format(text).expect(file);
        assert_eq!(format(&once).expect(file), once, "{file}");
        let trees = |text: &str| parse(text).statements;
        assert_eq!(trees(&once), trees(text), "{file}");
        let comments = |text: &str| text.matches("--").count();
        assert_eq!(comments(&once), comments(text), "{file}");
    }
}
