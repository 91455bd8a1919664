//! SESSIONS: one row a session, shown or measured.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::scope::{Aggregates, Env, RowKind, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, ClauseKind, Item, Show};
use std::sync::Arc;

/// A session rule with its parts bound.
pub(super) struct Rule {
    pub entity: Arc<EntityType>,
    pub over: super::event::Selected,
    pub timeout: i64,
    pub max: Option<i64>,
    pub starting: Option<EventSelect>,
    pub ending: Option<EventSelect>,
    pub split: Vec<RowExpr>,
}

/// The columns of session rows behind the key (rule 43).
const COLUMNS: [&str; 7] = ["session_id", "started_at", "ended_at", "duration", "depth", "entry", "exit"];

impl Binder<'_> {
    /// The rule of a name; reports an unknown one.
    pub(super) fn session_rule(&mut self, ident: &ast::Ident) -> Option<Arc<eql_catalog::SessionRule>> {
        let found = self.catalog.session(&ident.name).cloned();
        self.used(eql_catalog::NounKind::Session, || ident.name.clone());
        if found.is_none() {
            let names: Vec<String> = self.catalog.sessions().map(|s| s.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::SESSION, "session rule", ident, &refs);
        }
        found
    }

    pub(super) fn bind_rule(&mut self, ident: &ast::Ident) -> Option<Rule> {
        let rule = self.session_rule(ident)?;
        let parsed = eql_grammar::parse(&rule.definition).statements.into_iter().next()?.ok()?;
        let ast::StatementKind::Define(d) = parsed.kind else { return None };
        let ast::Definition::Session { clauses, .. } = d.what else { return None };
        let clock = self.clock_of(&rule.time_zone, rule.week_start);
        let where_before = self.events_where.take();
        let name = format!("session {}", rule.name);
        let out = self.follow(&name, ident.span, |b| b.with_clock(clock, |b| b.rule_parts(&clauses, ident))).flatten();
        self.events_where = where_before;
        out
    }

    /// Binds the clauses of a rule; also how DEFINE SESSION checks them.
    fn rule_parts(&mut self, list: &[ast::Clause], ident: &ast::Ident) -> Option<Rule> {
        let clauses = self.clauses(HeadKind::SessionRule, list);
        let over = clauses.get(|k| if let ClauseKind::Over(s) = k { Some(s) } else { None });
        let over = self.require(over, HeadKind::SessionRule, "OVER", ident.span, "OVER ANY EVENT, or the events that make a session")?;
        let scope = merged(over)?;
        let entity = self.subject(clauses, Some(&scope))?;
        let timeout = clauses.get(|k| if let ClauseKind::Timeout(d) = k { Some(d) } else { None });
        let timeout = self.require(timeout, HeadKind::SessionRule, "TIMEOUT", ident.span, "for example TIMEOUT 30 minutes")?;
        let timeout = self.fixed(timeout, "TIMEOUT")?;
        let max = match clauses.get(|k| if let ClauseKind::Max(d) = k { Some(d) } else { None }) {
            Some(d) => Some(self.fixed(d, "MAX")?),
            None => None,
        };
        let starting = clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None });
        let starting = starting.map(|s| self.cutting(s, "STARTING", &entity));
        let ending = clauses.get(|k| if let ClauseKind::Ending(s) = k { Some(s) } else { None });
        let ending = ending.map(|s| self.cutting(s, "ENDING", &entity));
        let over = self.select_events(&scope, &entity, &[]);
        let split = clauses.get(|k| if let ClauseKind::SplitBy(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let split = split.iter().map(|e| self.row_expr(e, &over.row)).collect();
        Some(Rule { entity, over, timeout, max, starting, ending, split })
    }

    fn cutting(&mut self, step: &ast::Step, clause: &str, entity: &Arc<EntityType>) -> EventSelect {
        self.plain_step(step, clause);
        self.select_events(&step.scope, entity, &[]).select
    }

    /// Checks a rule at DEFINE; its subject's name.
    pub(super) fn check_rule(&mut self, clauses: &[ast::Clause], ident: &ast::Ident) -> Option<String> {
        self.rule_parts(clauses, ident).map(|r| r.entity.name.clone())
    }

    pub(super) fn sessions(&mut self, a: &ast::Analysis, rule: &ast::Ident) -> Option<Query> {
        let head = HeadKind::Sessions;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let mut rule = self.bind_rule(rule)?;
        if let Some(p) = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None }) {
            self.narrow(p, &mut rule.over);
        }
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &rule.entity));
        let mut row = SessionRow {
            binder_row: rule.over.row.clone(),
            entity: rule.entity.clone(),
            columns: vec![],
            event_columns: RowScope { columns: vec![], ..rule.over.row.clone() },
        };
        let show = match clauses.show() {
            Some((Show::Items(items), _)) => Some(items.as_slice()),
            Some((Show::Entities { converted: None, step: None }, _)) => None,
            Some((_, span)) => {
                let hint = "SHOW user_id, duration gives one row a session, SHOW ENTITIES one row an entity";
                self.error_hint(code::CLAUSE, span, "SESSIONS shows values of sessions, or ENTITIES", hint);
                return None;
            }
            None => None,
        };
        let measure = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None });
        if let (Some(_), Some((_, span))) = (measure, clauses.show()) {
            self.error_hint(
                code::CLAUSE_CONFLICT,
                span,
                "MEASURE and SHOW exclude each other",
                "SHOW gives one row a session, or with ENTITIES an entity; MEASURE aggregates over sessions",
            );
        }
        let listed = show.is_none() && clauses.show().is_some();
        let query = match (show, measure) {
            (Some(items), _) => self.session_items(items, &mut row)?,
            (None, None) if listed => self.session_measures(&[count_of_sessions()?], clauses, &mut row, true)?,
            (None, Some(items)) => self.session_measures(items, clauses, &mut row, false)?,
            (None, None) => self.all_session_columns(&mut row),
        };
        let sessions = Sessions {
            subject: rule.entity.id,
            among,
            cut: session_cut(rule),
            during: during?,
            columns: row.columns,
            event_columns: row.event_columns.columns,
            clock: self.clock.clone(),
        };
        let query = Query { rel: put_leaf(query.rel, Rel::Sessions(Box::new(sessions))), output: query.output };
        let leading = query.output.len();
        self.finish(query, clauses, leading)
    }

    /// WHERE: only these events make sessions.
    fn narrow(&mut self, condition: &ast::Expr, over: &mut super::event::Selected) {
        let mut env = Env::row(RowScope { columns: vec![], ..over.row.clone() });
        let expr = self.predicate(condition, &mut env);
        let filter = crate::rewrite::hoist(RowExpr { columns: env.into_columns(), expr }, &mut self.next);
        for case in &mut over.select.cases {
            case.filter = Some(match case.filter.take() {
                Some(own) => own.and(filter.clone()),
                None => filter.clone(),
            });
        }
    }

    fn session_items(&mut self, items: &[Item], row: &mut SessionRow) -> Option<Query> {
        let columns = items.iter().map(|i| (self.item_name(i), self.session_expr(&i.expr, row))).collect();
        Some(self.project(Rel::OneRow, columns))
    }

    fn all_session_columns(&mut self, row: &mut SessionRow) -> Query {
        let mut columns = self.session_keys(row);
        columns.extend(COLUMNS.iter().filter_map(|n| self.session_column(n, row).map(|e| (n.to_string(), e))));
        self.project(Rel::OneRow, columns)
    }

    /// MEASURE: aggregates over session rows, by period and breakdown; `listed` puts the key before them.
    fn session_measures(&mut self, items: &[Item], clauses: Clauses<'_>, row: &mut SessionRow, listed: bool) -> Option<Query> {
        let every = self.every_clause(clauses)?;
        let mut groups = Vec::new();
        if let Some(e) = &every {
            let started = self.session_column("started_at", row)?;
            groups.push(("period".to_string(), self.period_of(started, e)));
        }
        let (breakdown, top) = self.breakdown_items(clauses);
        for i in breakdown {
            groups.push((self.item_name(i), self.session_expr(&i.expr, row)));
        }
        // Aggregates range over the session's columns as over a table.
        let mut output = Vec::new();
        let fixed = row.entity.key.iter().map(|k| k.name.clone()).chain(COLUMNS.map(String::from));
        for name in fixed.collect::<Vec<_>>() {
            if let Some(e) = self.session_column(&name, row)
                && let ExprKind::Column(id) = e.kind
            {
                output.push(Output { id, name, data_type: e.data_type });
            }
        }
        // And over what the first and the last event, and the subject, have.
        let mut paths = Vec::new();
        items.iter().for_each(|i| collect_paths(&i.expr, &mut paths));
        for p in paths {
            let [first, _, ..] = p.parts.as_slice() else { continue };
            let reached = first.name == "entry" || first.name == "exit" || first.name == row.entity.name;
            if reached && !output.iter().any(|o| o.name == p.text()) {
                let found = self.session_path(&p, row);
                let ExprKind::Column(id) = found.kind else { return None };
                output.push(Output { id, name: p.text(), data_type: found.data_type });
            }
        }
        let mut env = Env::row(RowScope::new(RowKind::Table(output), None)).with(Aggregates::Rows(vec![]));
        env.subject = Some(row.entity.id);
        let measures: Vec<(String, Expr)> = items.iter().map(|i| (self.item_name(i), self.expr(&i.expr, &mut env))).collect();
        let Aggregates::Rows(aggregates) = env.aggregates else { return None };
        self.single_rows(items, &measures, &aggregates);
        let (rel, groups) = match top {
            Some(n) => self.top_rows(Rel::OneRow, groups, usize::from(every.is_some()), n, &aggregates, measures.first().map(|m| &m.1)),
            None => (Rel::OneRow, groups),
        };
        let groups = if listed { self.session_keys(row).into_iter().chain(groups).collect() } else { groups };
        let keys: Vec<(ColumnId, Expr)> = groups.iter().map(|g| (self.column_id(), g.1.clone())).collect();
        let mut columns: Vec<(String, Expr)> =
            groups.iter().zip(&keys).map(|((n, e), (id, _))| (n.clone(), Expr::column(*id, e.data_type.clone()))).collect();
        columns.extend(measures);
        Some(self.project(Rel::Aggregate(Box::new(rel), keys, aggregates), columns))
    }

    fn session_keys(&mut self, row: &mut SessionRow) -> Vec<(String, Expr)> {
        let names: Vec<String> = row.entity.key.iter().map(|k| k.name.clone()).collect();
        names.into_iter().filter_map(|name| self.session_column(&name, row).map(|e| (name, e))).collect()
    }

    /// An expression over a session: its columns, `entry.x`, `exit.x`, subject properties, aggregates over its events.
    fn session_expr(&mut self, e: &ast::Expr, row: &mut SessionRow) -> Expr {
        match &e.kind {
            ast::ExprKind::Path(p) => self.session_path(p, row),
            ast::ExprKind::Call(c)
                if crate::function::function(&c.name.text()).is_some_and(|f| f.kind == crate::function::FunctionKind::Aggregate) =>
            {
                let mut env = Env::row(row.event_columns.clone()).with(Aggregates::Matched(vec![]));
                let out = self.expr(e, &mut env);
                row.event_columns = env.rows.swap_remove(0);
                if let Aggregates::Matched(list) = env.aggregates {
                    let several = |a: &Aggregate| {
                        use Aggregation as F;
                        matches!(a.function, F::Mode | F::Correlation | F::Covariance | F::CovariancePopulation)
                    };
                    if list.iter().any(|(_, a)| several(a)) {
                        let what = format!("`{}` does not range over the events of one session", c.name.text());
                        let hint = "ask it of the events: SELECT … FROM the event, with GROUP BY";
                        return self.error_hint(code::FUNCTION, e.span, what, hint);
                    }
                    row.columns.extend(list.into_iter().map(|(id, a)| (id, SessionColumn::Aggregate(a))));
                }
                out
            }
            // Other expressions range over the columns a path would find.
            _ => {
                let (mut e, mut inner, mut output) = (e.clone(), Vec::new(), Vec::new());
                take_aggregates(&mut e, &mut inner);
                for (name, call) in inner {
                    let found = self.session_expr(&call, row);
                    let ExprKind::Column(id) = found.kind else { return Expr::invalid() };
                    output.push(Output { id, name, data_type: found.data_type });
                }
                let mut paths = Vec::new();
                collect_paths(&e, &mut paths);
                paths.retain(|p| !output.iter().any(|o| o.name == p.text()));
                for p in paths {
                    let found = self.session_path(&p, row);
                    if let ExprKind::Column(id) = found.kind {
                        output.push(Output { id, name: p.text(), data_type: found.data_type });
                    }
                }
                self.expr(&e, &mut Env::row(RowScope::new(RowKind::Table(output), None)))
            }
        }
    }

    fn session_path(&mut self, p: &ast::Path, row: &mut SessionRow) -> Expr {
        let first = p.parts[0].name.as_str();
        if p.parts.len() == 1
            && let Some(e) = self.session_column(first, row)
        {
            return e;
        }
        if p.parts.len() > 1 && (first == "entry" || first == "exit") {
            let inner = ast::Expr { kind: ast::ExprKind::Path(ast::Path { parts: p.parts[1..].to_vec() }), span: p.span() };
            let value = self.row_expr(&inner, &row.binder_row.clone());
            let t = value.expr.data_type.clone();
            let column = if first == "entry" { SessionColumn::Entry(value) } else { SessionColumn::Exit(value) };
            return self.add_session_column(column, t, row);
        }
        // A property of the subject.
        let mut scope = RowScope::entity(&row.entity.clone());
        match self.resolve(&mut scope, &p.parts) {
            Some(expr) => {
                let t = expr.data_type.clone();
                let value = EntityValue { entity: row.entity.id, value: RowExpr::canonical(scope.columns, expr) };
                self.add_session_column(SessionColumn::Subject(value), t, row)
            }
            None => {
                let whole = ast::Ident { name: p.text(), span: p.span() };
                self.unknown_name(code::PROPERTY, "property of a session", &whole, &COLUMNS)
            }
        }
    }

    fn session_column(&mut self, name: &str, row: &mut SessionRow) -> Option<Expr> {
        let (column, t) = match name {
            "session_id" => (SessionColumn::SessionId, DataType::String),
            "started_at" => (SessionColumn::StartedAt, DataType::Timestamp),
            "ended_at" => (SessionColumn::EndedAt, DataType::Timestamp),
            "duration" => (SessionColumn::Duration, DataType::Double),
            "depth" => (SessionColumn::Depth, DataType::Int),
            // `entry` and `exit` alone are event names.
            "entry" | "exit" => {
                let ident = ast::Ident { name: "event".into(), span: ast::Span::default() };
                let inner = ast::Expr { kind: ast::ExprKind::Path(ast::Path { parts: vec![ident] }), span: ast::Span::default() };
                let value = self.row_expr(&inner, &row.binder_row.clone());
                (if name == "entry" { SessionColumn::Entry(value) } else { SessionColumn::Exit(value) }, DataType::String)
            }
            _ => {
                let i = row.entity.key.iter().position(|k| k.name == name)?;
                (SessionColumn::Key(i), row.entity.key[i].data_type.clone())
            }
        };
        Some(self.add_session_column(column, t, row))
    }

    fn add_session_column(&mut self, column: SessionColumn, t: DataType, row: &mut SessionRow) -> Expr {
        if let Some((id, _)) = row.columns.iter().find(|(_, c)| *c == column) {
            return Expr::column(*id, t);
        }
        let id = self.column_id();
        row.columns.push((id, column));
        Expr::column(id, t)
    }
}

/// What is told of each entity that is listed.
fn count_of_sessions() -> Option<Item> {
    let alias = ast::Ident { name: "sessions".into(), span: ast::Span::default() };
    Some(Item { expr: eql_grammar::parse_expr("count(*)").ok()?, alias: Some(alias) })
}

/// The cutting part of a rule.
pub(super) fn session_cut(rule: Rule) -> SessionCut {
    let Rule { over, timeout, max, starting, ending, split, .. } = rule;
    SessionCut { over: over.select, timeout, max, starting, ending, split }
}

/// What a session offers, and what was asked of it so far.
struct SessionRow {
    binder_row: RowScope,
    entity: Arc<EntityType>,
    columns: Vec<(ColumnId, SessionColumn)>,
    event_columns: RowScope,
}

/// OVER takes several steps: one scope of all of them when they carry no conditions of their own.
fn merged(steps: &[ast::Step]) -> Option<ast::EventScope> {
    let mut scope = steps.first()?.scope.clone();
    for s in &steps[1..] {
        scope.events.extend(s.scope.events.clone());
    }
    Some(scope)
}

/// Puts the sessions under the stages that were made above `OneRow`.
fn put_leaf(rel: Rel, leaf: Rel) -> Rel {
    match rel {
        Rel::OneRow => leaf,
        Rel::Project(input, p) => Rel::Project(Box::new(put_leaf(*input, leaf)), p),
        Rel::Aggregate(input, g, a) => Rel::Aggregate(Box::new(put_leaf(*input, leaf)), g, a),
        Rel::Sort(input, k) => Rel::Sort(Box::new(put_leaf(*input, leaf)), k),
        Rel::Limit(input, n, o) => Rel::Limit(Box::new(put_leaf(*input, leaf)), n, o),
        Rel::Top(t) => {
            let ranking = Query { rel: put_leaf(t.ranking.rel, leaf.clone()), output: t.ranking.output };
            Rel::Top(Box::new(TopRows { input: put_leaf(t.input, leaf), keys: t.keys, ranking }))
        }
        other => other,
    }
}

/// Puts a name in the place of every aggregate inside an expression, and gives the aggregates by these names.
fn take_aggregates(e: &mut ast::Expr, out: &mut Vec<(String, ast::Expr)>) {
    use ast::ExprKind as A;
    let aggregate = |c: &ast::Call| {
        let known = crate::function::function(&c.name.text());
        c.over.is_none() && known.is_some_and(|f| f.kind == crate::function::FunctionKind::Aggregate)
    };
    if let A::Call(c) = &e.kind
        && aggregate(c)
    {
        let (name, span) = (format!("aggregate {}", out.len() + 1), e.span);
        let path = ast::Path { parts: vec![ast::Ident { name: name.clone(), span }] };
        out.push((name, std::mem::replace(e, ast::Expr { kind: A::Path(path), span })));
        return;
    }
    let inner: Vec<&mut ast::Expr> = match &mut e.kind {
        A::Binary(_, a, b) => vec![a.as_mut(), b.as_mut()],
        A::Negate(a) | A::Not(a) | A::Cast(a, _) => vec![a.as_mut()],
        A::And(v) | A::Or(v) => v.iter_mut().collect(),
        A::Is { expr, .. } | A::In { expr, .. } => vec![expr.as_mut()],
        A::Between { expr, low, high, .. } => vec![expr.as_mut(), low.as_mut(), high.as_mut()],
        A::Match { expr, pattern, .. } => vec![expr.as_mut(), pattern.as_mut()],
        A::Case { operand, whens, otherwise } => {
            let mut all: Vec<&mut ast::Expr> = whens.iter_mut().flat_map(|(w, t)| [w, t]).collect();
            all.extend(operand.as_deref_mut());
            all.extend(otherwise.as_deref_mut());
            all
        }
        A::Call(c) => c.args.iter_mut().filter_map(|a| if let ast::Arg::Expr(x) = a { Some(x) } else { None }).collect(),
        _ => vec![],
    };
    for x in inner {
        take_aggregates(x, out);
    }
}

fn collect_paths(e: &ast::Expr, out: &mut Vec<ast::Path>) {
    use ast::ExprKind as A;
    match &e.kind {
        A::Path(p) => out.push(p.clone()),
        A::Binary(_, a, b) => {
            collect_paths(a, out);
            collect_paths(b, out);
        }
        A::Negate(a) | A::Not(a) | A::Cast(a, _) => collect_paths(a, out),
        A::And(v) | A::Or(v) => v.iter().for_each(|x| collect_paths(x, out)),
        A::Is { expr, .. } => collect_paths(expr, out),
        A::In { expr, list: ast::InList::Values(v), .. } => {
            collect_paths(expr, out);
            v.iter().for_each(|x| collect_paths(x, out));
        }
        A::Between { expr, low, high, .. } => [expr, low, high].into_iter().for_each(|x| collect_paths(x, out)),
        A::Match { expr, pattern, .. } => [expr, pattern].into_iter().for_each(|x| collect_paths(x, out)),
        A::Case { operand, whens, otherwise } => {
            operand.iter().chain(otherwise).for_each(|x| collect_paths(x, out));
            whens.iter().for_each(|(w, t)| {
                collect_paths(w, out);
                collect_paths(t, out);
            });
        }
        A::Call(c) => {
            c.args.iter().filter_map(|a| if let ast::Arg::Expr(x) = a { Some(x) } else { None }).for_each(|x| collect_paths(x, out));
            c.scopes.iter().filter_map(|s| if let ast::Scope::Where(p) = s { Some(p) } else { None }).for_each(|p| collect_paths(p, out));
        }
        _ => {}
    }
}
