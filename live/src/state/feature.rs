//! A feature: what one behaviour of a definition is for an entity at an instant, and when it may be something else without an event.

use super::lane::Keep;
use super::moment::Moment;
use super::rows::Rows;
use super::sequence::SequenceFeature;
use super::waits;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, concat, take};
use eql_catalog::DataType;
use eql_compiler::bound::Aggregation;
use eql_grammar::ast::BinaryOp;
use eql_planner::live::{Codes, LiveError, MarkSpec, aggregate_run};
use eql_store::arrow_type;
use eql_timeline::Bucketer;
use eql_timeline::aggregate::{distinct_periods, sum_f64};
use parking_lot::Mutex;
use std::sync::Arc;

/// A value of a feature.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Bits of a value of the feature's type: a date or a time.
    Bits(i64),
    /// The number of a value in its lane.
    Code(u32),
    /// Any value, as an array of one.
    Value(ArrayRef),
}

/// How it is computed from its rows.
#[derive(Debug)]
pub(crate) enum How {
    Count,
    CountDistinct,
    Sum,
    Average,
    Min,
    Max,
    /// The value of the earliest row, or of the latest.
    Picked {
        last: bool,
    },
    All,
    AnyOf,
    Periods(Box<Mutex<Bucketer>>),
    /// By the fold of queries, over the values.
    Folded(Aggregation),
    Sequence(Box<SequenceFeature>),
}

/// A behaviour.
#[derive(Debug)]
pub(crate) struct Feature {
    pub how: How,
    /// What its rows are.
    pub spec: MarkSpec,
    /// The type of the values on its rows.
    pub value: DataType,
    /// When: a number of a range; None is all time.
    pub range: Option<usize>,
    pub data_type: DataType,
    /// What is asked of it, as far as that is known.
    pub asked: Asked,
}

/// What conditions ask of a feature: what nobody asks for need not be waited for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// Any of its values may matter.
    Anything,
    /// A count is compared: the numbers at which some condition changes, rising.
    Counts(Vec<i64>),
    /// A whole number is compared with these.
    Ints(Vec<(BinaryOp, i64)>),
    /// A double is compared with these, by which is the greater one.
    Doubles(Vec<(BinaryOp, f64)>),
}

impl Feature {
    /// Its value over all rows that are remembered.
    pub(crate) fn value(&self, rows: Rows<'_>, codes: Option<&Codes>, keep: Keep, at: &mut Moment<'_>) -> Result<Datum, LiveError> {
        let (start, end) = at.bounds(self.range);
        if let How::Sequence(s) = &self.how {
            return Ok(s.value(rows, start..if self.range.is_some() { end } else { i64::MAX }, at.now));
        }
        // Nothing at or after now is ever among the rows.
        let rows = if at.ends_now(self.range) { rows.from(start) } else { rows.between(start, end) };
        Ok(match &self.how {
            How::Count => Datum::Int(rows.len() as i64),
            // Of each value there is one row.
            How::CountDistinct if matches!(keep, Keep::RecentDistinct(_)) => Datum::Int(rows.len() as i64),
            How::CountDistinct => Datum::Int(distinct(rows)),
            How::Sum if self.value == DataType::Double => Datum::Double(sum(rows)),
            // A sum that is too large is an error of the query; a stream has nobody to tell, and no member.
            How::Sum => i64::try_from(rows.payloads().map(i128::from).sum::<i128>()).map_or(Datum::Null, Datum::Int),
            _ if rows.len() == 0 && !matches!(self.how, How::Folded(_) | How::Periods(_)) => Datum::Null,
            How::Average if self.value == DataType::Double => Datum::Double(sum(rows) / rows.len() as f64),
            How::Average => {
                let values: Vec<f64> = rows.payloads().map(|v| v as f64).collect();
                Datum::Double(sum_f64(0..values.len(), &values) / values.len() as f64)
            }
            How::Min | How::Max if self.value == DataType::Double => {
                let least = |a: f64, b: f64| if (a.total_cmp(&b).is_le()) == matches!(self.how, How::Min) { a } else { b };
                doubles(rows).reduce(least).map_or(Datum::Null, Datum::Double)
            }
            How::Min => rows.payloads().min().map_or(Datum::Null, |v| self.bits(v)),
            How::Max => rows.payloads().max().map_or(Datum::Null, |v| self.bits(v)),
            How::Picked { last } => {
                let row = if *last { rows.len() - 1 } else { 0 };
                Datum::Code(u32::try_from(rows.payload(row)).unwrap_or(u32::MAX))
            }
            How::All => Datum::Bool(rows.payloads().all(|v| v != 0)),
            How::AnyOf => Datum::Bool(rows.payloads().any(|v| v != 0)),
            How::Periods(bucketer) => {
                let mut bucketer = bucketer.lock();
                let periods: Vec<i64> = rows.times().map(|t| bucketer.index(t)).collect();
                Datum::Int(i64::try_from(distinct_periods(0..periods.len(), &periods)).unwrap_or(i64::MAX))
            }
            How::Folded(function) => {
                let values = match codes {
                    Some(codes) if rows.len() > 0 => codes.values(rows.payloads().filter_map(|p| u32::try_from(p).ok()))?,
                    _ => arrow::array::new_empty_array(&arrow_type(&self.value)),
                };
                Datum::Value(aggregate_run(function, &values, &self.data_type)?)
            }
            How::Sequence(_) => Datum::Null,
        })
    }

    /// The first instant after `now` at which a condition on it may be another one without a row: never later than the first at which it is.
    /// `value` is what it is now.
    pub(crate) fn next(&self, rows: Rows<'_>, value: &Datum, keep: Keep, at: &mut Moment<'_>) -> Option<i64> {
        if let How::Sequence(s) = &self.how {
            return s.next(rows, value, self.range, at);
        }
        let range = self.range?;
        let (start, end) = at.bounds(self.range);
        let first = rows.first_at(start);
        let past = if at.ends_now(self.range) { rows.len() } else { rows.first_at(end) };
        let inside = past.saturating_sub(first);
        let one_each = matches!(self.how, How::Count) || matches!(keep, Keep::RecentDistinct(_));
        // Where rows come in at the end, too, the first that leaves is looked at.
        let leaving = match &self.asked {
            // Nothing changes before the greatest count that is reached is reached no more.
            Asked::Counts(thresholds) if one_each => {
                let reached = thresholds.iter().rev().find(|k| **k >= 1 && **k <= inside as i64);
                reached.map(|k| past - usize::try_from(*k).unwrap_or(1))
            }
            Asked::Ints(tests) if matches!(self.how, How::Sum) => waits::int_sum(rows, first..past, tests),
            Asked::Doubles(tests) if matches!(self.how, How::Sum) => waits::double_sum(rows, first..past, tests),
            _ => (inside > 0).then_some(first),
        };
        let leaves = leaving.and_then(|row| at.leaves(range, rows.time(row)));
        let enters = (past < rows.len()).then(|| at.enters(range, rows.time(past))).flatten();
        leaves.into_iter().chain(enters).min()
    }

    fn bits(&self, value: i64) -> Datum {
        match self.data_type {
            DataType::Int => Datum::Int(value),
            DataType::Bool => Datum::Bool(value != 0),
            _ => Datum::Bits(value),
        }
    }

    /// Values as a column.
    pub(crate) fn column(&self, values: &[Datum], codes: Option<&Codes>) -> Result<ArrayRef, LiveError> {
        let out = arrow_type(&self.data_type);
        let array: ArrayRef = match (&self.how, &self.data_type) {
            (How::Picked { .. }, _) => {
                let present: Vec<u32> = values.iter().filter_map(|v| if let Datum::Code(c) = v { Some(*c) } else { None }).collect();
                let (Some(codes), false) = (codes, present.is_empty()) else { return Ok(new_null_array(&out, values.len())) };
                let found = codes.values(present.into_iter())?;
                let mut next = 0..;
                let index: UInt32Array = values.iter().map(|v| if matches!(v, Datum::Code(_)) { next.next() } else { None }).collect();
                take(&found, &index, None)?
            }
            (How::Folded(_), _) => {
                let nothing = new_null_array(&out, 1);
                let arrays: Vec<&dyn Array> =
                    values.iter().map(|v| if let Datum::Value(a) = v { a.as_ref() } else { nothing.as_ref() }).collect();
                if arrays.is_empty() { new_null_array(&out, 0) } else { concat(&arrays)? }
            }
            (_, DataType::Double) => Arc::new(values.iter().map(Datum::double).collect::<Float64Array>()),
            (_, DataType::Bool) => Arc::new(values.iter().map(Datum::truth).collect::<BooleanArray>()),
            (_, DataType::Date) => Arc::new(values.iter().map(|v| v.int().and_then(|d| i32::try_from(d).ok())).collect::<Date32Array>()),
            (_, DataType::Timestamp) => Arc::new(values.iter().map(Datum::int).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            _ => Arc::new(values.iter().map(Datum::int).collect::<Int64Array>()),
        };
        Ok(if *array.data_type() == out { array } else { cast(&array, &out)? })
    }
}

impl Datum {
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Datum::Int(v) | Datum::Bits(v) => Some(*v),
            _ => None,
        }
    }

    pub(crate) fn double(&self) -> Option<f64> {
        if let Datum::Double(v) = self { Some(*v) } else { None }
    }

    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Datum::Bool(v) => Some(*v),
            Datum::Value(v) if v.len() == 1 && v.is_valid(0) => v.as_boolean_opt().map(|b| b.value(0)),
            _ => None,
        }
    }
}

/// Sum of doubles: as the query adds them.
fn sum(rows: Rows<'_>) -> f64 {
    let values: Vec<f64> = doubles(rows).collect();
    sum_f64(0..values.len(), &values)
}

pub(crate) fn doubles(rows: Rows<'_>) -> impl Iterator<Item = f64> + '_ {
    rows.payloads().map(|v| f64::from_bits(v.cast_unsigned()))
}

/// How many different payloads there are.
fn distinct(rows: Rows<'_>) -> i64 {
    let mut values: Vec<i64> = rows.payloads().collect();
    values.sort_unstable();
    values.dedup();
    values.len() as i64
}
