//! `top(x, n BY …)` over runs of values: the favourites of each entity.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use eql_timeline::aggregate as fold;
use std::sync::Arc;

/// The `n` values with the most rows in each run, or with the greatest sum of `weights`; ties by value. Missing values are no favourites.
pub(crate) fn top(values: &ArrayRef, weights: Option<&ArrayRef>, offsets: &[usize], n: u64, out: &DataType) -> Result<ArrayRef> {
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    let (codes, examples) = coded(values)?;
    let best = Best { values, codes: &codes, weights, n };
    let runs = offsets.windows(2).map(|w| best.of(w[0]..w[1])).collect::<Result<Vec<_>>>()?;
    let example = |code: &u32| examples.get(*code as usize).copied();
    if n == 1 {
        let index: UInt32Array = runs.iter().map(|r| r.first().and_then(example)).collect();
        let found = take(values, &index, None)?;
        return Ok(if found.data_type() == out { found } else { cast(&found, out)? });
    }
    let mut ends = vec![0_i32];
    for run in &runs {
        ends.push(ends[ends.len() - 1] + i32::try_from(run.len()).unwrap_or(i32::MAX));
    }
    let index: UInt32Array = runs.iter().flatten().map(example).collect();
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    let lists: ArrayRef =
        Arc::new(ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(ends)), take(values, &index, None)?, None)?);
    Ok(if lists.data_type() == out { lists } else { cast(&lists, out)? })
}

/// A number for each value that rises with it, and a row that has the value; rows without one have a number that stands for nothing.
fn coded(values: &ArrayRef) -> Result<(Vec<u32>, Vec<u32>)> {
    let rows = RowConverter::new(vec![SortField::new(values.data_type().clone())])?.convert_columns(std::slice::from_ref(values))?;
    let mut order: Vec<u32> = (0..values.len() as u32).filter(|i| values.is_valid(*i as usize)).collect();
    order.sort_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
    let (mut codes, mut examples): (Vec<u32>, Vec<u32>) = (vec![u32::MAX; values.len()], Vec::new());
    for i in order {
        if examples.last().is_none_or(|last| rows.row(*last as usize) != rows.row(i as usize)) {
            examples.push(i);
        }
        codes[i as usize] = examples.len() as u32 - 1;
    }
    Ok((codes, examples))
}

struct Best<'a> {
    values: &'a ArrayRef,
    codes: &'a [u32],
    weights: Option<&'a ArrayRef>,
    n: usize,
}

impl Best<'_> {
    fn of(&self, run: std::ops::Range<usize>) -> Result<Vec<u32>> {
        let rows = run.filter(|i| self.values.is_valid(*i));
        let Some(weights) = self.weights else { return Ok(fold::top_by_count(rows, self.codes, None, self.n)) };
        let rows: Vec<usize> = rows.filter(|i| weights.is_valid(*i)).collect();
        Ok(match weights.data_type() {
            DataType::Int64 => fold::top_by_sum(rows, self.codes, weights.as_primitive::<Int64Type>().values(), None, self.n),
            DataType::Float64 => fold::top_by_double(rows, self.codes, weights.as_primitive::<Float64Type>().values(), None, self.n),
            // Whole numbers of the smallest unit are added: sums of 0.1 and 0.2 tie with 0.3.
            _ => {
                let units = weights.as_primitive::<Decimal128Type>();
                let (codes, units): (Vec<u32>, Vec<f64>) = rows.iter().map(|i| (self.codes[*i], units.value(*i) as f64)).unzip();
                fold::top_by_double(0..codes.len(), &codes, &units, None, self.n)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};

    #[test]
    fn the_most_frequent_then_the_smaller_value_and_none_of_nothing() {
        let values: ArrayRef =
            Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, None, Some("b"), Some("c"), Some("c"), Some("a")]));
        let found = top(&values, None, &[0, 2, 4, 4, 8], 1, &DataType::Utf8).expect("one each");
        assert_eq!(found.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), None, None, Some("c")]);
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        let found = top(&values, None, &[0, 4, 8], 2, &list).expect("two each");
        let texts = |i: usize| found.as_list::<i32>().value(i).as_string::<i32>().iter().flatten().map(str::to_string).collect::<Vec<_>>();
        assert_eq!((texts(0), texts(1)), (vec!["a".into(), "b".into()], vec!["c".to_string(), "a".to_string()]));
        let weights: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(5), Some(9), None, Some(1), Some(1), Some(1), None]));
        let found = top(&values, Some(&weights), &[0, 4, 8], 1, &DataType::Utf8).expect("one each");
        assert_eq!(found.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("c")]);
    }
}
