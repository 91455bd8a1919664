//! Names that mean nothing: what is said of them, and what was most likely meant.

use super::Binder;
use super::scope::{RowKind, RowScope};
use crate::bound::Expr;
use crate::code;
use crate::function::{FunctionKind, common_type, function, functions};
use eql_catalog::{DataType, EntityType, Owner};
use eql_grammar::ast::{self, Arg, Ident, Span};
use eql_grammar::{Diagnostic, elsewhere, nearest, nearest_fitting};

/// Names listed in a hint when none is near.
const LISTED_MAX: usize = 8;

/// A name that would have been understood, with the type behind it where it is known.
struct Candidate {
    name: String,
    data_type: Option<DataType>,
}

impl Candidate {
    fn of(name: impl Into<String>, data_type: &DataType) -> Self {
        Self { name: name.into(), data_type: Some(data_type.clone()) }
    }
    fn untyped(name: impl Into<String>) -> Self {
        Self { name: name.into(), data_type: None }
    }
}

impl Binder<'_> {
    /// Reports a name that means nothing: an error, or a warning when the text is checked without its data directory.
    pub(super) fn unknown_name(&mut self, code: &'static str, what: &str, ident: &Ident, candidates: &[&str]) -> Expr {
        let near = nearest(&ident.name, candidates.iter().copied()).map(str::to_string);
        let hint = self.other_thing(what, &ident.name).or_else(|| elsewhere::noun(&ident.name).map(str::to_string));
        let hint = hint.unwrap_or_else(|| listed(candidates));
        self.not_defined(code, what, ident, near, hint)
    }

    /// What has the name, where it is not what is wanted.
    fn other_thing(&self, what: &str, name: &str) -> Option<String> {
        if what == "event" {
            let property = self.catalog.events().find(|e| e.property(name).is_some());
            let entity = || self.catalog.entity(name).and_then(|t| self.catalog.events().find(|e| e.participant_of(t.id).is_some()));
            return property
                .map(|e| format!("`{name}` is a property: write it behind its event, `{}.{name}`", e.name))
                .or_else(|| entity().map(|e| format!("`{name}` is an entity: name what it did, such as `{}`", e.name)));
        }
        let segment = self.catalog.segment(name).filter(|_| what.starts_with("entity"))?;
        Some(format!("`{name}` is a segment: write `FIND {} AMONG {name}` or `FROM SEGMENT {name}`", segment.entity))
    }

    fn not_defined(&mut self, code: &'static str, what: &str, ident: &Ident, near: Option<String>, hint: String) -> Expr {
        let message = format!("{what} `{}` is not defined", ident.name);
        let span = self.place(ident.span);
        let d = match self.lenient {
            true => Diagnostic::warning(code, self.text, span, message),
            false => Diagnostic::error(code, self.text, span, message),
        };
        self.unknown = true;
        self.report(match near {
            Some(n) => d.with_hint(format!("did you mean `{n}`?")).with_fix(self.text, span, written(&n)),
            None => d.with_hint(hint),
        });
        Expr::invalid()
    }

    /// Reports a path that leads nowhere.
    pub(super) fn missing(&mut self, path: &ast::Path, rows: &[RowScope]) -> Expr {
        let whole = Ident { name: path.text(), span: path.span() };
        if let [source, _, ..] = path.parts.as_slice()
            && self.outer.contains(&source.name)
        {
            return self.of_the_query_around(path);
        }
        if let Some(found) = self.leads_to_many(path, rows).or_else(|| self.names_a_thing(path, rows)) {
            return found;
        }
        let candidates: Vec<Candidate> = rows.iter().flat_map(|r| self.candidates(r)).collect();
        if let Some(found) = self.at_another_path(path, &whole, &candidates) {
            return found;
        }
        if self.text.get(whole.span.start..whole.span.start + 1) == Some("\"") && path.parts.len() == 1 {
            return self.text_in_double_quotes(&whole, format!("`{}` in double quotes is a name, and nothing has it", whole.name));
        }
        let owned = self.below_its_owner(path, rows, &candidates);
        let fitting = candidates.iter().chain(&owned).map(|c| (c.name.as_str(), self.fits(c)));
        let near = nearest_fitting(&whole.name, fitting).map(str::to_string);
        let known = path.parts.last().and_then(|last| elsewhere::column(&last.name)).map(str::to_string);
        let hint = known
            .or_else(|| self.of_another_event(path, rows))
            .unwrap_or_else(|| listed(&candidates.iter().filter(|c| !c.name.contains('.')).map(|c| c.name.as_str()).collect::<Vec<_>>()));
        self.not_defined(code::PROPERTY, "property", &whole, near, hint)
    }

    /// A name of the query around: what SQL calls a correlated subquery.
    pub(super) fn of_the_query_around(&mut self, path: &ast::Path) -> Expr {
        let what = format!("`{}` belongs to the query around this one, which is not seen from within", path.text());
        let hint = "compare keys instead: `household_id IN (SELECT household_id FROM …)`, or ask FIND … WHERE DID …";
        self.error_hint(code::PROPERTY, path.span(), what, hint)
    }

    /// `orders` of an entity, where one value is wanted: its rows are counted and added up for each entity, which is FIND's.
    fn leads_to_many(&mut self, path: &ast::Path, rows: &[RowScope]) -> Option<Expr> {
        let ([RowScope { kind: RowKind::Entity(entity), .. }], [name]) = (rows, path.parts.as_slice()) else { return None };
        let relation = self.catalog.relation(&format!("{}.{}", entity.name, name.name)).filter(|r| r.many)?;
        let what = format!("`{}` leads to many rows of `{}`", name.name, relation.target.name());
        let hint = format!("for each {0}: FIND {0} SHOW count({1})", entity.name, name.name);
        Some(self.error_hint(code::TO_MANY, name.span, what, hint))
    }

    /// An event or a segment where a property of an entity is wanted.
    fn names_a_thing(&mut self, path: &ast::Path, rows: &[RowScope]) -> Option<Expr> {
        let ([RowScope { kind: RowKind::Entity(entity), .. }], Some(name)) = (rows, path.parts.first()) else { return None };
        let (what, hint) = match path.parts.get(1) {
            Some(property) if self.is_event(&name.name) => (
                format!("`{}` belongs to events, of which an entity may have many", path.text()),
                format!("write DID [{0} WHERE {1} …], or one value of them all: last({0}.{1})", name.name, property.name),
            ),
            None if self.is_event(&name.name) => (
                format!("`{}` is an event, not a property", name.name),
                format!("`DID {0}` says whether it happened, `count({0})` how often", name.name),
            ),
            None if self.catalog.segment(&name.name).is_some() => (
                format!("`{}` is a segment, not a property", name.name),
                format!("write `{} IN SEGMENT {}`", entity.key.first().map_or("", |k| k.name.as_str()), name.name),
            ),
            _ => return None,
        };
        Some(self.error_hint(code::PROPERTY, path.span(), what, hint))
    }

    /// What a clause asks of all its events, but only some have.
    fn of_another_event(&self, path: &ast::Path, rows: &[RowScope]) -> Option<String> {
        let [RowScope { kind: RowKind::Events(here), .. }] = rows else { return None };
        let (first, last) = (path.parts.first()?, path.parts.len() == 1);
        let has = |e: &&std::sync::Arc<eql_catalog::EventType>| {
            let participant = e.participants.iter().any(|p| p.name == first.name || (last && p.key_names.contains(&first.name)));
            participant || (last && e.property(&first.name).is_some())
        };
        let other = self.catalog.events().filter(|e| here.iter().all(|h| h.id != e.id)).find(has)?;
        let here = here.first()?;
        Some(format!(
            "`{}` has it, `{}` has not: a condition of one event stands in brackets, [{} WHERE …]",
            other.name, here.name, other.name
        ))
    }

    /// Text in double quotes is a name: says so, and repairs it.
    pub(super) fn text_in_double_quotes(&mut self, name: &Ident, message: String) -> Expr {
        let text = format!("'{}'", name.name.replace('\'', "''"));
        let span = self.place(name.span);
        let d = Diagnostic::error(code::TEXT_AS_NAME, self.text, span, message);
        self.report(d.with_hint(format!("text stands in single quotes: `{text}`")).with_fix(self.text, span, text));
        Expr::invalid()
    }

    /// `purchase.category` where there is `product.category`; `properties.channel` where there is `channel`.
    fn at_another_path(&mut self, path: &ast::Path, whole: &Ident, candidates: &[Candidate]) -> Option<Expr> {
        let last = path.parts.last()?.name.as_str();
        let same = |c: &&Candidate| {
            let (before, name) = c.name.rsplit_once('.').unwrap_or(("", &c.name));
            name == last && (path.parts.len() > 1 || !before.is_empty())
        };
        let found = candidates.iter().filter(same).min_by_key(|c| !self.fits(c))?.name.clone();
        let span = self.place(whole.span);
        let message = format!("`{}` is not reached from here", whole.name);
        let d = Diagnostic::error(code::PROPERTY, self.text, span, message);
        self.report(d.with_hint(format!("did you mean `{found}`?")).with_fix(self.text, span, found));
        Some(Expr::invalid())
    }

    /// `purchase.amout`: the names of the owner with its own name before them.
    fn below_its_owner(&self, path: &ast::Path, rows: &[RowScope], candidates: &[Candidate]) -> Vec<Candidate> {
        let [owner, _] = path.parts.as_slice() else { return Vec::new() };
        let owns = |row: &RowScope| {
            row.name.as_deref() == Some(owner.name.as_str())
                || match &row.kind {
                    RowKind::Entity(e) => e.name == owner.name,
                    RowKind::Events(events) => events.iter().any(|e| e.name == owner.name),
                    RowKind::Table(_) | RowKind::Unknown => false,
                }
        };
        if !rows.iter().any(owns) {
            return Vec::new();
        }
        let below = |c: &Candidate| Candidate { name: format!("{}.{}", owner.name, c.name), data_type: c.data_type.clone() };
        candidates.iter().filter(|c| !c.name.contains('.')).map(below).collect()
    }

    /// True unless another type is wanted here.
    fn fits(&self, candidate: &Candidate) -> bool {
        match (&self.wanted, &candidate.data_type) {
            (Some(DataType::String), Some(t)) => matches!(t, DataType::String | DataType::Json | DataType::Date | DataType::Timestamp),
            (Some(wanted), Some(t)) => common_type(wanted, t).is_some(),
            _ => true,
        }
    }

    fn candidates(&self, row: &RowScope) -> Vec<Candidate> {
        match &row.kind {
            RowKind::Unknown => vec![],
            RowKind::Table(t) => t.iter().map(|o| Candidate::of(&o.name, &o.data_type)).collect(),
            RowKind::Entity(e) => self.entity_candidates(e),
            RowKind::Events(events) => {
                let (text, time) = (DataType::String, DataType::Timestamp);
                let mut out: Vec<Candidate> = Vec::new();
                for e in events {
                    out.extend(e.properties.iter().map(|p| Candidate::of(&p.name, &p.data_type)));
                    out.extend(self.computed(&Owner::Event(e.name.clone())));
                    for p in &e.participants {
                        out.extend(p.key_names.iter().map(Candidate::untyped));
                        let entity = self.catalog.entity_by_id(p.entity);
                        let below = |q: Candidate| Candidate { name: format!("{}.{}", p.name, q.name), data_type: q.data_type };
                        out.extend(entity.iter().flat_map(|t| self.entity_candidates(t)).map(below));
                    }
                }
                out.extend([Candidate::of("time", &time), Candidate::of("event", &text)]);
                out.extend([Candidate::of("event_id", &text), Candidate::of("received_at", &time)]);
                out
            }
        }
    }

    fn entity_candidates(&self, e: &EntityType) -> Vec<Candidate> {
        let own = e.key.iter().chain(&e.properties).map(|p| Candidate::of(&p.name, &p.data_type));
        let tags = self.catalog.tags().filter(|t| t.entity == e.name).map(|t| Candidate::untyped(&t.name));
        own.chain(tags).chain(self.computed(&Owner::Entity(e.name.clone()))).collect()
    }

    fn computed(&self, owner: &Owner) -> Vec<Candidate> {
        self.catalog.virtual_properties().filter(|p| p.owner == *owner).map(|p| Candidate::untyped(&p.name)).collect()
    }

    /// Reports a function that is none.
    pub(super) fn unknown_function(&mut self, c: &ast::Call, name: &str) -> Expr {
        let span = self.place(c.name.span());
        let d = Diagnostic::error(code::FUNCTION, self.text, span, format!("function `{name}` is not defined"));
        let near = nearest(name, functions().flat_map(|f| std::iter::once(f.name).chain(f.aliases.iter().copied())));
        self.report(match (elsewhere::function(name), near) {
            (Some(advice), _) => d.with_hint(advice),
            (None, Some(n)) => d.with_hint(format!("did you mean `{n}`?")).with_fix(self.text, span, n),
            (None, None) => d.with_hint("SHOW FUNCTIONS lists all functions"),
        });
        Expr::invalid()
    }

    /// Reports what stands in a measure where an event is wanted.
    pub(super) fn no_event(&mut self, c: &ast::Call, span: Span) -> Expr {
        let name = c.name.text();
        match c.args.first() {
            Some(Arg::Expr(ast::Expr { kind: ast::ExprKind::Path(p), .. })) if self.catalog.entity(&p.parts[0].name).is_none() => {
                let names = self.event_names();
                let refs: Vec<&str> = names.iter().map(String::as_str).collect();
                self.unknown_name(code::EVENT, "event", &p.parts[0], &refs)
            }
            Some(Arg::Expr(ast::Expr { kind: ast::ExprKind::Literal(ast::Literal::Text(t)), span: at })) => {
                let at = self.place(*at);
                let d = Diagnostic::error(code::ARGUMENTS, self.text, at, "an event is a name, not a text");
                self.report(d.with_hint("names stand in backquotes, or bare").with_fix(self.text, at, written(t)));
                Expr::invalid()
            }
            _ => {
                let hint = match name.as_str() {
                    "count" => "name the event: `count(purchase)`, or `count(ANY EVENT)` for all".to_string(),
                    "users" | "entities" => "name the event: `users(purchase)`, or `users(ANY EVENT)` for all".to_string(),
                    _ => format!("name the event: `{name}(purchase.amount)`"),
                };
                self.error_hint(code::ARGUMENTS, span, format!("`{name}` needs an event to range over"), hint)
            }
        }
    }

    /// What is wrong with the measures of a TREND that name no event: the first call says it.
    pub(super) fn no_measure(&mut self, items: &[ast::Item], head: Span) {
        let hint = "for example TREND count(purchase) EVERY day DURING last 30 days";
        match items.iter().find_map(|i| first_call(&i.expr)) {
            Some((c, span)) => match function(&c.name.text()) {
                None => drop(self.unknown_function(c, &c.name.text())),
                Some(f) if f.kind == FunctionKind::Aggregate => drop(self.no_event(c, span)),
                Some(_) => drop(self.error_hint(code::ARGUMENTS, head, "TREND needs a measure over events", hint)),
            },
            None => drop(self.error_hint(code::ARGUMENTS, head, "TREND needs a measure over events", hint)),
        }
    }
}

/// The first aggregate, or else the first call of an expression.
fn first_call(e: &ast::Expr) -> Option<(&ast::Call, Span)> {
    match &e.kind {
        ast::ExprKind::Call(c) => {
            let aggregate = function(&c.name.text()).is_some_and(|f| f.kind == FunctionKind::Aggregate);
            let inner = c.args.iter().find_map(|a| if let Arg::Expr(x) = a { first_call(x) } else { None });
            if aggregate { Some((c, e.span)) } else { inner.or(Some((c, e.span))) }
        }
        ast::ExprKind::Binary(_, a, b) => first_call(a).or_else(|| first_call(b)),
        ast::ExprKind::Negate(a) | ast::ExprKind::Cast(a, _) => first_call(a),
        _ => None,
    }
}

/// The names there are, where none is near.
fn listed(candidates: &[&str]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in candidates {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(LISTED_MAX);
    names.truncate(LISTED_MAX);
    match (names.is_empty(), more) {
        (true, _) => "nothing of this kind is defined here".to_string(),
        (false, 0) => format!("there are {}", quoted(&names)),
        (false, more) => format!("there are {} and {more} more", quoted(&names)),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// A name, or a path, as it is written: in backquotes where it must be.
fn written(name: &str) -> String {
    let bare = |part: &str| eql_grammar::parse_expr(part).is_ok_and(|e| matches!(e.kind, ast::ExprKind::Path(p) if p.parts.len() == 1));
    let part = |part: &str| if bare(part) { part.to_string() } else { format!("`{}`", part.replace('`', "``")) };
    match name.contains(' ') {
        true => part(name),
        false => name.split('.').map(part).collect::<Vec<_>>().join("."),
    }
}
