//! Any text at any place: nothing panics, and what is offered can be written where it is offered.
#![allow(clippy::print_stdout)]

use eql_compiler::Against;
use eql_editor::{complete, definition, hover, nameable, words_of_language};
use eql_grammar::token::{TokenKind, tokenize};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SCHEMA: &str = "DEFINE ENTITY user KEY user_id STRING (city STRING); DEFINE EVENT purchase OF user (amount DOUBLE); DEFINE SEGMENT vip OF user AS city = 'x';";

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        "FIND user WHERE DID purchase [ ] ( ) . , -> AS r count sum amount FUNNEL DEFINE SEGMENT vip OF WITH SELECT FROM JOIN |> EXTEND GROUP BY UNION \
         DURING last 30 days WITHIN 1 hour 'x' ' ` `a ; -- \n /* */ $ $city :p IN NOT CASE WHEN 支付 = TREND SESSIONS SET time_zone"
            .split(' ')
            .collect::<Vec<_>>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nothing_panics(words in prop::collection::vec(word(), 0..14), cut in 0..200_usize) {
        let catalog = eql_compiler::check(SCHEMA, Against::default()).catalog;
        let text = words.join(" ");
        for item in complete(&catalog, &text, cut).items {
            prop_assert!(text.get(item.replace.start..item.replace.end).is_some(), "{text} {item:?}");
        }
        hover(&catalog, &text, cut);
        definition(&catalog, &[&text], 0, cut);
        let _ = nameable(&catalog, &[&text], 0, cut);
    }

    #[test]
    fn nothing_panics_on_any_letters(text in ".{0,60}", cut in 0..80_usize) {
        let catalog = eql_compiler::check(SCHEMA, Against::default()).catalog;
        complete(&catalog, &text, cut);
        hover(&catalog, &text, cut);
    }
}

/// At every keyword of every example, when two letters of it are typed, it is among what is offered.
#[test]
fn what_the_examples_say_is_offered() {
    let examples = include_str!("../../grammar/tests/fixtures/examples.eql");
    let catalog = eql_compiler::check(examples, Against::default()).catalog;
    let phrases = words_of_language();
    let keywords: BTreeSet<&str> = phrases.iter().flat_map(|p| p.split(' ')).collect();
    let (mut asked, mut missing) = (0, Vec::new());
    for token in tokenize(examples).tokens.iter().filter(|t| t.kind == TokenKind::Word) {
        let word = token.text(examples);
        if !keywords.contains(word) || word.len() < 3 {
            continue;
        }
        let start = examples[..token.start].rfind(";\n").map_or(0, |at| at + 2);
        let typed: String = word.chars().take(2).collect();
        let statement = format!("{}{typed}", &examples[start..token.start]);
        let found = complete(&catalog, &statement, statement.len());
        asked += 1;
        if !found.items.iter().any(|i| i.label.split([' ', '.', '(', '<']).any(|w| w.eq_ignore_ascii_case(word))) {
            missing.push(format!("{word}: {}", statement.replace('\n', " ")));
        }
    }
    println!("{} of {asked} keywords are offered", asked - missing.len());
    assert!(asked > 400 && missing.is_empty(), "{}", missing.join("\n"));
}
