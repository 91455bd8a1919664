//! SELECT, and the part it shares with pipes: items over rows, grouped or not.

use super::Binder;
use super::clause::HeadKind;
use super::scope::{Aggregates, Env, RowKind, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::DataType;
use eql_grammar::ast::{self, ClauseKind, Item, Join, SelectItem, Source as AstSource, SourceKind};
use std::sync::Arc;

/// What is made of rows.
pub(super) struct Parts<'p> {
    pub items: &'p [SelectItem],
    /// None: grouped only when an aggregate stands in the items.
    pub groups: Option<&'p [Item]>,
    pub having: Option<&'p ast::Expr>,
    pub order: &'p [ast::OrderItem],
    pub limit: Option<(u64, u64)>,
    pub distinct: bool,
}

/// A source before the columns that are needed of it are known.
enum Pending {
    /// A scan with the condition its own form brings.
    Scan(Source, Option<Expr>),
    Table(Rel),
}

impl Binder<'_> {
    pub(super) fn select(&mut self, s: &ast::Select) -> Option<Query> {
        let clauses = self.clauses(HeadKind::Select, &s.clauses);
        let clock = self.head_clock(clauses);
        self.clock = clock;
        let Some(from) = &s.from else {
            let env = Env::empty().with(Aggregates::Rows(vec![]));
            return self.rows(
                Rel::OneRow,
                None,
                env,
                Parts { items: &s.items, groups: None, having: None, order: &[], limit: None, distinct: s.distinct },
            );
        };
        let mut env = Env::empty().with(Aggregates::None);
        let mut sources = vec![self.source(from, &mut env)?];
        for j in &s.joins {
            sources.push(self.source(&j.source, &mut env)?);
        }
        env.subject = self.select_subject(&env, clauses);
        let mut on = Vec::new();
        for j in &s.joins {
            on.push(j.on.as_ref().map(|e| self.predicate(e, &mut env)));
        }
        let during = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        let mut filter = Vec::new();
        if let (Some(r), Some(RowKind::Events(_))) = (&during, env.rows.first().map(|r| &r.kind)) {
            let time = self.leaf(&mut env.rows[0], Leaf::Time, DataType::Timestamp);
            filter.push(Expr::predicate(ExprKind::InRange(Box::new(time), Box::new(r.clone()))));
        }
        if let Some(p) = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None }) {
            filter.push(self.predicate(p, &mut env));
        }
        if let Some(a) = clauses.get(|k| if let ClauseKind::Among(a) = k { Some(a) } else { None }) {
            filter.extend(self.select_among(a, &mut env, s.span));
        }
        let parts = Parts {
            items: &s.items,
            groups: clauses.get(|k| if let ClauseKind::GroupBy(g) = k { Some(g.as_slice()) } else { None }),
            having: clauses.get(|k| if let ClauseKind::Having(h) = k { Some(h) } else { None }),
            order: clauses.get(|k| if let ClauseKind::OrderBy(o) = k { Some(o.as_slice()) } else { None }).unwrap_or_default(),
            limit: self.limit(clauses)?,
            distinct: s.distinct,
        };
        env.aggregates = Aggregates::Rows(vec![]);
        let pending = FromClause { sources, joins: &s.joins, on, filter: Expr::all(filter), during, clock: self.clock.clone() };
        self.rows(Rel::OneRow, Some(pending), env, parts)
    }

    /// Whose distinct subjects `users(x)` counts.
    fn select_subject(&mut self, env: &Env, clauses: super::clause::Clauses<'_>) -> Option<eql_catalog::EntityTypeId> {
        match env.rows.first().map(|r| &r.kind) {
            Some(RowKind::Events(e)) => {
                let of = clauses.get(|k| if let ClauseKind::Of(i, _) = k { Some(i) } else { None });
                match of {
                    Some(i) => self.entity_type(i).map(|e| e.id),
                    None => e.first().and_then(|e| e.participants.first()).map(|p| p.entity),
                }
            }
            _ => None,
        }
    }

    fn select_among(&mut self, a: &ast::SegmentExpr, env: &mut Env, span: ast::Span) -> Option<Expr> {
        let mut row = std::mem::replace(env.rows.first_mut()?, RowScope::unknown());
        let out = match row.kind.clone() {
            RowKind::Entity(e) => Some(self.membership(a, &e, &mut row)),
            RowKind::Events(events) => {
                let subject = env.subject.and_then(|s| self.entity_of(s));
                subject.map(|entity| {
                    let by = events.iter().filter_map(|e| e.participant_of(entity.id).map(|i| (e.id, i))).collect();
                    self.among_events(a, &entity, by, &mut row)
                })
            }
            _ => Some(self.error(code::CLAUSE, span, "AMONG and SAMPLE need entities or events to choose from")),
        };
        env.rows[0] = row;
        out
    }

    fn source(&mut self, s: &AstSource, env: &mut Env) -> Option<Pending> {
        let alias = s.alias.as_ref().map(|a| a.name.clone());
        let (scope, pending) = match &s.kind {
            SourceKind::Query(q) => {
                let q = self.query(q)?;
                (RowScope::new(RowKind::Table(q.output), alias), Pending::Table(q.rel))
            }
            SourceKind::AnyEvent => {
                let events: Vec<_> = self.catalog.events().filter(|e| !e.hidden).cloned().collect();
                let ids = events.iter().map(|e| e.id).collect();
                (RowScope::new(RowKind::Events(events), alias), Pending::Scan(Source::Events(ids), None))
            }
            SourceKind::Segment(segment) => self.segment_source(segment, alias, s.span)?,
            SourceKind::Named(path) => self.named_source(path, alias, s.span)?,
        };
        env.rows.push(scope);
        Some(pending)
    }

    fn segment_source(&mut self, segment: &ast::SegmentExpr, alias: Option<String>, span: ast::Span) -> Option<(RowScope, Pending)> {
        let entity = self.segment_entity(segment)?;
        let mut scope = RowScope::entity(&entity);
        scope.name = alias.or(scope.name);
        let _ = span;
        let filter = self.membership(segment, &entity, &mut scope);
        Some((scope, Pending::Scan(Source::Entities(entity.id), Some(filter))))
    }

    /// The entity type of a set, by its first member.
    fn segment_entity(&mut self, segment: &ast::SegmentExpr) -> Option<Arc<eql_catalog::EntityType>> {
        match segment {
            ast::SegmentExpr::Named(name, _) => match self.catalog.segment(&name.name).cloned() {
                Some(s) => self.catalog.entity(&s.entity).cloned(),
                None => {
                    let names: Vec<String> = self.catalog.segments().map(|s| s.name.clone()).collect();
                    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
                    self.unknown_name(code::SEGMENT, "segment", name, &refs);
                    None
                }
            },
            ast::SegmentExpr::Find(f, _) => self.entity_type(&f.entity),
            ast::SegmentExpr::Set(_, a, _) | ast::SegmentExpr::AsOf(a, _) => self.segment_entity(a),
        }
    }

    fn named_source(&mut self, path: &ast::Path, alias: Option<String>, span: ast::Span) -> Option<(RowScope, Pending)> {
        let ident = path.parts.last()?;
        let name = alias.or_else(|| Some(ident.name.clone()));
        if let Some((_, q)) = self.ctes.iter().rev().find(|(n, _)| *n == ident.name).cloned() {
            // A CTE sees only those before it, so a circle cannot be written.
            let q = self.follow(&format!("WITH {}", ident.name), ident.span, |b| b.query(&q))??;
            return Some((RowScope::new(RowKind::Table(q.output), name), Pending::Table(q.rel)));
        }
        if let Some(table) = super::system::name_of(path) {
            let (output, rel) = self.system_table(table)?;
            return Some((RowScope::new(RowKind::Table(output), name), Pending::Table(rel)));
        }
        if let Some(e) = self.catalog.entity(&ident.name).cloned() {
            let mut scope = RowScope::entity(&e);
            scope.name = name;
            return Some((scope, Pending::Scan(Source::Entities(e.id), None)));
        }
        if self.is_event(&ident.name) {
            let scope = ast::EventScope { events: vec![ast::EventRef::Named(ident.clone())], filter: None, during: None, span };
            let events = self.event_types(&scope, None)?;
            let ids = events.iter().map(|e| e.id).collect();
            let mut row = RowScope::new(RowKind::Events(events), name);
            let filter = if self.catalog.virtual_event(&ident.name).is_some() { self.events_predicate(&scope, &mut row) } else { None };
            return Some((row, Pending::Scan(Source::Events(ids), filter)));
        }
        let mut names = self.event_names();
        names.extend(self.catalog.entities().map(|e| e.name.clone()));
        names.extend(self.ctes.iter().map(|c| c.0.clone()));
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        self.unknown_name(code::EVENT, "entity or event", ident, &refs);
        None
    }

    /// Items over rows: grouping, HAVING, windows, order, limit.
    pub(super) fn rows(&mut self, input: Rel, from: Option<FromClause<'_>>, mut env: Env, parts: Parts<'_>) -> Option<Query> {
        let groups = self.group_keys(&parts, &mut env);
        env.windows = Some(vec![]);
        let items = self.items(parts.items, &mut env)?;
        env.aliases = items.iter().map(|(n, e)| (n.clone(), e.clone())).collect();
        let having = parts.having.map(|h| self.predicate(h, &mut env));
        let order = self.sort_keys(parts.order, &mut env);
        let Aggregates::Rows(aggregates) = std::mem::replace(&mut env.aggregates, Aggregates::None) else { return None };
        let windows = env.windows.take().unwrap_or_default();
        let mut block = Block { groups, aggregates, windows, items, having, order };
        let grouped = !block.groups.is_empty() || !block.aggregates.is_empty();
        if !grouped && parts.having.is_some() {
            self.error(code::CLAUSE, parts.having.map_or(ast::Span::default(), |h| h.span), "HAVING needs GROUP BY or an aggregate");
        }
        if grouped {
            self.group_block(&mut block, parts.items);
        }
        let rel = match from {
            Some(from) => self.from(from, env, &mut block),
            None => input,
        };
        Some(self.assemble(rel, block, &parts, grouped))
    }

    fn group_keys(&mut self, parts: &Parts<'_>, env: &mut Env) -> Vec<(ColumnId, Expr)> {
        let mut out = Vec::new();
        let aggregates = std::mem::replace(&mut env.aggregates, Aggregates::None);
        for g in parts.groups.unwrap_or_default() {
            let named = self.group_alias(&g.expr, parts.items, env);
            let expr = self.expr(named.unwrap_or(&g.expr), env);
            out.push((self.column_id(), expr));
        }
        env.aggregates = aggregates;
        out
    }

    /// GROUP BY takes an item's name or number; a column of that name wins.
    fn group_alias<'p>(&mut self, e: &ast::Expr, items: &'p [SelectItem], env: &Env) -> Option<&'p ast::Expr> {
        let item = |i: &'p SelectItem| if let SelectItem::Item(i) = i { Some(i) } else { None };
        if let ast::ExprKind::Literal(ast::Literal::Number(n)) = &e.kind {
            return items.get(n.parse::<usize>().ok()?.checked_sub(1)?).and_then(item).map(|i| &i.expr);
        }
        let ast::ExprKind::Path(p) = &e.kind else { return None };
        let [one] = p.parts.as_slice() else { return None };
        let found = items.iter().filter_map(item).find(|i| i.alias.as_ref().is_some_and(|a| a.name == one.name))?;
        let before = (self.diagnostics.len(), self.unknown);
        let column = env.rows.clone().iter_mut().any(|r| !matches!(r.kind, RowKind::Unknown) && self.resolve(r, &p.parts).is_some());
        self.diagnostics.truncate(before.0);
        self.unknown = before.1;
        (!column).then_some(&found.expr)
    }

    fn items(&mut self, items: &[SelectItem], env: &mut Env) -> Option<Vec<(String, Expr)>> {
        let mut out: Vec<(String, Expr)> = Vec::new();
        for i in items {
            match i {
                SelectItem::Star(span) => {
                    if env.rows.is_empty() {
                        self.error(code::VALUE, *span, "`*` needs something to select from");
                        return None;
                    }
                    for r in 0..env.rows.len() {
                        out.extend(self.all_columns(&mut env.rows[r], *span));
                    }
                }
                SelectItem::PathStar(path) => out.extend(self.path_star(path, env)?),
                SelectItem::Item(i) => {
                    let e = self.expr(&i.expr, env);
                    let name = self.item_name(i);
                    // EXTEND with a name that is there replaces it in later stages: the last one of a name is found first.
                    env.aliases.push((name.clone(), e.clone()));
                    out.push((name, e));
                }
            }
        }
        Some(out)
    }

    /// The name of a result column: its alias, its last path word, or its canonical text.
    pub(super) fn item_name(&self, i: &Item) -> String {
        match (&i.alias, &i.expr.kind) {
            (Some(a), _) => a.name.clone(),
            (None, ast::ExprKind::Path(p)) => p.parts.last().map_or_else(String::new, |l| l.name.clone()),
            _ => self.words(i.expr.span),
        }
    }

    fn path_star(&mut self, path: &ast::Path, env: &mut Env) -> Option<Vec<(String, Expr)>> {
        let first = &path.parts[0].name;
        if let (1, Some(r)) = (path.parts.len(), env.rows.iter().position(|r| r.name.as_deref() == Some(first))) {
            return Some(self.all_columns(&mut env.rows[r], path.span()));
        }
        // All properties of the entity a path leads to.
        let target = self.catalog.entity(&path.parts[path.parts.len() - 1].name).cloned();
        let Some(target) = target else {
            self.error(code::PROPERTY, path.span(), format!("`{}.*` leads to no entity or source", path.text()));
            return None;
        };
        let names: Vec<String> = target.key.iter().chain(&target.properties).map(|p| p.name.clone()).collect();
        let mut out = Vec::new();
        for n in names {
            let parts = path.parts.iter().cloned().chain([ast::Ident { name: n.clone(), span: path.span() }]).collect();
            out.push((n, self.path(&ast::Path { parts }, env)));
        }
        Some(out)
    }

    /// All columns of a source, in the order declared; `at` is the place that asks for them.
    pub(super) fn all_columns(&mut self, row: &mut RowScope, at: ast::Span) -> Vec<(String, Expr)> {
        let names: Vec<String> = match &row.kind {
            RowKind::Unknown => vec![],
            RowKind::Table(t) => return t.iter().map(|o| (o.name.clone(), Expr::column(o.id, o.data_type.clone()))).collect(),
            RowKind::Entity(e) => {
                let known = self.known_then(e, at);
                e.key.iter().map(|k| k.name.clone()).chain(known).collect()
            }
            RowKind::Events(events) => {
                let mut n: Vec<String> = ["event", "time", "event_id"].map(String::from).to_vec();
                let keys = events.iter().flat_map(|e| e.participants.iter().flat_map(|p| p.key_names.clone()));
                let properties = events.iter().flat_map(|e| e.properties.iter().map(|p| p.name.clone()));
                for name in keys.chain(properties) {
                    if !n.contains(&name) {
                        n.push(name);
                    }
                }
                n
            }
        };
        let ident = |n: &String| ast::Ident { name: n.clone(), span: at };
        names.iter().filter_map(|n| self.resolve(row, &[ident(n)]).map(|e| (n.clone(), e))).collect()
    }

    /// Rewrites everything after grouping in terms of groups and aggregates; reports what is neither.
    fn group_block(&mut self, block: &mut Block, items: &[SelectItem]) {
        let known: Vec<ColumnId> =
            block.groups.iter().map(|g| g.0).chain(block.aggregates.iter().map(|a| a.0)).chain(block.windows.iter().map(|w| w.0)).collect();
        let groups = block.groups.clone();
        let spans: Vec<ast::Span> =
            items.iter().map(|i| if let SelectItem::Item(i) = i { i.expr.span } else { ast::Span::default() }).collect();
        let mut loose: Vec<ast::Span> = Vec::new();
        for (i, (_, e)) in block.items.iter_mut().enumerate() {
            if !regroup(e, &groups, &known) {
                loose.push(spans.get(i).copied().unwrap_or_default());
            }
        }
        for e in block.having.iter_mut().chain(block.order.iter_mut().map(|k| &mut k.expr)) {
            if !regroup(e, &groups, &known) {
                loose.push(ast::Span::default());
            }
        }
        for (_, w) in &mut block.windows {
            for e in w.args.iter_mut().chain(&mut w.partition_by).chain(w.order_by.iter_mut().map(|k| &mut k.expr)) {
                regroup(e, &groups, &known);
            }
        }
        for span in loose {
            let words = self.words(span);
            let hint = "add it to GROUP BY, or put it inside an aggregate such as max(…)";
            self.error_hint(code::UNGROUPED, span, format!("`{words}` is neither grouped nor aggregated"), hint);
        }
    }

    /// The rows of FROM, with every column that is needed.
    fn from(&mut self, mut from: FromClause<'_>, env: Env, block: &mut Block) -> Rel {
        let single_scan = from.sources.len() == 1;
        let mut scopes = env.rows;
        if single_scan && matches!(scopes[0].kind, RowKind::Events(_)) {
            let columns = &mut scopes[0].columns;
            let filters = from.filter.iter_mut();
            for e in filters.chain(block.row_expressions()) {
                crate::rewrite::hoist_into(e, columns, &mut self.next);
            }
        }
        let mut rel: Option<Rel> = None;
        for (i, (pending, scope)) in from.sources.into_iter().zip(scopes).enumerate() {
            let side = match pending {
                Pending::Table(r) => r,
                Pending::Scan(source, filter) => {
                    let during = if i == 0 { from.during.clone() } else { None };
                    let scan = Rel::Scan(Box::new(Scan { source, columns: scope.columns, during, clock: from.clock.clone() }));
                    filter.map_or_else(|| scan.clone(), |f| Rel::Filter(Box::new(scan.clone()), f))
                }
            };
            rel = Some(match rel {
                None => side,
                Some(left) => Rel::Join(Box::new(left), Box::new(side), from.joins[i - 1].kind, from.on[i - 1].take()),
            });
        }
        let rel = rel.unwrap_or(Rel::OneRow);
        match from.filter {
            Some(f) => Rel::Filter(Box::new(rel), f),
            None => rel,
        }
    }

    fn assemble(&mut self, rel: Rel, block: Block, parts: &Parts<'_>, grouped: bool) -> Query {
        let mut rel = if grouped { Rel::Aggregate(Box::new(rel), block.groups, block.aggregates) } else { rel };
        if let Some(h) = block.having {
            rel = Rel::Filter(Box::new(rel), h);
        }
        if !block.windows.is_empty() {
            rel = Rel::Window(Box::new(rel), block.windows);
        }
        let mut project = Vec::new();
        let mut output = Vec::new();
        for (name, e) in block.items {
            let id = self.column_id();
            output.push(Output { id, name, data_type: e.data_type.clone() });
            project.push((id, e));
        }
        if parts.distinct {
            let order = block.order.into_iter().map(|k| self.in_output(k, &project)).collect::<Vec<_>>();
            rel = Rel::Distinct(Box::new(Rel::Project(Box::new(rel), project)));
            rel = sorted(rel, order, parts.limit);
        } else {
            rel = Rel::Project(Box::new(sorted(rel, block.order, parts.limit)), project);
        }
        Query { rel, output }
    }

    fn in_output(&mut self, key: SortKey, project: &[(ColumnId, Expr)]) -> SortKey {
        match project.iter().find(|(_, e)| *e == key.expr) {
            Some((id, e)) => SortKey { expr: Expr::column(*id, e.data_type.clone()), ..key },
            None => {
                self.error(code::UNGROUPED, ast::Span::default(), "SELECT DISTINCT can be ordered by its own columns only");
                key
            }
        }
    }
}

/// FROM with everything that concerns its rows.
pub(super) struct FromClause<'c> {
    sources: Vec<Pending>,
    joins: &'c [Join],
    on: Vec<Option<Expr>>,
    filter: Option<Expr>,
    during: Option<TimeRange>,
    clock: Clock,
}

struct Block {
    groups: Vec<(ColumnId, Expr)>,
    aggregates: Vec<(ColumnId, Aggregate)>,
    windows: Vec<(ColumnId, WindowCall)>,
    items: Vec<(String, Expr)>,
    having: Option<Expr>,
    order: Vec<SortKey>,
}

impl Block {
    /// Expressions that are computed on single rows.
    fn row_expressions(&mut self) -> impl Iterator<Item = &mut Expr> {
        let grouped = !self.groups.is_empty() || !self.aggregates.is_empty();
        let aggregates = self.aggregates.iter_mut().flat_map(|(_, a)| a.argument.iter_mut().chain(a.filter.iter_mut()));
        let items = self.items.iter_mut().map(|i| &mut i.1).filter(move |_| !grouped);
        self.groups.iter_mut().map(|g| &mut g.1).chain(aggregates).chain(items)
    }
}

fn sorted(rel: Rel, order: Vec<SortKey>, limit: Option<(u64, u64)>) -> Rel {
    let rel = if order.is_empty() { rel } else { Rel::Sort(Box::new(rel), order) };
    match limit {
        Some((n, offset)) => Rel::Limit(Box::new(rel), Some(n), offset),
        None => rel,
    }
}

/// Replaces whole group expressions by their columns; false when a single row's column remains.
fn regroup(e: &mut Expr, groups: &[(ColumnId, Expr)], known: &[ColumnId]) -> bool {
    if let Some((id, _)) = groups.iter().find(|(_, g)| g == e) {
        *e = Expr::column(*id, e.data_type.clone());
        return true;
    }
    if let ExprKind::Column(id) = e.kind {
        return known.contains(&id);
    }
    let mut all = true;
    for c in e.children_mut() {
        all &= regroup(c, groups, known);
    }
    all
}
