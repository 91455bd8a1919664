//! Which names can mean something at a place.

use crate::frame::{Frame, Head, Opener, around};
use crate::site::Site;
use crate::source::{Source, any_event, events, named};
use eql_catalog::Catalog;
use eql_compiler::{Context, ParamValues, bound};

/// What names can mean.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Their parts stand alone.
    pub(crate) rows: Vec<Source>,
    /// What begins a path besides: steps by alias or event, sources by name. With the token that gave the name, if there is one.
    pub(crate) named: Vec<Named>,
    /// Conditions on behaviour fit: DID and the like.
    pub(crate) behaviour: bool,
    /// An event fits: the argument of an aggregate.
    pub(crate) argument: bool,
    /// Calls over a window fit.
    pub(crate) windows: bool,
}

/// A name that is good inside one statement.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) rows: Option<Source>,
    /// The token after AS; None if an event or a source goes by its own name.
    pub(crate) given_at: Option<usize>,
}

/// What names can mean at the place.
pub(crate) fn scope(catalog: &Catalog, site: &Site<'_>) -> Scope {
    let frames = around(site);
    let mut argument = false;
    let mut inside: Option<Source> = None;
    for frame in frames.iter().rev() {
        match &frame.opener {
            Opener::Square => inside = inside.or_else(|| Some(Source::Events(bracket_events(catalog, site, frame)))),
            Opener::Call(_) => match called_on(catalog, site, frame) {
                Some(rows) if inside.is_none() => inside = Some(rows),
                _ => argument |= inside.is_none(),
            },
            Opener::Statement | Opener::Paren => {}
        }
        let found = match frame.head(site) {
            Some(head) => Some(of_query(catalog, site, frame, head)),
            None if frame.opener == Opener::Statement => Some(of_statement(catalog, site)),
            None => None,
        };
        if let Some(mut found) = found {
            if let Some(rows) = inside {
                found.rows = vec![rows];
                found.behaviour = false;
            }
            found.argument = argument;
            return found;
        }
    }
    Scope::default()
}

/// The events of `[a OR b WHERE …]`.
fn bracket_events(catalog: &Catalog, site: &Site<'_>, frame: &Frame) -> Vec<std::sync::Arc<eql_catalog::EventType>> {
    let mut found = Vec::new();
    for i in frame.own(site) {
        if site.is(i, &["WHERE", "DURING"]) {
            break;
        }
        if site.is(i, &["ANY"]) && site.is(i + 1, &["EVENT"]) {
            return any_event(catalog);
        }
        found.extend(site.name(i).map(|n| events(catalog, &n)).unwrap_or_default());
    }
    found
}

/// The rows that a condition inside a call is about, if the place is behind WHERE, DURING, BY or ORDER of the call.
fn called_on(catalog: &Catalog, site: &Site<'_>, frame: &Frame) -> Option<Source> {
    let own = frame.own(site);
    own.iter().find(|&&i| i < site.here && site.is(i, &["WHERE", "DURING", "BY", "ORDER"]))?;
    let first = *own.first()?;
    let first = if site.is(first, &["DISTINCT"]) { first + 1 } else { first };
    if site.is(first, &["ANY"]) {
        return Some(Source::Events(any_event(catalog)));
    }
    if site.sign(first, "[") {
        let inner = Frame { opener: Opener::Square, start: first + 1, end: frame.end };
        return Some(Source::Events(bracket_events(catalog, site, &inner)));
    }
    let rows = events(catalog, &site.name(first)?);
    (!rows.is_empty()).then_some(Source::Events(rows))
}

fn of_query(catalog: &Catalog, site: &Site<'_>, frame: &Frame, head: Head) -> Scope {
    if let Some(columns) = result_before_stage(catalog, site, frame, head) {
        return Scope { rows: vec![Source::Table(columns)], windows: true, ..Scope::default() };
    }
    match head.word {
        "FIND" => Scope { rows: entity_at(catalog, site, head.at + 1), behaviour: true, ..Scope::default() },
        "PROFILE" => Scope { rows: subject(catalog, site, frame, head), behaviour: true, ..Scope::default() },
        "SELECT" | "FROM" => of_select(catalog, site, frame, head),
        "SESSIONS" => of_sessions(catalog, site, head),
        "JOURNEY" => {
            let entity = subject(catalog, site, frame, head).into_iter().next();
            let rows = match entity {
                Some(Source::Entity(e)) => vec![Source::Events(catalog.events_of(e.id).cloned().collect())],
                _ => Vec::new(),
            };
            Scope { rows, ..Scope::default() }
        }
        _ => of_steps(catalog, site, head),
    }
}

fn entity_at(catalog: &Catalog, site: &Site<'_>, i: usize) -> Vec<Source> {
    let entity = site.name(i).and_then(|n| catalog.entity(&n).cloned());
    entity.map(Source::Entity).into_iter().collect()
}

/// `OF user`.
fn subject(catalog: &Catalog, site: &Site<'_>, frame: &Frame, head: Head) -> Vec<Source> {
    let of = frame.own(site).into_iter().find(|&i| i > head.at && i < head.end && site.is(i, &["OF"]) && !site.is(i - 1, &["AS"]));
    of.map(|i| entity_at(catalog, site, i + 1)).unwrap_or_default()
}

/// An analysis of steps: the rows of all its events, each event by name, each step by alias.
fn of_steps(catalog: &Catalog, site: &Site<'_>, head: Head) -> Scope {
    let (mut rows, mut named) = (Vec::new(), Vec::new());
    for i in head.at + 1..head.end {
        if i > 0 && site.sign(i - 1, ".") {
            continue;
        }
        let any = site.is(i, &["ANY"]) && site.is(i + 1, &["EVENT"]);
        let found = if any { any_event(catalog) } else { site.name(i).map(|n| events(catalog, &n)).unwrap_or_default() };
        if found.is_empty() || site.is(i.wrapping_sub(1), &["AS"]) {
            continue;
        }
        let source = Source::Events(found.clone());
        if !any {
            named.push(Named { name: site.name(i).unwrap_or_default(), rows: Some(source.clone()), given_at: None });
        }
        if let Some(alias) = alias_of_step(site, if any { i + 1 } else { i }) {
            named.push(Named { name: site.name(alias).unwrap_or_default(), rows: Some(source), given_at: Some(alias) });
        }
        rows.extend(found);
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows.dedup_by(|a, b| a.name == b.name);
    if head.word == "ATTRIBUTION" {
        named.push(Named { name: "touch".to_owned(), rows: Some(Source::Events(rows.clone())), given_at: None });
    }
    named.sort_by(|a, b| (&a.name, b.given_at).cmp(&(&b.name, a.given_at)));
    named.dedup_by(|a, b| a.name == b.name);
    Scope { rows: vec![Source::Events(rows)], named, ..Scope::default() }
}

/// The name after AS of the step whose event is token `i`.
fn alias_of_step(site: &Site<'_>, i: usize) -> Option<usize> {
    let mut at = i + 1;
    if !site.is(at, &["AS"]) {
        // `[a WHERE …] AS r`: behind the bracket that the event is in.
        let mut depth = 0_i32;
        at = (i..site.tokens.len()).find(|&k| {
            depth += match site.word(k) {
                "(" | "[" => 1,
                ")" | "]" => -1,
                _ => 0,
            };
            depth < 0
        })? + 1;
        let opened_here = i > 0 && (site.sign(i - 1, "[") || site.is(i - 1, &["OR"]));
        if !opened_here || !site.sign(at - 1, "]") {
            return None;
        }
    }
    (site.is(at, &["AS"]) && site.name(at + 1).is_some()).then_some(at + 1)
}

fn of_sessions(catalog: &Catalog, site: &Site<'_>, head: Head) -> Scope {
    let Some(rule) = site.name(head.at + 1).and_then(|n| catalog.session(&n).cloned()) else { return Scope::default() };
    let Some(entity) = catalog.entity(&rule.entity).cloned() else { return Scope::default() };
    let columns = [
        ("session_id", "STRING", "the session"),
        ("started_at", "TIMESTAMP", "the time of its first event"),
        ("ended_at", "TIMESTAMP", "the time of its last event"),
        ("duration", "DOUBLE", "seconds from the first event to the last"),
        ("depth", "BIGINT", "how many events"),
        ("entry", "STRING", "the first event; `entry.x` is a property of it"),
        ("exit", "STRING", "the last event; `exit.x` is a property of it"),
    ];
    let table = columns.map(|(n, t, c)| (n.to_owned(), t.to_owned(), c.to_owned())).to_vec();
    let rows = Source::Events(catalog.events_of(entity.id).cloned().collect());
    let named = ["entry", "exit"].map(|n| Named { name: n.to_owned(), rows: Some(rows.clone()), given_at: None });
    let mut named = named.to_vec();
    named.push(Named { name: entity.name.clone(), rows: Some(Source::Entity(entity.clone())), given_at: None });
    Scope { rows: vec![Source::Table(table), Source::Entity(entity)], named, ..Scope::default() }
}

fn of_select(catalog: &Catalog, site: &Site<'_>, frame: &Frame, head: Head) -> Scope {
    let own: Vec<usize> = frame.own(site).into_iter().filter(|&i| i >= head.at && i < head.end).collect();
    let (mut rows, mut names) = (Vec::new(), Vec::new());
    for &i in own.iter().filter(|&&i| site.is(i, &["FROM", "JOIN"])) {
        let Some((name, source, after)) = source_at(catalog, site, i + 1) else { continue };
        let given_at = (site.is(after, &["AS"]) && site.name(after + 1).is_some()).then_some(after + 1);
        let name = given_at.and_then(|at| site.name(at)).or(name);
        rows.extend(source.clone());
        if let Some(name) = name {
            names.push(Named { name, rows: source, given_at });
        }
    }
    // Names of items are good in GROUP BY, HAVING and ORDER BY.
    let aliases =
        own.windows(2).filter(|w| site.is(w[0], &["AS"]) && !site.is(w[1], &["OF"]) && names.iter().all(|n| n.given_at != Some(w[1])));
    let aliases: Vec<Named> = aliases.filter_map(|w| Some(Named { name: site.name(w[1])?, rows: None, given_at: Some(w[1]) })).collect();
    names.extend(aliases);
    Scope { rows, named: names, windows: true, ..Scope::default() }
}

/// A source of FROM or JOIN: its name, its rows, and the token after it.
fn source_at(catalog: &Catalog, site: &Site<'_>, i: usize) -> Option<(Option<String>, Option<Source>, usize)> {
    if site.is(i, &["ANY"]) && site.is(i + 1, &["EVENT"]) {
        return Some((None, Some(Source::Events(any_event(catalog))), i + 2));
    }
    if site.is(i, &["SEGMENT"]) {
        let segment = site.name(i + 1).and_then(|n| catalog.segment(&n).cloned());
        let entity = segment.and_then(|s| catalog.entity(&s.entity).cloned());
        return Some((None, entity.map(Source::Entity), i + 2));
    }
    if site.sign(i, "(") {
        let end = nested_end(site, i);
        return Some((None, result_of(catalog, site, i + 1, end).map(Source::Table), end + 1));
    }
    let name = site.name(i)?;
    if site.sign(i + 1, ".") {
        let table = site.name(i + 2)?;
        let known = eql_compiler::system::TABLES.iter().find(|t| name == eql_compiler::system::SCHEMA && t.name == table);
        let columns = known
            .map(|t| t.columns.iter().map(|c| (c.name.to_owned(), (c.data_type)().to_string(), c.comment.to_owned())).collect::<Vec<_>>());
        return Some((Some(table), columns.map(Source::Table), i + 3));
    }
    let cte = ctes(site).into_iter().find(|(n, _)| site.name(*n).as_deref() == Some(name.as_str()));
    let rows = match cte {
        Some((_, open)) => result_of(catalog, site, open + 1, nested_end(site, open)).map(Source::Table),
        None => named(catalog, &name),
    };
    Some((Some(name), rows, i + 1))
}

/// `name AS (` of WITH: the name and the bracket.
pub(crate) fn ctes(site: &Site<'_>) -> Vec<(usize, usize)> {
    if !(0..2).any(|i| site.is(i, &["WITH"])) {
        return Vec::new();
    }
    let opens = (2..site.tokens.len()).filter(|&i| site.sign(i, "(") && site.is(i - 1, &["AS"]) && site.name(i - 2).is_some());
    opens.map(|i| (i - 2, i)).collect()
}

fn nested_end(site: &Site<'_>, open: usize) -> usize {
    let inner = site.moved(open + 1);
    around(&inner).last().map_or(site.tokens.len(), |f| f.end)
}

/// The columns of the query before the last `|>` before the place, if the place is in a stage.
fn result_before_stage(catalog: &Catalog, site: &Site<'_>, frame: &Frame, head: Head) -> Option<Vec<(String, String, String)>> {
    let stage = frame.own(site).into_iter().rfind(|&i| i > head.at && i < site.here && site.sign(i, "|>"))?;
    Some(result_of(catalog, site, frame.start, stage).unwrap_or_default())
}

/// The columns of the query in these tokens.
fn result_of(catalog: &Catalog, site: &Site<'_>, start: usize, end: usize) -> Option<Vec<(String, String, String)>> {
    let (first, last) = (site.tokens.get(start)?, site.tokens.get(end.checked_sub(1)?)?);
    let text = site.text.get(first.start..last.end)?;
    let statement = eql_grammar::parse(text).statements.into_iter().next()?.ok()?;
    let params = ParamValues::new();
    let context = Context { catalog, params: &params, time_zone: "UTC", week_start: Default::default(), lenient: true, check: true };
    let Some(bound::Statement::Query(query)) = eql_compiler::bind(text, &statement, &context).statement else { return None };
    Some(query.output.into_iter().map(|o| (o.name, o.data_type.to_string(), String::new())).collect())
}

/// A statement that is no query.
fn of_statement(catalog: &Catalog, site: &Site<'_>) -> Scope {
    let kind = (1..4).find(|&i| site.is(i, &eql_grammar::word::KINDS)).unwrap_or(0);
    let of = (0..site.tokens.len()).find(|&i| site.is(i, &["OF"]));
    let subject = || of.map(|i| entity_at(catalog, site, i + 1)).unwrap_or_default();
    if site.is(0, &["DEFINE"]) {
        return match site.word(kind).to_ascii_uppercase().as_str() {
            "TAG" | "SEGMENT" => Scope { rows: subject(), behaviour: true, ..Scope::default() },
            "PROPERTY" => Scope { rows: owner(catalog, site, kind), behaviour: true, ..Scope::default() },
            "RELATION" => of_relation(catalog, site, kind),
            "METRIC" => of_steps(catalog, site, Head { word: "TREND", at: kind, end: site.tokens.len() }),
            "SESSION" => of_rule(catalog, subject()),
            _ => Scope::default(),
        };
    }
    if site.is(0, &["INSERT"]) && site.is(2, &["ENTITY"]) {
        return Scope { rows: entity_at(catalog, site, 3), ..Scope::default() };
    }
    let segment = (0..3).find(|&i| site.is(i, &["SEGMENT"])).and_then(|i| site.name(i + 1)).and_then(|n| catalog.segment(&n).cloned());
    let entity = segment.and_then(|s| catalog.entity(&s.entity).cloned());
    Scope { rows: entity.map(Source::Entity).into_iter().collect(), behaviour: true, ..Scope::default() }
}

fn owner(catalog: &Catalog, site: &Site<'_>, kind: usize) -> Vec<Source> {
    site.name(kind + 1).and_then(|n| named(catalog, &n)).into_iter().collect()
}

fn of_relation(catalog: &Catalog, site: &Site<'_>, kind: usize) -> Scope {
    let to = (0..site.tokens.len()).find(|&i| site.is(i, &["TO"])).and_then(|i| site.name(i + 2));
    let target = to.and_then(|n| Some((named(catalog, &n)?, n)));
    let named = target.map(|(rows, name)| Named { name, rows: Some(rows), given_at: None });
    Scope { rows: owner(catalog, site, kind), named: named.into_iter().collect(), ..Scope::default() }
}

fn of_rule(catalog: &Catalog, subject: Vec<Source>) -> Scope {
    let rows = subject.into_iter().map(|s| match s {
        Source::Entity(e) => Source::Events(catalog.events_of(e.id).cloned().collect()),
        other => other,
    });
    Scope { rows: rows.collect(), ..Scope::default() }
}
