//! PATHS: which way entities go.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::funnel::every_row;
use super::scope::{Aggregates, Env, RowScope};
use super::sessions::session_cut;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, ClauseKind, Show, Step as AstStep};
use std::sync::Arc;

/// Nodes of a path where nothing else is said.
const DEPTH: u64 = 5;
/// A path is a list in one cell of the result: this many nodes are more than anybody reads.
const DEPTH_MAX: u64 = 100_000;

impl Binder<'_> {
    pub(super) fn paths(&mut self, a: &ast::Analysis) -> Option<Query> {
        let head = HeadKind::Paths;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let any = [any_step(a.head_span)];
        let over = clauses.get(|k| if let ClauseKind::Over(s) = k { Some(s.as_slice()) } else { None }).unwrap_or(&any);
        let starting = clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None });
        let ending = clauses.get(|k| if let ClauseKind::Ending(s) = k { Some(s) } else { None });
        let first = starting.or(ending).or(over.first());
        let (subject, cut) = self.path_cut(clauses, first, a.head_span);
        let depth = self.path_depth(clauses);
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let Some(subject) = subject else {
            for s in over.iter().chain(starting).chain(ending) {
                self.event_types(&s.scope, None);
            }
            return None;
        };
        let show = self.path_show(clauses, &subject);
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let node_by = clauses.get(|k| if let ClauseKind::NodeBy(e) = k { Some(e) } else { None });
        let (nodes, starting, ending, row) = self.path_nodes(over, starting, ending, node_by, &subject);
        let (measures, names) = self.path_measures(clauses, &row, &subject);
        let paths = Paths {
            subject: subject.id,
            role: self.role.clone(),
            among,
            nodes,
            starting,
            ending,
            cut: cut?,
            depth: depth?,
            keep_repeats: clauses.has(|k| matches!(k, ClauseKind::KeepRepeats)),
            during: during?,
            measures,
            show: show?,
            clock: self.clock.clone(),
        };
        let (mut output, leading) = path_output(&paths.show, &subject);
        let measured = paths.measures.iter().flat_map(|m| &m.output).zip(names);
        output.extend(measured.map(|((id, e), name)| Output { id: *id, name, data_type: e.data_type.clone() }));
        self.finish(Query { rel: Rel::Paths(Box::new(paths)), output }, clauses, leading)
    }

    /// The subject, and what holds a path together: exactly one of BY SESSION and WITHIN.
    fn path_cut(&mut self, clauses: Clauses<'_>, first: Option<&AstStep>, at: ast::Span) -> (Option<Arc<EntityType>>, Option<PathCut>) {
        let session = clauses.get(|k| if let ClauseKind::BySession(s) = k { Some(s) } else { None });
        let within = clauses.get_at(|k| if let ClauseKind::Within(d) = k { Some(d) } else { None });
        let named = clauses.has(|k| matches!(k, ClauseKind::Of(..)));
        let rule = session.and_then(|s| self.bind_rule(s));
        // A rule's own role is the path's where OF says nothing else.
        let role = self.role.take();
        let subject = match &rule {
            Some(r) if !named => Some(r.entity.clone()),
            _ => self.subject(clauses, first.map(|s| &s.scope)),
        };
        if !named {
            self.role = role.or(self.role.take());
        }
        let cut = match (session, within) {
            (Some(s), Some((_, span))) => {
                let hint = "a session or a length of time holds a path together: keep one of them";
                self.error_hint(code::CLAUSE_CONFLICT, span, "BY SESSION and WITHIN exclude each other", hint);
                let _ = s;
                None
            }
            (Some(s), None) => {
                if let (Some(r), Some(e)) = (&rule, &subject)
                    && r.entity.id != e.id
                {
                    let what = format!("session rule `{}` cuts the timeline of `{}`, not of `{}`", s.name, r.entity.name, e.name);
                    self.error(code::SUBJECT, s.span, what);
                }
                rule.map(|r| PathCut::Session(session_cut(r)))
            }
            (None, Some((d, _))) => self.window(d).map(PathCut::Within),
            (None, None) => {
                self.require(None::<()>, HeadKind::Paths, "BY SESSION or WITHIN", at, "for example WITHIN 1 day");
                None
            }
        };
        (subject, cut)
    }

    fn path_depth(&mut self, clauses: Clauses<'_>) -> Option<usize> {
        let found = clauses.get_at(|k| if let ClauseKind::Depth(n) = k { Some(*n) } else { None });
        let depth = found.map_or(DEPTH, |(n, _)| n);
        if let Some((_, span)) = found
            && !(1..=DEPTH_MAX).contains(&depth)
        {
            self.error(code::VALUE, span, "DEPTH is a number of nodes from 1 to 100,000");
            return None;
        }
        usize::try_from(depth).ok()
    }

    fn path_show(&mut self, clauses: Clauses<'_>, subject: &EntityType) -> Option<PathShow> {
        match clauses.show() {
            None => Some(PathShow::Paths(std::array::from_fn(|_| self.column_id()))),
            Some((Show::Edges, _)) => Some(PathShow::Edges(std::array::from_fn(|_| self.column_id()))),
            Some((Show::Entities { converted: None, step: None }, _)) => {
                let keys = subject.key.iter().map(|_| self.column_id()).collect();
                Some(PathShow::Entities { keys, path: self.column_id(), sessions: self.column_id() })
            }
            Some((_, span)) => {
                let hint = "write SHOW EDGES, or SHOW ENTITIES for who took which path";
                self.error_hint(code::CLAUSE, span, "PATHS shows EDGES or ENTITIES, or without SHOW whole paths", hint);
                None
            }
        }
    }

    /// What is a node. An alias names the rows of its events, also where STARTING or ENDING gives it; all else is named by NODE BY, or by the event.
    fn path_nodes(
        &mut self,
        over: &[AstStep],
        starting: Option<&AstStep>,
        ending: Option<&AstStep>,
        node_by: Option<&ast::Expr>,
        subject: &Arc<EntityType>,
    ) -> (Vec<PathNode>, Option<EventSelect>, Option<EventSelect>, RowScope) {
        let mut ends = [None, None];
        let (mut named, mut plain, mut rows) = (Vec::new(), Vec::new(), Vec::<RowScope>::new());
        for (place, clause, step) in [(0, "STARTING", starting), (1, "ENDING", ending)] {
            let Some(step) = step else { continue };
            self.plain_step(step, clause);
            let found = self.select_events(&step.scope, subject, &[]);
            ends[place] = Some(found.select.clone());
            rows.push(found.row);
            match &step.alias {
                Some(a) => named.push(PathNode { events: found.select, name: NodeName::Text(a.name.clone()) }),
                None => plain.push(found.select),
            }
        }
        let mut selects = Vec::new();
        for step in over {
            self.plain_step(step, "OVER");
            let found = self.select_events(&step.scope, subject, &[]);
            rows.push(found.row);
            selects.push((found.select, step.alias.as_ref().map(|a| a.name.clone())));
        }
        let row = every_row(&rows);
        let name = node_by.map_or(NodeName::Event, |e| NodeName::Value(self.node_value(e, &row)));
        named.extend(selects.into_iter().map(|(events, alias)| {
            let name = alias.map_or_else(|| name.clone(), NodeName::Text);
            PathNode { events, name }
        }));
        // Where a path starts and ends is a node even if OVER does not say so.
        named.extend(plain.into_iter().map(|events| PathNode { events, name: name.clone() }));
        let [starting, ending] = ends;
        (named, starting, ending, row)
    }

    /// MEASURE: aggregates over the events of the paths, as TREND has them over all events; with the names of the results.
    fn path_measures(&mut self, clauses: Clauses<'_>, row: &RowScope, subject: &Arc<EntityType>) -> (Option<PathMeasures>, Vec<String>) {
        let Some((items, span)) = clauses.get_at(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None }) else {
            return (None, vec![]);
        };
        if let Some((show, _)) = clauses.show() {
            let what = if matches!(show, Show::Edges) { "EDGES" } else { "ENTITIES" };
            let hint = "MEASURE ranges over the events of whole paths: leave one of them out";
            self.error_hint(code::CLAUSE_CONFLICT, span, format!("MEASURE and SHOW {what} exclude each other"), hint);
        }
        let items = self.expand_metrics(items);
        let mut env = Env::row(RowScope { columns: vec![], ..row.clone() }).with(Aggregates::Events(vec![]));
        env.subject = Some(subject.id);
        let (mut output, mut names) = (Vec::new(), Vec::new());
        for i in &items {
            let value = self.expr(&i.expr, &mut env);
            output.push((self.column_id(), value));
            names.push(self.item_name(i));
        }
        let found = std::mem::replace(&mut env.aggregates, Aggregates::None);
        let aggregates = if let Aggregates::Events(list) = found { list } else { vec![] };
        for (i, (_, e)) in items.iter().zip(&output) {
            if e.columns().iter().any(|id| !aggregates.iter().any(|a| a.0 == *id)) {
                let hint = "for example count(purchase) or sum(purchase.amount)";
                self.error_hint(code::UNGROUPED, i.expr.span, "a measure aggregates: this is a value of single rows", hint);
            }
        }
        (Some(PathMeasures { columns: env.into_columns(), aggregates, output }), names)
    }

    fn node_value(&mut self, e: &ast::Expr, row: &RowScope) -> RowExpr {
        let mut value = self.row_expr(e, row);
        if matches!(value.expr.data_type, DataType::List(_)) {
            let what = format!("NODE BY needs one value a row, this is {}", value.expr.data_type);
            value.expr = self.error(code::TYPE, e.span, what);
        }
        value.expr = self.cast_to(value.expr, &DataType::String);
        value
    }
}

fn any_step(span: ast::Span) -> AstStep {
    AstStep { optional: false, negated: false, within: None, scope: super::aggregate::any_event(span), alias: None, span }
}

/// The result columns in the contract's order, and how many of them order it.
fn path_output(show: &PathShow, subject: &EntityType) -> (Vec<Output>, usize) {
    let list = DataType::List(Box::new(DataType::String));
    let column = |(id, (name, data_type)): (&ColumnId, (&str, DataType))| Output { id: *id, name: name.into(), data_type };
    match show {
        PathShow::Paths(ids) => {
            let columns = [("path", list), ("sessions", DataType::Int), ("entities", DataType::Int), ("share", DataType::Double)];
            (ids.iter().zip(columns).map(column).collect(), 1)
        }
        PathShow::Edges(ids) => {
            let columns = [
                ("step", DataType::Int),
                ("source", DataType::String),
                ("target", DataType::String),
                ("sessions", DataType::Int),
                ("entities", DataType::Int),
                ("events", DataType::Int),
            ];
            (ids.iter().zip(columns).map(column).collect(), 3)
        }
        PathShow::Entities { keys, path, sessions } => {
            let keys = keys.iter().zip(subject.key.iter().map(|k| (k.name.as_str(), k.data_type.clone())));
            let mut columns: Vec<Output> = keys.map(column).collect();
            columns.extend([(path, ("path", list)), (sessions, ("sessions", DataType::Int))].map(column));
            let leading = columns.len() - 1;
            (columns, leading)
        }
    }
}
