//! Keywords with a typing error: the word here against the words that could stand here.

use super::expected::words_of;
use super::site::Site;
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::suggest::nearest;
use crate::token::TokenKind;
use crate::word::{CLAUSES, QUERY_HEADS, STATEMENT_HEADS, among, first_word};

pub(super) fn misspelt(site: &Site<'_>) -> Option<Diagnostic> {
    if site.at_start() {
        return statement(site);
    }
    if site.kind(0) != Some(TokenKind::Word) {
        return None;
    }
    let word = site.at(0);
    let candidates: Vec<&'static str> = site.expected.iter().flat_map(|rule| words_of(*rule)).collect();
    // The same word in the right spelling is not a typing error: something else is wrong with it.
    let near = nearest(word, candidates.iter().copied()).filter(|near| !near.eq_ignore_ascii_case(word));
    let clause = site.expects(Rule::clause) && near.is_none_or(|near| among(near, &CLAUSES.map(first_word)));
    match near {
        Some(near) if clause => Some(suggest(site, code::UNKNOWN_CLAUSE, format!("unknown clause {}", site.quote(0)), whole(site, near))),
        Some(near) => Some(suggest(site, code::MISSPELT, format!("unknown word {}", site.quote(0)), near)),
        None => None,
    }
}

/// `BREAKDOWN BY` for `BREAKDWN`, unless the BY is there.
fn whole(site: &Site<'_>, near: &'static str) -> &'static str {
    let phrases: Vec<&'static str> = CLAUSES.into_iter().filter(|c| first_word(c) == near).collect();
    match phrases.as_slice() {
        [only] if !only.split(' ').nth(1).is_some_and(|second| site.is_word(1, &[second])) => only,
        _ => near,
    }
}

fn suggest(site: &Site<'_>, code: &'static str, message: String, near: &str) -> Diagnostic {
    site.error(code, site.span(0), message).with_hint(format!("did you mean `{near}`?")).with_fix(site.text, site.span(0), near)
}

fn statement(site: &Site<'_>) -> Option<Diagnostic> {
    let word = site.at(0);
    let message = format!("unknown statement {}", site.quote(0));
    if matches!(site.kind(0), Some(TokenKind::Word | TokenKind::Name)) && site.is_symbol(1, &["|>"]) {
        let before = Span::new(site.span(0).start, site.span(0).start);
        let hint = format!("rows are asked for with {}", super::site::shown(&format!("FROM {word}")));
        return Some(site.error(code::UNKNOWN_STATEMENT, site.span(0), message).with_hint(hint).with_fix(site.text, before, "FROM "));
    }
    if site.kind(0) == Some(TokenKind::Word) {
        if let Some(find) = ["COHORT", "SEGMENT", "LIST"].iter().find(|w| site.is_word(0, &[w])) {
            let hint = format!(
                "entities are found with `FIND user WHERE DID purchase`; a set with a name is `DEFINE SEGMENT vip OF user AS DID purchase`, not {find}"
            );
            return Some(site.error(code::UNKNOWN_STATEMENT, site.span(0), message).with_hint(hint).with_fix(
                site.text,
                site.span(0),
                "FIND",
            ));
        }
        if let Some(hint) = other_head(word) {
            return Some(site.error(code::UNKNOWN_STATEMENT, site.span(0), message).with_hint(hint));
        }
        if let Some(near) = nearest(word, QUERY_HEADS.into_iter().chain(STATEMENT_HEADS)).filter(|near| !near.eq_ignore_ascii_case(word)) {
            return Some(suggest(site, code::UNKNOWN_STATEMENT, message, near));
        }
    }
    Some(
        site.error(code::UNKNOWN_STATEMENT, site.span(0), message)
            .with_hint("a statement begins with a word such as `FIND`, `SELECT`, `TREND`, `FUNNEL` or `DEFINE`"),
    )
}

/// Heads of other languages.
fn other_head(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_uppercase().as_str() {
        "CREATE" | "ALTER" => {
            "things are defined with `DEFINE ENTITY user KEY user_id STRING (city STRING)`, and changed with `DEFINE OR REPLACE`"
        }
        "UPDATE" | "UPSERT" | "MERGE" => {
            "the entity with that key is updated by `INSERT INTO ENTITY user (user_id, city) VALUES ('u1', 'Rome')`"
        }
        "DELETE" | "TRUNCATE" => "entities are deleted through ingest, definitions with `DROP EVENT view`",
        "USE" | "BEGIN" | "COMMIT" | "ROLLBACK" => "a statement stands for itself: there are no databases to choose and no transactions",
        "DESC" => "write `DESCRIBE purchase`",
        "LET" => "a part with a name is `WITH a AS (SELECT 1 AS n) SELECT n FROM a`",
        "SEARCH" => "rows are asked for with `FROM purchase WHERE channel = 'app'`",
        "GRANT" | "REVOKE" => "rights belong to tokens: eql admin token",
        "CALL" | "EXEC" | "EXECUTE" => "there are no procedures; a statement begins with a word such as `SELECT`",
        "ANALYZE" | "VACUUM" | "OPTIMIZE" => "the server looks after its files; by hand it is eql admin compact",
        "VALUES" => "write `SELECT` without `FROM`",
        "COUNT" | "SUM" | "AVG" => "a count over time is a `TREND`, a single one a `SELECT`",
        _ => return None,
    })
}
