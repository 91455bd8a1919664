//! EXPLAIN: a statement on each rung of its way.

use crate::query::Setup;
use crate::rows::{internal, plan_error};
use crate::{Engine, EngineError, ResultColumn, Rows, Session, Warnings};
use arrow::array::StringArray;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use eql_compiler::bound::Statement;
use eql_grammar::ast::{self, ExplainRung};
use eql_planner::Planner;
use futures::StreamExt;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

/// One column of lines.
pub(crate) fn shape() -> (Vec<ResultColumn>, SchemaRef) {
    let columns = vec![ResultColumn { name: "plan".into(), type_name: "STRING".into() }];
    (columns, Arc::new(Schema::new(vec![Field::new("plan", DataType::Utf8, true)])))
}

impl Engine {
    pub(crate) async fn explain(
        &self,
        session: &Session,
        setup: &Setup,
        rung: ExplainRung,
        statement: &ast::Statement,
        inner: &Statement,
    ) -> Result<Rows, EngineError> {
        let text = match rung {
            ExplainRung::Syntax => match &statement.kind {
                ast::StatementKind::Explain { statement, .. } => format!("{:#?}", statement.kind),
                other => format!("{other:#?}"),
            },
            ExplainRung::Bound => format!("{inner:#?}"),
            _ => self.explain_plan(session, setup, rung, inner).await?,
        };
        let (columns, schema) = shape();
        let lines: StringArray = text.lines().map(Some).collect();
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(lines)]).map_err(|e| internal(e.to_string()))?;
        Ok(Rows { columns, schema, batches: futures::stream::iter([Ok(batch)]).boxed(), warnings: Warnings::default(), approximate: false })
    }

    async fn explain_plan(&self, session: &Session, setup: &Setup, rung: ExplainRung, inner: &Statement) -> Result<String, EngineError> {
        let Statement::Query(q) = inner else {
            return Err(EngineError::Invalid("only a query has a plan: EXPLAIN SYNTAX and EXPLAIN BOUND show other statements".into()));
        };
        let limits = self.limitation(session, self.admission.turn().await?);
        let planner = Planner::new(self.snapshot().await?, self.settings(session, setup, &limits));
        let started = Instant::now();
        let plan = planner.plan(q).await.map_err(plan_error)?;
        let planned = started.elapsed();
        Ok(match rung {
            ExplainRung::Logical => plan.logical.display_indent().to_string(),
            ExplainRung::Physical => DisplayableExecutionPlan::new(plan.physical.as_ref()).indent(false).to_string(),
            _ => {
                let started = Instant::now();
                let mut stream = datafusion::physical_plan::execute_stream(plan.physical.clone(), planner.task().map_err(plan_error)?)
                    .map_err(plan_error)?;
                let mut rows = 0;
                let deadline = tokio::time::sleep(limits.timeout);
                tokio::pin!(deadline);
                loop {
                    tokio::select! {
                        () = &mut deadline => return Err(EngineError::Timeout(limits.timeout.as_millis().try_into().unwrap_or(u64::MAX))),
                        next = stream.next() => match next {
                            Some(batch) => rows += batch.map_err(plan_error)?.num_rows(),
                            None => break,
                        }
                    }
                }
                let mut out = DisplayableExecutionPlan::with_metrics(plan.physical.as_ref()).indent(false).to_string();
                let _ = writeln!(out, "rows: {rows}");
                let _ = writeln!(out, "planning: {:.3} ms", planned.as_secs_f64() * 1e3);
                let _ = writeln!(out, "execution: {:.3} ms", started.elapsed().as_secs_f64() * 1e3);
                out
            }
        })
    }
}
