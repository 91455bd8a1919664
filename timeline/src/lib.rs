//! # eql-timeline: the folds
//!
//! What one entity did, in time order, turned into an answer.
//!
//! Every analysis of behaviour is a small pure function over the rows of *one* entity, sorted by time. The planner calls these
//! functions over history and the stream calls the same ones over live rows, so a query and a subscription cannot disagree.
//!
//! This crate knows no storage, no query text, no columns of Arrow, no thread and no clock: "now" is handed in. Slices go in,
//! plain values come out. Times are microseconds since 1970-01-01 UTC everywhere.
//!
//! The ladder, from the ground up:
//!
//! ```text
//! calendar      what a day, a week, a window is in a time zone      rules 3, 12, 21, 33
//! run           one entity's rows: times and a bit per step         rules 1, 2, 10
//! rows          rows of many entities: a bit per kind and row
//! funnel        how far did it get                                  rules 1–11, 39, 50, 52
//! sequence      did this happen, or stay away                       rules 14, 40
//! retention     did it come back                                    rule 20
//! session       cut a timeline into visits                          rules 22, 43
//! interval      how long from this to that                          rules 25, 41
//! path          which way did it go                                 rules 19, 38, 42
//! attribution   what led to the goal                                rule 18
//! ltv           what it was worth                             rules 26, 54
//! lifecycle     new, returning, resurrecting, dormant               rules 23, 45
//! aggregate     counts, sums, streaks of behaviour                  rules 17, 46, 47
//! threshold     "at least k within n" as one instant                rule 12
//! kmeans        who resembles whom: the one that sees all entities  rule 29
//! ```
//!
//! Start with [`funnel()`]: the other folds have its shape.

pub mod aggregate;
pub mod attribution;
pub mod calendar;
pub mod funnel;
pub mod interval;
pub mod kmeans;
pub mod lifecycle;
pub mod ltv;
pub mod path;
pub mod retention;
pub mod rows;
pub mod run;
pub mod sequence;
pub mod session;
pub mod threshold;

pub use attribution::{AttributionSpec, Credit, Model, attribution};
pub use calendar::{Bucketer, Calendar, Unit, WeekStart, Window};
pub use funnel::{
    Attempt, Counting, Done, Exclusion, Funnel, FunnelSpec, FunnelStep, LineCount, Lines, Mode, Reentry, Sweep, Swept, funnel,
};
pub use interval::{IntervalSpec, Pair, intervals};
pub use kmeans::kmeans;
pub use lifecycle::{Phase, lifecycle, stickiness};
pub use ltv::ltv;
pub use path::{NO_NODE, Path, PathSpec, path};
pub use retention::{Cells, Cohort, Retention, RetentionSpec, Return, cell_count, cell_of, mature, retention};
pub use rows::RowBits;
pub use run::{EVERYWHERE, NULL, Pairs, Run, UNMATCHED};
pub use sequence::{DidSweep, Match, Sequence, SequenceSpec, SequenceStep, Truth, did, sequence};
pub use session::{SessionSpan, SessionSpec, sessions};
