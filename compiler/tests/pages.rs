//! The manual has a page for every code, and no page for a code that there is not; each shows the mistake and mends it.

use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues, bind};
use eql_grammar::parse;
use std::collections::{BTreeMap, BTreeSet};

const SCHEMA: &str = include_str!("../../demo/completejourney/schema.eql");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/book/src");
/// Codes that no short text can show: sizes, faults, SQL, what rows bring, what later versions bring; and warnings, after which nothing needs to be mended.
const WITHOUT_EXAMPLE: [&str; 13] = [
    "EQL0120", "EQL0122", "EQL0123", "EQL0124", "EQL0125", "EQL0199", "EQL0320", "EQL0499", "EQL0501", "EQL0502", "EQL0601", "EQL0602",
    "EQL0901",
];

/// Title and explanation of every code.
fn codes() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let grammar = eql_grammar::code::CODES.iter().map(|c| (c.code, (c.title, c.explanation)));
    grammar.chain(eql_compiler::code::ALL.iter().map(|c| (c.code, (c.title, c.explanation)))).collect()
}

fn page(code: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/errors/{code}.md")).unwrap_or_else(|e| panic!("{code} has no page: {e}"))
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let entries = std::fs::read_dir(format!("{FOLDER}/errors")).expect("the folder is there");
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().trim_end_matches(".md").to_string());
    let pages: BTreeSet<String> = names.filter(|n| n != "index").collect();
    let codes: BTreeSet<String> = codes().keys().map(ToString::to_string).collect();
    assert_eq!(pages, codes);
    let (summary, index) = (read("SUMMARY.md"), read("errors/index.md"));
    for code in &codes {
        assert!(summary.contains(&format!("errors/{code}.md")), "{code} is not in SUMMARY.md");
        assert!(index.contains(&format!("({code}.md)")), "{code} is not in errors/index.md");
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{path}")).expect("the page is there")
}

#[test]
fn a_page_says_what_the_code_says() {
    for (code, (title, explanation)) in codes() {
        let text = page(code);
        assert!(text.starts_with(&format!("# {code}: {title}\n\n")), "{code}: the title");
        assert!(text.replace("&lt;", "<").contains(explanation), "{code}: the explanation");
    }
}

/// The wrong block brings the page's code, the right one nothing at all.
#[test]
fn a_page_shows_the_mistake_and_mends_it() {
    for code in codes().into_keys().filter(|code| !WITHOUT_EXAMPLE.contains(code)) {
        let text = page(code);
        let mut catalog = Catalog::default();
        assert_eq!(said(&mut catalog, SCHEMA), [""; 0]);
        let wrong = said(&mut catalog, block(&text, "```eql,fails\n").unwrap_or_else(|| panic!("{code} shows no mistake")));
        assert!(wrong.contains(&code), "{code}: the mistake brings {wrong:?}");
        let right = said(&mut catalog, block(&text, "```eql\n").unwrap_or_else(|| panic!("{code} shows nothing right")));
        assert_eq!(right, [""; 0], "{code}: what is right");
    }
}

fn block<'t>(page: &'t str, fence: &str) -> Option<&'t str> {
    page.split_once(fence)?.1.split("```").next()
}

/// The codes that a text brings; its definitions count for what follows.
fn said(catalog: &mut Catalog, text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for statement in parse(text).statements {
        let params = ParamValues::new();
        let context = Context { catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: false };
        let bound = match statement {
            Ok(statement) => bind(text, &statement, &context),
            Err(wrong) => {
                found.extend(wrong.iter().map(|d| d.code));
                continue;
            }
        };
        found.extend(bound.diagnostics.iter().map(|d| d.code));
        if let Some(Statement::Change(change, _)) = &bound.statement {
            *catalog = catalog.apply(change).expect("it applies");
        }
    }
    found
}

/// The rules of `rules.md` are the sixty, and what is said to hold each of them exists; a page of cases names the rule.
#[test]
fn every_rule_is_held_by_a_page_of_cases_or_a_test() {
    let text = read("language/rules.md");
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    assert_eq!(sections.len(), 60);
    for (i, section) in sections.iter().enumerate() {
        let rule = i + 1;
        assert!(section.starts_with(&format!("{rule}. ")), "rule {rule}: {section:.40}");
        let held = section.lines().find(|l| l.starts_with("Held by ")).unwrap_or_else(|| panic!("rule {rule}: by whom?"));
        let paths: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        assert!(!paths.is_empty(), "rule {rule}");
        for path in paths {
            let page = std::fs::read_to_string(format!("{FOLDER}/../../../{path}")).unwrap_or_else(|e| panic!("rule {rule}: {path}: {e}"));
            assert!(!path.starts_with("tests/cases/") || rules_named(&page).contains(&rule), "{path} does not name rule {rule}");
        }
    }
}

/// The numbers in `(rules 1, 2 to 4)` and `rule 5`.
fn rules_named(page: &str) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for after in page.replace("Rule", "rule").split("rule").skip(1) {
        let words = after.trim_start_matches('s').split([' ', ',', ')', '.', ':', ';']).filter(|w| !w.is_empty());
        let (mut last, mut until) = (0, false);
        for word in words {
            match word.parse::<usize>() {
                Ok(n) if until => found.extend(last..=n),
                Ok(n) => found.extend([n]),
                Err(_) if word == "to" || word == "and" => {}
                Err(_) => break,
            }
            until = word == "to";
            last = word.parse().unwrap_or(last);
        }
    }
    found
}
