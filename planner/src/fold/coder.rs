//! Numbers for values: what is grouped by many columns is then grouped by one number.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::Result;
use hashbrown::HashMap;
use std::sync::Arc;

/// Numbers for the different values of several columns, NULL being a value of its own. Numbers stay the same over all batches of a partition.
pub(crate) struct Coder {
    kind: Kind,
}

enum Kind {
    /// One column of integers: most often numbers of periods.
    Integers {
        numbers: HashMap<Option<i64>, u32>,
        order: Vec<Option<i64>>,
    },
    Rows {
        converter: RowConverter,
        numbers: HashMap<Box<[u8]>, u32>,
        order: Vec<OwnedRow>,
    },
}

impl Coder {
    pub(crate) fn new(types: &[DataType]) -> Result<Self> {
        if types == [DataType::Int64] {
            return Ok(Self { kind: Kind::Integers { numbers: HashMap::new(), order: vec![] } });
        }
        let converter = RowConverter::new(types.iter().map(|t| SortField::new(t.clone())).collect())?;
        Ok(Self { kind: Kind::Rows { converter, numbers: HashMap::new(), order: vec![] } })
    }

    pub(crate) fn codes(&mut self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        match &mut self.kind {
            Kind::Integers { numbers, order } => {
                let Some(values) = columns.first() else { return Ok(vec![]) };
                let mut out = Vec::with_capacity(values.len());
                let mut last: Option<(Option<i64>, u32)> = None;
                for value in values.as_primitive::<Int64Type>() {
                    let code = match last {
                        // Neighbouring rows often have equal values.
                        Some((known, code)) if known == value => code,
                        _ => *numbers.entry(value).or_insert_with(|| {
                            order.push(value);
                            (order.len() - 1) as u32
                        }),
                    };
                    last = Some((value, code));
                    out.push(code);
                }
                Ok(out)
            }
            Kind::Rows { converter, numbers, order } => {
                let rows = converter.convert_columns(columns)?;
                let mut out = Vec::with_capacity(rows.num_rows());
                let mut last = None;
                for row in rows.iter() {
                    let code = match last {
                        Some((known, code)) if known == row => code,
                        _ => match numbers.get(row.as_ref()) {
                            Some(code) => *code,
                            None => {
                                let code = order.len() as u32;
                                numbers.insert(row.as_ref().into(), code);
                                order.push(row.owned());
                                code
                            }
                        },
                    };
                    last = Some((row, code));
                    out.push(code);
                }
                Ok(out)
            }
        }
    }

    /// How many different values were seen.
    pub(crate) fn len(&self) -> usize {
        match &self.kind {
            Kind::Integers { order, .. } => order.len(),
            Kind::Rows { order, .. } => order.len(),
        }
    }

    /// The columns of these numbers.
    pub(crate) fn columns(&self, codes: &[u32]) -> Result<Vec<ArrayRef>> {
        match &self.kind {
            Kind::Integers { order, .. } => {
                let values = codes.iter().map(|c| order.get(*c as usize).copied().flatten());
                Ok(vec![Arc::new(values.collect::<Int64Array>())])
            }
            Kind::Rows { converter, order, .. } => {
                Ok(converter.convert_rows(codes.iter().filter_map(|c| order.get(*c as usize)).map(|o| o.row()))?)
            }
        }
    }
}

/// HOLDING codes: equal where all values are equal and none is missing.
pub(crate) fn holding_codes(coder: &mut Coder, columns: &[ArrayRef]) -> Result<Vec<u32>> {
    let mut codes = coder.codes(columns)?;
    for c in columns {
        if c.null_count() > 0 {
            for (i, code) in codes.iter_mut().enumerate() {
                if c.is_null(i) {
                    *code = eql_timeline::NULL;
                }
            }
        }
    }
    Ok(codes)
}
