//! Where things get their names.

use crate::meaning::{Meaning, Noun, meaning};
use crate::site::Site;
use eql_catalog::Catalog;
use eql_grammar::ast::{Column, Definition, Ident, Path, Span, StatementKind};

/// A name and the statement that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// `entity`, `event`, `property`, `relation`, `metric`, `session`, `tag`, `segment`.
    pub kind: &'static str,
    /// Of properties, relations and tags.
    pub owner: Option<String>,
    /// The name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// The whole DEFINE.
    pub statement: Span,
}

impl Defined {
    pub(crate) fn is(&self, noun: &Noun) -> bool {
        self.kind == noun.kind && self.name == noun.name && self.owner == noun.owner
    }
}

/// All names that a text gives with DEFINE, in text order. Statements that are not sound give none.
pub fn definitions_of(text: &str) -> Vec<Defined> {
    let mut all = Vec::new();
    for statement in eql_grammar::parse(text).statements.into_iter().flatten() {
        if let StatementKind::Define(define) = statement.kind {
            all.extend(names(define.what).into_iter().map(|(kind, owner, ident)| Defined {
                kind,
                owner,
                name: ident.name,
                span: ident.span,
                statement: statement.span,
            }));
        }
    }
    all
}

type Given = (&'static str, Option<String>, Ident);

fn names(definition: Definition) -> Vec<Given> {
    match definition {
        Definition::Entity { name, key, columns, .. } => with_columns("entity", name, key.into_iter().chain(columns)),
        Definition::Event { name, columns, .. } => with_columns("event", name, columns.into_iter()),
        Definition::VirtualEvent { name, .. } => vec![("event", None, name)],
        Definition::Property { path, .. } => owned("property", path),
        Definition::Relation { path, .. } => owned("relation", path),
        Definition::Metric { name, .. } => vec![("metric", None, name)],
        Definition::Session { name, .. } => vec![("session", None, name)],
        Definition::Tag { name, entity, .. } => vec![("tag", Some(entity.name), name)],
        Definition::Segment { name, .. } => vec![("segment", None, name)],
    }
}

fn with_columns(kind: &'static str, name: Ident, columns: impl Iterator<Item = Column>) -> Vec<Given> {
    let owner = name.name.clone();
    let columns = columns.map(|c| ("property", Some(owner.clone()), c.name));
    std::iter::once((kind, None, name)).chain(columns).collect()
}

fn owned(kind: &'static str, path: Path) -> Vec<Given> {
    let owner = path.parts.first().map(|p| p.name.clone());
    path.parts.into_iter().nth(1).map(|name| (kind, owner, name)).into_iter().collect()
}

/// Where the thing at `offset` of the text number `at` got its name: the number of a text, and the name's place in it.
/// The catalog knows the definitions of all texts.
pub fn definition(catalog: &Catalog, texts: &[&str], at: usize, offset: usize) -> Option<(usize, Span)> {
    let text = texts.get(at)?;
    let site = Site::on(text, offset);
    match meaning(catalog, &site)? {
        Meaning::Local(token) => Some((at, site.span(token))),
        Meaning::Noun(noun) => defined(texts, &noun),
        Meaning::Member(_) | Meaning::Function(_) | Meaning::Clause(_) => None,
    }
}

/// The first of the texts that gives the name.
pub(crate) fn defined(texts: &[&str], noun: &Noun) -> Option<(usize, Span)> {
    let in_text = |text: &str| definitions_of(text).into_iter().find(|d| d.is(noun)).map(|d| d.span);
    texts.iter().enumerate().find_map(|(i, text)| Some((i, in_text(text)?)))
}
