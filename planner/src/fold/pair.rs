//! Conditions between the rows of two steps, ready for one entity.

use super::chunk::Chunk;
use super::values::Values;
use crate::row::Compiled;
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::take;
use datafusion::common::Result;
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Expr, ExprKind, PairCondition, RowExpr, ScanColumn, Step};
use eql_grammar::ast::MatchOp;
use eql_store::Timeline;
use eql_timeline::Pairs;

/// One condition, compiled.
struct Condition {
    earlier: usize,
    later: usize,
    earlier_columns: Vec<Values>,
    later_columns: Vec<Values>,
    test: Test,
}

enum Test {
    /// `list HAS value` with the list on the earlier row (true) or the later one: evaluated row by row, without building pairs of lists.
    Has(bool),
    /// Anything else over both rows' columns.
    Any(Compiled),
}

/// All conditions of a sequence.
pub(crate) struct PairConditions {
    conditions: Vec<Condition>,
}

impl PairConditions {
    pub(crate) fn new(world: &World, timeline: &Timeline, steps: &[Step]) -> Result<Self> {
        let mut conditions = Vec::new();
        for (later, step) in steps.iter().enumerate() {
            for p in &step.pairs {
                let events = |s: &Step| super::select::types(&s.events);
                let earlier_columns = columns(world, timeline, &events(&steps[p.earlier]), &p.earlier_columns)?;
                let later_columns = columns(world, timeline, &events(step), &p.later_columns)?;
                conditions.push(Condition { earlier: p.earlier, later, earlier_columns, later_columns, test: test(world, p)? });
            }
        }
        Ok(Self { conditions })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Evaluates the conditions for one entity. `steps[k]` are the rows (in the batch, rising) that may fill step k; `first` is the entity's first row.
    pub(crate) fn entity(&self, chunk: &Chunk<'_>, steps: &[Vec<u32>], first: u32) -> Result<EntityPairs> {
        let mut tables = Vec::new();
        for c in &self.conditions {
            let (a, b) = (&steps[c.earlier], &steps[c.later]);
            let read = |columns: &[Values], rows: &[u32]| columns.iter().map(|v| v.read(chunk, rows)).collect::<Result<Vec<_>>>();
            let (x, y) = (read(&c.earlier_columns, a)?, read(&c.later_columns, b)?);
            let allowed = match &c.test {
                Test::Has(list_first) => has(&x, &y, *list_first, a.len(), b.len()),
                Test::Any(compiled) => product(compiled, &x, &y, a.len(), b.len())?,
            };
            let rows = |r: &[u32]| r.iter().map(|p| p - first).collect();
            tables.push(Table { earlier: c.earlier, later: c.later, earlier_rows: rows(a), later_rows: rows(b), allowed });
        }
        Ok(EntityPairs { tables })
    }
}

fn columns(world: &World, timeline: &Timeline, events: &[EventTypeId], columns: &[ScanColumn]) -> Result<Vec<Values>> {
    let one = |c: &ScanColumn| RowExpr { columns: vec![c.clone()], expr: Expr::column(c.id, c.data_type.clone()) };
    columns.iter().map(|c| Values::new(world, timeline, events, &one(c))).collect()
}

fn test(world: &World, p: &PairCondition) -> Result<Test> {
    if let ExprKind::Match(MatchOp::Has, list, value) = &p.expr.kind
        && let (ExprKind::Column(l), ExprKind::Column(v)) = (&list.kind, &value.kind)
        && p.earlier_columns.len() == 1
        && p.later_columns.len() == 1
    {
        if p.earlier_columns[0].id == *l && p.later_columns[0].id == *v {
            return Ok(Test::Has(true));
        }
        if p.later_columns[0].id == *l && p.earlier_columns[0].id == *v {
            return Ok(Test::Has(false));
        }
    }
    let both: Vec<ScanColumn> = p.earlier_columns.iter().chain(&p.later_columns).cloned().collect();
    Ok(Test::Any(Compiled::new(world, &both, &p.expr)?))
}

/// Membership of each value in each list: one hash set a list.
fn has(x: &[ArrayRef], y: &[ArrayRef], list_first: bool, m: usize, n: usize) -> Vec<bool> {
    let (lists, values) = if list_first { (&x[0], &y[0]) } else { (&y[0], &x[0]) };
    let lists = lists.as_list::<i32>();
    let mut allowed = vec![false; m * n];
    let Ok(converter) = arrow::row::RowConverter::new(vec![arrow::row::SortField::new(values.data_type().clone())]) else { return allowed };
    let Ok(wanted) = converter.convert_columns(std::slice::from_ref(values)) else { return allowed };
    for l in (0..lists.len()).filter(|l| lists.is_valid(*l)) {
        let Ok(members) = arrow::compute::cast(&lists.value(l), values.data_type()) else { continue };
        let Ok(rows) = converter.convert_columns(&[members]) else { continue };
        let set: hashbrown::HashSet<arrow::row::Row<'_>> = rows.iter().collect();
        for v in (0..values.len()).filter(|v| values.is_valid(*v)) {
            let at = if list_first { l * n + v } else { v * n + l };
            allowed[at] = set.contains(&wanted.row(v));
        }
    }
    allowed
}

/// The condition over all pairs of rows.
fn product(compiled: &Compiled, x: &[ArrayRef], y: &[ArrayRef], m: usize, n: usize) -> Result<Vec<bool>> {
    // Pairs are made a slice at a time: an entity with many rows must not need memory for all of them at once.
    const PAIRS: usize = 1 << 16;
    let mut allowed = Vec::with_capacity(m * n);
    let step = (PAIRS / n.max(1)).max(1);
    for start in (0..m).step_by(step) {
        let end = (start + step).min(m);
        let left = UInt32Array::from_iter_values((start..end).flat_map(|i| std::iter::repeat_n(i as u32, n)));
        let right = UInt32Array::from_iter_values((start..end).flat_map(|_| 0..n as u32));
        let mut columns = x.iter().map(|c| take(c, &left, None)).collect::<arrow::error::Result<Vec<_>>>()?;
        for c in y {
            columns.push(take(c, &right, None)?);
        }
        let out = compiled.evaluate(columns, left.len())?;
        let out: &BooleanArray = out.as_boolean();
        allowed.extend((0..out.len()).map(|i| out.is_valid(i) && out.value(i)));
    }
    Ok(allowed)
}

struct Table {
    earlier: usize,
    later: usize,
    earlier_rows: Vec<u32>,
    later_rows: Vec<u32>,
    /// Row-major: earlier × later.
    allowed: Vec<bool>,
}

/// The conditions of one entity, answered.
pub(crate) struct EntityPairs {
    tables: Vec<Table>,
}

impl Pairs for EntityPairs {
    fn allowed(&self, earlier_step: usize, earlier_row: u32, later_step: usize, later_row: u32) -> bool {
        self.tables.iter().filter(|t| t.earlier == earlier_step && t.later == later_step).all(|t| {
            match (t.earlier_rows.binary_search(&earlier_row), t.later_rows.binary_search(&later_row)) {
                (Ok(i), Ok(j)) => t.allowed[i * t.later_rows.len() + j],
                _ => false,
            }
        })
    }

    fn relates(&self, earlier_step: usize, later_step: usize) -> bool {
        self.tables.iter().any(|t| t.earlier == earlier_step && t.later == later_step)
    }
}
