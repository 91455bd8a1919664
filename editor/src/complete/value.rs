//! Values: the names in scope, functions, and the words that begin a condition.

use super::item::Kind;
use super::name;
use super::offer::{Fit, Offer};
use crate::scope::{Scope, scope};
use crate::site::Site;
use crate::source::{Member, Part, Source};
use eql_catalog::Catalog;
use eql_compiler::function::{FUNCTIONS, FunctionKind};
use eql_grammar::Want;
use std::cell::RefCell;

/// Everything that could begin a value.
pub(super) fn values(catalog: &Catalog, site: &Site<'_>, want: Want, offer: &mut Offer<'_>) {
    if site.is(0, &["SET"]) {
        return setting_values(site, offer);
    }
    let scope = scope(catalog, site);
    members(catalog, &scope, offer);
    if scope.argument {
        name::events(catalog, Fit::Legal, offer);
        offer.word(Fit::Legal, 0, Kind::Keyword, "ANY EVENT", "every event that is not hidden", "");
    }
    if site.is(0, &["DEFINE"]) && scope.rows.is_empty() || scope.argument || scope.behaviour || !scope.named.is_empty() || is_trend(site) {
        for metric in catalog.metrics() {
            offer.name(
                Fit::Possible,
                0,
                Kind::Metric,
                &metric.name,
                || "metric".to_owned(),
                metric.comment.as_deref().or(Some(&metric.expr)),
            );
        }
    }
    let measured = site.was(1, &["TREND", "DISTRIBUTION", "MEASURE"]);
    functions(&scope, measured, offer);
    words(&scope, want, offer);
}

fn is_trend(site: &Site<'_>) -> bool {
    site.tokens.iter().any(|t| t.is_word(site.text, "TREND") || t.is_word(site.text, "DISTRIBUTION"))
}

/// The names in scope.
pub(super) fn members(catalog: &Catalog, scope: &Scope, offer: &mut Offer<'_>) {
    for source in &scope.rows {
        parts(catalog, source, Fit::Wanted, offer);
    }
    for named in &scope.named {
        offer.name(Fit::Possible, 1, Kind::Alias, &named.name, || "a name of this statement".to_owned(), None);
    }
}

/// The parts of a source: properties first, then what every event has, then what leads on.
pub(super) fn parts(catalog: &Catalog, source: &Source, fit: Fit, offer: &mut Offer<'_>) {
    let offer = RefCell::new(offer);
    let passes = |name: &str| offer.borrow().fits(fit, name);
    source.each(catalog, &passes, &mut |member| part(member, fit, &mut offer.borrow_mut()));
}

fn part(m: Member, fit: Fit, offer: &mut Offer<'_>) {
    let (kind, place) = match m.part {
        Part::Property | Part::Column => (Kind::Property, 0),
        Part::Tag => (Kind::Tag, 0),
        Part::System => (Kind::Property, 1),
        Part::Relation => (Kind::Relation, 2),
        Part::Participant => (Kind::Entity, 2),
    };
    let detail = if m.owner.is_empty() { m.detail } else { format!("{} of {}", m.detail, m.owner) };
    offer.name(fit, place, kind, &m.name, || detail, m.comment.as_deref());
}

fn functions(scope: &Scope, measured: bool, offer: &mut Offer<'_>) {
    // Other names of a function are found, not shown.
    let typed = offer.typed_some();
    for f in FUNCTIONS.iter().filter(|f| scope.windows || f.kind != FunctionKind::Window) {
        for name in std::iter::once(&f.name).chain(f.aliases.iter().filter(|_| typed)) {
            let insert = if f.max == 0 { format!("{name}()") } else { format!("{name}(") };
            let fit = if measured && f.kind == FunctionKind::Aggregate { Fit::Wanted } else { Fit::Possible };
            offer.exact(fit, Kind::Function, name, &insert, f.example, f.summary);
        }
    }
}

fn words(scope: &Scope, want: Want, offer: &mut Offer<'_>) {
    if want == Want::Condition {
        if scope.behaviour {
            let words = [
                ("DID", "has done the steps"),
                ("NEVER DID", "has not done it, ever or in the range"),
                ("FIRST DID", "the first time ever"),
            ];
            for (i, (word, meaning)) in words.iter().enumerate() {
                offer.word(Fit::Legal, i, Kind::Keyword, word, meaning, "");
            }
        }
        offer.word(Fit::General, 0, Kind::Keyword, "NOT", "the opposite", "");
        offer.word(Fit::General, 1, Kind::Keyword, "EXISTS", "the query has rows", "");
    }
    for (i, word) in ["CASE", "CAST", "NULL", "TRUE", "FALSE", "DATE", "TIMESTAMP"].iter().enumerate() {
        offer.word(Fit::General, 2 + i, Kind::Keyword, word, "", "");
    }
}

fn setting_values(site: &Site<'_>, offer: &mut Offer<'_>) {
    let name = site.name(1).unwrap_or_default().to_lowercase();
    for setting in eql_compiler::setting::SETTINGS.iter().filter(|s| s.name == name) {
        for value in setting.values {
            offer.exact(Fit::Wanted, Kind::Value, value, value, setting.meaning, "");
        }
    }
}
