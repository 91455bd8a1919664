//! SQL beside the Entity Query Language: every noun of the catalog is a table, read only, planned by DataFusion over the statement's snapshot.

mod bound;
mod nouns;
mod reply;

pub use nouns::{SqlTable, sql_tables};
pub use reply::SqlError;

use crate::planner::{Plan, Planner, cooperative};
use arrow::datatypes::DataType as ArrowType;
use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues as SqlValues, Result, plan_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, SelectItem, SetExpr, Statement};
use eql_catalog::{DataType, Value, WeekStart};
use eql_compiler::ParamValues;
use eql_compiler::bound::{ColumnId, Output};
use nouns::{EqlFunction, Nouns};
use std::collections::HashMap;
use std::sync::Arc;

/// The catalog that SQL names: `eql.default.purchase`.
pub const SQL_CATALOG: &str = "eql";
/// The schema of a project's nouns.
pub const SQL_SCHEMA: &str = "default";

/// What a text of SQL is read with, besides the snapshot.
#[derive(Clone, Debug)]
pub struct SqlContext {
    /// IANA name of the zone that EQL inside SQL is computed in.
    pub zone: String,
    /// The week of EQL inside SQL.
    pub week_start: WeekStart,
    /// Values of `$1`; None leaves them open.
    pub params: Option<ParamValues>,
}

impl Planner {
    /// The columns of a text of SQL; nothing is run.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub async fn sql_output(&self, text: &str, context: &SqlContext) -> std::result::Result<Vec<Output>, SqlError> {
        let state = self.sql_state(context);
        self.sql_logical(text, context, &state).await.map(|(_, output)| output).map_err(|e| SqlError::of(text, &e))
    }

    /// The names of the parameters of a text of SQL: numbers in order, then names.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub async fn sql_parameters(&self, text: &str, context: &SqlContext) -> std::result::Result<Vec<String>, SqlError> {
        let open = SqlContext { params: None, ..context.clone() };
        let found = async {
            let (plan, _) = self.sql_logical(text, &open, &self.sql_state(&open)).await?;
            plan.get_parameter_names()
        };
        let names = found.await.map_err(|e: datafusion::common::DataFusionError| SqlError::of(text, &e))?;
        let mut names: Vec<String> = names.into_iter().map(|n| n.trim_start_matches(['$', ':']).to_string()).collect();
        names.sort_by_key(|n| (n.parse::<u64>().unwrap_or(u64::MAX), n.clone()));
        Ok(names)
    }

    /// Plans a text of SQL.
    ///
    /// # Errors
    /// What is wrong with the text, damaged files, limits.
    pub async fn sql(&self, text: &str, context: &SqlContext) -> std::result::Result<Plan, SqlError> {
        self.sql_planned(text, context).await.map_err(|e| SqlError::of(text, &e))
    }

    async fn sql_planned(&self, text: &str, context: &SqlContext) -> Result<Plan> {
        let state = self.sql_state(context);
        let (logical, output) = self.sql_logical(text, context, &state).await?;
        let logical = state.optimize(&logical)?;
        let physical = cooperative(state.query_planner().create_physical_plan(&logical, &state).await?)?;
        Ok(Plan { logical, physical, output })
    }

    async fn sql_logical(&self, text: &str, context: &SqlContext, state: &SessionState) -> Result<(LogicalPlan, Vec<Output>)> {
        if let Some(why) = bound::refused(text) {
            return plan_err!("{why}");
        }
        let dialect = state.config_options().sql_parser.dialect;
        let parsed = state.sql_to_statement(text, &dialect)?;
        let names = written_names(&parsed);
        let plan = state.statement_to_plan(parsed).await?;
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(&plan)?;
        let plan = match &context.params {
            Some(params) if !plan.get_parameter_names()?.is_empty() => plan.with_param_values(values(params)?)?,
            _ => plan,
        };
        let output = output(&plan, names);
        Ok((plan, output))
    }

    /// The session of one statement with the catalog's nouns as tables, and `now()` at the statement's instant.
    fn sql_state(&self, context: &SqlContext) -> SessionState {
        let mut state = self.session_state();
        let options = state.config_mut().options_mut();
        options.catalog.default_catalog = SQL_CATALOG.into();
        options.catalog.default_schema = SQL_SCHEMA.into();
        options.catalog.information_schema = true;
        options.sql_parser.collect_spans = true;
        let nouns = Arc::new(Nouns { planner: self.clone(), context: context.clone() });
        // A list of its own: in the planner's it would hold the planner that holds it, and the snapshot's files with both.
        state.register_catalog_list(Arc::new(MemoryCatalogProviderList::new()));
        state.catalog_list().register_catalog(SQL_CATALOG.to_string(), nouns.clone());
        state.register_udtf("eql", Arc::new(EqlFunction { nouns }));
        state.mark_start_execution();
        state.execution_props_mut().query_execution_start_time = chrono::DateTime::from_timestamp_micros(self.world.now);
        state
    }
}

fn values(params: &ParamValues) -> Result<SqlValues> {
    let one = |v: &Value| crate::lower::scalar(v, &type_of(v)).map(ScalarAndMetadata::from);
    // `$1` is looked up as `1`, `:name` with its colon.
    let both = params.iter().flat_map(|(k, v)| [(k.clone(), v), (format!(":{k}"), v)]);
    let map = both.map(|(k, v)| Ok((k, one(v)?))).collect::<Result<HashMap<_, _>>>()?;
    Ok(SqlValues::Map(map))
}

fn type_of(v: &Value) -> DataType {
    match v {
        Value::Bool(_) => DataType::Bool,
        Value::Int(_) => DataType::Int,
        Value::Double(_) => DataType::Double,
        Value::Decimal(_, s) => DataType::Decimal(38, *s),
        Value::Date(_) => DataType::Date,
        Value::Timestamp(_) => DataType::Timestamp,
        Value::List(items) => DataType::List(Box::new(items.first().map_or(DataType::String, type_of))),
        Value::Null | Value::String(_) => DataType::String,
    }
}

/// What the columns are called: an alias, a column's name, else the words as written.
fn written_names(parsed: &Parsed) -> Vec<Option<String>> {
    let Parsed::Statement(statement) = parsed else { return vec![] };
    let Statement::Query(query) = statement.as_ref() else { return vec![] };
    let SetExpr::Select(select) = query.body.as_ref() else { return vec![] };
    let one = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_)) | SelectItem::ExprWithAlias { .. } => None,
        SelectItem::UnnamedExpr(e) => Some(e.to_string()),
        _ => None,
    };
    let plain = select.projection.iter().all(|i| matches!(i, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }));
    if plain { select.projection.iter().map(one).collect() } else { vec![] }
}

fn output(plan: &LogicalPlan, names: Vec<Option<String>>) -> Vec<Output> {
    let fields = plan.schema().fields();
    let names = if names.len() == fields.len() { names } else { vec![None; fields.len()] };
    let numbered = fields.iter().zip(names).zip(1..);
    numbered
        .map(|((f, name), n)| Output {
            id: ColumnId(n),
            name: name.unwrap_or_else(|| f.name().clone()),
            data_type: plain_type(f.data_type()),
        })
        .collect()
}

/// The type of the language that holds values of an Arrow type; what has none is shown as text.
fn plain_type(t: &ArrowType) -> DataType {
    match t {
        ArrowType::Boolean => DataType::Bool,
        _ if t.is_integer() => DataType::Int,
        _ if t.is_floating() => DataType::Double,
        ArrowType::Decimal32(p, s) | ArrowType::Decimal64(p, s) | ArrowType::Decimal128(p, s) => DataType::Decimal(*p, *s),
        ArrowType::Decimal256(_, s) => DataType::Decimal(38, *s),
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        ArrowType::Timestamp(..) => DataType::Timestamp,
        ArrowType::List(f) | ArrowType::LargeList(f) | ArrowType::FixedSizeList(f, _) => {
            DataType::List(Box::new(plain_type(f.data_type())))
        }
        _ => DataType::String,
    }
}
