//! Hover, definitions and names by hand: `^` is the cursor.
#![allow(clippy::unwrap_used)]

use eql_catalog::Catalog;
use eql_compiler::Against;
use eql_editor::{definition, hover, nameable, outline, rename};
use eql_grammar::ast::Span;

const SCHEMA: &str = "DEFINE ENTITY user KEY user_id STRING (city STRING COMMENT 'where they live');
DEFINE EVENT purchase OF user (amount DOUBLE, city STRING);
DEFINE EVENT search OF user (words STRING);
DEFINE SEGMENT vip OF user AS count(purchase) > 10;
DEFINE TAG level OF user AS CASE WHEN count(purchase) > 3 THEN 'high' ELSE 'low' END;
DEFINE METRIC basket AS avg(purchase.amount);
DEFINE PROPERTY purchase.cents AS amount * 100;
";

fn catalog(texts: &[&str]) -> Catalog {
    let joined = texts.join("\n;");
    eql_compiler::check(&joined, Against::default()).catalog
}

fn cursor(text: &str) -> (String, usize) {
    let offset = text.find('^').unwrap_or_else(|| panic!("no cursor in {text}"));
    (text.replacen('^', "", 1), offset)
}

fn said(query: &str) -> String {
    let (text, offset) = cursor(query);
    hover(&catalog(&[SCHEMA]), &text, offset).map(|h| h.markdown).unwrap_or_default()
}

#[test]
fn hover_says_what_a_word_is() {
    assert!(said("FIND us^er").contains("DEFINE ENTITY user"), "{}", said("FIND us^er"));
    let city = said("FIND user WHERE ci^ty = 'x'");
    assert!(city.contains("user.city STRING") && city.contains("where they live"), "{city}");
    assert!(said("FIND user WHERE DID [purchase WHERE ci^ty = 'x']").contains("purchase.city STRING"));
    assert!(said("FIND user WHERE DID [purchase WHERE user.ci^ty = 'x']").contains("user.city STRING"));
    assert!(said("TREND sum(purchase.cen^ts) DURING today").contains("DEFINE PROPERTY purchase.cents"));
    assert!(said("TREND bas^ket DURING today").contains("DEFINE METRIC basket"));
    assert!(said("FIND user AMONG vi^p").contains("DEFINE SEGMENT vip"));
    assert!(said("FIND user WHERE lev^el = 'high'").contains("DEFINE TAG level"));
    assert!(said("FIND user WHERE cou^nt(purchase) > 1").contains("rows, or values"));
    assert!(said("FUNNEL search -> purchase WIT^HIN 1 day DURING today").contains("longest time"));
    assert!(said("TREND count(purchase) BREAK^DOWN BY city DURING today").contains("One answer a value"));
    assert!(said("FIND user WHERE DID [purchase WHERE ti^me > now()]").contains("when it happened"));
    assert!(said("FIND user WHERE nothi^ng = 1").is_empty());
    assert!(said("FIND user WHERE city = 'us^er'").is_empty());
}

fn defined_at(query: &str) -> Option<(usize, String)> {
    let (text, offset) = cursor(query);
    let texts = [SCHEMA, &text];
    let (at, span) = definition(&catalog(&texts), &texts, 1, offset)?;
    let line = texts[at][..span.start].matches('\n').count();
    Some((at, format!("{}:{}", line + 1, &texts[at][span.start..span.end])))
}

#[test]
fn definitions_are_found_in_the_open_texts() {
    let is = |query: &str, at: usize, place: &str| assert_eq!(defined_at(query), Some((at, place.to_string())), "{query}");
    is("FIND us^er", 0, "1:user");
    is("FIND user WHERE ci^ty = 'x'", 0, "1:city");
    is("FIND user WHERE DID [purchase WHERE ci^ty = 'x']", 0, "2:city");
    is("FIND user WHERE count(purch^ase) > 1", 0, "2:purchase");
    is("FUNNEL sea^rch -> purchase WITHIN 1 day DURING today", 0, "3:search");
    is("FIND user AMONG vi^p", 0, "4:vip");
    is("FIND user WHERE lev^el = 'high'", 0, "5:level");
    is("TREND sum(purchase.cen^ts) DURING today", 0, "7:cents");
    is("FUNNEL search AS s -> [purchase WHERE s^.words = 'x'] WITHIN 1 day DURING today", 1, "1:s");
    is("WITH a AS (FIND user) SELECT * FROM ^a", 1, "1:a");
    assert_eq!(defined_at("FIND user WHERE cou^nt(purchase) > 1"), None);
}

fn renamed(query: &str, name: &str) -> Result<Vec<String>, String> {
    let (text, offset) = cursor(query);
    let texts = [SCHEMA, &text];
    let places = rename(&catalog(&texts), &texts, 1, offset, name).map_err(|e| e.0)?;
    let write = |(text, spans): (&&str, Vec<Span>)| {
        let mut out = (*text).to_string();
        for span in spans.iter().rev() {
            out.replace_range(span.start..span.end, name);
        }
        out
    };
    Ok(texts.iter().zip(places).map(write).collect())
}

#[test]
fn a_definition_is_renamed_everywhere_and_nothing_else_is() {
    let all = renamed("FIND user WHERE DID pur^chase AND count(purchase) > 1 SHOW sum(purchase.amount) AS purchase", "buy").unwrap();
    assert_eq!(all[1], "FIND user WHERE DID buy AND count(buy) > 1 SHOW sum(buy.amount) AS purchase");
    assert!(
        all[0].contains("DEFINE EVENT buy OF user") && all[0].contains("count(buy) > 10") && all[0].contains("PROPERTY buy.cents"),
        "{}",
        all[0]
    );
    assert!(!all[0].contains("purchase"), "{}", all[0]);
}

#[test]
fn properties_of_one_name_are_told_apart() {
    let all = renamed("FIND user WHERE ci^ty = 'x' AND DID [purchase WHERE city = 'y' AND user.city = 'z']", "town").unwrap();
    assert_eq!(all[1], "FIND user WHERE town = 'x' AND DID [purchase WHERE city = 'y' AND user.town = 'z']");
    assert!(all[0].contains("(town STRING") && all[0].contains("amount DOUBLE, city STRING"), "{}", all[0]);
}

#[test]
fn an_alias_is_renamed_in_its_statement() {
    let all = renamed("FUNNEL search AS ^s -> [purchase WHERE s.words = 'x'] WITHIN 1 day DURING today BREAKDOWN BY s.words; FUNNEL search AS s DURING today", "q").unwrap();
    assert_eq!(
        all[1],
        "FUNNEL search AS q -> [purchase WHERE q.words = 'x'] WITHIN 1 day DURING today BREAKDOWN BY q.words; FUNNEL search AS s DURING today"
    );
}

#[test]
fn what_is_not_defined_here_keeps_its_name() {
    let (text, offset) = cursor("FIND us^er");
    let elsewhere = catalog(&[SCHEMA]);
    assert!(nameable(&elsewhere, &[&text], 0, offset).is_err_and(|e| e.0.contains("open the file")));
    assert!(nameable(&elsewhere, &[&text], 0, 1).is_err());
    assert!(renamed("FIND us^er", "  ").is_err());
    assert!(renamed("FIND user WHERE DID pur^chase", "search").is_err_and(|e| e.contains("already")));
}

#[test]
fn a_text_has_an_outline() {
    let entries = outline("DEFINE EVENT a OF b (c INT); FIND b\n WHERE c = 1;");
    let told: Vec<(&str, &str)> = entries.iter().map(|e| (e.kind, e.name.as_str())).collect();
    assert_eq!(told, [("event", "a"), ("property", "c"), ("statement", "FIND b WHERE c = 1")]);
}
