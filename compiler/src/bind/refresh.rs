//! What is stored of a segment or a tag: the query of a version, REFRESH, and what a reader gets while there is none.

use super::Binder;
use super::scope::{Aggregates, Env, RowScope};
use super::segment::Stored;
use crate::bound::*;
use crate::code;
use eql_catalog::{Change, EntityType, Segment, SegmentMode, Tag};
use eql_grammar::ast::{self, DefOption, Duration, Ident, Kind, SetDefinition, Span};
use std::sync::Arc;

/// `REFRESH EVERY … [AT …] KEEP …` of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Units between refreshes.
    pub count: i64,
    /// The unit.
    pub unit: ast::Unit,
    /// `AT`: minutes after the beginning of the unit.
    pub at: i64,
}

/// When a stored DEFINE is refreshed; None when it has no REFRESH EVERY.
pub fn schedule(definition: &str) -> Option<Schedule> {
    let parsed = eql_grammar::parse(definition).statements.into_iter().next()?.ok()?;
    let ast::StatementKind::Define(d) = parsed.kind else { return None };
    d.options.iter().find_map(|o| if let DefOption::RefreshEvery(every, at) = o { schedule_of(every, at.as_deref()).ok() } else { None })
}

fn schedule_of(every: &Duration, at: Option<&str>) -> Result<Schedule, String> {
    let Duration::Length { count, unit, .. } = every else {
        return Err("REFRESH EVERY is part of the definition and cannot be a parameter".into());
    };
    if *unit < ast::Unit::Minute {
        return Err("REFRESH EVERY needs a minute or more".into());
    }
    let count = i64::try_from(*count).ok().filter(|n| (1..=10_000).contains(n)).ok_or("REFRESH EVERY takes 1 to 10000 units")?;
    let at = match at {
        None => 0,
        Some(text) if *unit >= ast::Unit::Day => minutes(text).ok_or_else(|| format!("'{text}' is no time of day: write AT '02:00'"))?,
        Some(_) => return Err("AT is a time of day: it goes with REFRESH EVERY day, or a longer unit".into()),
    };
    Ok(Schedule { count, unit: *unit, at })
}

/// `hh:mm`.
fn minutes(text: &str) -> Option<i64> {
    let (h, m) = text.split_once(':')?;
    let two = |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<i64>().ok()).flatten();
    let (h, m) = (two(h)?, two(m)?);
    (h < 24 && m < 60).then_some(h * 60 + m)
}

impl Binder<'_> {
    /// REFRESH EVERY of a definition is checked where it is made.
    pub(super) fn refresh_option(&mut self, options: &[DefOption], span: Span) -> bool {
        let Some((every, at)) = options.iter().find_map(|o| if let DefOption::RefreshEvery(e, a) = o { Some((e, a)) } else { None }) else {
            return false;
        };
        if let Err(what) = schedule_of(every, at.as_deref()) {
            let span = if let Duration::Length { span, .. } = every { *span } else { span };
            self.error_hint(code::VALUE, span, what, "for example REFRESH EVERY day AT '02:00'");
        }
        true
    }

    /// Microseconds of KEEP of versions; a month counts 30 days, a quarter 91, a year 365.
    pub(super) fn keep_versions(&mut self, options: &[DefOption]) -> Option<u64> {
        let length = options.iter().find_map(|o| if let DefOption::Keep(d) = o { Some(d) } else { None })?;
        match length {
            Duration::Length { count, unit, .. } if *count > 0 => {
                Some(super::time::unit_millis(*unit).unsigned_abs().saturating_mul(1000).saturating_mul(*count))
            }
            Duration::Length { span, .. } => {
                self.error_hint(code::VALUE, *span, "KEEP needs a length", "for example KEEP 180 days");
                None
            }
            Duration::Param(p) => {
                let hint = "write the length, for example KEEP 180 days";
                self.error_hint(code::VALUE, p.span, "KEEP is part of the definition and cannot be a parameter", hint);
                None
            }
        }
    }

    /// `REFRESH SEGMENT s`, `REFRESH TAG t`.
    pub(super) fn refresh(&mut self, kind: Kind, name: &Ident) -> Option<Statement> {
        if kind == Kind::Segment { self.refresh_segment(name) } else { self.refresh_tag(name) }
    }

    fn refresh_segment(&mut self, name: &Ident) -> Option<Statement> {
        let Some(segment) = self.catalog.segment(&name.name).cloned() else {
            let names: Vec<String> = self.catalog.segments().map(|s| s.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::NOUN, "segment", name, &refs);
            return None;
        };
        let stored = self.stored(&segment.definition, name.span)?;
        if segment.imported {
            let hint = format!("INSERT INTO SEGMENT {} adds members", segment.name);
            self.error_hint(code::VALUE, name.span, format!("segment `{}` is imported: nothing computes its members", segment.name), hint);
            return None;
        }
        if segment.mode == SegmentMode::Streaming {
            return Some(Statement::Nothing(format!("segment `{}` is maintained as events arrive", segment.name)));
        }
        if segment.mode == SegmentMode::Dynamic && !stored.refreshed {
            return Some(Statement::Nothing(format!(
                "segment `{}` is evaluated at each statement: there is nothing to refresh",
                segment.name
            )));
        }
        let entity = self.catalog.entity(&segment.entity).cloned()?;
        let clock = Clock { as_of: None, ..self.clock_of(&segment.time_zone, segment.week_start) };
        let key = format!("segment {}", segment.name);
        let query = self.follow(&key, name.span, |b| {
            b.with_clock(clock, |b| b.with_grace(stored.grace, |b| b.segment_query(&stored.definition, name.span, &entity)))
        })??;
        let words = format!("segment `{}` refreshed", segment.name);
        Some(self.version(None, Kept::Segment(segment.name.clone()), &entity, query, None, &stored, words))
    }

    fn refresh_tag(&mut self, name: &Ident) -> Option<Statement> {
        let tag = self.one_tag(name)?;
        let stored = self.stored(&tag.definition, name.span)?;
        if tag.imported {
            let hint = format!("INSERT INTO TAG {} sets values", tag.name);
            self.error_hint(code::VALUE, name.span, format!("tag `{}` is imported: nothing computes its values", tag.name), hint);
            return None;
        }
        if !stored.refreshed {
            return Some(Statement::Nothing(format!("tag `{}` is computed at each statement: there is nothing to refresh", tag.name)));
        }
        let entity = self.catalog.entity(&tag.entity).cloned()?;
        let clock = Clock { as_of: None, ..self.clock_of(&tag.time_zone, tag.week_start) };
        let key = format!("tag {}.{}", entity.name, tag.name);
        let (query, clusters) =
            self.follow(&key, name.span, |b| b.with_clock(clock, |b| b.tag_query(&stored.definition, &tag, &entity, name.span)))??;
        let words = format!("tag `{}` refreshed", tag.name);
        Some(self.version(None, Kept::Tag(tag.name.clone()), &entity, query, clusters, &stored, words))
    }

    /// The tag of a name, or of `entity.name`; reports an unknown one and one that several entity types have.
    pub(super) fn one_tag(&mut self, name: &Ident) -> Option<Arc<Tag>> {
        let fits = |t: &&Arc<Tag>| t.name == name.name || format!("{}.{}", t.entity, t.name) == name.name;
        let found: Vec<Arc<Tag>> = self.catalog.tags().filter(fits).cloned().collect();
        match found.as_slice() {
            [one] => Some(one.clone()),
            [] => {
                let names: Vec<String> = self.catalog.tags().map(|t| t.name.clone()).collect();
                let refs: Vec<&str> = names.iter().map(String::as_str).collect();
                self.unknown_name(code::NOUN, "tag", name, &refs);
                None
            }
            [first, ..] => {
                let hint = format!("write its entity before it, quoted: `{}.{}`", first.entity, first.name);
                self.error_hint(code::AMBIGUOUS, name.span, format!("several entity types have a tag `{}`", name.name), hint);
                None
            }
        }
    }

    /// The statement that makes a version.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn version(
        &mut self,
        change: Option<Change>,
        kept: Kept,
        entity: &Arc<EntityType>,
        query: Query,
        clusters: Option<u64>,
        stored: &Stored,
        words: String,
    ) -> Statement {
        // A static segment begins with the members it has, also with none.
        let later = change.is_some() && stored.refreshed;
        Statement::Refresh(Box::new(Refresh { change, kept, entity: entity.id, query, clusters, keep: stored.keep, later, words }))
    }

    /// The keys of the members of a definition.
    pub(super) fn segment_query(&mut self, d: &SetDefinition, at: Span, entity: &Arc<EntityType>) -> Option<Query> {
        let mut scope = RowScope::entity(entity);
        let member = self.set_membership(d, at, entity, &mut scope);
        Some(self.keyed(entity, scope, Some(member), vec![]))
    }

    /// The keys and values of a tag's definition, or what its clusters are made of and how many there are.
    pub(super) fn tag_query(&mut self, d: &SetDefinition, tag: &Tag, entity: &Arc<EntityType>, at: Span) -> Option<(Query, Option<u64>)> {
        let mut env = Env::row(RowScope::entity(entity)).with(Aggregates::Behaviour);
        let (values, clusters) = match d {
            SetDefinition::Expr(e) => match self.kmeans(e, &mut env) {
                Some(parts) => {
                    let (values, k) = parts?;
                    (values, Some(k))
                }
                None => (vec![self.expr(e, &mut env)], None),
            },
            _ => {
                let told = self.told(d, at, entity)?;
                let mut query = told.query;
                let value = query.output.pop()?;
                let (id, expr) = (self.column_id(), self.cast_to(Expr::column(value.id, value.data_type), &tag.data_type));
                let mut project: Vec<(ColumnId, Expr)> =
                    query.output.iter().map(|o| (o.id, Expr::column(o.id, o.data_type.clone()))).collect();
                project.push((id, expr));
                query.output.push(Output { id, name: "value".into(), data_type: tag.data_type.clone() });
                return Some((Query { rel: Rel::Project(Box::new(query.rel), project), output: query.output }, None));
            }
        };
        let wanted = if clusters.is_some() { &eql_catalog::DataType::Double } else { &tag.data_type };
        let values: Vec<Expr> = values.into_iter().map(|v| self.cast_to(v, wanted)).collect();
        let scope = env.rows.swap_remove(0);
        Some((self.keyed(entity, scope, None, values), clusters))
    }

    /// Key columns and values of the entities that pass.
    fn keyed(&mut self, entity: &Arc<EntityType>, mut scope: RowScope, filter: Option<Expr>, values: Vec<Expr>) -> Query {
        let mut columns: Vec<(String, Expr)> = Vec::new();
        for (i, k) in entity.key.iter().enumerate() {
            columns.push((k.name.clone(), self.leaf(&mut scope, Leaf::Key(i), k.data_type.clone())));
        }
        columns.extend(values.into_iter().map(|v| ("value".to_string(), v)));
        let scan = Scan { source: Source::Entities(entity.id), columns: scope.columns, during: None, clock: self.clock.clone() };
        let rel = Rel::Scan(Box::new(scan));
        let rel = match filter {
            Some(p) => Rel::Filter(Box::new(rel), p),
            None => rel,
        };
        self.project(rel, columns)
    }

    /// Membership or value as it is stored. `otherwise`: what it is while no version was made.
    pub(super) fn kept(
        &mut self,
        scope: &mut RowScope,
        kept: Kept,
        data_type: eql_catalog::DataType,
        otherwise: Option<(RowScope, Expr)>,
        entity: &Arc<EntityType>,
    ) -> Expr {
        if self.clock.as_of.is_some() {
            self.uses_now = true;
        }
        let value = |(inner, expr): (RowScope, Expr)| EntityValue { entity: entity.id, value: RowExpr::canonical(inner.columns, expr) };
        let kept = KeptValue { kept, clock: self.clock.clone(), otherwise: otherwise.map(value) };
        self.leaf(scope, Leaf::Kept(Box::new(kept)), data_type)
    }

    /// A segment that is refreshed: its members, or while there are none its definition.
    pub(super) fn refreshed_segment(
        &mut self,
        segment: &Segment,
        stored: &Stored,
        at: Span,
        entity: &Arc<EntityType>,
        scope: &mut RowScope,
    ) -> Expr {
        let otherwise = if self.clock.as_of.is_none() {
            let mut inner = RowScope::entity(entity);
            let clock = self.clock_of(&segment.time_zone, segment.week_start);
            let key = format!("segment {}", segment.name);
            let bound = self
                .follow(&key, at, |b| b.with_clock(clock, |b| b.apart(|b| b.set_membership(&stored.definition, at, entity, &mut inner))));
            bound.map(|expr| (inner, expr))
        } else {
            None
        };
        self.kept(scope, Kept::Segment(segment.name.clone()), eql_catalog::DataType::Bool, otherwise, entity)
    }
}
