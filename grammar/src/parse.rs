//! From a text to trees or diagnostics, statement by statement.

use crate::ast::{Duration, Expr, Range, Span, Statement};
use crate::build::{Builder, Built};
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::limit;
use crate::parser::{self, Miss, Pair, Rule};
use crate::token::{Token, tokenize};
use crate::{classify, recover, split};

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
    for piece in split::statements(&tokens) {
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
    let sound = sound(text, piece)?;
    match sound.read(Rule::only_statement, |b, pair| b.whole_statement(pair)) {
        Ok(statement) => Ok(statement),
        Err(Trouble::Refused(why)) => Err(vec![*why]),
        Err(Trouble::Missed(miss)) => Err(recover::diagnose(text, piece, miss)),
    }
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
fn only<T>(text: &str, rule: Rule, build: impl FnOnce(&mut Builder<'_>, Pair<'_>) -> Built<T>) -> Result<T, Diagnostic> {
    if let Some(too_long) = limit::length(text) {
        return Err(too_long);
    }
    let tokens = tokenize(text).tokens;
    let sound = match sound(text, &tokens) {
        Ok(sound) => sound,
        Err(unsound) => return Err(first(text, unsound)),
    };
    match sound.read(rule, build) {
        Ok(tree) => Ok(tree),
        Err(Trouble::Refused(why)) => Err(*why),
        Err(Trouble::Missed(miss)) => Err(classify::classify(text, &tokens, &miss)),
    }
}

fn first(text: &str, diagnostics: Vec<Diagnostic>) -> Diagnostic {
    let fault = || Diagnostic::error(code::FAULT, text, Span::default(), "this text could not be read because of a fault in the parser");
    diagnostics.into_iter().next().unwrap_or_else(fault)
}

/// Why there is no tree.
enum Trouble {
    /// The grammar matched, the tree was refused.
    Refused(Box<Diagnostic>),
    /// The grammar stopped.
    Missed(Miss),
}

/// Tokens that may be given to the grammar: all known, brackets balanced, nothing nested too deep.
struct Sound<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    ends: Vec<usize>,
}

fn sound<'t>(text: &'t str, piece: &[Token]) -> Result<Sound<'t>, Vec<Diagnostic>> {
    if let Some(deep) = limit::nesting(text, piece) {
        return Err(vec![deep]);
    }
    let mut unsound = classify::unsound(text, piece);
    if !unsound.is_empty() {
        unsound.truncate(limit::STATEMENT_ERRORS_MAX);
        return Err(unsound);
    }
    let start = piece.first().map_or(text.len(), |t| t.start);
    let end = piece.last().map_or(text.len(), |t| t.end);
    Ok(Sound { text, start, end, ends: piece.iter().map(|t| t.end).collect() })
}

impl Sound<'_> {
    fn read<T>(&self, rule: Rule, build: impl FnOnce(&mut Builder<'_>, Pair<'_>) -> Built<T>) -> Result<T, Trouble> {
        let piece = self.text.get(self.start..self.end).unwrap_or_default();
        match parser::read(rule, piece) {
            Ok(pair) => build(&mut Builder::new(self.text, self.start, &self.ends), pair).map_err(Trouble::Refused),
            Err(miss) => Err(Trouble::Missed(Miss { at: self.start + miss.at, ..miss })),
        }
    }
}
