//! Texts of rows as numbers, the same over a whole statement: what is grouped by them need not see the texts.

use super::chunk::Chunk;
use super::values::Values;
use crate::row::{Coded, TextNumbers};
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray, UInt32Array};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::Result;
use hashbrown::HashMap;
use std::sync::Arc;

/// With more different texts than this they are grouped as texts.
const TEXTS_MAX: usize = 1 << 16;

/// Values that are read as numbers.
pub(crate) struct CodedValues {
    by_code: Vec<Of>,
    /// By ordinal, where the value is one of the subject.
    by_subject: Option<Vec<u32>>,
    /// The different texts; the last one is NULL.
    texts: ArrayRef,
}

/// How rows of one event find their numbers.
enum Of {
    /// All have this one.
    Always(u32),
    /// By what their text says.
    Text(TextNumbers, Vec<u32>),
}

/// Numbers that are given out.
#[derive(Default)]
struct Numbers<'t> {
    of: HashMap<&'t str, u32>,
    texts: Vec<&'t str>,
}

/// The number of NULL until it is known how many texts there are.
const NULL: u32 = u32::MAX;

impl<'t> Numbers<'t> {
    fn number(&mut self, text: Option<&'t str>) -> u32 {
        let Some(text) = text else { return NULL };
        *self.of.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() as u32 - 1
        })
    }

    fn all(&mut self, texts: &'t StringArray) -> Option<Vec<u32>> {
        let mut out = Vec::with_capacity(texts.len());
        for text in texts {
            out.push(self.number(text));
            if self.texts.len() > TEXTS_MAX {
                return None;
            }
        }
        Some(out)
    }
}

impl CodedValues {
    /// None where values are no texts, or too many different ones, or rows in memory hold them.
    pub(crate) fn new(values: &Values) -> Result<Option<CodedValues>> {
        if *values.data_type() != DataType::Utf8 {
            return Ok(None);
        }
        if let Some(subjects) = values.by_subject() {
            let mut numbers = Numbers::default();
            let Some(by_subject) = subjects.as_string_opt::<i32>().and_then(|t| numbers.all(t)) else { return Ok(None) };
            let null = numbers.texts.len() as u32;
            let by_subject = by_subject.into_iter().map(|n| n.min(null)).collect();
            return Ok(Some(CodedValues { by_code: vec![], by_subject: Some(by_subject), texts: with_null(&numbers) }));
        }
        let mut coded = Vec::with_capacity(values.by_code().len());
        for expr in values.by_code() {
            coded.push(match expr {
                None => None,
                Some(expr) => match expr.coded()? {
                    Some(coded) => Some(coded),
                    None => return Ok(None),
                },
            });
        }
        let mut numbers = Numbers::default();
        let mut given = Vec::with_capacity(coded.len());
        for of in &coded {
            let found = match of {
                None => Some(vec![NULL]),
                Some(Coded::Always(text)) => Some(vec![numbers.number(text.as_deref())]),
                Some(Coded::Text(text)) => text.said().as_string_opt::<i32>().and_then(|t| numbers.all(t)),
            };
            match found {
                Some(found) => given.push(found),
                None => return Ok(None),
            }
        }
        let texts = with_null(&numbers);
        drop(numbers);
        let null = texts.len() as u32 - 1;
        let by_code = coded.into_iter().zip(given).map(|(of, given)| {
            let given: Vec<u32> = given.into_iter().map(|n| n.min(null)).collect();
            match of {
                Some(Coded::Text(text)) => Of::Text(text, given),
                _ => Of::Always(given.first().copied().unwrap_or(null)),
            }
        });
        Ok(Some(CodedValues { by_code: by_code.collect(), by_subject: None, texts }))
    }

    /// The type of the columns that it makes.
    pub(crate) fn data_type() -> DataType {
        DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
    }

    /// The texts of rows of a batch; NULL where there is no row.
    pub(crate) fn read(&self, chunk: &Chunk<'_>, rows: impl Iterator<Item = Option<u32>>) -> Result<ArrayRef> {
        let null = self.texts.len() as u32 - 1;
        let numbers: Vec<u32> = match &self.by_subject {
            Some(by_subject) => {
                let rows: Vec<Option<u32>> = rows.collect();
                let of = |row: u32| chunk.entities_of(&[row]).next().map(|i| chunk.ordinals.start as usize + i);
                rows.iter().map(|row| row.and_then(of).and_then(|o| by_subject.get(o)).copied().unwrap_or(null)).collect()
            }
            None => {
                let mut places: Vec<_> =
                    self.by_code.iter().map(|of| if let Of::Text(text, _) = of { Some(text.places()) } else { None }).collect();
                let mut number = |row: u32| {
                    let code = chunk.code(row as usize) as usize;
                    match (&self.by_code[code], &mut places[code]) {
                        (Of::Always(number), _) => *number,
                        (Of::Text(_, numbers), Some(places)) => numbers[places.of(chunk.event_row(row)) as usize],
                        (Of::Text(..), None) => null,
                    }
                };
                rows.map(|row| row.map_or(null, &mut number)).collect()
            }
        };
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(numbers), self.texts.clone())?))
    }
}

fn with_null(numbers: &Numbers<'_>) -> ArrayRef {
    Arc::new(numbers.texts.iter().copied().map(Some).chain([None]).collect::<StringArray>())
}
