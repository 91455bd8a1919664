//! Statements that change something: definitions, members, entities, settings.

use crate::query::Setup;
use crate::rows::{internal, plan_error};
use crate::{Engine, EngineError, Session};
use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use datafusion::common::ScalarValue;
use eql_catalog::{Change, EntityTypeId, PropertyId, Value};
use eql_compiler::bound::{Clock, Query, Setting, Statement};
use eql_planner::Planner;
use eql_store::{EntityBatch, Store, StoreError, arrow_type};
use std::sync::Arc;

impl Engine {
    pub(crate) async fn change(&self, session: &Session, setup: &Setup, statement: &Statement) -> Result<String, EngineError> {
        match statement {
            Statement::Change(change, words) => {
                let change = change.clone();
                self.write(move |s| s.define(change)).await?;
                Ok(words.clone())
            }
            Statement::StaticSegment(change, members, words) => {
                let keys = self.collect(session, setup, members).await?;
                let name = match change {
                    Change::Put(o) => match o.as_ref() {
                        eql_catalog::Object::Segment(s) => s.name.clone(),
                        _ => return Err(internal("a static segment of another kind".into())),
                    },
                    _ => return Err(internal("a static segment without a definition".into())),
                };
                let change = change.clone();
                let n = keys.first().map_or(0, |k| k.len());
                self.write(move |s| {
                    s.define(change)?;
                    s.set_members(&name, keys)
                })
                .await?;
                Ok(format!("{words} with {n} members"))
            }
            Statement::AddMembers(segment, entity, rows) => {
                let (name, keys) = (segment.clone(), self.key_arrays(*entity, rows)?);
                let n = rows.len();
                self.write(move |s| s.change_members(&name, keys, vec![])).await?;
                Ok(format!("{n} members inserted into segment `{segment}`"))
            }
            Statement::AddMembersFrom(segment, _, query) => {
                let keys = self.collect(session, setup, query).await?;
                let n = keys.first().map_or(0, |k| k.len());
                let name = segment.clone();
                self.write(move |s| s.change_members(&name, keys, vec![])).await?;
                Ok(format!("{n} members inserted into segment `{segment}`"))
            }
            Statement::PutEntities(entity, columns, rows) => {
                let batch = self.entity_batch(*entity, columns, rows, setup.now)?;
                let n = rows.len();
                self.write(move |s| s.append_entities(batch)).await?;
                Ok(format!("{n} entities upserted"))
            }
            _ => Err(internal("a statement that changes nothing was asked to".into())),
        }
    }

    /// Writes from a thread that may wait for the disk.
    async fn write<T: Send + 'static>(&self, f: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static) -> Result<T, EngineError> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || f(&store)).await.map_err(|e| internal(e.to_string()))?.map_err(EngineError::from)
    }

    /// All rows of a query, column by column.
    async fn collect(&self, session: &Session, setup: &Setup, q: &Query) -> Result<Vec<ArrayRef>, EngineError> {
        let limits = self.limitation(session, self.admission.turn().await?);
        let planner = Planner::new(self.snapshot().await?, self.settings(session, setup, &limits));
        let plan = planner.plan(q).await.map_err(plan_error)?;
        let schema = plan.physical.schema();
        let work = datafusion::physical_plan::collect(plan.physical, planner.task());
        let batches = match tokio::time::timeout(limits.timeout, work).await {
            Ok(done) => done.map_err(plan_error)?,
            Err(_) => return Err(EngineError::Timeout(limits.timeout.as_millis().try_into().unwrap_or(u64::MAX))),
        };
        let all = concat_batches(&schema, &batches).map_err(|e| internal(e.to_string()))?;
        Ok(all.columns().to_vec())
    }

    fn key_arrays(&self, entity: EntityTypeId, rows: &[Vec<Value>]) -> Result<Vec<ArrayRef>, EngineError> {
        let catalog = self.catalog();
        let entity = catalog.entity_by_id(entity).ok_or_else(|| internal("an unknown entity type".into()))?;
        entity.key.iter().enumerate().map(|(i, k)| array(rows.iter().map(|r| &r[i]), &k.data_type)).collect()
    }

    /// What is inserted holds from the statement's instant on: without a time it would hold from the beginning and lose against every later value.
    fn entity_batch(&self, id: EntityTypeId, columns: &[PropertyId], rows: &[Vec<Value>], now: i64) -> Result<EntityBatch, EngineError> {
        let catalog = self.catalog();
        let entity = catalog.entity_by_id(id).ok_or_else(|| internal("an unknown entity type".into()))?;
        let of = |p: &eql_catalog::Property| columns.iter().position(|c| *c == p.id);
        let mut keys = Vec::new();
        for k in &entity.key {
            let at = of(k).ok_or_else(|| internal("a row without its key".into()))?;
            keys.push(array(rows.iter().map(|r| &r[at]), &k.data_type)?);
        }
        let mut properties = Vec::new();
        for p in &entity.properties {
            if let Some(at) = of(p) {
                properties.push((p.id, array(rows.iter().map(|r| &r[at]), &p.data_type)?));
            }
        }
        let time = TimestampMicrosecondArray::from(vec![now; rows.len()]).with_timezone("UTC");
        Ok(EntityBatch { properties, time: Some(time), ..EntityBatch::new(id, keys) })
    }

    pub(crate) fn set(&self, session: &mut Session, setting: &Setting, setup: &Setup) -> Result<String, EngineError> {
        Ok(match setting {
            Setting::Now(None) => {
                session.now = None;
                "now is the clock's again".into()
            }
            Setting::Now(Some(at)) => {
                let clock = Clock { zone: Arc::from(setup.zone.as_str()), week_start: setup.week_start, as_of: None };
                session.now = Some(eql_planner::instant(at, &clock, setup.now).map_err(plan_error)?);
                "now is set".into()
            }
            Setting::TimeZone(z) => {
                session.time_zone = Some(z.clone());
                format!("time_zone is {z}")
            }
            Setting::WeekStart(w) => {
                session.week_start = Some(*w);
                format!("week_start is {w:?}").to_lowercase()
            }
            Setting::Dialect(d) => {
                session.dialect = Some(d.clone());
                format!("dialect is {d}")
            }
            Setting::ResultCache(on) => {
                session.result_cache_off = !on;
                format!("result_cache is {}", if *on { "on" } else { "off" })
            }
            Setting::Threads(n) => {
                session.threads = Some(*n);
                format!("threads is {n}")
            }
            Setting::MemoryLimit(n) => {
                session.memory_limit = Some(*n);
                format!("memory_limit is {n} bytes")
            }
            Setting::TimeoutMs(n) => {
                session.timeout_ms = Some(*n);
                format!("timeout is {n} ms")
            }
        })
    }
}

/// Values of one type as a column.
fn array<'v>(values: impl Iterator<Item = &'v Value>, t: &eql_catalog::DataType) -> Result<ArrayRef, EngineError> {
    let wanted = arrow_type(t);
    let scalars: Vec<ScalarValue> = values.map(|v| scalar(v, t)).collect::<Result<_, _>>()?;
    let made = ScalarValue::iter_to_array(scalars).map_err(plan_error)?;
    arrow::compute::cast(&made, &wanted).map_err(|e| internal(e.to_string()))
}

fn scalar(v: &Value, t: &eql_catalog::DataType) -> Result<ScalarValue, EngineError> {
    Ok(match v {
        Value::Null => ScalarValue::try_from(&arrow_type(t)).map_err(plan_error)?,
        Value::Bool(b) => ScalarValue::Boolean(Some(*b)),
        Value::Int(i) => ScalarValue::Int64(Some(*i)),
        Value::Double(d) => ScalarValue::Float64(Some(*d)),
        Value::Decimal(v, _) => match t {
            eql_catalog::DataType::Decimal(p, s) => ScalarValue::Decimal128(Some(*v), *p, *s),
            _ => return Err(internal("a decimal of another type".into())),
        },
        Value::String(s) => ScalarValue::Utf8(Some(s.clone())),
        Value::Date(d) => ScalarValue::Date32(Some(*d)),
        Value::Timestamp(t) => ScalarValue::TimestampMicrosecond(Some(*t), Some("UTC".into())),
        Value::List(items) => {
            let eql_catalog::DataType::List(e) = t else { return Err(internal("a list of another type".into())) };
            let values = items.iter().map(|i| scalar(i, e)).collect::<Result<Vec<_>, _>>()?;
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &arrow_type(e)))
        }
    })
}
