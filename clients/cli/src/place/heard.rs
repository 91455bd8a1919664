//! What a server says when it refuses, read back into our own diagnostics.

use eql_engine::grammar::Diagnostic;
use eql_engine::grammar::ast::Span;
use serde::Deserialize;

/// The body of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    diagnostics: Vec<Heard>,
}

#[derive(Debug, Deserialize)]
struct Heard {
    code: String,
    #[serde(default)]
    severity: String,
    message: String,
    span: Option<Place>,
    #[serde(default)]
    labels: Vec<Label>,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    start: usize,
    end: usize,
}

#[derive(Debug, Deserialize)]
struct Label {
    span: Place,
    message: String,
}

impl Refusal {
    /// What is said of the text, its places moved by `offset` into `text`.
    pub(crate) fn diagnostics(&self, text: &str, offset: usize) -> Vec<Diagnostic> {
        self.diagnostics.iter().filter_map(|h| h.diagnostic(text, offset)).collect()
    }

    /// What is said besides: that has no place in the text.
    pub(crate) fn words(&self) -> Option<String> {
        let words: Vec<_> = self.diagnostics.iter().filter(|h| h.span.is_none()).map(|h| h.message.as_str()).collect();
        (!words.is_empty()).then(|| words.join("\n"))
    }
}

impl Heard {
    fn diagnostic(&self, text: &str, offset: usize) -> Option<Diagnostic> {
        let at = |p: Place| Span::new(p.start.saturating_add(offset), p.end.saturating_add(offset));
        let code = known(&self.code);
        let make = if self.severity == "warning" { Diagnostic::warning } else { Diagnostic::error };
        let mut diagnostic = make(code, text, at(self.span?), self.message.as_str());
        for label in &self.labels {
            diagnostic = diagnostic.with_label(text, at(label.span), label.message.as_str());
        }
        Some(match &self.hint {
            Some(hint) => diagnostic.with_hint(hint.as_str()),
            None => diagnostic,
        })
    }
}

/// A diagnostic's code lives as long as the process; there are a few hundred of them, so each is kept once.
fn known(code: &str) -> &'static str {
    static KNOWN: std::sync::Mutex<std::collections::BTreeSet<&'static str>> = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(same) = known.get(code) {
        return same;
    }
    if known.len() >= 1000 {
        return "EQL";
    }
    let kept: &'static str = Box::leak(code.to_string().into_boxed_str());
    known.insert(kept);
    kept
}
