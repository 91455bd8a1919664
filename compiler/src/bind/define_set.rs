//! DEFINE TAG and DEFINE SEGMENT: what is said of entities, under a name.

use super::Binder;
use super::define::Common;
use super::scope::{Aggregates, Env, RowScope};
use super::segment::Stored;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Object, Segment, SegmentMode, Tag};
use eql_grammar::ast::{self, DefOption, Ident, SetDefinition};
use std::sync::Arc;

impl Binder<'_> {
    pub(super) fn define_tag(
        &mut self,
        what: Common,
        name: &Ident,
        entity: &Ident,
        type_name: Option<&ast::TypeName>,
        definition: &SetDefinition,
        options: &[DefOption],
    ) -> Option<Statement> {
        let entity = self.entity_type(entity);
        let declared = type_name.and_then(|t| self.type_name(t));
        let entity = entity?;
        if entity.property(&name.name).is_some() {
            self.error(code::EXISTS, name.span, format!("`{}.{}` is a stored property already", entity.name, name.name));
        }
        let stored = self.options(options, definition, name);
        let mut object = Tag {
            name: name.name.clone(),
            entity: entity.name.clone(),
            data_type: declared.clone().unwrap_or(DataType::String),
            imported: matches!(definition, SetDefinition::Imported),
            time_zone: self.clock.zone.to_string(),
            week_start: self.clock.week_start,
            comment: what.comment.clone(),
            definition: what.text.clone(),
        };
        self.following.push(format!("tag {}.{}", entity.name, name.name));
        let found = self.tag_type(definition, &entity, name, stored.refreshed);
        object.data_type = declared.or(found).unwrap_or(DataType::String);
        let version = if stored.refreshed && !self.wrong() { self.tag_query(definition, &object, &entity, name.span) } else { None };
        self.following.pop();
        // What only a later version carries out is kept; who reads it is told.
        let version = version.filter(|_| self.later.is_none());
        self.later = None;
        let known = self.catalog.tag(&entity.name, &name.name).map(|k| k.definition.clone());
        let put = self.put(&what, "tag", name, known.as_deref(), Object::Tag(object))?;
        match (put, version) {
            (Statement::Change(change, words), Some((query, clusters))) => {
                Some(self.version(Some(change), Kept::Tag(name.name.clone()), &entity, query, clusters, &stored, words))
            }
            (other, _) => Some(other),
        }
    }

    fn wrong(&self) -> bool {
        self.unknown || self.diagnostics.iter().any(eql_grammar::Diagnostic::is_error)
    }

    /// REFRESH EVERY and KEEP, where they can be obeyed.
    fn options(&mut self, options: &[DefOption], definition: &SetDefinition, name: &Ident) -> Stored {
        let refreshed = self.refresh_option(options, name.span);
        if refreshed && matches!(definition, SetDefinition::Imported) {
            let hint = "leave REFRESH out: each INSERT makes a version";
            self.error_hint(code::CLAUSE, name.span, "what is imported is not refreshed", hint);
        }
        let (keep, grace) = (self.keep_versions(options), self.grace_option(options));
        Stored { definition: definition.clone(), refreshed, keep, grace }
    }

    fn tag_type(&mut self, definition: &SetDefinition, entity: &Arc<EntityType>, name: &Ident, refreshed: bool) -> Option<DataType> {
        match definition {
            SetDefinition::Imported => None,
            SetDefinition::Expr(e) => {
                let mut env = Env::row(RowScope::entity(entity)).with(Aggregates::Behaviour);
                match self.kmeans(e, &mut env) {
                    Some(_) if refreshed => Some(DataType::Int),
                    Some(_) => {
                        self.stray_kmeans(e.span);
                        None
                    }
                    None => Some(self.expr(e, &mut env).data_type),
                }
            }
            SetDefinition::Segment(_) | SetDefinition::Analysis(_) | SetDefinition::Select(_) => {
                self.told(definition, name.span, entity)?.query.output.pop().map(|o| o.data_type)
            }
        }
    }

    pub(super) fn define_segment(
        &mut self,
        what: Common,
        name: &Ident,
        mode: Option<ast::SegmentMode>,
        entity: &Ident,
        definition: &SetDefinition,
        options: &[DefOption],
    ) -> Option<Statement> {
        let entity = self.entity_type(entity)?;
        let imported = matches!(definition, SetDefinition::Imported);
        let mode = match mode {
            Some(ast::SegmentMode::Static) => SegmentMode::Static,
            Some(ast::SegmentMode::Streaming) => SegmentMode::Streaming,
            // What is imported can only be kept.
            None if imported => SegmentMode::Static,
            Some(ast::SegmentMode::Dynamic) | None => SegmentMode::Dynamic,
        };
        if imported && mode != SegmentMode::Static {
            let hint = "write DEFINE STATIC SEGMENT … IMPORTED";
            self.error_hint(code::CLAUSE, name.span, "what is imported is kept, not evaluated", hint);
        }
        let stored = self.options(options, definition, name);
        if stored.refreshed && mode != SegmentMode::Dynamic {
            let hint = "a static segment is refreshed by REFRESH SEGMENT, a streaming one maintains itself";
            self.error_hint(code::CLAUSE, name.span, "REFRESH EVERY belongs to dynamic segments", hint);
        }
        self.following.push(format!("segment {}", name.name));
        let query = if imported { None } else { self.with_grace(stored.grace, |b| b.segment_query(definition, name.span, &entity)) };
        self.following.pop();
        if mode == SegmentMode::Streaming {
            self.streamable(definition, query.as_ref(), name.span);
        }
        let object = Segment {
            name: name.name.clone(),
            entity: entity.name.clone(),
            mode,
            imported,
            time_zone: self.clock.zone.to_string(),
            week_start: self.clock.week_start,
            comment: what.comment.clone(),
            definition: what.text.clone(),
        };
        let members = query.filter(|_| mode == SegmentMode::Static || (stored.refreshed && self.later.is_none()));
        if members.is_none() {
            // Kept as it is; whoever reads it is told when its parts come later.
            self.later = None;
        }
        let known = self.catalog.segment(&name.name).map(|k| k.definition.clone());
        let put = self.put(&what, "segment", name, known.as_deref(), Object::Segment(object))?;
        match (put, members) {
            (Statement::Change(change, words), Some(query)) => {
                Some(self.version(Some(change), Kept::Segment(name.name.clone()), &entity, query, None, &stored, words))
            }
            (other, _) => Some(other),
        }
    }
}
