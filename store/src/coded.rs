//! Texts as numbers: most columns of texts have few different ones, and what is asked of a text need be asked once for each of those.

use arrow::array::{Array, ArrayRef, StringArray};
use hashbrown::HashMap;
use std::sync::Arc;

/// More different texts than this are no longer looked up in a cache of the processor.
const VALUES_MAX: usize = 4096;

/// A column of texts as numbers of its different values.
#[derive(Debug)]
pub struct CodedColumn {
    /// For each row the place of its value.
    pub codes: Vec<u16>,
    /// The values; NULL is one of them where it occurs.
    pub values: ArrayRef,
}

impl CodedColumn {
    /// None when there are too many different texts.
    pub(crate) fn of(texts: &StringArray) -> Option<CodedColumn> {
        let mut places: HashMap<&str, u16> = HashMap::new();
        let mut values: Vec<Option<&str>> = Vec::new();
        let mut missing = None;
        let mut codes = Vec::with_capacity(texts.len());
        let mut last: Option<(Option<&str>, u16)> = None;
        for text in texts {
            let code = match (last, text) {
                (Some((known, code)), text) if known == text => code,
                (_, Some(text)) => *places.entry(text).or_insert_with(|| {
                    values.push(Some(text));
                    (values.len() - 1) as u16
                }),
                (_, None) => *missing.get_or_insert_with(|| {
                    values.push(None);
                    (values.len() - 1) as u16
                }),
            };
            if values.len() > VALUES_MAX {
                return None;
            }
            last = Some((text, code));
            codes.push(code);
        }
        Some(CodedColumn { codes, values: Arc::new(StringArray::from(values)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn every_row_finds_its_text_again() {
        let texts = StringArray::from(vec![Some("a"), None, Some("b"), Some("b"), None, Some(""), Some("a")]);
        let coded = CodedColumn::of(&texts).unwrap();
        let values = coded.values.as_string::<i32>();
        let again: StringArray = coded.codes.iter().map(|c| values.is_valid(*c as usize).then(|| values.value(*c as usize))).collect();
        assert_eq!((again, values.len()), (texts, 4));
    }

    #[test]
    fn too_many_texts_stay_texts() {
        let many: StringArray = (0..=VALUES_MAX).map(|i| Some(i.to_string())).collect();
        assert!(CodedColumn::of(&many).is_none());
    }
}
