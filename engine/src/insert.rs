//! INSERT: rows become members, values, entities and events.

use crate::query::Setup;
use crate::rows::internal;
use crate::{Engine, EngineError, Session};
use arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::ScalarValue;
use eql_catalog::{DataType, EntityType, EntityTypeId, EventType, EventTypeId, PropertyId, Value};
use eql_compiler::bound::{EventTarget, Inserted};
use eql_store::{EntityBatch, EventBatch, Kept, VersionBatch, arrow_type};
use std::sync::Arc;

/// Where and when a statement runs.
pub(crate) type Place<'a> = (&'a Session, &'a Setup);

impl Engine {
    pub(crate) async fn add_members(
        &self,
        at: Place<'_>,
        segment: &str,
        entity: EntityTypeId,
        rows: &Inserted,
        keep: Option<u64>,
    ) -> Result<String, EngineError> {
        let definition = self.entity_type(entity)?;
        let types: Vec<DataType> = definition.key.iter().map(|k| k.data_type.clone()).collect();
        let keys = self.rows(at, rows, &types).await?;
        let n = keys.first().map_or(0, |k| k.len());
        self.keep(addition(Kept::Segment(segment.to_string()), entity, at.1.now, keys, None, keep)).await?;
        Ok(format!("{n} members inserted into segment `{segment}`"))
    }

    pub(crate) async fn add_tag_values(
        &self,
        at: Place<'_>,
        tag: &str,
        entity: EntityTypeId,
        rows: &Inserted,
        keep: Option<u64>,
    ) -> Result<String, EngineError> {
        let definition = self.entity_type(entity)?;
        let value = self.catalog().tag(&definition.name, tag).map(|t| t.data_type.clone());
        let value = value.ok_or_else(|| internal("an unknown tag".into()))?;
        let types: Vec<DataType> = definition.key.iter().map(|k| k.data_type.clone()).chain([value]).collect();
        let mut columns = self.rows(at, rows, &types).await?;
        let values = columns.pop().ok_or_else(|| internal("values without a column".into()))?;
        let n = values.len();
        self.keep(addition(Kept::Tag(tag.to_string()), entity, at.1.now, columns, Some(values), keep)).await?;
        Ok(format!("{n} values inserted into tag `{tag}`"))
    }

    /// What is inserted holds from the statement's instant on: without a time it would hold from the beginning and lose against every later value.
    pub(crate) async fn put_entities(
        &self,
        at: Place<'_>,
        id: EntityTypeId,
        columns: &[PropertyId],
        rows: &Inserted,
    ) -> Result<String, EngineError> {
        let entity = self.entity_type(id)?;
        let declared = |id: &PropertyId| entity.key.iter().chain(&entity.properties).find(|p| p.id == *id).map(|p| p.data_type.clone());
        let types: Option<Vec<DataType>> = columns.iter().map(declared).collect();
        let values = self.rows(at, rows, &types.ok_or_else(|| internal("an unknown property".into()))?).await?;
        let of = |p: &eql_catalog::Property| columns.iter().position(|c| *c == p.id).map(|i| values[i].clone());
        let keys =
            entity.key.iter().map(|k| of(k).ok_or_else(|| internal("a row without its key".into()))).collect::<Result<Vec<_>, _>>()?;
        let properties = entity.properties.iter().filter_map(|p| Some((p.id, of(p)?))).collect();
        let n = keys.first().map_or(0, |k| k.len());
        let time = TimestampMicrosecondArray::from(vec![at.1.now; n]).with_timezone("UTC");
        let batch = EntityBatch { properties, time: Some(time), ..EntityBatch::new(id, keys) };
        self.write(move |s| s.append_entities(batch)).await?;
        Ok(format!("{n} entities upserted"))
    }

    pub(crate) async fn add_events(
        &self,
        at: Place<'_>,
        id: EventTypeId,
        targets: &[EventTarget],
        rows: &Inserted,
    ) -> Result<String, EngineError> {
        let catalog = self.catalog();
        let event = catalog.event_by_id(id).cloned().ok_or_else(|| internal("an unknown event type".into()))?;
        let types = targets.iter().map(|t| self.event_type(&event, *t)).collect::<Result<Vec<_>, _>>()?;
        let columns = self.rows(at, rows, &types).await?;
        let batch = self.event_batch(&event, targets, &columns, at.1.now)?;
        let appended = self.write(move |s| s.append_events(vec![batch])).await?;
        Ok(match appended.duplicates {
            0 => format!("{} events inserted into `{}`", appended.accepted, event.name),
            n => format!("{} events inserted into `{}`, {n} were there already", appended.accepted, event.name),
        })
    }

    fn event_type(&self, event: &EventType, target: EventTarget) -> Result<DataType, EngineError> {
        let unknown = || internal("an unknown column of an event".into());
        Ok(match target {
            EventTarget::Time | EventTarget::ReceivedAt => DataType::Timestamp,
            EventTarget::EventId => DataType::String,
            EventTarget::Property(id) => event.properties.iter().find(|p| p.id == id).ok_or_else(unknown)?.data_type.clone(),
            EventTarget::Key(participant, key) => {
                let entity = self.entity_type(event.participants.get(participant).ok_or_else(unknown)?.entity)?;
                entity.key.get(key).ok_or_else(unknown)?.data_type.clone()
            }
        })
    }

    /// A time that is not given is the statement's; a NULL one is refused.
    fn event_batch(&self, event: &EventType, targets: &[EventTarget], columns: &[ArrayRef], now: i64) -> Result<EventBatch, EngineError> {
        let of = |t: EventTarget| targets.iter().position(|x| *x == t).map(|i| columns[i].clone());
        let rows = columns.first().map_or(0, |c| c.len());
        let time = of(EventTarget::Time).map(|t| t.as_primitive::<TimestampMicrosecondType>().clone());
        let time = time.unwrap_or_else(|| TimestampMicrosecondArray::from(vec![now; rows]).with_timezone("UTC"));
        let mut keys = Vec::new();
        for (i, p) in event.participants.iter().enumerate() {
            let entity = self.entity_type(p.entity)?;
            let column = |(k, declared): (usize, &eql_catalog::Property)| {
                of(EventTarget::Key(i, k)).unwrap_or_else(|| new_null_array(&arrow_type(&declared.data_type), rows))
            };
            keys.push(entity.key.iter().enumerate().map(column).collect());
        }
        let mut batch = EventBatch {
            event: event.id,
            keys,
            time,
            id: of(EventTarget::EventId).map_or_else(|| StringArray::new_null(rows), |ids| ids.as_string::<i32>().clone()),
            received: of(EventTarget::ReceivedAt).map(|r| r.as_primitive::<TimestampMicrosecondType>().clone()),
            properties: event.properties.iter().filter_map(|p| Some((p.id, of(EventTarget::Property(p.id))?))).collect(),
            extra: None,
            order: None,
            identities: Vec::new(),
        };
        eql_stream::complete(event, &mut batch).map_err(|e| internal(e.to_string()))?;
        let missing = |p: &&eql_catalog::Property| batch.properties.iter().any(|(id, v)| *id == p.id && v.null_count() > 0);
        if let Some(p) = event.properties.iter().filter(|p| p.required).find(missing) {
            return Err(EngineError::Invalid(format!("property `{}` of event `{}` is NOT NULL", p.name, event.name)));
        }
        Ok(batch)
    }

    /// What INSERT gives, column by column.
    async fn rows(&self, (session, setup): Place<'_>, rows: &Inserted, types: &[DataType]) -> Result<Vec<ArrayRef>, EngineError> {
        let columns = match rows {
            Inserted::Query(q) => self.collect(session, setup, q).await?,
            Inserted::Values(rows) => {
                types.iter().enumerate().map(|(i, t)| array(rows.iter().map(|r| &r[i]), t)).collect::<Result<Vec<_>, _>>()?
            }
        };
        let cast = |(c, t): (&ArrayRef, &DataType)| arrow::compute::cast(c, &arrow_type(t)).map_err(|e| internal(e.to_string()));
        columns.iter().zip(types).map(cast).collect()
    }

    pub(crate) fn entity_type(&self, id: EntityTypeId) -> Result<Arc<EntityType>, EngineError> {
        self.catalog().entity_by_id(id).cloned().ok_or_else(|| internal("an unknown entity type".into()))
    }
}

fn addition(kept: Kept, entity: EntityTypeId, at: i64, keys: Vec<ArrayRef>, values: Option<ArrayRef>, keep: Option<u64>) -> VersionBatch {
    let keep_from = keep.map(|k| at.saturating_sub(i64::try_from(k).unwrap_or(i64::MAX)));
    VersionBatch { change: None, kept, entity, at, whole: false, keys, values, keep_from, refresh: None }
}

/// Values of one type as a column.
fn array<'v>(values: impl Iterator<Item = &'v Value>, t: &DataType) -> Result<ArrayRef, EngineError> {
    let wanted = arrow_type(t);
    let scalars: Vec<ScalarValue> = values.map(|v| scalar(v, t)).collect::<Result<_, _>>()?;
    let made = ScalarValue::iter_to_array(scalars).map_err(crate::rows::plan_error)?;
    arrow::compute::cast(&made, &wanted).map_err(|e| internal(e.to_string()))
}

fn scalar(v: &Value, t: &DataType) -> Result<ScalarValue, EngineError> {
    Ok(match v {
        Value::Null => ScalarValue::try_from(&arrow_type(t)).map_err(crate::rows::plan_error)?,
        Value::Bool(b) => ScalarValue::Boolean(Some(*b)),
        Value::Int(i) => ScalarValue::Int64(Some(*i)),
        Value::Double(d) => ScalarValue::Float64(Some(*d)),
        Value::Decimal(v, _) => match t {
            DataType::Decimal(p, s) => ScalarValue::Decimal128(Some(*v), *p, *s),
            _ => return Err(internal("a decimal of another type".into())),
        },
        Value::String(s) => ScalarValue::Utf8(Some(s.clone())),
        Value::Date(d) => ScalarValue::Date32(Some(*d)),
        Value::Timestamp(t) => ScalarValue::TimestampMicrosecond(Some(*t), Some("UTC".into())),
        Value::List(items) => {
            let DataType::List(e) = t else { return Err(internal("a list of another type".into())) };
            let values = items.iter().map(|i| scalar(i, e)).collect::<Result<Vec<_>, _>>()?;
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &arrow_type(e)))
        }
    })
}
