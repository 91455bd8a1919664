//! The mistakes of `fixtures/errors.md`: each brings the picture that stands there.
//!
//! `BLESS=1 cargo test -p eql-grammar` rewrites the pictures; read the difference as code.

use eql_grammar::{Diagnostic, parse, render};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/errors.md");

#[test]
fn every_mistake_brings_its_picture() {
    let wanted = std::fs::read_to_string(FILE).expect("the fixture is there");
    let found = answered(&wanted);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(FILE, &found).expect("the fixture can be written");
        return;
    }
    assert_eq!(found, wanted, "pictures changed: run with BLESS=1 and read the difference");
}

/// The fixture with its answers computed anew: what stands in a `text` block is the answer to the `eql` block before it.
fn answered(cases: &str) -> String {
    let mut out = String::new();
    for case in cases.split_inclusive("\n### ") {
        let Some((question, rest)) = case.split_once("```eql\n") else {
            out.push_str(case);
            continue;
        };
        let (eql, after) = rest.split_once("\n```\n").expect("a closed block");
        let tail = if after.ends_with("\n### ") { "\n### " } else { "" };
        out.push_str(&format!("{question}```eql\n{eql}\n```\n\n```text\n{}```\n{tail}", picture(eql)));
    }
    out
}

fn picture(eql: &str) -> String {
    let diagnostics = parse(eql).diagnostics();
    let mut drawn: String = diagnostics.iter().map(|d| render(d, eql, false)).collect();
    let mended = mend(eql, &diagnostics);
    if mended != eql {
        let verdict = if parse(&mended).diagnostics().is_empty() { "which is right" } else { "which is still wrong" };
        drawn.push_str(&format!("mended, {verdict}:\n  {}\n", mended.trim_end().replace('\n', "\n  ")));
    }
    if diagnostics.is_empty() {
        drawn.push_str("nothing is wrong\n");
    }
    drawn
}

/// The text with all repairs done, from the last to the first.
fn mend(eql: &str, diagnostics: &[Diagnostic]) -> String {
    let mut fixes: Vec<_> = diagnostics.iter().filter_map(|d| d.fix.as_ref()).collect();
    fixes.sort_by_key(|fix| std::cmp::Reverse(fix.span.start));
    let mut mended = eql.to_owned();
    for fix in fixes {
        mended.replace_range(fix.span.start..fix.span.end, &fix.text);
    }
    mended
}

#[test]
fn every_code_is_in_the_table_and_every_place_in_the_text() {
    let cases = std::fs::read_to_string(FILE).expect("the fixture is there");
    for eql in cases.split("```eql\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
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
