//! INSERT: rows for events, entities, segments and tags, written out or from a query.

use super::Binder;
use super::scope::Env;
use super::statement::as_type;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EventType, PropertyId, Value};
use eql_grammar::ast::{self, Ident, InsertSource, InsertTarget};

impl Binder<'_> {
    pub(super) fn insert(&mut self, target: InsertTarget, name: &Ident, columns: &[Ident], source: &InsertSource) -> Option<Statement> {
        match target {
            InsertTarget::Segment => self.insert_members(name, columns, source),
            InsertTarget::Tag => self.insert_tag_values(name, columns, source),
            InsertTarget::Entity => self.insert_entities(name, columns, source),
            InsertTarget::Event => self.insert_events(name, columns, source),
        }
    }

    fn insert_members(&mut self, name: &Ident, columns: &[Ident], source: &InsertSource) -> Option<Statement> {
        let Some(segment) = self.catalog.segment(&name.name).cloned() else {
            let names: Vec<String> = self.catalog.segments().map(|s| s.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::SEGMENT, "segment", name, &refs);
            return None;
        };
        if segment.mode != eql_catalog::SegmentMode::Static {
            let hint = "members are inserted into DEFINE STATIC SEGMENT … IMPORTED";
            self.error_hint(code::SEGMENT, name.span, format!("segment `{}` is made by its definition", segment.name), hint);
            return None;
        }
        let entity = self.catalog.entity(&segment.entity).cloned()?;
        let wanted: Vec<&str> = entity.key.iter().map(|k| k.name.as_str()).collect();
        if !columns.is_empty() && columns.iter().map(|c| c.name.as_str()).ne(wanted.iter().copied()) {
            self.error(code::COLUMNS, name.span, format!("the columns of segment `{}` are ({})", segment.name, wanted.join(", ")));
            return None;
        }
        let types: Vec<DataType> = entity.key.iter().map(|k| k.data_type.clone()).collect();
        let rows = self.inserted(source, &types, &wanted, name)?;
        let keep = self.stored(&segment.definition, name.span)?.keep;
        Some(Statement::AddMembers(segment.name.clone(), entity.id, rows, keep))
    }

    fn insert_tag_values(&mut self, name: &Ident, columns: &[Ident], source: &InsertSource) -> Option<Statement> {
        let tag = self.one_tag(name)?;
        if !tag.imported {
            let hint = "values are inserted into DEFINE TAG … IMPORTED";
            self.error_hint(code::VALUE, name.span, format!("tag `{}` is made by its definition", tag.name), hint);
            return None;
        }
        let entity = self.catalog.entity(&tag.entity).cloned()?;
        let mut wanted: Vec<&str> = entity.key.iter().map(|k| k.name.as_str()).collect();
        // The value may go by the name of the tag.
        let named = columns.last().is_some_and(|c| c.name == tag.name);
        wanted.push(if named { &tag.name } else { "value" });
        if !columns.is_empty() && columns.iter().map(|c| c.name.as_str()).ne(wanted.iter().copied()) {
            self.error(code::COLUMNS, name.span, format!("the columns of tag `{}` are ({})", tag.name, wanted.join(", ")));
            return None;
        }
        let types: Vec<DataType> = entity.key.iter().map(|k| k.data_type.clone()).chain([tag.data_type.clone()]).collect();
        let rows = self.inserted(source, &types, &wanted, name)?;
        let keep = self.stored(&tag.definition, name.span)?.keep;
        Some(Statement::AddTagValues(tag.name.clone(), entity.id, rows, keep))
    }

    fn insert_entities(&mut self, name: &Ident, columns: &[Ident], source: &InsertSource) -> Option<Statement> {
        let entity = self.entity_type(name)?;
        let all: Vec<Ident> =
            entity.key.iter().chain(&entity.properties).map(|p| Ident { name: p.name.clone(), span: name.span }).collect();
        let columns = if columns.is_empty() { &all } else { columns };
        let (mut ids, mut types) = (Vec::new(), Vec::<DataType>::new());
        for c in columns {
            match entity.property(&c.name) {
                Some(p) if ids.contains(&p.id) => {
                    self.error(code::DUPLICATE, c.span, format!("`{}` stands twice", c.name));
                    return None;
                }
                Some(p) => {
                    ids.push(p.id);
                    types.push(p.data_type.clone());
                }
                None => {
                    let names: Vec<&str> = entity.key.iter().chain(&entity.properties).map(|p| p.name.as_str()).collect();
                    self.unknown_name(code::PROPERTY, "property", c, &names);
                    return None;
                }
            }
        }
        if let Some(k) = entity.key.iter().find(|k| !ids.contains(&k.id)) {
            self.error(code::COLUMNS, name.span, format!("INSERT INTO ENTITY needs the key column `{}`", k.name));
            return None;
        }
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let rows = self.inserted(source, &types, &names, name)?;
        Some(Statement::PutEntities(entity.id, ids, rows))
    }

    fn insert_events(&mut self, name: &Ident, columns: &[Ident], source: &InsertSource) -> Option<Statement> {
        let Some(event) = self.catalog.event(&name.name).cloned() else {
            if self.catalog.virtual_event(&name.name).is_some() {
                let hint = "insert into the events that it is made of";
                self.error_hint(code::EVENT, name.span, format!("`{}` is a virtual event, which has no rows of its own", name.name), hint);
                return None;
            }
            let names: Vec<String> = self.catalog.events().map(|e| e.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::EVENT, "event", name, &refs);
            return None;
        };
        let mut known = vec![("time".to_string(), EventTarget::Time, DataType::Timestamp)];
        known.extend(self.event_columns(&event));
        let all: Vec<Ident> = known.iter().map(|(n, ..)| Ident { name: n.clone(), span: name.span }).collect();
        known.push(("event_id".into(), EventTarget::EventId, DataType::String));
        known.push(("received_at".into(), EventTarget::ReceivedAt, DataType::Timestamp));
        let columns = if columns.is_empty() { &all } else { columns };
        let (mut targets, mut types) = (Vec::new(), Vec::new());
        for c in columns {
            match known.iter().find(|(n, ..)| *n == c.name) {
                Some((_, target, _)) if targets.contains(target) => {
                    self.error(code::DUPLICATE, c.span, format!("`{}` stands twice", c.name));
                    return None;
                }
                Some((_, target, data_type)) => {
                    targets.push(*target);
                    types.push(data_type.clone());
                }
                None => {
                    let names: Vec<&str> = known.iter().map(|(n, ..)| n.as_str()).collect();
                    self.unknown_name(code::PROPERTY, "column", c, &names);
                    return None;
                }
            }
        }
        let given = |p: PropertyId| targets.contains(&EventTarget::Property(p));
        if let Some(p) = event.properties.iter().find(|p| p.required && p.default.is_none() && !given(p.id)) {
            self.error(code::COLUMNS, name.span, format!("property `{}` of event `{}` is NOT NULL: name it", p.name, event.name));
            return None;
        }
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let rows = self.inserted(source, &types, &names, name)?;
        Some(Statement::AddEvents(event.id, targets, rows))
    }

    /// The participants' keys, then the properties.
    fn event_columns(&self, event: &EventType) -> Vec<(String, EventTarget, DataType)> {
        let mut out = Vec::new();
        for (i, p) in event.participants.iter().enumerate() {
            let Some(entity) = self.catalog.entity_by_id(p.entity) else { continue };
            let keys = p.key_names.iter().zip(&entity.key).enumerate();
            out.extend(keys.map(|(k, (name, column))| (name.clone(), EventTarget::Key(i, k), column.data_type.clone())));
        }
        out.extend(event.properties.iter().map(|p| (p.name.clone(), EventTarget::Property(p.id), p.data_type.clone())));
        out
    }

    /// Rows of given types.
    fn inserted(&mut self, source: &InsertSource, types: &[DataType], names: &[&str], at: &Ident) -> Option<Inserted> {
        let query = match source {
            InsertSource::Values(rows) => return self.value_rows(rows, types).map(Inserted::Values),
            InsertSource::Query(q) => self.query(q)?,
        };
        if query.output.len() != types.len() {
            let what = format!("the query gives {} columns, INSERT takes {}", query.output.len(), types.len());
            self.error_hint(code::COLUMNS, at.span, what, format!("they are ({})", names.join(", ")));
            return None;
        }
        let mut columns = Vec::new();
        for ((o, t), name) in query.output.iter().zip(types).zip(names) {
            if !convertible(&o.data_type, t) {
                self.error(code::COLUMNS, at.span, format!("column `{}` of the query is {}, `{name}` is {t}", o.name, o.data_type));
                return None;
            }
            columns.push(((*name).to_string(), self.cast_to(Expr::column(o.id, o.data_type.clone()), t)));
        }
        Some(Inserted::Query(Box::new(self.project(query.rel, columns))))
    }

    /// Constant rows of given types.
    fn value_rows(&mut self, rows: &[Vec<ast::Expr>], types: &[DataType]) -> Option<Vec<Vec<Value>>> {
        let mut out = Vec::new();
        for row in rows {
            if row.len() != types.len() {
                let span = row.first().map_or(ast::Span::default(), |e| e.span);
                self.error(code::COLUMNS, span, format!("a row needs {} values, this one has {}", types.len(), row.len()));
                return None;
            }
            let mut values = Vec::new();
            for (e, t) in row.iter().zip(types) {
                let bound = self.expr(e, &mut Env::empty());
                let bound = self.constant_as(bound, t);
                match as_type(bound, t) {
                    Some(v) => values.push(v),
                    None => {
                        self.error(code::TYPE, e.span, format!("a constant {t} is expected"));
                        return None;
                    }
                }
            }
            out.push(values);
        }
        Some(out)
    }
}

/// Whether a value of a query can go into a column: numbers into numbers that hold them, times into times.
fn convertible(from: &DataType, to: &DataType) -> bool {
    from == to
        || (from.is_numeric() && to.is_numeric() && *to != DataType::Int)
        || (from.is_temporal() && to.is_temporal())
        || matches!((from, to), (DataType::String, DataType::Json) | (DataType::Json, DataType::String))
}
