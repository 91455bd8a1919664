//! What the word at a place stands for.

use crate::complete::path::leads_to;
use crate::frame::{Opener, around};
use crate::scope::{ctes, scope};
use crate::site::Site;
use crate::source::{Member, Part};
use eql_catalog::{Catalog, Resolved};
use eql_compiler::clause::ClauseWords;
use eql_compiler::function::{Function, function};
use eql_grammar::token::TokenKind;
use eql_grammar::{Want, expect};

/// What a word stands for.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// Something that was given a name by a DEFINE.
    Noun(Noun),
    /// What every event has, or a column of a result.
    Member(Member),
    /// A name that is good in its statement; the token that gives it.
    Local(usize),
    /// A function.
    Function(&'static Function),
    /// A clause.
    Clause(&'static ClauseWords),
}

/// Something that was given a name by a DEFINE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Noun {
    /// `entity`, `event`, `property`, `relation`, `metric`, `session`, `tag`, `segment`.
    pub(crate) kind: &'static str,
    /// Of properties, relations and tags.
    pub(crate) owner: Option<String>,
    pub(crate) name: String,
}

impl Noun {
    pub(crate) fn new(kind: &'static str, owner: Option<&str>, name: &str) -> Self {
        Self { kind, owner: owner.map(str::to_owned), name: name.to_owned() }
    }
}

/// What the token at the place stands for.
pub(crate) fn meaning(catalog: &Catalog, site: &Site<'_>) -> Option<Meaning> {
    let token = site.tokens.get(site.here)?;
    if !matches!(token.kind, TokenKind::Word | TokenKind::Name) {
        return None;
    }
    let name = site.name(site.here)?;
    let parts: Vec<String> = site.path_before(site.here).into_iter().filter_map(|i| site.name(i)).collect();
    if !parts.is_empty() {
        return behind_dot(catalog, site, &parts, &name);
    }
    let wants = expect(site.text, token.start).map(|e| e.wants).unwrap_or_default();
    let called = site.sign(site.here + 1, "(").then(|| function(&name)).flatten().map(Meaning::Function);
    declared(catalog, site, &name)
        .or(called)
        .or_else(|| by_wants(catalog, site, &wants, &name))
        .or_else(|| clause_at(site).map(Meaning::Clause))
}

fn behind_dot(catalog: &Catalog, site: &Site<'_>, parts: &[String], name: &str) -> Option<Meaning> {
    if let [owner] = parts
        && site.is(0, &["DEFINE", "DROP", "DESCRIBE"])
        && (1..5).any(|i| i + 3 == site.here && site.is(i, &["PROPERTY", "RELATION"]))
    {
        let kind = if (1..5).any(|i| site.is(i, &["RELATION"])) { "relation" } else { "property" };
        return Some(Meaning::Noun(Noun::new(kind, Some(owner), name)));
    }
    member(leads_to(catalog, site, parts)?.member(catalog, name)?)
}

fn member(found: Member) -> Option<Meaning> {
    let kind = match found.part {
        Part::Property => "property",
        Part::Tag => "tag",
        Part::Relation => "relation",
        Part::Participant => return Some(Meaning::Noun(Noun::new("entity", None, &found.owner))),
        Part::System | Part::Column => return Some(Meaning::Member(found)),
    };
    Some(Meaning::Noun(Noun::new(kind, Some(&found.owner), &found.name)))
}

/// A name where it is given: behind DEFINE, in a list of columns, behind AS.
fn declared(catalog: &Catalog, site: &Site<'_>, name: &str) -> Option<Meaning> {
    let kinds = [
        ("ENTITY", "entity"),
        ("EVENT", "event"),
        ("METRIC", "metric"),
        ("SESSION", "session"),
        ("SESSIONS", "session"),
        ("TAG", "tag"),
        ("SEGMENT", "segment"),
        ("AMONG", "segment"),
    ];
    if let Some((_, kind)) = kinds.iter().find(|(word, _)| site.was(1, &[word])) {
        let owner = || {
            let of = (0..site.tokens.len()).find(|&i| site.is(i, &["OF"])).and_then(|i| site.name(i + 1));
            of.or_else(|| catalog.tags().find(|t| t.name == name).map(|t| t.entity.clone()))
        };
        let owner = if *kind == "tag" { owner() } else { None };
        return Some(Meaning::Noun(Noun::new(kind, owner.as_deref(), name)));
    }
    if site.was(1, &["FIND", "OF"]) && !site.was(2, &["AS"]) {
        return Some(Meaning::Noun(Noun::new("entity", None, name)));
    }
    if let Some(owner) = column_of(site) {
        return Some(Meaning::Noun(Noun::new("property", Some(&owner), name)));
    }
    let given = site.was(1, &["AS"]) && !site.is(0, &["DEFINE"]);
    if given || ctes(site).iter().any(|(n, _)| *n == site.here) {
        return Some(Meaning::Local(site.here));
    }
    None
}

/// The owner, if the place is the name of a column of DEFINE ENTITY or DEFINE EVENT.
fn column_of(site: &Site<'_>) -> Option<String> {
    let kind = (1..4).find(|&i| site.is(0, &["DEFINE"]) && site.is(i, &["ENTITY", "EVENT"]))?;
    let opens = site.was(1, &["KEY"]) || (matches!(site.before(1), "(" | ",") && around(site).len() == 2);
    let typed = site.name(site.here + 1).is_some();
    let in_list =
        around(site).last().is_some_and(|f| f.opener != Opener::Statement && !site.is(f.start.saturating_sub(2), &["IDENTITIES"]));
    (opens && typed && (in_list || site.was(1, &["KEY"]))).then(|| site.name(kind + 1)).flatten()
}

fn by_wants(catalog: &Catalog, site: &Site<'_>, wants: &[Want], name: &str) -> Option<Meaning> {
    let event = || catalog.event(name).is_some() || catalog.virtual_event(name).is_some();
    if wants.contains(&Want::Event) && event() {
        return Some(Meaning::Noun(Noun::new("event", None, name)));
    }
    if wants.contains(&Want::Segment) && catalog.segment(name).is_some() {
        return Some(Meaning::Noun(Noun::new("segment", None, name)));
    }
    let in_scope = wants.iter().any(|w| matches!(w, Want::Condition | Want::Value | Want::Name));
    if !in_scope {
        return None;
    }
    let scope = scope(catalog, site);
    let local = scope.named.iter().find(|n| n.name == name && n.given_at.is_some()).and_then(|n| n.given_at);
    let cte = || ctes(site).into_iter().map(|(n, _)| n).find(|n| site.name(*n).as_deref() == Some(name) && *n < site.here);
    if let Some(given_at) = local.or_else(cte) {
        return Some(Meaning::Local(given_at));
    }
    if scope.argument && event() {
        return Some(Meaning::Noun(Noun::new("event", None, name)));
    }
    let begins_path = site.sign(site.here + 1, ".");
    let own = scope
        .rows
        .iter()
        .find_map(|r| r.member(catalog, name))
        .filter(|m| !begins_path || matches!(m.part, Part::Relation | Part::Participant));
    own.and_then(member).or_else(|| noun(catalog, name))
}

fn noun(catalog: &Catalog, name: &str) -> Option<Meaning> {
    let (kind, owner) = match catalog.resolve(name)? {
        Resolved::Entity(_) => ("entity", None),
        Resolved::Event(_) | Resolved::VirtualEvent(_) => ("event", None),
        Resolved::Metric(_) => ("metric", None),
        Resolved::Session(_) => ("session", None),
        Resolved::Segment(_) => ("segment", None),
        Resolved::Tag(tag) => ("tag", Some(tag.entity.clone())),
    };
    Some(Meaning::Noun(Noun::new(kind, owner.as_deref(), name)))
}

/// The clause whose words the place is in.
fn clause_at(site: &Site<'_>) -> Option<&'static ClauseWords> {
    let fits = |c: &&ClauseWords| {
        let words: Vec<&str> = c.phrase.split(' ').collect();
        (0..words.len())
            .any(|back| site.here.checked_sub(back).is_some_and(|first| words.iter().enumerate().all(|(k, w)| site.is(first + k, &[w]))))
    };
    eql_compiler::clause::CLAUSES.iter().filter(fits).max_by_key(|c| c.phrase.len())
}
