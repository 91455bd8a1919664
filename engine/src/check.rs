//! Everything wrong with a text, without running it.

use crate::{Engine, Session};
use eql_catalog::Catalog;
use eql_compiler::Against;
use eql_grammar::Diagnostic;

impl Engine {
    /// Everything wrong with a text, warnings included, without running it. Definitions in the text count for the statements after them.
    pub fn check(&self, session: &Session, text: &str) -> Vec<Diagnostic> {
        let against = Against {
            catalog: Catalog::clone(&self.catalog()),
            time_zone: session.time_zone.clone().unwrap_or_else(|| "UTC".into()),
            week_start: session.week_start.unwrap_or_default(),
            lenient: false,
        };
        eql_compiler::check(text, against).diagnostics
    }
}

/// The same without a data directory: a name that is defined nowhere in the text is a warning.
pub fn check_text(text: &str) -> Vec<Diagnostic> {
    eql_compiler::check(text, Against::default()).diagnostics
}
