//! `at_event(user.city)`: properties as they were when the event happened (rule 27), and AS OF an instant (rules 28 and 53).

use super::Binder;
use super::scope::{Env, RowKind, RowScope};
use crate::bound::{ColumnId, Expr, ExprKind, Leaf, Link, ScanColumn};
use crate::code;
use crate::function::Function;
use eql_catalog::{EntityType, Property};
use eql_grammar::Diagnostic;
use eql_grammar::ast::{self, Arg, Span};

/// As of when the properties of entities are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Timing {
    /// The statement's now or AS OF.
    #[default]
    Statement,
    /// The event's time: the value asked for. With the place of the path.
    Event(Span),
    /// The event's time: a key on the way to the value, which is today's where no other is kept.
    Hop(Span),
}

impl Binder<'_> {
    pub(super) fn at_event(&mut self, f: &Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let path = match c.args.as_slice() {
            [Arg::Expr(ast::Expr { kind: ast::ExprKind::Path(p), .. })] if p.parts.len() > 1 && c.scopes.is_empty() && !c.distinct => p,
            _ => return self.not_of_participant(f, span),
        };
        let before = std::mem::replace(&mut self.timing, Timing::Event(path.span()));
        let out = self.path(path, env);
        self.timing = before;
        match check_timed(&out, env) {
            Checked::Fine => out,
            Checked::NoEvent => {
                let hint = format!("`{}` alone is the value as of the statement", path.text());
                self.error_hint(code::ARGUMENTS, span, "`at_event` needs an event, and the rows here are none", hint)
            }
            Checked::NoParticipant => self.not_of_participant(f, span),
            Checked::NotKept => {
                let hint = "at_event takes properties with HISTORY, and paths to one over them";
                self.error_hint(code::HISTORY, path.span(), format!("`{}` is not kept in time", path.text()), hint)
            }
        }
    }

    fn not_of_participant(&mut self, f: &Function, span: Span) -> Expr {
        self.error_hint(code::ARGUMENTS, span, "`at_event` takes a property of a participant", format!("for example {}", f.example))
    }

    /// Properties that can be read when nobody has named one. As of an earlier instant they are those with HISTORY; a warning names the others,
    /// so that a list, or a count of it, need not fail for what it was not asked.
    pub(super) fn known_then(&mut self, entity: &EntityType, at: Span) -> Vec<String> {
        let kept = |p: &&Property| self.clock.as_of.is_none() || p.history;
        let (known, unknown): (Vec<&Property>, Vec<&Property>) = entity.properties.iter().partition(kept);
        if let Some(first) = unknown.first() {
            let more = if unknown.len() > 1 { format!(" and {} more", unknown.len() - 1) } else { String::new() };
            let what =
                format!("`{}.{}`{more} without history: left out, the value at an earlier instant is not known", entity.name, first.name);
            let warning = Diagnostic::warning(code::HISTORY, self.text, self.place(at), what);
            self.report(warning.with_hint("declare with HISTORY what is to be read as of an instant"));
        }
        known.into_iter().map(|p| p.name.clone()).collect()
    }

    /// How a declared property is read, by the instant that is meant.
    pub(super) fn timed_property(&mut self, scope: &mut RowScope, entity: &EntityType, p: &Property, at: Span) -> Expr {
        let leaf = match (self.timing, &self.clock.as_of) {
            (Timing::Event(_) | Timing::Hop(_), _) if p.history => Leaf::PropertyAtEvent(p.id),
            (Timing::Event(path), _) => return self.no_history(entity, p, path, "without at_event the value as of the statement is read"),
            (Timing::Hop(_), _) | (Timing::Statement, None) => Leaf::Property(p.id),
            (Timing::Statement, Some(_)) if p.history => Leaf::PropertyAsOf(p.id, Box::new(self.clock.clone())),
            (Timing::Statement, Some(_)) => return self.no_history(entity, p, at, "leave out AS OF for this property"),
        };
        self.leaf(scope, leaf, p.data_type.clone())
    }

    fn no_history(&mut self, entity: &EntityType, p: &Property, at: Span, or: &str) -> Expr {
        let what = format!("property `{}.{}` keeps no history, so its value at an earlier instant is not known", entity.name, p.name);
        self.error_hint(code::HISTORY, at, what, format!("declare it with HISTORY; {or}"))
    }

    /// Binds a key on the way to a value.
    pub(super) fn hop<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.timing;
        if let Timing::Event(path) = before {
            self.timing = Timing::Hop(path);
        }
        let out = f(self);
        self.timing = before;
        out
    }
}

enum Checked {
    Fine,
    NoEvent,
    NoParticipant,
    NotKept,
}

/// Everything that the value reads must be a fact of the event, or kept with its times.
fn check_timed(out: &Expr, env: &Env) -> Checked {
    if matches!(out.kind, ExprKind::Invalid) {
        return Checked::Fine;
    }
    let scopes = || env.rows.iter().chain(env.steps.iter().map(|s| &s.2));
    let mut participant = false;
    for id in out.columns() {
        let Some((scope, column)) = scopes().find_map(|s| Some((s, column_of(s, id)?))) else { return Checked::NoEvent };
        if !matches!(scope.kind, RowKind::Events(_)) {
            return Checked::NoEvent;
        }
        participant |= matches!(column.leaf, Leaf::Through(..));
        if !kept(&column.leaf) {
            return Checked::NotKept;
        }
    }
    if participant { Checked::Fine } else { Checked::NoParticipant }
}

fn column_of(scope: &RowScope, id: ColumnId) -> Option<&ScanColumn> {
    scope.columns.iter().find(|c| c.id == id)
}

/// True for facts of the event and for what a path to one reads at its time. What an entity did, its tags and sets are those of the statement.
fn kept(leaf: &Leaf) -> bool {
    match leaf {
        Leaf::Through(link, value) => {
            let source: &[ScanColumn] = if let Link::Key(source) = link { source } else { &[] };
            source.iter().chain(&value.value.columns).all(|c| kept(&c.leaf))
        }
        Leaf::Computed(row) => row.columns.iter().all(|c| kept(&c.leaf)),
        Leaf::Behaviour(_) | Leaf::Kept(_) | Leaf::Told(_) | Leaf::ThroughMany(..) | Leaf::AggregateMany(..) => false,
        _ => true,
    }
}
