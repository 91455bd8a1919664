//! From a text to trees or diagnostics, statement by statement.

use crate::ast::{Duration, Expr, Range, Statement};
use crate::build::{Builder, Built};
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::limit;
use crate::parser::{self, Miss, Pair, Rule};
use crate::token::{Token, tokenize};
use crate::{classify, recover, split, stack};

/// What a text holds: each statement, or what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// In text order.
    pub statements: Vec<Result<Statement, Vec<Diagnostic>>>,
}

impl Parsed {
    /// All diagnostics, in text order.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.statements.iter().filter_map(|s| s.as_ref().err()).flatten().cloned().collect()
    }
}

/// Reads all statements of `text`. A broken one does not hide the others.
pub fn parse(text: &str) -> Parsed {
    if let Some(too_long) = limit::length(text) {
        return Parsed { statements: vec![Err(vec![too_long])] };
    }
    let tokens = tokenize(text).tokens;
    let mut statements = Vec::new();
    let mut errors = 0;
    for piece in split::statements(text, &tokens) {
        if let Some(enough) = enough(text, piece, statements.len(), errors) {
            statements.push(Err(vec![enough]));
            break;
        }
        let statement = statement(text, piece);
        errors += statement.as_ref().err().map_or(0, Vec::len);
        statements.push(statement);
    }
    Parsed { statements }
}

/// Says why the text is not read from `piece` on, if it is not.
fn enough(text: &str, piece: &[Token], statements: usize, errors: usize) -> Option<Diagnostic> {
    let at = piece.first().map(Token::span).unwrap_or_default();
    if errors >= limit::TEXT_ERRORS_MAX {
        let message = format!("more than {} errors: the rest of the text was not read", limit::TEXT_ERRORS_MAX);
        return Some(Diagnostic::error(code::TOO_MANY_ERRORS, text, at, message));
    }
    if statements < limit::STATEMENTS_MAX {
        return None;
    }
    let message = format!("a text has at most {} statements: the rest was not read", limit::STATEMENTS_MAX);
    Some(Diagnostic::error(code::TOO_MANY_STATEMENTS, text, at, message).with_hint("send it in several texts"))
}

fn statement(text: &str, piece: &[Token]) -> Result<Statement, Vec<Diagnostic>> {
    if let Some(deep) = limit::nesting(text, piece) {
        return Err(vec![deep]);
    }
    let read = || {
        if !classify::unsound(text, piece).is_empty() {
            return Err(recover::diagnose(text, piece, None));
        }
        match read(text, piece, Rule::only_statement, |b, pair| b.whole_statement(pair)) {
            Ok(statement) => Ok(statement),
            Err(Trouble::Refused(why)) => Err(vec![*why]),
            Err(Trouble::Missed(miss)) => Err(recover::diagnose(text, piece, Some(miss))),
        }
    };
    stack::with_room(limit::depth(text, piece), read).unwrap_or_else(|| Err(vec![fault(text, piece)]))
}

/// Reads an expression, such as the value of a parameter.
#[expect(clippy::result_large_err, reason = "one diagnostic is the answer, and the callers are few")]
pub fn parse_expr(text: &str) -> Result<Expr, Diagnostic> {
    only(text, Rule::only_expr, |b, pair| b.whole_expr(pair))
}

/// Reads a length of time, such as `30 days`.
#[expect(clippy::result_large_err, reason = "one diagnostic is the answer, and the callers are few")]
pub fn parse_duration(text: &str) -> Result<Duration, Diagnostic> {
    only(text, Rule::only_duration, |b, pair| b.whole_duration(pair))
}

/// Reads a range of time, such as `last 30 days`.
#[expect(clippy::result_large_err, reason = "one diagnostic is the answer, and the callers are few")]
pub fn parse_range(text: &str) -> Result<Range, Diagnostic> {
    only(text, Rule::only_range, |b, pair| b.whole_range(pair))
}

#[expect(clippy::result_large_err, reason = "see the functions above")]
fn only<T: Send>(text: &str, rule: Rule, build: impl Fn(&mut Builder<'_>, Pair<'_>) -> Built<T> + Send + Sync) -> Result<T, Diagnostic> {
    let tokens = if text.len() > limit::TEXT_BYTES_MAX { Vec::new() } else { tokenize(text).tokens };
    let refused =
        limit::length(text).or_else(|| limit::nesting(text, &tokens)).or_else(|| classify::unsound(text, &tokens).into_iter().next());
    if let Some(refused) = refused {
        return Err(refused);
    }
    let read = || match read(text, &tokens, rule, build) {
        Ok(tree) => Ok(tree),
        Err(Trouble::Refused(why)) => Err(*why),
        Err(Trouble::Missed(miss)) => {
            let start = tokens.first().map_or(0, |t| t.start);
            Err(classify::classify(text, &tokens, &Miss { at: start + miss.at, ..miss }))
        }
    };
    stack::with_room(limit::depth(text, &tokens), read).unwrap_or_else(|| Err(fault(text, &tokens)))
}

fn fault(text: &str, piece: &[Token]) -> Diagnostic {
    let at = piece.first().map(Token::span).unwrap_or_default();
    Diagnostic::error(code::FAULT, text, at, "this text could not be read because of a fault in the parser")
        .with_hint("please report the text")
}

/// Why there is no tree.
enum Trouble {
    /// The grammar matched, the tree was refused.
    Refused(Box<Diagnostic>),
    /// The grammar stopped; the place counts from the first token.
    Missed(Miss),
}

/// Gives tokens to the grammar: all known, brackets balanced, nothing nested too deep.
fn read<T>(text: &str, piece: &[Token], rule: Rule, build: impl FnOnce(&mut Builder<'_>, Pair<'_>) -> Built<T>) -> Result<T, Trouble> {
    let start = piece.first().map_or(text.len(), |t| t.start);
    let end = piece.last().map_or(text.len(), |t| t.end);
    match parser::read(rule, text.get(start..end).unwrap_or_default()) {
        Ok(pair) => {
            let ends: Vec<usize> = piece.iter().map(|t| t.end).collect();
            build(&mut Builder::new(text, start, &ends), pair).map_err(Trouble::Refused)
        }
        Err(miss) => Err(Trouble::Missed(miss)),
    }
}
