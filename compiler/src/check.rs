//! A whole text against a catalog, without running it: what is wrong with it, and the catalog after its definitions.

use crate::bound::{Setting, Statement};
use crate::{Context, ParamValues, bind};
use eql_catalog::{Catalog, WeekStart};
use eql_grammar::{Diagnostic, parse};

/// What a text is held against.
#[derive(Clone, Debug)]
pub struct Against {
    /// The nouns.
    pub catalog: Catalog,
    /// IANA name of the zone.
    pub time_zone: String,
    /// The first day of the week.
    pub week_start: WeekStart,
    /// Names that are defined nowhere are warnings.
    pub lenient: bool,
}

impl Default for Against {
    /// No data directory: what is defined nowhere in the text is a warning.
    fn default() -> Self {
        Self { catalog: Catalog::default(), time_zone: "UTC".to_owned(), week_start: WeekStart::Monday, lenient: true }
    }
}

/// What a check answers.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Errors and warnings, in text order.
    pub diagnostics: Vec<Diagnostic>,
    /// With the definitions of the text.
    pub catalog: Catalog,
}

/// Everything wrong with a text, warnings included. Definitions and settings count for the statements after them.
pub fn check(text: &str, against: Against) -> Checked {
    let Against { mut catalog, mut time_zone, mut week_start, lenient } = against;
    let params = ParamValues::new();
    let mut diagnostics = Vec::new();
    for statement in parse(text).statements {
        let statement = match statement {
            Ok(s) => s,
            Err(found) => {
                diagnostics.extend(found);
                continue;
            }
        };
        let context = Context { catalog: &catalog, params: &params, time_zone: &time_zone, week_start, lenient, check: true };
        let bound = bind(text, &statement, &context);
        diagnostics.extend(bound.diagnostics);
        match bound.statement {
            Some(Statement::Change(change, _) | Statement::StaticSegment(change, ..)) => {
                if let Ok(next) = catalog.apply(&change) {
                    catalog = next;
                }
            }
            Some(Statement::Set(Setting::TimeZone(z))) => time_zone = z,
            Some(Statement::Set(Setting::WeekStart(w))) => week_start = w,
            _ => {}
        }
    }
    Checked { diagnostics, catalog }
}
