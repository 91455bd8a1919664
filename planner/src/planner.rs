//! From a bound query to a plan that runs.

use crate::lower::{Lower, Subqueries};
use crate::noted::Noted;
use crate::rel::SystemRows;
use crate::session::{self, session};
use crate::world::World;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use eql_compiler::bound::{Output, Query, Rel};
use eql_store::Snapshot;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What bounds a statement.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Microseconds since 1970-01-01T00:00Z: the statement's instant.
    pub now: i64,
    /// Partitions worked on at once.
    pub threads: usize,
    /// Memory for groups, sorts and joins, shared by statements.
    pub memory: Arc<dyn MemoryPool>,
    /// Set by whoever stops waiting for the answer.
    pub cancelled: Arc<AtomicBool>,
    /// Rows of system tables; without it these cannot be read.
    pub system: Option<Arc<dyn SystemRows>>,
    /// What there is to say of the answer besides its rows.
    pub noted: Arc<Noted>,
    /// Whoever asks follows a stream: what cannot be computed of a row is NULL, instead of an end of all.
    pub endless: bool,
}

impl Settings {
    /// A statement alone: its own memory of so many bytes.
    pub fn alone(now: i64, threads: usize, memory_bytes: usize) -> Self {
        Self {
            now,
            threads,
            memory: Arc::new(GreedyMemoryPool::new(memory_bytes)),
            cancelled: Arc::new(AtomicBool::new(false)),
            system: None,
            noted: Arc::default(),
            endless: false,
        }
    }
}

/// A query, planned.
pub struct Plan {
    /// What is done.
    pub logical: LogicalPlan,
    /// How.
    pub physical: Arc<dyn ExecutionPlan>,
    /// The result's columns in order; the plan's are named by number.
    pub output: Vec<Output>,
}

/// Plans the queries of one statement over one snapshot.
#[derive(Clone)]
pub struct Planner {
    pub(crate) world: Arc<World>,
    state: Arc<SessionState>,
}

impl Planner {
    /// For one statement.
    pub fn new(snapshot: Arc<Snapshot>, settings: Settings) -> Self {
        let state = Arc::new(session(&settings));
        Self { world: Arc::new(World::new(snapshot, settings, state.clone())), state }
    }

    /// Plans a query.
    ///
    /// # Errors
    /// What DataFusion refuses, damaged files, limits.
    pub async fn plan(&self, query: &Query) -> Result<Plan> {
        let logical = self.logical(query)?;
        let mut state = self.state.clone();
        if is_settled(&query.rel) {
            // What the optimizer finds it finds at once; a second pass only looks again, and takes as long.
            Arc::make_mut(&mut state).config_mut().options_mut().optimizer.max_passes = 1;
        }
        let logical = state.optimize(&logical)?;
        let physical = cooperative(state.query_planner().create_physical_plan(&logical, state.as_ref()).await?)?;
        Ok(Plan { logical, physical, output: query.output.clone() })
    }

    /// What running a plan needs.
    ///
    /// # Errors
    /// The environment of running plans cannot be made.
    pub fn task(&self) -> Result<Arc<TaskContext>> {
        session::task(&self.state, &self.world.settings)
    }

    /// The session as it was made, for whoever changes a copy of it.
    pub(crate) fn session_state(&self) -> SessionState {
        self.state.as_ref().clone()
    }

    pub(crate) fn lower(&self) -> Lower<'_> {
        Lower { now: self.world.now, subqueries: Subqueries::Plan(self), noted: &self.world.settings.noted }
    }
}

/// An analysis and what is done with its few rows: no joins, no queries inside, whose places the optimizer would look for.
fn is_settled(rel: &Rel) -> bool {
    match rel {
        Rel::Funnel(_) | Rel::Retention(_) | Rel::Sessions(_) | Rel::Matches(_) | Rel::Paths(_) => true,
        Rel::Lifecycle(_) | Rel::Stickiness(_) | Rel::Journey(_) => true,
        Rel::Project(input, _) | Rel::Sort(input, _) | Rel::Limit(input, _, _) | Rel::Aggregate(input, _, _) => is_settled(input),
        Rel::Fill(fill) => is_settled(&fill.input),
        _ => false,
    }
}

/// Joins can make many batches of one: without yielding after each, the operators above never return, and neither a time-out nor a client that
/// went away is noticed.
pub(crate) fn cooperative(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let wrap = |node: Arc<dyn ExecutionPlan>| {
        Ok(if node.name().contains("Join") {
            Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>)
        } else {
            Transformed::no(node)
        })
    };
    Ok(plan.transform_up(wrap)?.data)
}
