//! Writes a whole text canonically and keeps its comments.
//!
//! A comment between statements stays where it is. A comment inside a statement has no place in the tree, so it moves
//! in front of the statement. A comment on the line of the `;` before it stays on that line.

use crate::ast::Span;
use crate::diagnostic::Diagnostic;
use crate::parse::parse;
use crate::print::print;
use crate::token::{Token, TokenKind, tokenize};

/// The canonical text of all statements of `text`, or what is wrong with them.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut statements = Vec::new();
    let mut wrong = Vec::new();
    for statement in parse(text).statements {
        match statement {
            Ok(tree) => statements.push(print(&tree)),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let tokens = tokenize(text);
    Ok(Pages::default().fill(text, &places(&tokens.tokens), &tokens.comments, statements))
}

/// Where a statement stands, its `;` included if it has one.
struct Stand {
    start: usize,
    end: usize,
}

fn places(tokens: &[Token]) -> Vec<Stand> {
    let mut found: Vec<Stand> = Vec::new();
    let mut open: Option<Stand> = None;
    for token in tokens {
        let stand = open.get_or_insert(Stand { start: token.start, end: token.end });
        stand.end = token.end;
        if token.kind == TokenKind::End {
            let empty = stand.start == token.start;
            found.extend(open.take().filter(|_| !empty));
        }
    }
    found.extend(open);
    found
}

/// The text as it is written.
#[derive(Default)]
struct Pages {
    written: String,
    /// End, in the source, of what was written last.
    last: usize,
    /// A comment may still join the line.
    open_line: bool,
}

impl Pages {
    fn fill(mut self, text: &str, stands: &[Stand], comments: &[Span], statements: Vec<String>) -> String {
        let mut comments = comments.iter().peekable();
        for (stand, statement) in stands.iter().zip(statements) {
            while let Some(comment) = comments.next_if(|c| c.end <= stand.start) {
                self.comment(text, comment);
            }
            let blank = self.blank_before(text, stand.start);
            let inside: Vec<&Span> = std::iter::from_fn(|| comments.next_if(|c| c.start < stand.end)).collect();
            self.statement(text, &inside, blank, &statement);
            self.last = stand.end;
            self.open_line = true;
        }
        for comment in comments {
            self.comment(text, comment);
        }
        self.written
    }

    fn comment(&mut self, text: &str, comment: &Span) {
        let gap = text.get(self.last..comment.start).unwrap_or_default();
        let words = text.get(comment.start..comment.end).unwrap_or_default().trim_end();
        if self.open_line && !gap.contains('\n') {
            self.written.pop();
            self.written.push_str(&format!(" {words}\n"));
        } else {
            let blank = self.blank_before(text, comment.start);
            self.line(blank, words);
            self.open_line = false;
        }
        self.last = comment.end;
    }

    fn statement(&mut self, text: &str, inside: &[&Span], blank: bool, statement: &str) {
        let mut blank = blank;
        for comment in inside {
            self.line(std::mem::take(&mut blank), text.get(comment.start..comment.end).unwrap_or_default().trim_end());
        }
        self.line(blank, &format!("{statement};"));
    }

    /// True if the source has an empty line between what was written last and `start`.
    fn blank_before(&self, text: &str, start: usize) -> bool {
        self.last > 0 && text.get(self.last..start).unwrap_or_default().matches('\n').count() > 1
    }

    fn line(&mut self, blank: bool, words: &str) {
        if blank && !self.written.is_empty() {
            self.written.push('\n');
        }
        self.written.push_str(words);
        self.written.push('\n');
    }
}
