//! Entities with what they are and what they did: FIND, segments, tags, DISTRIBUTION, PROFILE.

use super::behaviours::Asks;
use super::chunk::Chunk;
use super::coder::{Coder, holding_codes};
use super::exec::{Fold, Prepared, State};
use super::funnel::among;
use super::pair::PairConditions;
use super::select::Select;
use super::values::Values;
use crate::clock;
use crate::row::{schema_of, store_error};
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Clock, EntityValue, Leaf, ScanColumn};
use eql_store::{Timeline, arrow_type};
use std::sync::Arc;

/// Rows of an entity type.
#[derive(Debug)]
pub(crate) struct Entities {
    pub entity: EntityTypeId,
    pub columns: Vec<ScanColumn>,
    /// Only these: a condition on what they are. What the others did is not looked at.
    pub among: Option<EntityValue>,
    /// AS OF: entities that became known later are left out.
    pub clock: Clock,
}

impl Fold for Entities {
    fn name(&self) -> String {
        let did = self.columns.iter().filter(|c| matches!(c.leaf, Leaf::Behaviour(_))).count();
        format!("entities, behaviours={did}")
    }

    fn schema(&self) -> SchemaRef {
        schema_of(&self.columns)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        let mut roles = self.columns.iter().filter_map(|c| if let Leaf::Behaviour(b) = &c.leaf { Some(&b.role) } else { None });
        let first = roles.next().cloned().flatten();
        // The one role of all that is asked; of several roles the timeline without one.
        (self.entity, first.filter(|r| roles.all(|other| other.as_ref() == Some(r))))
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, projection: &[usize]) -> Result<Arc<dyn Prepared>> {
        let wanted: Vec<&ScanColumn> = projection.iter().map(|i| &self.columns[*i]).collect();
        // What was done in another role lies on another timeline: it is found in a pass of its own.
        let (_, role) = self.subject();
        let mut columns = Vec::new();
        let mut asked = Asks::default();
        for c in &wanted {
            columns.push(match &c.leaf {
                Leaf::Behaviour(b) if b.role != role => world.entity_columns(self.entity, std::slice::from_ref(c))?.pop(),
                Leaf::Behaviour(b) => {
                    asked.add(world, timeline, b, arrow_type(&c.data_type))?;
                    None
                }
                _ => Some(world.entity_column(self.entity, c)?),
            });
        }
        let schema = schema_of(&wanted.into_iter().cloned().collect::<Vec<_>>());
        let entities = world.snapshot.entities(self.entity).map_err(store_error)?;
        let since = entities.known_since().map_err(store_error)?.filter(|_| self.clock.as_of.is_some());
        let since = since.map(|s| Ok::<_, DataFusionError>((s.as_primitive().clone(), clock::now_of(&self.clock, world.now)?)));
        Ok(Arc::new(Ready { columns, asked, schema, deleted: entities.deleted().cloned(), since: since.transpose()? }))
    }
}

struct Ready {
    /// By column; None is the next behaviour.
    columns: Vec<Option<ArrayRef>>,
    asked: Asks,
    schema: SchemaRef,
    deleted: Option<BooleanArray>,
    /// AS OF this instant: when each entity became known.
    since: Option<(TimestampMicrosecondArray, i64)>,
}

impl Ready {
    /// Entities of a chunk that the statement sees; None for all.
    fn seen(&self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Option<BooleanArray> {
        if self.deleted.is_none() && self.since.is_none() && among.is_none() {
            return None;
        }
        let start = chunk.ordinals.start as usize;
        let deleted = |i: usize| self.deleted.as_ref().is_some_and(|d| d.value(start + i));
        // Who did something before is known, whenever its properties came.
        let acted = |i: usize, at: i64| chunk.time[chunk.rows_of(i)].first().is_some_and(|t| *t < at);
        let unknown = |i: usize| {
            self.since.as_ref().is_some_and(|(since, at)| since.is_valid(start + i) && since.value(start + i) > *at && !acted(i, *at))
        };
        let asked = |i: usize| among.is_none_or(|a| a[i]);
        let seen: BooleanArray = (0..chunk.entities()).map(|i| Some(asked(i) && !deleted(i) && !unknown(i))).collect();
        (seen.true_count() < seen.len()).then_some(seen)
    }
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.asked.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk { ready: self, coders: self.asked.coders()? }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    coders: Vec<Option<Coder>>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let (start, n) = (chunk.ordinals.start as usize, chunk.entities());
        if among.is_some_and(|a| !a.contains(&true)) {
            return Ok(None);
        }
        let mut did = self.ready.asked.answers(chunk, among, &mut self.coders)?.into_iter();
        let mut columns = Vec::with_capacity(self.ready.columns.len());
        for c in &self.ready.columns {
            columns.push(match c {
                Some(all) => all.slice(start, n),
                None => did.next().ok_or_else(|| DataFusionError::Internal("a behaviour was not computed".into()))?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(n));
        let batch = RecordBatch::try_new_with_options(self.ready.schema.clone(), columns, &options)?;
        Ok(Some(match self.ready.seen(chunk, among) {
            Some(seen) => filter_record_batch(&batch, &seen)?,
            None => batch,
        }))
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

/// A batch's rows with a bit for each step they may fill, and their HOLDING codes.
pub(super) struct Marked {
    pub mask: Vec<u64>,
    pub holding: Option<Vec<u32>>,
    /// Rows of each step, rising.
    pub steps: Vec<Vec<u32>>,
}

impl Marked {
    pub(super) fn new(chunk: &Chunk<'_>, selects: &[Select], holding: &[Vec<Values>], coder: Option<&mut Coder>) -> Result<Self> {
        let mut mask = vec![0u64; chunk.len()];
        let mut steps = Vec::with_capacity(selects.len());
        for (k, s) in selects.iter().enumerate() {
            let rows = s.rows(chunk, None)?;
            for r in &rows {
                mask[*r as usize] |= 1 << k;
            }
            steps.push(rows);
        }
        let holding = match coder {
            Some(coder) => {
                let mut codes = vec![eql_timeline::NULL; chunk.len()];
                for (rows, values) in steps.iter().zip(holding) {
                    let columns: Vec<ArrayRef> = values.iter().map(|v| v.read(chunk, rows)).collect::<Result<_>>()?;
                    for (row, code) in rows.iter().zip(holding_codes(coder, &columns)?) {
                        codes[*row as usize] = code;
                    }
                }
                Some(codes)
            }
            None => None,
        };
        Ok(Self { mask, holding, steps })
    }

    /// The pair conditions of the entity with these rows.
    pub(super) fn pairs(
        &self,
        chunk: &Chunk<'_>,
        conditions: &PairConditions,
        rows: std::ops::Range<usize>,
    ) -> Result<Option<super::pair::EntityPairs>> {
        if conditions.is_empty() {
            return Ok(None);
        }
        let within = |s: &Vec<u32>| {
            let (a, b) = (s.partition_point(|r| (*r as usize) < rows.start), s.partition_point(|r| (*r as usize) < rows.end));
            s[a..b].to_vec()
        };
        let steps: Vec<Vec<u32>> = self.steps.iter().map(within).collect();
        conditions.entity(chunk, &steps, rows.start as u32).map(Some)
    }
}
