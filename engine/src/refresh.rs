//! REFRESH, and the first version of what is stored: a definition is evaluated, and its members or values are kept.

use crate::query::Setup;
use crate::rows::internal;
use crate::{Engine, EngineError, Session};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::Float64Type;
use eql_compiler::bound::{self, Refresh};
use eql_store::{Appended, Kept, Refreshed, VersionBatch};
use std::sync::Arc;
use std::time::Instant;

/// Keys, and for a tag the values that go with them.
type Members = (Vec<ArrayRef>, Option<ArrayRef>);

impl Engine {
    /// Makes a version; what became of it is remembered.
    pub(crate) async fn refresh(&self, session: &Session, setup: &Setup, r: &Refresh) -> Result<String, EngineError> {
        let entity = r.entity;
        if let (Some(change), true) = (&r.change, r.later)
            && self.snapshot().await?.entities(entity).map_or(0, |e| e.len()) == 0
        {
            let change = change.clone();
            self.write(move |s| s.define(change)).await?;
            return Ok(r.words.clone());
        }
        let started = Instant::now();
        let made = self.made(session, setup, r).await;
        let mut told = Refreshed { started_at: setup.now, seconds: started.elapsed().as_secs_f64(), ..self.object(r)? };
        let (keys, values) = match made {
            Ok(made) => made,
            Err(e) => {
                // A definition that failed was not made: there is nothing to remember anything of.
                if r.change.is_none() {
                    told.error = Some(e.to_string());
                    self.write(move |s| s.note_refresh(told)).await?;
                }
                return Err(e);
            }
        };
        let n = keys.first().map_or(0, |k| k.len());
        told.rows = n as u64;
        let (kept, what) = match &r.kept {
            bound::Kept::Segment(name) => (Kept::Segment(name.clone()), "members"),
            bound::Kept::Tag(name) => (Kept::Tag(name.clone()), "values"),
        };
        let keep_from = r.keep.map(|k| setup.now.saturating_sub(i64::try_from(k).unwrap_or(i64::MAX)));
        let change = r.change.clone();
        let version = VersionBatch { change, kept, entity, at: setup.now, whole: true, keys, values, keep_from, refresh: Some(told) };
        self.keep(version).await?;
        Ok(format!("{} with {n} {what}", r.words))
    }

    pub(crate) async fn keep(&self, version: VersionBatch) -> Result<Appended, EngineError> {
        self.write(move |s| s.keep_version(version)).await
    }

    fn object(&self, r: &Refresh) -> Result<Refreshed, EngineError> {
        let (kind, object) = match &r.kept {
            bound::Kept::Segment(name) => ("segment", name.clone()),
            bound::Kept::Tag(name) => ("tag", format!("{}.{name}", self.entity_type(r.entity)?.name)),
        };
        Ok(Refreshed { kind: kind.into(), object, ..Refreshed::default() })
    }

    async fn made(&self, session: &Session, setup: &Setup, r: &Refresh) -> Result<Members, EngineError> {
        let mut columns = self.collect(session, setup, &r.query).await?;
        let keys = self.entity_type(r.entity)?.key.len();
        if matches!(r.kept, bound::Kept::Segment(_)) {
            return Ok((columns, None));
        }
        let mut values = columns.split_off(keys.min(columns.len()));
        let value = match r.clusters {
            Some(k) => tokio::task::spawn_blocking(move || clusters(&values, k)).await.map_err(|e| internal(e.to_string()))?,
            None => values.pop().ok_or_else(|| internal("a tag without values".into()))?,
        };
        // Who has no value need not be named: everybody else has none.
        let known = is_not_null(&value).map_err(|e| internal(e.to_string()))?;
        let keep = |a: &ArrayRef| filter(a, &known).map_err(|e| internal(e.to_string()));
        Ok((columns.iter().map(keep).collect::<Result<_, _>>()?, Some(keep(&value)?)))
    }
}

/// The group of each row; NULL where a value is missing.
fn clusters(values: &[ArrayRef], k: u64) -> ArrayRef {
    let rows = values.first().map_or(0, |v| v.len());
    let columns: Vec<_> = values.iter().map(|v| v.as_primitive::<Float64Type>()).collect();
    let point = |row: usize| columns.iter().map(|c| c.is_valid(row).then(|| c.value(row))).collect();
    let points: Vec<Vec<Option<f64>>> = (0..rows).map(point).collect();
    let groups = eql_planner::kmeans(&points, usize::try_from(k).unwrap_or(usize::MAX));
    Arc::new(groups.into_iter().map(|g| (g > 0).then_some(i64::from(g))).collect::<Int64Array>())
}
