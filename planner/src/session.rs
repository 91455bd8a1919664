//! DataFusion's session. Its functions and rules are the same for all statements: made once, and copied, which takes less time than a short
//! statement needs.

use crate::outer::OuterJoins;
use crate::planner::Settings;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

static BASE: OnceLock<SessionState> = OnceLock::new();

/// The session of a statement.
pub(crate) fn session(settings: &Settings) -> SessionState {
    let mut state = BASE.get_or_init(base).clone();
    state.config_mut().options_mut().execution.target_partitions = settings.threads.max(1);
    // Names of its own for what the optimizer makes: the same statement has the same plan.
    state.mark_start_execution();
    state
}

/// What running a plan needs: the session's options, and the statement's memory.
pub(crate) fn task(state: &SessionState, settings: &Settings) -> Result<Arc<TaskContext>> {
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(settings.memory.clone()).build_arc()?;
    let (config, id) = (state.config().clone(), state.session_id().to_string());
    // Plans hold the functions that they call.
    let none = (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
    Ok(Arc::new(TaskContext::new(None, id, config, none.0, none.1, none.2, none.3, runtime)))
}

/// DataFusion's own rules, and before those that look at orders the one for outer joins.
fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let at = rules.iter().position(|r| r.name() == "EnsureRequirements").unwrap_or(0);
    rules.insert(at, Arc::new(OuterJoins));
    rules
}

fn base() -> SessionState {
    let mut config = SessionConfig::new().with_information_schema(false);
    let options = config.options_mut();
    // Clients that cannot read views are many: plain strings from the start.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.collect_statistics = false;
    // Predicates are never NULL in the logical plan and may be in the physical one: a harmless difference.
    options.execution.skip_physical_aggregate_schema_check = true;
    SessionStateBuilder::new().with_config(config).with_default_features().with_physical_optimizer_rules(rules()).build()
}
