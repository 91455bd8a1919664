//! What must change when something gets another name.

use crate::definition::defined;
use crate::meaning::{Meaning, Noun, meaning};
use crate::site::Site;
use eql_catalog::Catalog;
use eql_grammar::ast::Span;
use eql_grammar::name_of;
use eql_grammar::token::{TokenKind, tokenize};

/// Why a name stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// Most places of one name that are looked at.
const PLACES_MAX: usize = 10_000;
/// Longest name.
const NAME_BYTES_MAX: usize = 256;

/// What is renamed: something of the texts, or a name inside one statement.
enum Target {
    Noun(Noun),
    /// A statement's own name: the text and the place that gives it.
    Local(usize, Span),
}

/// The name at `offset`, if it can get another one.
pub fn nameable(catalog: &Catalog, texts: &[&str], at: usize, offset: usize) -> Result<(Span, String), Refused> {
    let text = texts.get(at).copied().unwrap_or_default();
    let site = Site::on(text, offset);
    target(catalog, texts, at, &site)?;
    let name = site.name(site.here).unwrap_or_default();
    Ok((site.span(site.here), name))
}

fn target(catalog: &Catalog, texts: &[&str], at: usize, site: &Site<'_>) -> Result<Target, Refused> {
    match meaning(catalog, site) {
        Some(Meaning::Local(token)) => Ok(Target::Local(at, site.span(token))),
        Some(Meaning::Noun(noun)) if defined(texts, &noun).is_some() => Ok(Target::Noun(noun)),
        Some(Meaning::Noun(noun)) => {
            Err(Refused(format!("`{}` is defined in none of the open files: open the file with its DEFINE first", noun.name)))
        }
        _ => Err(Refused("this is no name that was given in the open files".to_owned())),
    }
}

/// The places, text by text, where `name` must be written. The catalog knows the definitions of all texts.
pub fn rename(catalog: &Catalog, texts: &[&str], at: usize, offset: usize, name: &str) -> Result<Vec<Vec<Span>>, Refused> {
    if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Refused("a name is one line of at most 256 bytes".to_owned()));
    }
    let text = texts.get(at).copied().unwrap_or_default();
    let site = Site::on(text, offset);
    let old = site.name(site.here).unwrap_or_default();
    let target = target(catalog, texts, at, &site)?;
    if let Target::Noun(noun) = &target
        && defined(texts, &Noun { name: name.to_owned(), ..noun.clone() }).is_some()
    {
        return Err(Refused(format!("there is a {} `{name}` already", noun.kind)));
    }
    let places = |(i, text): (usize, &&str)| match &target {
        Target::Local(own, _) if *own != i => Vec::new(),
        target => places(catalog, text, &old, target),
    };
    Ok(texts.iter().enumerate().map(places).collect())
}

fn places(catalog: &Catalog, text: &str, old: &str, target: &Target) -> Vec<Span> {
    let named = |t: &eql_grammar::token::Token| matches!(t.kind, TokenKind::Word | TokenKind::Name) && name_of(t.text(text)) == old;
    let tokens = tokenize(text).tokens;
    let candidates = tokens.iter().filter(|t| named(t)).take(PLACES_MAX);
    candidates.filter(|t| is_target(catalog, &Site::at(text, t.start), target)).map(|t| t.span()).collect()
}

fn is_target(catalog: &Catalog, site: &Site<'_>, target: &Target) -> bool {
    match (meaning(catalog, site), target) {
        (Some(Meaning::Noun(found)), Target::Noun(wanted)) => found == *wanted,
        (Some(Meaning::Local(token)), Target::Local(_, given)) => site.span(token).start == given.start,
        _ => false,
    }
}
