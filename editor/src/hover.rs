//! What is said of the word under the pointer.

use crate::meaning::{Meaning, Noun, meaning};
use crate::site::Site;
use eql_catalog::{Catalog, Property};
use eql_grammar::ast::Span;

/// What is said, in Markdown, and of which word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The word.
    pub span: Span,
    /// What is said.
    pub markdown: String,
}

/// What the word at `offset` means.
pub fn hover(catalog: &Catalog, text: &str, offset: usize) -> Option<Hover> {
    let site = Site::on(text, offset);
    let span = site.span(site.here);
    if !(span.start..=span.end).contains(&offset) {
        return None;
    }
    let markdown = match meaning(catalog, &site)? {
        Meaning::Noun(noun) => of_noun(catalog, &noun)?,
        Meaning::Member(m) => said(&format!("{} {}", m.name, m.detail), m.comment.as_deref(), None),
        Meaning::Local(given) => {
            let before = given.saturating_sub(2);
            said(site.word(given), Some(&format!("a name of this statement, given after `{}`", site.word(before))), None)
        }
        Meaning::Function(f) => said(f.example, Some(f.summary), None),
        Meaning::Clause(c) => said(c.example, Some(c.meaning), None),
    };
    Some(Hover { span, markdown })
}

fn said(code: &str, words: Option<&str>, definition: Option<&str>) -> String {
    let mut all = format!("```eql\n{code}\n```");
    if let Some(words) = words {
        all.push_str(&format!("\n\n{words}"));
    }
    if let Some(definition) = definition {
        all.push_str(&format!("\n\n```eql\n{definition};\n```"));
    }
    all
}

fn of_noun(catalog: &Catalog, noun: &Noun) -> Option<String> {
    let name = noun.name.as_str();
    let owned = |kind: &str, definition: &str, comment: &Option<String>| {
        Some(said(&format!("{kind} {name}"), comment.as_deref(), Some(definition)))
    };
    match noun.kind {
        "entity" => catalog.entity(name).and_then(|e| owned("entity", &e.definition, &e.comment)),
        "event" => {
            let concrete = catalog.event(name).map(|e| (&e.definition, &e.comment));
            let (definition, comment) = concrete.or_else(|| catalog.virtual_event(name).map(|e| (&e.definition, &e.comment)))?;
            owned("event", definition, comment)
        }
        "metric" => catalog.metric(name).and_then(|m| owned("metric", &m.definition, &m.comment)),
        "session" => catalog.session(name).and_then(|s| owned("session", &s.definition, &s.comment)),
        "segment" => catalog.segment(name).and_then(|s| owned("segment", &s.definition, &s.comment)),
        "tag" => catalog.tag(noun.owner.as_deref()?, name).and_then(|t| owned(&format!("{} tag", t.data_type), &t.definition, &t.comment)),
        "relation" => {
            let relation = catalog.relation(&format!("{}.{name}", noun.owner.as_deref()?))?;
            owned("relation", &relation.definition, &relation.comment)
        }
        _ => property(catalog, noun.owner.as_deref()?, name),
    }
}

fn property(catalog: &Catalog, owner: &str, name: &str) -> Option<String> {
    if let Some(made) = catalog.property(&format!("{owner}.{name}")) {
        return Some(said(&format!("{owner}.{name} {}", made.data_type), made.comment.as_deref(), Some(&made.definition)));
    }
    let of_entity = catalog.entity(owner).and_then(|e| e.property(name));
    let p = of_entity.or_else(|| catalog.event(owner).and_then(|e| e.property(name)))?;
    Some(said(&format!("{owner}.{name} {}{}", p.data_type, options(p)), p.comment.as_deref(), None))
}

fn options(p: &Property) -> String {
    let words = [(p.history, " HISTORY"), (p.sensitive, " SENSITIVE"), (p.required, " NOT NULL")];
    words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect()
}
