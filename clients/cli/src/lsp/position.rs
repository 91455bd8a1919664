//! Places: the editor counts lines and UTF-16 units, we count bytes.

use eql_engine::grammar::ast::Span;
use tower_lsp_server::ls_types::{Position, Range};

/// The byte at a position; a position that does not exist is the nearest one before it.
pub(super) fn offset(text: &str, position: Position) -> usize {
    let mut line_start = 0;
    for _ in 0..position.line {
        match text.get(line_start..).and_then(|rest| rest.find('\n')) {
            Some(end) => line_start += end + 1,
            None => return text.len(),
        }
    }
    let mut units = 0;
    let line = text.get(line_start..).unwrap_or_default();
    for (at, c) in line.char_indices() {
        units += u32::try_from(c.len_utf16()).unwrap_or(2);
        if c == '\n' || units > position.character {
            return line_start + at;
        }
    }
    text.len()
}

/// The position of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line = before.matches('\n').count();
    let units: usize = before.rsplit('\n').next().unwrap_or_default().chars().map(char::len_utf16).sum();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(line), character: number(units) }
}

/// The range of bytes `start..end`.
pub(super) fn range(text: &str, start: usize, end: usize) -> Range {
    Range { start: position(text, start), end: position(text, end) }
}

/// The range of a span.
pub(super) fn range_of(text: &str, span: Span) -> Range {
    range(text, span.start, span.end)
}

#[cfg(test)]
mod tests {
    use super::{offset, position};
    use tower_lsp_server::ls_types::Position;

    #[test]
    fn units_are_those_of_utf_16() {
        let text = "a\n支😀b\r\nc";
        for (at, line, character) in [(0, 0, 0), (1, 0, 1), (2, 1, 0), (5, 1, 1), (9, 1, 3), (10, 1, 4), (12, 2, 0), (13, 2, 1)] {
            assert_eq!(position(text, at), Position { line, character }, "{at}");
            assert_eq!(offset(text, Position { line, character }), at, "{line}:{character}");
        }
        assert_eq!(offset(text, Position { line: 0, character: 99 }), 1, "behind the end of a line is its end");
        assert_eq!(offset(text, Position { line: 9, character: 0 }), text.len());
        assert_eq!(offset(text, Position { line: 1, character: 2 }), 5, "inside a letter is before it");
    }
}
