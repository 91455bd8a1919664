//! A statement with its mechanical repairs made, that still knows where everything stood in the source.

use crate::ast::Span;
use crate::diagnostic::{Diagnostic, Fix, Label, Place};
use crate::token::Token;

/// The statement as it would be with the repairs so far.
pub(super) struct Draft<'t> {
    source: &'t str,
    pub(super) text: String,
    /// What is kept of the source, in order.
    kept: Vec<Run>,
}

/// A piece of the draft that is a piece of the source.
struct Run {
    at: usize,
    source: usize,
    length: usize,
}

impl<'t> Draft<'t> {
    pub(super) fn of(source: &'t str, piece: &[Token]) -> Self {
        let start = piece.first().map_or(0, |t| t.start);
        let end = piece.last().map_or(0, |t| t.end);
        let text = source.get(start..end).unwrap_or_default().to_owned();
        let kept = vec![Run { at: 0, source: start, length: text.len() }];
        Self { source, text, kept }
    }

    /// Makes a repair whose place is in the draft, and returns where the new text ends.
    pub(super) fn apply(&mut self, fix: &Fix) -> usize {
        let (from, to) = (fix.span.start, fix.span.end);
        if self.text.get(from..to).is_none() {
            return self.text.len();
        }
        self.text.replace_range(from..to, &fix.text);
        let end = from + fix.text.len();
        let mut kept = Vec::with_capacity(self.kept.len() + 1);
        for run in &self.kept {
            let head = from.saturating_sub(run.at).min(run.length);
            let skipped = to.saturating_sub(run.at).min(run.length);
            kept.push(Run { at: run.at, source: run.source, length: head });
            let at = run.at.max(to) - to + end;
            kept.push(Run { at, source: run.source + skipped, length: run.length - skipped });
        }
        kept.retain(|run| run.length > 0);
        self.kept = kept;
        end
    }

    /// The diagnostic of the draft as one of the source.
    pub(super) fn in_source(&self, found: Diagnostic) -> Diagnostic {
        let labels = found.labels.into_iter().map(|l| Label { span: self.place(l.span), message: l.message }).collect();
        let fix = found.fix.map(|fix| Fix { span: self.place(fix.span), text: fix.text });
        Diagnostic { span: self.place(found.span), labels, fix, ..found }
    }

    fn place(&self, place: Place) -> Place {
        let start = self.origin(place.start);
        let end = if place.end > place.start { self.origin(place.end - 1) + 1 } else { start };
        let mut end = end.max(start).min(self.source.len());
        while !self.source.is_char_boundary(end) {
            end += 1;
        }
        Place::of(self.source, Span::new(start, end))
    }

    /// Where a byte of the draft stood; a byte of a repair stands where the repair was made.
    fn origin(&self, at: usize) -> usize {
        let index = self.kept.partition_point(|run| run.at <= at);
        match index.checked_sub(1).and_then(|i| self.kept.get(i)) {
            Some(run) => run.source + (at - run.at).min(run.length),
            None => self.kept.first().map_or(0, |run| run.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use crate::ast::Span;
    use crate::diagnostic::Diagnostic;
    use crate::token::tokenize;

    fn fixed(source: &str, repairs: &[(&str, &str)], look_for: &str) -> (String, String) {
        let mut draft = Draft::of(source, &tokenize(source).tokens);
        for (wrong, right) in repairs {
            let at = draft.text.find(wrong).unwrap_or_default();
            let found =
                Diagnostic::error("", &draft.text, Span::default(), "").with_fix(&draft.text, Span::new(at, at + wrong.len()), *right);
            draft.apply(&found.fix.expect("a fix"));
        }
        let at = draft.text.find(look_for).expect("it is in the draft");
        let found = Diagnostic::error("", &draft.text, Span::new(at, at + look_for.len()), "");
        let place = draft.in_source(found).span;
        (draft.text.clone(), source[place.start..place.end].to_owned())
    }

    #[test]
    fn places_stay_those_of_the_source() {
        let repairs = [("EVRY", "EVERY"), ("==", "="), ("30", "last 30")];
        let (text, word) = fixed("  a EVRY day == 30 名 end", &repairs, "名");
        assert_eq!(text, "a EVERY day = last 30 名 end");
        assert_eq!(word, "名");
    }

    #[test]
    fn a_deletion_and_an_insertion() {
        assert_eq!(fixed("a, b c", &[(",", ""), ("b", "b AS")], "c"), ("a b AS c".to_owned(), "c".to_owned()));
    }
}
