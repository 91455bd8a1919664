//! Draws a diagnostic: its words, the line it is about, carets under the place.

use crate::diagnostic::{Diagnostic, Place};

/// Columns of a line that are shown; a longer line is cut around the caret.
const COLUMNS_MAX: usize = 110;
/// Columns kept before the caret when a line is cut.
const COLUMNS_BEFORE: usize = 50;

/// The diagnostic as text with a caret picture. `text` is the text it is about; `colour` adds terminal colours.
pub fn render(diagnostic: &Diagnostic, text: &str, colour: bool) -> String {
    let paint = Paint { colour };
    let word = if diagnostic.is_error() { "error" } else { "warning" };
    let tone = if diagnostic.is_error() { RED } else { YELLOW };
    let head = paint.with(tone, &format!("{word}[{}]", diagnostic.code));
    let mut drawn = format!("{head}: {}\n", visible(&diagnostic.message));
    let (beside, below) = hint_places(diagnostic);
    let mut last = Line::around(text, diagnostic.span);
    drawn.push_str(&paint.source(diagnostic.span, &last));
    drawn.push_str(&paint.mark(diagnostic.span, &last, beside, tone));
    for label in &diagnostic.labels {
        let line = Line::around(text, label.span);
        if line.shown != last.shown {
            drawn.push_str(&paint.source(label.span, &line));
        }
        drawn.push_str(&paint.mark(label.span, &line, &label.message, BLUE));
        last = line;
    }
    if let Some(hint) = below {
        drawn.push_str(&format!("  {}: {}\n", paint.with(BLUE, "help"), visible(hint)));
    }
    drawn
}

/// A suggested word stands beside the carets, a longer piece of advice below.
fn hint_places(diagnostic: &Diagnostic) -> (&str, Option<&str>) {
    match diagnostic.hint.as_deref() {
        Some(hint) if hint.starts_with("did you mean") => (hint, None),
        other => ("", other),
    }
}

/// The part of a line that is shown, with widths in terminal columns.
struct Line {
    shown: String,
    before: usize,
    marked: usize,
}

impl Line {
    fn around(text: &str, place: Place) -> Self {
        let start = floor(text, place.start);
        let (head, tail) = text.split_at(start);
        // What one side does not need, the other may use.
        let needed = first_columns(tail, COLUMNS_MAX - COLUMNS_BEFORE).width;
        let before = last_columns(head, COLUMNS_MAX - needed);
        let after = first_columns(tail, COLUMNS_MAX - before.width);
        let inside = after.taken.min(place.end.saturating_sub(start));
        let marked = tail.get(..floor(tail, inside)).map_or(0, width);
        let shown = format!("{}{}{}{}", before.cut, before.text, after.text, after.cut);
        Self { shown, before: before.width + width(before.cut), marked }
    }
}

/// A piece of a line.
struct Piece {
    text: String,
    width: usize,
    /// Bytes of the source that it stands for.
    taken: usize,
    /// `…` if there is more of the line.
    cut: &'static str,
}

/// What the line shows before the caret.
fn last_columns(head: &str, most: usize) -> Piece {
    let mut piece = Piece { text: String::new(), width: 0, taken: 0, cut: "" };
    let mut letters = Vec::new();
    for c in head.chars().rev().take_while(|&c| c != '\n') {
        if piece.width + width_of(c) > most {
            piece.cut = "…";
            break;
        }
        piece.width += width_of(c);
        piece.taken += c.len_utf8();
        letters.push(shown(c));
    }
    piece.text = letters.into_iter().rev().collect();
    piece
}

/// What the line shows from the caret on.
fn first_columns(tail: &str, most: usize) -> Piece {
    let mut piece = Piece { text: String::new(), width: 0, taken: 0, cut: "" };
    for c in tail.chars().take_while(|&c| c != '\n' && c != '\r') {
        if piece.width + width_of(c) > most {
            piece.cut = "…";
            break;
        }
        piece.width += width_of(c);
        piece.taken += c.len_utf8();
        piece.text.push(shown(c));
    }
    piece
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// Terminal columns of a character: wide for East Asian letters and pictures, none for marks that combine.
fn width_of(c: char) -> usize {
    match c {
        '\u{0300}'..='\u{036f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// A character that cannot move the cursor or turn the terminal's state.
fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

fn visible(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { ' ' } else { shown(c) }).collect()
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const BLUE: &str = "1;34";

/// Colours, or none.
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(&self, tone: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{tone}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// The line of the text.
    fn source(&self, place: Place, line: &Line) -> String {
        format!("  {} {} {}\n", self.with(BLUE, &place.line.to_string()), self.with(BLUE, "|"), line.shown)
    }

    /// The carets below it.
    fn mark(&self, place: Place, line: &Line, beside: &str, tone: &str) -> String {
        let gutter = " ".repeat(place.line.to_string().len());
        let beside = visible(beside);
        let mark = format!("{}{}{beside}", "^".repeat(line.marked.max(1)), if beside.is_empty() { "" } else { " " });
        format!("  {gutter} {} {}{}\n", self.with(BLUE, "|"), " ".repeat(line.before), self.with(tone, &mark))
    }
}
