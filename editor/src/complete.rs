//! What could stand at the cursor.
//!
//! The grammar says which classes of words fit, the statement around the place says which names they may be, the offer ranks them.

mod item;
mod name;
mod offer;
pub(crate) mod path;
mod value;
mod word;

pub use item::{Completion, Item, Kind, Replace};
pub use word::words_of_language;

use crate::scope::scope;
use crate::site::Site;
use eql_catalog::Catalog;
use eql_compiler::Against;
use eql_grammar::{Expectation, Want, expect};
use offer::Offer;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Longest text whose own definitions are read for each completion; what is longer is completed from the catalog alone.
const DEFINING_BYTES_MAX: usize = 64 << 10;

/// What could stand at `offset`, a place in bytes. Definitions of the text itself count.
pub fn complete(catalog: &Catalog, text: &str, offset: usize) -> Completion {
    let Some(expected) = expect(text, offset) else { return Completion::default() };
    let (catalog, own) = with_own(catalog, text);
    let site = Site::at(text, expected.word.start);
    let mut offer = Offer::new(&expected, text, own);
    if path::behind_dot(&site) {
        path::members(&catalog, &site, &mut offer);
    } else {
        classes(&catalog, &site, &expected, &mut offer);
    }
    offer.finish()
}

/// The catalog with the definitions of the text, and their names.
fn with_own<'c>(catalog: &'c Catalog, text: &str) -> (Cow<'c, Catalog>, BTreeSet<String>) {
    let defines = text.as_bytes().windows(6).any(|w| w.eq_ignore_ascii_case(b"DEFINE"));
    if !defines || text.len() > DEFINING_BYTES_MAX {
        return (Cow::Borrowed(catalog), BTreeSet::new());
    }
    let own = crate::definitions_of(text).into_iter().map(|d| d.name).collect();
    let against = Against { catalog: catalog.clone(), ..Against::default() };
    (Cow::Owned(eql_compiler::check(text, against).catalog), own)
}

fn classes(catalog: &Catalog, site: &Site<'_>, expected: &Expectation, offer: &mut Offer<'_>) {
    if site.was(1, &["MODEL"]) {
        return word::models(offer);
    }
    let names_something = site.was(1, &["AS"]) && !defining(site);
    for want in &expected.wants {
        match want {
            Want::Name if names_something => {} // a new name is the writer's
            Want::Condition | Want::Value => value::values(catalog, site, *want, offer),
            Want::Event => name::step_events(catalog, site, offer),
            Want::Segment => name::segments(catalog, offer),
            Want::Name => name::named_by_words(catalog, site, offer),
            Want::Clause => word::clauses(site, offer),
            Want::Qualifier => word::qualifiers(site, offer),
            other => word::class(*other, site, offer),
        }
    }
    word::keywords(site, &expected.words, offer);
    word::unit_of_length(site, offer);
    if expected.astray && expected.wants.is_empty() && expected.words.is_empty() && !expected.typed.is_empty() {
        word::everything(offer);
        let scope = scope(catalog, site);
        value::members(catalog, &scope, offer);
        name::everything(catalog, offer);
    }
}

/// `DEFINE … AS`: what follows is a definition and no new name.
fn defining(site: &Site<'_>) -> bool {
    site.is(0, &["DEFINE"])
}
