//! From a bound query to a plan that runs.

use crate::lower::{Lower, Subqueries};
use crate::outer::OuterJoins;
use crate::rel::SystemRows;
use crate::world::World;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::prelude::{SessionConfig, SessionContext};
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
    context: SessionContext,
}

impl Planner {
    /// For one statement.
    pub fn new(snapshot: Arc<Snapshot>, settings: Settings) -> Self {
        let context = SessionContext::new_with_state(session(&settings));
        let state = context.state();
        Self { world: Arc::new(World::new(snapshot, settings, state)), context }
    }

    /// Plans a query.
    ///
    /// # Errors
    /// What DataFusion refuses, damaged files, limits.
    pub async fn plan(&self, query: &Query) -> Result<Plan> {
        let logical = self.logical(query)?;
        let mut state = self.context.state();
        if is_settled(&query.rel) {
            // What the optimizer finds it finds at once; a second pass only looks again, and takes as long.
            state.config_mut().options_mut().optimizer.max_passes = 1;
        }
        let logical = state.optimize(&logical)?;
        let physical = cooperative(state.query_planner().create_physical_plan(&logical, &state).await?)?;
        Ok(Plan { logical, physical, output: query.output.clone() })
    }

    /// What running a plan needs.
    pub fn task(&self) -> Arc<TaskContext> {
        self.context.task_ctx()
    }

    /// The session as it was made, for whoever changes a copy of it.
    pub(crate) fn session_state(&self) -> SessionState {
        self.context.state_ref().read().clone()
    }

    pub(crate) fn lower(&self) -> Lower<'_> {
        Lower { now: self.world.now, subqueries: Subqueries::Plan(self) }
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

/// DataFusion's own rules, and before those that look at orders the one for outer joins.
fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let at = rules.iter().position(|r| r.name() == "EnsureRequirements").unwrap_or(0);
    rules.insert(at, Arc::new(OuterJoins));
    rules
}

fn session(settings: &Settings) -> SessionState {
    let mut config = SessionConfig::new().with_target_partitions(settings.threads.max(1)).with_information_schema(false);
    let options = config.options_mut();
    // Clients that cannot read views are many: plain strings from the start.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.collect_statistics = false;
    // Predicates are never NULL in the logical plan and may be in the physical one: a harmless difference.
    options.execution.skip_physical_aggregate_schema_check = true;
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(settings.memory.clone()).build_arc();
    let builder = SessionStateBuilder::new().with_config(config).with_default_features().with_physical_optimizer_rules(rules());
    match runtime {
        Ok(r) => builder.with_runtime_env(r).build(),
        Err(_) => builder.build(),
    }
}
