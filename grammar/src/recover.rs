//! Goes on after the first error of a statement: what follows is cut at clause keywords outside brackets, and each piece
//! is read on its own with the same rules, so that one question brings all answers.

use crate::classify::classify;
use crate::diagnostic::Diagnostic;
use crate::limit::STATEMENT_ERRORS_MAX;
use crate::parser::{self, Miss, Rule};
use crate::token::{Token, TokenKind};
use crate::word::{CLAUSES, QUERY_HEADS, among};

/// What is wrong with a statement that the grammar gave up at `miss`, at most ten errors in text order.
pub(crate) fn diagnose(text: &str, tokens: &[Token], miss: Miss) -> Vec<Diagnostic> {
    let mut found = vec![classify(text, tokens, &miss)];
    let stopped = tokens.partition_point(|t| t.start < miss.at);
    for piece in pieces(text, tokens, stopped) {
        if found.len() == STATEMENT_ERRORS_MAX {
            break;
        }
        found.extend(piece_error(text, tokens, piece).filter(|d| !found.iter().any(|f| f.span == d.span)));
    }
    found
}

/// Ranges of tokens: the clauses that begin after the token where the grammar stopped.
fn pieces(text: &str, tokens: &[Token], stopped: usize) -> Vec<std::ops::Range<usize>> {
    if !is_query(text, tokens, stopped) {
        return Vec::new();
    }
    let mut starts: Vec<usize> = clause_starts(text, tokens).into_iter().filter(|&s| s > stopped).collect();
    starts.push(tokens.len());
    starts.windows(2).filter_map(|pair| Some(*pair.first()?..*pair.get(1)?)).collect()
}

/// True if clauses may follow: a query, or a definition by a query.
fn is_query(text: &str, tokens: &[Token], stopped: usize) -> bool {
    let Some(first) = tokens.first() else { return false };
    if stopped == 0 || among(first.text(text), &QUERY_HEADS) || first.is_word(text, "EXPLAIN") {
        return true;
    }
    let defined_by_query = |pair: &[Token]| match pair {
        [word, head] => word.is_word(text, "AS") && among(head.text(text), &QUERY_HEADS),
        _ => false,
    };
    first.is_word(text, "DEFINE") && tokens.get(..stopped).unwrap_or_default().windows(2).any(defined_by_query)
}

fn clause_starts(text: &str, tokens: &[Token]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut starts = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match (token.kind, token.text(text)) {
            (TokenKind::Symbol, "(" | "[") => depth += 1,
            (TokenKind::Symbol, ")" | "]") => depth = depth.saturating_sub(1),
            (TokenKind::Symbol, "|>") if depth == 0 => starts.push(i),
            (TokenKind::Word, _) if depth == 0 && begins_clause(text, tokens, i) => starts.push(i),
            _ => {}
        }
    }
    starts
}

/// Words after which a clause's keyword is something else: a name, a window of a step, an option.
const BINDS_NEXT: [&str; 28] = [
    "AND", "OR", "NOT", "BY", "AS", "OF", "IN", "TO", "ON", "WHEN", "THEN", "ELSE", "CASE", "LIKE", "BETWEEN", "DID", "OPTIONAL", "REFRESH",
    "SHOW", "MEASURE", "WHERE", "SELECT", "LAST", "HAS", "CONTAINS", "REENTRY", "COUNTING", "STEP",
];

fn begins_clause(text: &str, tokens: &[Token], i: usize) -> bool {
    let word = |k: usize| tokens.get(k).filter(|t| t.kind == TokenKind::Word).map_or("", |t| t.text(text));
    let matches = |phrase: &&str| phrase.split(' ').enumerate().all(|(k, w)| word(i + k).eq_ignore_ascii_case(w));
    let Some(before) = i.checked_sub(1).and_then(|k| tokens.get(k)) else { return false };
    let bound = match before.kind {
        TokenKind::Word => among(before.text(text), &BINDS_NEXT),
        TokenKind::Symbol => !matches!(before.text(text), ")" | "]" | "*" | "%"),
        TokenKind::Number => among(word(i), &["CALENDAR", "ROLLING"]),
        _ => false,
    };
    let called = tokens.get(i + 1).is_some_and(|t| t.is_symbol(text, "(") || t.is_symbol(text, ".")) && !among(word(i), &["BUCKETS", "WHERE", "HAVING", "AMONG"]);
    !bound && !called && CLAUSES.iter().any(matches)
}

/// The error of one piece, unless it only shows that the piece was cut out of something larger.
fn piece_error(text: &str, tokens: &[Token], piece: std::ops::Range<usize>) -> Option<Diagnostic> {
    let own = tokens.get(piece)?;
    let (start, end) = (own.first()?.start, own.last()?.end);
    let miss = parser::read(Rule::only_piece, text.get(start..end)?).err()?;
    let miss = Miss { at: start + miss.at, ..miss };
    let stopped = own.iter().find(|t| t.start >= miss.at);
    let torn = stopped.is_some_and(|t| {
        let word = t.text(text);
        among(word, &["AND", "OR", "THEN", "ELSE", "END", "AS", "WHEN", "UNION", "INTERSECT", "EXCEPT", "JOIN", "FROM"]) || matches!(word, "," | ")" | "]" | "->" | "→")
    });
    if torn { None } else { Some(classify(text, tokens, &miss)) }
}
