//! One shape for everything that can be said about a text: code, place, words, what to do.

use crate::ast::Span;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Severity {
    Error,
    Warning,
}

/// A further place that explains the diagnostic, such as the definition that was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The place.
    pub span: Place,
    /// What is there.
    pub message: String,
}

/// A span with the line and column of its start, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: usize,
    /// Column of `start` in characters, from 1.
    pub column: usize,
}

/// A replacement that mends the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What to replace.
    pub span: Place,
    /// By what.
    pub text: String,
}

/// What is wrong, where, and what to do. The JSON form is the same over Flight, HTTP and the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code such as `EQL0103`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, lowercase, the user's own words in backquotes.
    pub message: String,
    /// Where.
    pub span: Place,
    /// Further places.
    pub labels: Vec<Label>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// A mechanical repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at `span` of `text`.
    pub fn error(code: &'static str, text: &str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: Place::of(text, span),
            labels: Vec::new(),
            hint: None,
            fix: None,
        }
    }
    /// A warning at `span` of `text`.
    pub fn warning(code: &'static str, text: &str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, text, span, message) }
    }
    /// Adds what to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds a mechanical repair of `span`.
    pub fn with_fix(mut self, text: &str, span: Span, replacement: impl Into<String>) -> Self {
        self.fix = Some(Fix { span: Place::of(text, span), text: replacement.into() });
        self
    }
    /// Adds a further place.
    pub fn with_label(mut self, text: &str, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span: Place::of(text, span), message: message.into() });
        self
    }
    /// True for errors, false for warnings.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// Resolves line and column of `span` in `text`; offsets past the end are clamped.
    pub fn of(text: &str, span: Span) -> Self {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Self { start, end: span.end.min(text.len()).max(start), line, column }
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = if self.is_error() { "error" } else { "warning" };
        write!(f, "{word}[{}]: {} (line {}, column {})", self.code, self.message, self.span.line, self.span.column)?;
        match &self.hint {
            Some(h) => write!(f, "; help: {h}"),
            None => Ok(()),
        }
    }
}
