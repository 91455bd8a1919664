//! Behind a dot: what the thing before it has.

use super::item::Kind;
use super::offer::{Fit, Offer};
use super::value;
use crate::scope::scope;
use crate::site::Site;
use crate::source::{Source, named};
use eql_catalog::Catalog;

/// True if the place is behind a dot.
pub(super) fn behind_dot(site: &Site<'_>) -> bool {
    site.here > 0 && site.sign(site.here - 1, ".")
}

/// The parts of what the path before the dot leads to.
pub(super) fn members(catalog: &Catalog, site: &Site<'_>, offer: &mut Offer<'_>) {
    let parts: Vec<String> = site.path_before(site.here).into_iter().filter_map(|i| site.name(i)).collect();
    if let [schema] = parts.as_slice()
        && schema == eql_compiler::system::SCHEMA
        && site.was(3, &["FROM", "JOIN"])
    {
        for table in eql_compiler::system::TABLES {
            offer.name(Fit::Wanted, 0, Kind::Table, table.name, || "system table".to_owned(), Some(table.comment));
        }
        return;
    }
    if let Some(source) = leads_to(catalog, site, &parts) {
        value::parts(catalog, &source, Fit::Wanted, offer);
    }
}

/// What a path leads to at the place.
pub(crate) fn leads_to(catalog: &Catalog, site: &Site<'_>, parts: &[String]) -> Option<Source> {
    let (first, rest) = parts.split_first()?;
    let scope = scope(catalog, site);
    let by_name = scope.named.iter().rev().find(|n| n.name == *first).and_then(|n| n.rows.clone());
    let by_row = || scope.rows.iter().find_map(|r| r.follow(catalog, first));
    let begun = by_name.or_else(by_row).or_else(|| named(catalog, first))?;
    rest.iter().try_fold(begun, |source, name| source.follow(catalog, name))
}
