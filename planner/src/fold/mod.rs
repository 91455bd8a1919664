//! One pass over timelines. [`FoldExec`] drives every fold: it cuts the entities into ranges of about equally many rows (its partitions), walks
//! each range in batches that never cut through an entity, and hands each batch to the fold. Conditions on events are evaluated once a batch over
//! the rows of their event only; the folds of `eql-timeline` see times and bits.

mod active;
mod aggregate;
mod attribution;
mod behaviours;
mod chunk;
mod coded;
mod coder;
mod cut;
mod did;
mod entities;
mod exec;
mod favourite;
mod funnel;
mod interval;
mod journey;
mod lifecycle;
mod marking;
mod matches;
mod pair;
mod path_tally;
mod paths;
mod retention;
mod returns;
mod select;
mod sequence;
mod sessions;
mod stickiness;
mod summed;
mod top;
mod values;

pub(crate) use aggregate::aggregate;
pub(crate) use behaviours::behaviours;
pub(crate) use chunk::Chunk;
pub(crate) use entities::Entities;
pub(crate) use exec::{Fold, FoldTable};
pub(crate) use funnel::{FunnelFold, FunnelLines, LineColumn, period_array as period_column, period_type};
pub(crate) use journey::{Edge, JourneyFold};
pub(crate) use lifecycle::LifecycleFold;
pub(crate) use matches::MatchesFold;
pub(crate) use paths::PathsFold;
pub(crate) use retention::RetentionFold;
pub(crate) use sessions::SessionsFold;
pub(crate) use stickiness::StickinessFold;
pub(crate) use summed::Summed;
pub(crate) use top::OTHER;
