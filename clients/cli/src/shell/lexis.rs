//! As much of the language's lexical rules as a line editor needs: words, texts, quoted names, comments.

use eql_engine::grammar::word::RESERVED;
use std::ops::Range;

/// A piece of text that looks one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Word,
    Number,
    Text,
    Quoted,
    Comment,
    Other,
}

/// The pieces of a text with the last one's closedness: false inside a text, a quoted name or a block comment.
pub(crate) fn pieces(text: &str) -> (Vec<(Piece, Range<usize>)>, bool) {
    let mut all = Vec::new();
    let mut at = 0;
    let mut closed = true;
    while at < text.len() {
        let (piece, length, ended) = first_piece(&text[at..]);
        all.push((piece, at..at + length));
        closed = ended;
        at += length;
    }
    (all, closed)
}

fn first_piece(rest: &str) -> (Piece, usize, bool) {
    let c = rest.chars().next().unwrap_or(' ');
    match c {
        '\'' => until(rest, 1, "'", Piece::Text),
        '"' => until(rest, 1, "\"", Piece::Quoted),
        '`' => until(rest, 1, "`", Piece::Quoted),
        '-' if rest.starts_with("--") => (Piece::Comment, rest.find('\n').unwrap_or(rest.len()), true),
        '/' if rest.starts_with("/*") => until(rest, 2, "*/", Piece::Comment),
        c if c.is_alphabetic() || c == '_' || c == '$' => (Piece::Word, run(rest, |c| c.is_alphanumeric() || c == '_' || c == '$'), true),
        c if c.is_ascii_digit() => (Piece::Number, run(rest, |c| c.is_ascii_alphanumeric() || c == '.'), true),
        c => (Piece::Other, c.len_utf8(), true),
    }
}

fn until(rest: &str, skip: usize, end: &str, piece: Piece) -> (Piece, usize, bool) {
    match rest[skip..].find(end) {
        Some(at) => (piece, skip + at + end.len(), true),
        None => (piece, rest.len(), false),
    }
}

fn run(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

/// True when the input can run: a command, nothing, or statements up to a `;`.
pub(crate) fn is_complete(input: &str) -> bool {
    if input.trim_start().starts_with('\\') {
        return true;
    }
    let (pieces, closed) = pieces(input);
    let mut said = pieces.iter().filter(|(p, r)| *p != Piece::Comment && !input[r.clone()].trim().is_empty());
    closed && said.next_back().is_none_or(|(p, r)| *p == Piece::Other && &input[r.clone()] == ";")
}

/// True when the input may change what names there are.
pub(crate) fn may_define(input: &str) -> bool {
    let upper = input.to_ascii_uppercase();
    upper.contains("DEFINE") || upper.contains("DROP")
}

/// A name, or a path of names, quoted where it must be.
pub(crate) fn quoted(path: &str) -> String {
    if path.contains(['`', '"']) {
        return path.to_string();
    }
    path.split('.').map(|part| if is_plain(part) { part.to_string() } else { format!("`{part}`") }).collect::<Vec<_>>().join(".")
}

fn is_plain(name: &str) -> bool {
    let begins = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    let reserved = RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name));
    !reserved && name.starts_with(begins) && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_complete_at_its_semicolon() {
        for complete in ["", "  \n", "FIND user;", "FIND user ; -- done", "\\d", "SELECT ';' ;", "-- only this\n"] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["FIND user", "SELECT ';", "SELECT 1; FIND", "/* ;", "SELECT `a;", "FIND user -- ;"] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(quoted("user"), "user");
        assert_eq!(quoted("购买.金额"), "购买.金额");
        assert_eq!(quoted("my event"), "`my event`");
        assert_eq!(quoted("limit"), "`limit`");
        assert_eq!(quoted("`a b`"), "`a b`");
    }
}
