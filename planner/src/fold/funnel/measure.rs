//! Values of attempts over their matched rows: what MEASURE aggregates.

use super::super::values::Values;
use super::batch::Found;
use crate::row::Compiled;
use crate::world::World;
use arrow::array::ArrayRef;
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Expr, LineMeasures, RowExpr, ScanColumn};
use eql_store::Timeline;
use hashbrown::HashMap;

/// Ready to be read.
pub(super) struct MatchedValues {
    /// Columns of the row at the line's step.
    line: Vec<Values>,
    /// Columns of the rows of named steps.
    steps: Vec<(usize, Values)>,
    values: Vec<(usize, Compiled)>,
}

impl MatchedValues {
    pub(super) fn new(world: &World, timeline: &Timeline, measures: &LineMeasures, events: &[EventTypeId]) -> Result<Self> {
        let one = |c: &ScanColumn| {
            let row = RowExpr { columns: vec![c.clone()], expr: Expr::column(c.id, c.data_type.clone()) };
            Values::new(world, timeline, events, &row)
        };
        let columns: Vec<ScanColumn> = measures.line_columns.iter().chain(measures.step_columns.iter().map(|(_, c)| c)).cloned().collect();
        Ok(Self {
            line: measures.line_columns.iter().map(one).collect::<Result<_>>()?,
            steps: measures.step_columns.iter().map(|(s, c)| Ok((*s, one(c)?))).collect::<Result<_>>()?,
            values: measures.values.iter().map(|v| Ok((v.step, Compiled::new(world, &columns, &v.expr)?))).collect::<Result<_>>()?,
        })
    }

    /// The values of these attempts.
    pub(super) fn on<'a>(&'a self, found: &'a Found<'a>, attempts: &'a [usize]) -> OnAttempts<'a> {
        OnAttempts { values: self, found, attempts, columns: HashMap::new() }
    }
}

/// Values of given attempts; columns are read once for each line.
pub(super) struct OnAttempts<'a> {
    values: &'a MatchedValues,
    found: &'a Found<'a>,
    attempts: &'a [usize],
    columns: HashMap<usize, Vec<ArrayRef>>,
}

impl OnAttempts<'_> {
    pub(super) fn value(&mut self, i: usize) -> Result<ArrayRef> {
        let Some((step, compiled)) = self.values.values.get(i) else {
            return Err(DataFusionError::Internal("an unknown value of a measure".into()));
        };
        let columns = match self.columns.get(step) {
            Some(known) => known.clone(),
            None => {
                let read = self.read(*step)?;
                self.columns.insert(*step, read.clone());
                read
            }
        };
        compiled.evaluate(columns, self.attempts.len())
    }

    /// At a line the rows of its own and of earlier steps are known.
    fn read(&self, line: usize) -> Result<Vec<ArrayRef>> {
        let at = |values: &Values, step: usize| {
            let rows = self.attempts.iter().map(|a| if step <= line { self.found.row(*a, step) } else { None });
            self.found.read(values, rows)
        };
        let mut out = self.values.line.iter().map(|v| at(v, line)).collect::<Result<Vec<_>>>()?;
        for (step, values) in &self.values.steps {
            out.push(at(values, *step)?);
        }
        Ok(out)
    }
}
