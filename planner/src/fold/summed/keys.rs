//! Numbers for groups by several keys.

use super::super::coder::Coder;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::Result;
use hashbrown::HashMap;

/// The different values of each key, and the groups that they make.
pub(super) struct Keys {
    types: Vec<DataType>,
    keys: Vec<Key>,
    /// By group: the number of its value of each key.
    groups: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, u32>,
    /// For one key alone: the group of each value, or NOWHERE.
    single: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

enum Key {
    /// No batch was seen.
    New,
    /// Dictionaries with the same texts in all batches.
    Texts(ArrayRef),
    Values(Coder),
}

impl Keys {
    pub(super) fn new(types: &[DataType]) -> Keys {
        let keys = types.iter().map(|_| Key::New).collect();
        Keys { types: types.to_vec(), keys, groups: vec![], numbers: HashMap::new(), single: vec![] }
    }

    /// How many groups were seen.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Bytes that a group takes here, its values aside.
    pub(super) fn group_bytes(&self) -> usize {
        64 + 32 * self.types.len()
    }

    /// The group of every row.
    pub(super) fn codes(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut of_keys = Vec::with_capacity(columns.len());
        for (key, column) in self.keys.iter_mut().zip(columns) {
            of_keys.push(key.codes(column)?);
        }
        Ok(match of_keys.as_slice() {
            [] => vec![0; rows],
            [one] => one.iter().map(|n| self.of_one(*n)).collect(),
            several => {
                let mut last: Option<(Vec<u32>, u32)> = None;
                let mut out = Vec::with_capacity(rows);
                for row in 0..rows {
                    let same = last.as_ref().filter(|(of, _)| of.iter().zip(several).all(|(n, codes)| *n == codes[row]));
                    let group = match same {
                        Some((_, group)) => *group,
                        None => {
                            let of: Vec<u32> = several.iter().map(|codes| codes[row]).collect();
                            let group = self.of_several(&of);
                            last = Some((of, group));
                            group
                        }
                    };
                    out.push(group);
                }
                out
            }
        })
    }

    fn of_one(&mut self, number: u32) -> u32 {
        let place = number as usize;
        if place >= self.single.len() {
            self.single.resize((place + 1).next_power_of_two(), NOWHERE);
        }
        if self.single[place] == NOWHERE {
            self.single[place] = self.groups.len() as u32;
            self.groups.push(Box::new([number]));
        }
        self.single[place]
    }

    fn of_several(&mut self, numbers: &[u32]) -> u32 {
        if let Some(group) = self.numbers.get(numbers) {
            return *group;
        }
        let group = self.groups.len() as u32;
        self.numbers.insert(numbers.into(), group);
        self.groups.push(numbers.into());
        group
    }

    /// The values of each key, a row a group.
    pub(super) fn columns(&self) -> Result<Vec<ArrayRef>> {
        let mut out = Vec::with_capacity(self.keys.len());
        for (i, (key, data_type)) in self.keys.iter().zip(&self.types).enumerate() {
            let numbers: Vec<u32> = self.groups.iter().filter_map(|g| g.get(i)).copied().collect();
            out.push(match key {
                Key::New => arrow::array::new_empty_array(data_type),
                Key::Texts(texts) => take(texts, &UInt32Array::from(numbers), None)?,
                Key::Values(coder) => {
                    let mut values = coder.columns(&numbers)?;
                    let value = values.pop().unwrap_or_else(|| arrow::array::new_empty_array(data_type));
                    if value.data_type() == data_type { value } else { cast(&value, data_type)? }
                }
            });
        }
        Ok(out)
    }
}

impl Key {
    fn codes(&mut self, column: &ArrayRef) -> Result<Vec<u32>> {
        let texts = column.as_dictionary_opt::<UInt32Type>();
        if let (Key::New, Some(texts)) = (&*self, texts) {
            *self = Key::Texts(texts.values().clone());
        }
        if let (Key::Texts(known), Some(texts)) = (&*self, texts)
            && std::sync::Arc::ptr_eq(known, texts.values())
        {
            return Ok(texts.keys().values().to_vec());
        }
        let plain = match texts {
            Some(texts) => cast(column, &texts.value_type())?,
            None => column.clone(),
        };
        if matches!(self, Key::New) {
            *self = Key::Values(Coder::new(&[plain.data_type().clone()])?);
        }
        match self {
            Key::Values(coder) => coder.codes(&[plain]),
            _ => Err(datafusion::common::DataFusionError::Internal("a key changed its texts".into())),
        }
    }
}
