//! Which definitions need which: a text is bound, and what it names on its way is remembered.

use super::{Binder, Context, ParamValues, bind};
use crate::bound::Bound;
use eql_catalog::{Catalog, NounKind, WeekStart};
use eql_grammar::Diagnostic;

/// A definition by its kind and full name: with its owner before the name of a tag, a property or a relation.
pub type Noun = (NounKind, String);

impl Binder<'_> {
    /// Remembers what the text itself names; what a definition names that is followed from here is that one's.
    pub(super) fn used(&mut self, kind: NounKind, name: impl FnOnce() -> String) {
        if self.following.len() > 1 {
            return;
        }
        let noun = (kind, name());
        if !self.uses.contains(&noun) {
            self.uses.push(noun);
        }
    }

    /// What another definition would lose: the first definition that was fine and is not in the next catalog, with what is wrong then.
    pub(super) fn broken_by(&self, next: &Catalog, changed: &Noun) -> Option<(String, String)> {
        definitions(self.catalog).into_iter().filter(|(noun, _)| noun != changed).find_map(|(noun, text)| {
            let before = bound(self.catalog, &text)?;
            if !before.uses.contains(changed) || before.diagnostics.iter().any(Diagnostic::is_error) {
                return None;
            }
            let after = bound(next, &text)?.diagnostics.into_iter().find(Diagnostic::is_error)?;
            Some((called(&noun), after.message))
        })
    }
}

/// The definitions that name another one directly.
pub fn users(catalog: &Catalog, of: &Noun) -> Vec<Noun> {
    let uses = |text: &str| bound(catalog, text).is_some_and(|b| b.uses.contains(of));
    definitions(catalog).into_iter().filter(|(noun, text)| noun != of && uses(text)).map(|(noun, _)| noun).collect()
}

/// What a stored definition names directly.
pub fn uses(catalog: &Catalog, definition: &str) -> Vec<Noun> {
    bound(catalog, definition).map_or_else(Vec::new, |b| b.uses)
}

/// `segment vip` in words for messages.
pub(super) fn called(noun: &Noun) -> String {
    format!("{} `{}`", noun.0.word(), noun.1)
}

/// Everything whose definition is a text that names others.
fn definitions(c: &Catalog) -> Vec<(Noun, String)> {
    let mut all: Vec<(Noun, String)> = Vec::new();
    all.extend(c.virtual_events().map(|e| ((NounKind::Event, e.name.clone()), e.definition.clone())));
    all.extend(c.virtual_properties().map(|p| ((NounKind::Property, format!("{}.{}", p.owner.name(), p.name)), p.definition.clone())));
    all.extend(c.relations().map(|r| ((NounKind::Relation, format!("{}.{}", r.owner.name(), r.name)), r.definition.clone())));
    all.extend(c.metrics().map(|m| ((NounKind::Metric, m.name.clone()), m.definition.clone())));
    all.extend(c.sessions().map(|s| ((NounKind::Session, s.name.clone()), s.definition.clone())));
    all.extend(c.tags().map(|t| ((NounKind::Tag, format!("{}.{}", t.entity, t.name)), t.definition.clone())));
    all.extend(c.segments().map(|s| ((NounKind::Segment, s.name.clone()), s.definition.clone())));
    all
}

fn bound(catalog: &Catalog, definition: &str) -> Option<Bound> {
    let statement = eql_grammar::parse(definition).statements.into_iter().next()?.ok()?;
    let params = ParamValues::new();
    let context = Context { catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: true };
    Some(bind(definition, &statement, &context))
}
