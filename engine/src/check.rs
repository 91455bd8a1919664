//! Everything wrong with a text, without running it.

use crate::{Engine, Session};
use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::{Setting, Statement};
use eql_compiler::{Context, ParamValues};
use eql_grammar::{Diagnostic, parse};

impl Engine {
    /// Everything wrong with a text, warnings included, without running it. Definitions in the text count for the statements after them.
    pub fn check(&self, session: &Session, text: &str) -> Vec<Diagnostic> {
        let zone = session.time_zone.clone().unwrap_or_else(|| "UTC".into());
        check(Catalog::clone(&self.catalog()), text, zone, session.week_start.unwrap_or_default(), false)
    }
}

/// The same without a data directory: a name that is defined nowhere in the text is a warning.
pub fn check_text(text: &str) -> Vec<Diagnostic> {
    check(Catalog::default(), text, "UTC".into(), WeekStart::Monday, true)
}

fn check(mut catalog: Catalog, text: &str, mut zone: String, mut week_start: WeekStart, lenient: bool) -> Vec<Diagnostic> {
    let params = ParamValues::new();
    let mut out = Vec::new();
    for statement in parse(text).statements {
        let statement = match statement {
            Ok(s) => s,
            Err(found) => {
                out.extend(found);
                continue;
            }
        };
        let context = Context { catalog: &catalog, params: &params, time_zone: &zone, week_start, lenient, check: true };
        let bound = eql_compiler::bind(text, &statement, &context);
        out.extend(bound.diagnostics);
        match bound.statement {
            Some(Statement::Change(change, _) | Statement::StaticSegment(change, ..)) => {
                if let Ok(next) = catalog.apply(&change) {
                    catalog = next;
                }
            }
            Some(Statement::Set(Setting::TimeZone(z))) => zone = z,
            Some(Statement::Set(Setting::WeekStart(w))) => week_start = w,
            _ => {}
        }
    }
    out
}
