//! A whole text against a catalog, without running it: what is wrong with it, and the catalog after its definitions.

use crate::bound::{Setting, Statement};
use crate::{Context, ParamValues, bind};
use eql_catalog::{Catalog, Change, WeekStart};
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
            Some(Statement::Change(change, _)) => after(&mut catalog, &change),
            Some(Statement::Refresh(r)) => r.change.iter().for_each(|change| after(&mut catalog, change)),
            Some(Statement::Set(Setting::TimeZone(z))) => time_zone = z,
            Some(Statement::Set(Setting::WeekStart(w))) => week_start = w,
            _ => {}
        }
    }
    Checked { diagnostics, catalog }
}

/// What a definition makes of the catalog.
fn after(catalog: &mut Catalog, change: &Change) {
    if let Ok(next) = catalog.apply(change) {
        *catalog = next;
    }
}

/// Most rounds in which definitions that need others find them.
const ROUNDS_MAX: usize = 8;
/// Bytes of definitions that are read as one text.
const TEXT_BYTES: usize = 1 << 19;

/// The catalog that these definitions make, in whatever order they come: the names that a server tells of.
pub fn catalog_of<'d>(definitions: impl IntoIterator<Item = &'d str>) -> Catalog {
    let mut texts: Vec<String> = vec![String::new()];
    for definition in definitions {
        if texts.last().is_some_and(|t| t.len() + definition.len() > TEXT_BYTES) {
            texts.push(String::new());
        }
        if let Some(text) = texts.last_mut() {
            text.push_str(definition);
            text.push_str(";\n");
        }
    }
    let mut catalog = Catalog::default();
    for _ in 0..ROUNDS_MAX {
        let before = catalog.version;
        for text in &texts {
            catalog = check(text, Against { catalog, ..Against::default() }).catalog;
        }
        if catalog.version == before {
            break;
        }
    }
    catalog
}

#[cfg(test)]
mod tests {
    use super::catalog_of;

    #[test]
    fn definitions_find_each_other_in_any_order() {
        let segment = "DEFINE SEGMENT buyers OF user AS DID purchase";
        let event = "DEFINE EVENT purchase OF user (amount DOUBLE)";
        let catalog = catalog_of([segment, event, "DEFINE ENTITY user KEY user_id STRING ()"]);
        assert!(catalog.segment("buyers").is_some() && catalog.event("purchase").is_some());
    }
}
