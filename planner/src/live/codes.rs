//! Numbers for values: a stream keeps a number a row, and each different value once.

use super::LiveError;
use arrow::array::{Array, ArrayRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use eql_catalog::DataType;
use eql_store::arrow_type;
use hashbrown::HashMap;

/// Numbers for the different values of some columns together, NULL being a value of its own. A number stays what it is for good.
pub struct Codes {
    converter: RowConverter,
    numbers: HashMap<OwnedRow, u32>,
    order: Vec<OwnedRow>,
}

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codes").field("values", &self.order.len()).finish_non_exhaustive()
    }
}

impl Codes {
    /// For columns of these types.
    ///
    /// # Errors
    /// A type that cannot be compared.
    pub fn new(types: &[DataType]) -> Result<Self, LiveError> {
        let fields = types.iter().map(|t| SortField::new(arrow_type(t))).collect();
        Ok(Self { converter: RowConverter::new(fields)?, numbers: HashMap::new(), order: Vec::new() })
    }

    /// One number a row.
    ///
    /// # Errors
    /// Columns of other types.
    pub fn of(&mut self, columns: &[ArrayRef]) -> Result<Vec<u32>, LiveError> {
        let rows = self.converter.convert_columns(columns)?;
        let mut out = Vec::with_capacity(rows.num_rows());
        for row in rows.iter() {
            let owned = row.owned();
            let next = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
            out.push(match self.numbers.get(&owned) {
                Some(known) => *known,
                None => {
                    self.numbers.insert(owned.clone(), next);
                    self.order.push(owned);
                    next
                }
            });
        }
        Ok(out)
    }

    /// The numbers for HOLDING: a row with a missing value has the code that equals nothing.
    ///
    /// # Errors
    /// Columns of other types.
    pub fn held(&mut self, columns: &[ArrayRef]) -> Result<Vec<u32>, LiveError> {
        let mut codes = self.of(columns)?;
        for column in columns.iter().filter(|c| c.null_count() > 0) {
            for (i, code) in codes.iter_mut().enumerate().filter(|(i, _)| column.is_null(*i)) {
                debug_assert!(i < column.len());
                *code = eql_timeline::NULL;
            }
        }
        Ok(codes)
    }

    /// The values of some numbers, first column.
    ///
    /// # Errors
    /// None for numbers that were handed out.
    pub fn values(&self, numbers: impl Iterator<Item = u32>) -> Result<ArrayRef, LiveError> {
        let rows = numbers.filter_map(|n| self.order.get(n as usize)).map(|o| o.row());
        let mut columns = self.converter.convert_rows(rows)?;
        if columns.is_empty() { Err(LiveError::new("values without a column")) } else { Ok(columns.swap_remove(0)) }
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes of all values, in the order of their numbers.
    pub fn to_bytes(&self) -> Vec<Vec<u8>> {
        self.order.iter().map(|o| o.row().as_ref().to_vec()).collect()
    }

    /// Takes what [`Codes::to_bytes`] gave in the place of what is there.
    pub fn read_bytes(&mut self, values: &[Vec<u8>]) {
        self.numbers.clear();
        self.order.clear();
        let parser = self.converter.parser();
        for (bytes, number) in values.iter().zip(0..) {
            let owned = parser.parse(bytes).owned();
            self.numbers.insert(owned.clone(), number);
            self.order.push(owned);
        }
    }
}
