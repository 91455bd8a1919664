//! What could stand at the cursor: the statement is cut there, and the grammar is asked what it would have taken.

use crate::ast::Span;
use crate::classify::words_of;
use crate::parser::{self, Miss, Rule};
use crate::token::{Token, TokenKind, tokenize};
use crate::{limit, recover, stack};

/// A class of words that the grammar would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// A statement of any kind.
    Statement,
    /// A query.
    Query,
    /// A clause of the head.
    Clause,
    /// A qualifier of DID.
    Qualifier,
    /// An option of a definition.
    Option,
    /// A stage after the query.
    Stage,
    /// A word between two values.
    Operator,
    /// A value, or a condition such as DID.
    Condition,
    /// A value, and no condition.
    Value,
    /// An event, or an event with a condition in brackets.
    Event,
    /// A segment.
    Segment,
    /// A range of time.
    Range,
    /// A point in time.
    Instant,
    /// A length of time.
    Duration,
    /// A unit of time.
    Unit,
    /// A name; of what, the words before say.
    Name,
    /// A type.
    Type,
}

/// What could stand at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The word that the cursor stands in or after, up to its end; empty where there is none.
    pub word: Span,
    /// What of it stands before the cursor, without an opening quote.
    pub typed: String,
    /// Classes, each once.
    pub wants: Vec<Want>,
    /// Keywords that belong to no class, upper case.
    pub words: Vec<&'static str>,
    /// The grammar did not come as far as the cursor: something before it is wrong.
    pub astray: bool,
}

/// A character that no rule takes: the grammar stops there, and says what it would have liked instead.
const WALL: char = '\u{1}';

/// What could stand at `offset`; None inside texts, comments, numbers and parameters.
pub fn expect(text: &str, offset: usize) -> Option<Expectation> {
    if limit::length(text).is_some() {
        return None;
    }
    let cut = text.get(..floor(text, offset)).unwrap_or_default();
    let seen = tokenize(cut);
    let in_comment = |c: &Span| c.end == cut.len() && cut.get(c.start..).is_some_and(|words| words.starts_with("--"));
    if seen.comments.iter().any(in_comment) {
        return None;
    }
    let (word, before) = word(text, cut, &seen.tokens)?;
    let typed = cut.get(word.start..).unwrap_or_default().trim_start_matches(['`', '"']).to_owned();
    let piece = before.rsplit(|t| t.kind == TokenKind::End).next().unwrap_or_default();
    let (miss, astray) = stop(text, piece, word.start)?;
    let (wants, words) = sorted(&miss.expected);
    Some(Expectation { word, typed, wants, words, astray })
}

fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The word at the end of what is before the cursor, and the tokens before it.
fn word<'t>(text: &str, cut: &str, tokens: &'t [Token]) -> Option<(Span, &'t [Token])> {
    let none = Some((Span::new(cut.len(), cut.len()), tokens));
    let Some((last, before)) = tokens.split_last() else { return none };
    match last.kind {
        TokenKind::UnclosedText | TokenKind::UnclosedComment => None,
        _ if last.end < cut.len() => none,
        TokenKind::Number | TokenKind::Param => None,
        TokenKind::Unknown if last.text(cut) == ":" => None,
        TokenKind::Unknown if last.text(cut) == "$" => Some((Span::new(last.start, rest_of(text, last)), before)),
        TokenKind::Word | TokenKind::Name | TokenKind::UnclosedName => Some((Span::new(last.start, rest_of(text, last)), before)),
        _ => none,
    }
}

/// Where the word ends that `begun` is the beginning of.
fn rest_of(text: &str, begun: &Token) -> usize {
    const NAME_BYTES_MAX: usize = 1024;
    let mut end = text.len().min(begun.start + NAME_BYTES_MAX).max(begun.end);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line = text.get(begun.start..end).unwrap_or_default().lines().next().unwrap_or_default();
    match tokenize(line).tokens.first() {
        Some(whole) if matches!(whole.kind, TokenKind::Word | TokenKind::Name) => (begun.start + whole.end).max(begun.end),
        _ => begun.end,
    }
}

/// Where the grammar stops on the statement up to `end`. Where it stops too early, it is asked about the last clause alone.
fn stop(text: &str, piece: &[Token], end: usize) -> Option<(Miss, bool)> {
    if limit::nesting(text, piece).is_some() {
        return None;
    }
    let from = |start: usize, rule: Rule| {
        let cut = format!("{}{WALL}", text.get(start..end).unwrap_or_default());
        let miss = parser::read(rule, &cut).err()?;
        let reached = miss.at + start;
        (!miss.exhausted && piece.iter().all(|t| t.start < reached)).then_some(miss)
    };
    let ask = || {
        let start = piece.first().map_or(end, |t| t.start);
        if let Some(miss) = from(start, Rule::only_statement) {
            return Some((miss, false));
        }
        let clauses = recover::clauses(text, piece);
        let last = clauses.last().and_then(|(i, _)| piece.get(*i));
        let miss = last.and_then(|token| from(token.start, Rule::only_piece));
        Some((miss.unwrap_or(Miss { at: 0, expected: Vec::new(), exhausted: false }), true))
    };
    stack::with_room(limit::depth(text, piece), ask).flatten()
}

fn sorted(rules: &[Rule]) -> (Vec<Want>, Vec<&'static str>) {
    let (mut wants, mut words) = (Vec::new(), Vec::new());
    for rule in rules {
        match class(*rule) {
            Class::Of(classes) => wants.extend_from_slice(classes),
            Class::Words => words.extend(keywords(*rule)),
            Class::Nothing => {}
        }
    }
    wants.sort_unstable();
    wants.dedup();
    words.sort_unstable();
    words.dedup();
    (wants, words)
}

enum Class {
    Of(&'static [Want]),
    Words,
    Nothing,
}

fn keywords(rule: Rule) -> Vec<&'static str> {
    match rule {
        Rule::distinct => vec!["DISTINCT"],
        Rule::optional => vec!["OPTIONAL"],
        Rule::any_event => vec!["ANY EVENT"],
        Rule::ties => vec!["TIES"],
        Rule::case => vec!["CASE"],
        Rule::when => vec!["WHEN"],
        Rule::or_replace => vec!["OR REPLACE"],
        Rule::identities => vec!["IDENTITIES"],
        Rule::limit => vec!["LIMIT"],
        Rule::subscribe_to => vec!["SEGMENT", "TAG", "EVENT"],
        Rule::insert_target => vec!["SEGMENT", "TAG", "ENTITY", "EVENT"],
        rule => words_of(rule),
    }
}

fn class(rule: Rule) -> Class {
    Class::Of(match rule {
        Rule::expr
        | Rule::predicate
        | Rule::args
        | Rule::arg
        | Rule::item
        | Rule::items
        | Rule::select_item
        | Rule::select_items
        | Rule::order_item
        | Rule::order_items => &[Want::Condition],
        Rule::value | Rule::operand | Rule::literal | Rule::constant | Rule::paren | Rule::reference => &[Want::Value],
        Rule::step | Rule::steps | Rule::step_list | Rule::event_ref | Rule::event_scope | Rule::bracket | Rule::event_alt => {
            &[Want::Event]
        }
        Rule::segment_expr | Rule::segment_term => &[Want::Segment],
        Rule::range => &[Want::Range],
        Rule::duration | Rule::length => &[Want::Duration],
        Rule::instant => &[Want::Instant],
        Rule::unit | Rule::unit_word => &[Want::Unit],
        Rule::query
        | Rule::set_term
        | Rule::nested
        | Rule::select
        | Rule::find
        | Rule::analysis
        | Rule::inner_query
        | Rule::head_arguments
        | Rule::head_bare
        | Rule::with_clause => &[Want::Query],
        Rule::statement | Rule::only_statement | Rule::explain | Rule::define => &[Want::Statement],
        Rule::ident | Rule::path | Rule::alias | Rule::source | Rule::participant => &[Want::Name],
        Rule::type_name | Rule::type_word => &[Want::Type],
        Rule::clause => &[Want::Clause],
        Rule::only_piece => &[Want::Clause, Want::Qualifier],
        Rule::pred_tail | Rule::match_op => &[Want::Operator],
        Rule::qual => &[Want::Qualifier],
        Rule::def_opt | Rule::def_word | Rule::def_end => &[Want::Option],
        Rule::pipe => &[Want::Stage],
        Rule::EOI | Rule::COMMENT | Rule::WHITESPACE | Rule::kw_not => return nothing_but(rule),
        _ => return Class::Words,
    })
}

fn nothing_but(rule: Rule) -> Class {
    if rule == Rule::kw_not { Class::Words } else { Class::Nothing }
}

#[cfg(test)]
mod tests {
    use super::{Want, expect};

    /// `^` is the cursor.
    fn at(text: &str) -> (Vec<Want>, Vec<&'static str>) {
        let offset = text.find('^').unwrap_or(text.len());
        let found = expect(&text.replacen('^', "", 1), offset).unwrap_or_else(|| panic!("nothing at {text}"));
        assert!(!found.astray, "{text}: {found:?}");
        (found.wants, found.words)
    }

    #[test]
    fn the_grammar_says_what_it_would_take() {
        use Want::*;
        assert_eq!(at("^"), (vec![Statement], vec![]));
        assert_eq!(at("FIND ^"), (vec![Name], vec![]));
        assert_eq!(at("FIND user WHERE ^"), (vec![Condition], vec![]));
        assert_eq!(at("FIND user WHERE city ^").0, [Clause, Stage, Operator]);
        assert_eq!(at("FIND user WHERE city = ^"), (vec![Value], vec![]));
        assert_eq!(at("FIND user WHERE DID [a ^"), (vec![], vec!["DURING", "OR", "WHERE"]));
        assert_eq!(at("FIND user WHERE DID [a WHERE b.^"), (vec![Name], vec![]));
        assert_eq!(at("FUNNEL a -> ^"), (vec![Event], vec![]));
        assert_eq!(at("FUNNEL a WITHIN 7 ^"), (vec![Unit], vec!["CALENDAR"]));
        assert_eq!(at("TREND count(a) DURING ^"), (vec![Range], vec![]));
        assert_eq!(at("RETENTION ^"), (vec![Clause], vec![]));
        assert_eq!(at("SELECT a FROM b; SET ^"), (vec![Name], vec![]));
    }

    #[test]
    fn the_word_under_the_cursor_is_no_part_of_the_question() {
        let found = expect("FIND user WHERE ci FROM", 18).unwrap_or_else(|| panic!("a word"));
        assert_eq!((found.word.start, found.word.end, found.typed.as_str()), (16, 18, "ci"));
        let found = expect("FIND user WHERE `my na", 22).unwrap_or_else(|| panic!("a name"));
        assert_eq!((found.word.start, found.typed.as_str()), (16, "my na"));
    }

    #[test]
    fn nothing_stands_inside_texts_comments_and_numbers() {
        for text in ["SELECT 'a", "SELECT 12", "SELECT :p", "SELECT -- a", "SELECT /* a"] {
            assert_eq!(expect(text, text.len()), None, "{text}");
        }
        assert!(expect("SELECT -- a\n", 12).is_some());
    }

    #[test]
    fn behind_a_mistake_the_last_clause_is_asked() {
        let found = expect("FIND user user WHERE a = 1 ORDER BY a LIMIT 3 DURING ", 53).unwrap_or_else(|| panic!("a clause"));
        assert!(found.astray && found.wants == [Want::Range], "{found:?}");
    }
}
