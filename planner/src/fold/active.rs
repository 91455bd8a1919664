//! The rows that make entities active, entity by entity and group by group: what LIFECYCLE and STICKINESS count.

use super::chunk::Chunk;
use super::coder::Coder;
use super::select::{Select, types};
use super::top::Grouping;
use super::values::Values;
use crate::row::store_error;
use crate::world::World;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Breakdown, Clock, EventSelect, Top};
use eql_store::{Timeline, arrow_type};

/// Rows of a partition's result: groups by periods. More is a mistake of the breakdown.
const ROWS_MAX: usize = 1 << 20;

/// Which rows, and the groups they fall into.
pub(super) struct Active {
    select: Select,
    breakdown: Grouping,
    types: Vec<ArrowType>,
}

/// Whose rows, and in which group.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub entity: u32,
    pub group: u32,
}

impl Active {
    pub(super) fn new(
        world: &World,
        timeline: &Timeline,
        events: &EventSelect,
        (breakdown, top): (&[Breakdown], Option<&Top>),
        clock: &Clock,
    ) -> Result<Self> {
        let at = types(events);
        let values = breakdown.iter().map(|b| Values::new(world, timeline, &at, &b.value)).collect::<Result<_>>()?;
        Ok(Self {
            select: Select::new(world, timeline, events, clock)?,
            breakdown: Grouping::new(world, values, top)?,
            types: breakdown.iter().map(|b| arrow_type(&b.value.expr.data_type)).collect(),
        })
    }

    pub(super) fn want(&self, wanted: &mut [bool]) {
        self.select.want(wanted);
    }

    /// Numbers of groups over a partition; None where there is one group.
    pub(super) fn groups(&self) -> Result<Option<Coder>> {
        if self.types.is_empty() { Ok(None) } else { Coder::new(&self.types).map(Some) }
    }

    /// Calls `each` with every entity and group, and the times of the entity's rows in it. A group is a history of its own, as if it were asked for alone.
    pub(super) fn walk(
        &self,
        chunk: &Chunk<'_>,
        among: Option<&[bool]>,
        during: (i64, i64),
        groups: Option<&mut Coder>,
        each: &mut dyn FnMut(Own, &[i64]),
    ) -> Result<()> {
        let rows = self.select.rows(chunk, Some(during))?;
        let codes = match groups {
            Some(coder) => coder.codes(&self.breakdown.read(chunk, &rows)?)?,
            None => vec![0; rows.len()],
        };
        let mut at = 0;
        let (mut order, mut times) = (Vec::new(), Vec::new());
        for i in 0..chunk.entities() {
            let end = at + rows[at..].partition_point(|r| (*r as usize) < chunk.rows_of(i).end);
            let own = at..end;
            at = end;
            if among.is_some_and(|a| !a[i]) {
                continue;
            }
            order.clear();
            order.extend(own);
            // Stable: rows of a group stay in the order of time.
            order.sort_by_key(|r| codes[*r]);
            for run in order.chunk_by(|a, b| codes[*a] == codes[*b]) {
                times.clear();
                times.extend(run.iter().map(|r| chunk.time[rows[*r] as usize]));
                each(Own { entity: chunk.ordinals.start + i as u32, group: codes[run[0]] }, &times);
            }
        }
        Ok(())
    }
}

/// The key columns of a list of entities.
pub(super) fn key_arrays(world: &World, subject: EntityTypeId, count: usize) -> Result<Vec<ArrayRef>> {
    let entities = world.snapshot.entities(subject).map_err(store_error)?;
    Ok((0..count).map(|i| entities.key(i).clone()).collect())
}

/// An error where a partition would hold more counts than a result can have rows.
pub(super) fn bounded(rows: usize, head: &str) -> Result<()> {
    if rows <= ROWS_MAX {
        return Ok(());
    }
    let what = format!(
        "{head} found more than {ROWS_MAX} groups and periods: break down by fewer values, narrow the range, or take longer periods"
    );
    Err(DataFusionError::ResourcesExhausted(what))
}
