//! # eql-planner: how an answer is computed
//!
//! A bound query becomes a DataFusion plan over one snapshot. What is ordinary (filters, joins, groups, order) is DataFusion's; what an entity did
//! is one pass of [`fold`] over its timeline. The planner never writes.
//!
//! ```text
//! bound::Query ── rel/ ──▶ LogicalPlan ── DataFusion ──▶ ExecutionPlan ──▶ batches
//!                            │ leaves: event scans, and FoldExec over timelines
//!                            └ expressions: lower.rs, once for scans and folds
//! ```
//! Start with [`Planner::plan`].
#![forbid(unsafe_code)]

mod clock;
mod fold;
mod function;
mod json;
mod kept;
pub mod live;
mod lower;
mod noted;
mod outer;
mod planner;
mod refusal;
mod rel;
mod row;
mod scan;
mod session;
mod sql;
mod standing;
mod timed;
mod world;

pub use clock::{instant, next_due, resolve};
pub use eql_timeline::kmeans;
pub use kept::NotKept;
pub use noted::Noted;
pub use planner::{Plan, Planner, Settings};
pub use refusal::Refusal;
pub use rel::{SystemRows, system_schema};
pub use sql::{SQL_CATALOG, SQL_SCHEMA, SqlContext, SqlError, SqlTable, sql_tables};
