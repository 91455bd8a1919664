//! Finds all errors of a broken statement, not only the first.
//!
//! Where an error has a mechanical repair, it is made in a draft and the draft is read again: the rest is then judged as
//! if the writer had made no mistake. Where there is none, what follows is cut at clause keywords outside brackets, and
//! each piece is read on its own with the same rules.

mod draft;

use crate::classify::{classify, unsound};
use crate::diagnostic::Diagnostic;
use crate::limit::{self, STATEMENT_ERRORS_MAX};
use crate::parser::{self, Miss, Rule};
use crate::token::{Token, TokenKind, tokenize};
use crate::word::{CLAUSES, QUERY_HEADS, among};
use draft::Draft;

/// Longest statement that is mended and read again; a longer one is told its first error, and those of its clauses.
const MENDED_BYTES_MAX: usize = 1 << 15;

/// What is wrong with a statement, at most ten errors, in text order.
///
/// `stopped` is where the grammar gave up, if it was asked.
pub(crate) fn diagnose(text: &str, piece: &[Token], stopped: Option<Miss>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut draft = Draft::of(text, piece);
    let rounds = if draft.text.len() > MENDED_BYTES_MAX { 1 } else { STATEMENT_ERRORS_MAX };
    let mut next = round(&mut draft, 0, stopped, &mut found);
    for _ in 1..rounds {
        let Some(mended) = next else { break };
        next = round(&mut draft, mended, None, &mut found);
    }
    found.truncate(STATEMENT_ERRORS_MAX);
    found.sort_by_key(|d| d.span.start);
    found
}

/// Reads the draft once and tells what is wrong. If that could be mended, the draft is, and where the repair ends is
/// returned.
fn round(draft: &mut Draft<'_>, mended: usize, stopped: Option<Miss>, found: &mut Vec<Diagnostic>) -> Option<usize> {
    let mut tokens = tokenize(&draft.text).tokens;
    // A mended `；` is the end, not a part.
    if tokens.last().is_some_and(|t| t.kind == TokenKind::End) {
        tokens.pop();
        draft.text.truncate(tokens.last().map_or(0, |t| t.end));
    }
    let signs = unsound(&draft.text, &tokens);
    if !signs.is_empty() {
        return mend(draft, signs, found);
    }
    if limit::nesting(&draft.text, &tokens).is_some() {
        return None;
    }
    let miss = match stopped {
        Some(miss) => miss,
        None => parser::read(Rule::only_statement, &draft.text).err()?,
    };
    let wrong = classify(&draft.text, &tokens, &miss);
    if wrong.fix.is_some() {
        return mend(draft, vec![wrong], found);
    }
    // A repair that does not carry the reader past the next word was a wrong guess, and what follows from it is nothing.
    let progress = tokens.iter().any(|t| t.start >= mended && t.start < miss.at);
    let at_head = tokens.first().is_some_and(|t| t.start >= miss.at);
    if mended == 0 || progress || at_head {
        found.push(draft.in_source(wrong));
    }
    let rest: Vec<Diagnostic> = rest(&draft.text, &tokens, &miss).into_iter().map(|d| draft.in_source(d)).collect();
    found.extend(rest);
    None
}

/// Tells what is wrong and repairs it, from the last to the first, if all of it can be repaired.
fn mend(draft: &mut Draft<'_>, wrong: Vec<Diagnostic>, found: &mut Vec<Diagnostic>) -> Option<usize> {
    found.extend(wrong.iter().map(|d| draft.in_source(d.clone())));
    let fixes: Option<Vec<_>> = wrong.into_iter().map(|d| d.fix).collect();
    fixes?.iter().rev().map(|fix| draft.apply(fix)).min()
}

/// The errors of the clauses after the one where the grammar stopped.
fn rest(text: &str, tokens: &[Token], miss: &Miss) -> Vec<Diagnostic> {
    let stopped = tokens.partition_point(|t| t.start < miss.at);
    pieces(text, tokens, stopped).into_iter().filter_map(|piece| piece_error(text, tokens, piece)).take(STATEMENT_ERRORS_MAX).collect()
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

/// The clauses outside brackets: the token where each begins, and its words.
pub fn clauses(text: &str, tokens: &[Token]) -> Vec<(usize, &'static str)> {
    clause_starts(text, tokens).into_iter().filter_map(|i| Some((i, phrase_at(text, tokens, i)?))).collect()
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
    "AND", "OR", "NOT", "BY", "AS", "OF", "IN", "TO", "ON", "WHEN", "THEN", "ELSE", "CASE", "LIKE", "BETWEEN", "DID", "OPTIONAL",
    "REFRESH", "SHOW", "MEASURE", "WHERE", "SELECT", "LAST", "HAS", "CONTAINS", "REENTRY", "COUNTING", "STEP",
];

fn begins_clause(text: &str, tokens: &[Token], i: usize) -> bool {
    let word = |k: usize| tokens.get(k).filter(|t| t.kind == TokenKind::Word).map_or("", |t| t.text(text));
    let Some(before) = i.checked_sub(1).and_then(|k| tokens.get(k)) else { return false };
    let bound = match before.kind {
        TokenKind::Word => among(before.text(text), &BINDS_NEXT),
        TokenKind::Symbol => !matches!(before.text(text), ")" | "]" | "*" | "%"),
        TokenKind::Number => among(word(i), &["CALENDAR", "ROLLING"]),
        _ => false,
    };
    let opened = tokens.get(i + 1).is_some_and(|t| t.is_symbol(text, "(") || t.is_symbol(text, "."));
    let called = opened && !among(word(i), &["BUCKETS", "WHERE", "HAVING", "AMONG"]);
    !bound && !called && phrase_at(text, tokens, i).is_some()
}

/// The clause whose words begin at token `i`.
fn phrase_at(text: &str, tokens: &[Token], i: usize) -> Option<&'static str> {
    let word = |k: usize| tokens.get(k).filter(|t| t.kind == TokenKind::Word).map_or("", |t| t.text(text));
    CLAUSES.into_iter().find(|phrase| phrase.split(' ').enumerate().all(|(k, w)| word(i + k).eq_ignore_ascii_case(w)))
}

/// Words and signs that show that a piece was cut out of something larger.
const TORN: [&str; 17] =
    ["AND", "OR", "THEN", "ELSE", "END", "AS", "WHEN", "UNION", "INTERSECT", "EXCEPT", "JOIN", "FROM", ",", ")", "]", "->", "→"];

/// The error of one piece, unless it only shows that the piece was cut out of something larger.
fn piece_error(text: &str, tokens: &[Token], piece: std::ops::Range<usize>) -> Option<Diagnostic> {
    let own = tokens.get(piece)?;
    let (start, end) = (own.first()?.start, own.last()?.end);
    let miss = parser::read(Rule::only_piece, text.get(start..end)?).err()?;
    let miss = Miss { at: start + miss.at, ..miss };
    let torn = own.iter().find(|t| t.start >= miss.at).is_some_and(|t| among(t.text(text), &TORN));
    if torn { None } else { Some(classify(text, tokens, &miss)) }
}
