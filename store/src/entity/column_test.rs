//! A column and a history against naive twins.

use super::column::Column;
use super::column_file::EntityFiles;
use super::history::BEGINNING;
use super::timed::{Added, Timed};
use crate::cache::ReadCache;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Int64Type};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

type Row = (u32, Option<i64>);

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Row>, bool),
    Seal,
    Settle,
}

fn a_step() -> impl Strategy<Value = Step> {
    let rows = prop::collection::vec((0u32..40, prop::option::of(0i64..9)), 1..8);
    let run = (0u32..40, 1u32..9).prop_map(|(first, n)| (first..first + n).map(|o| (o, Some(i64::from(o)))).collect());
    prop_oneof![
        4 => (rows, any::<bool>()).prop_map(|(rows, keep)| Step::Write(rows, keep)),
        2 => run.prop_map(|rows| Step::Write(rows, false)),
        1 => Just(Step::Seal),
        1 => Just(Step::Settle),
    ]
}

proptest! {
    #[test]
    fn the_last_writer_wins(steps in prop::collection::vec(a_step(), 0..60)) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Arc::new(ReadCache::new(1 << 20));
        let files = EntityFiles::new(dir.path().to_path_buf(), cache.clone());
        let mut column = Column::new(&DataType::Utf8);
        let mut naive: Vec<Option<String>> = Vec::new();
        let mut sealed = None;
        for (token, step) in (0u64..).zip(steps) {
            match step {
                Step::Write(rows, keep_null) => {
                    let ordinals: UInt32Array = rows.iter().map(|r| Some(r.0)).collect();
                    let text = |v: Option<i64>| v.map(|v| format!("text {v}"));
                    let values: ArrayRef = Arc::new(rows.iter().map(|r| text(r.1)).collect::<StringArray>());
                    column.write(&ordinals, &values, keep_null).unwrap();
                    for (ordinal, value) in rows {
                        naive.resize(naive.len().max(ordinal as usize + 1), None);
                        if !(keep_null && value.is_none()) {
                            naive[ordinal as usize] = text(value);
                        }
                    }
                }
                Step::Seal => {
                    column.seal(token);
                    sealed = Some((token, column.join(column.len()).unwrap()));
                }
                Step::Settle => {
                    if let Some((sealed, values)) = sealed.take() {
                        column.settle(sealed, files.write_column("0", &format!("p0-{token}"), &values).unwrap());
                    }
                }
            }
            let asked: Vec<u32> = (0..50).rev().step_by(3).collect();
            let found = column.gather(&asked).unwrap();
            let expected: StringArray = asked.iter().map(|o| naive.get(*o as usize).cloned().flatten()).collect();
            prop_assert_eq!(found.as_string::<i32>(), &expected);
        }
        for len in [naive.len(), naive.len() + 3] {
            naive.resize(len, None);
            let expected: ArrayRef = Arc::new(StringArray::from(naive.clone()));
            prop_assert_eq!(&column.padded(len, &cache).unwrap(), &expected);
        }
    }

    #[test]
    fn histories_are_what_was_written(steps in prop::collection::vec((0u8..8, prop::collection::vec((0u32..6, 0i64..5, 0i64..99), 1..5)), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let cache = ReadCache::new(1 << 20);
        let files = EntityFiles::new(dir.path().to_path_buf(), Arc::new(ReadCache::new(1 << 20)));
        let mut timed = Timed::new(&DataType::Int64);
        let mut naive: BTreeMap<(u32, i64), i64> = BTreeMap::new();
        for (token, (kind, rows)) in (0u64..).zip(steps) {
            match kind {
                0 => {
                    rows.iter().for_each(|r| naive.retain(|k, _| k.0 != r.0));
                    timed.push(Added::Forgotten(rows.iter().map(|r| r.0).collect())).unwrap();
                }
                1 => {
                    rows.iter().for_each(|r| _ = naive.remove(&(r.0, r.1)));
                    timed.push(Added::Gone(rows.iter().map(|r| (r.0, r.1)).collect())).unwrap();
                }
                2 => {
                    timed.seal(token);
                    let history = timed.join().unwrap();
                    let table = super::file::table(&history).unwrap();
                    timed.settle(token, files.write("0", &format!("h0-{token}"), &table, history.time.len() as u32).unwrap());
                }
                _ => {
                    naive.extend(rows.iter().map(|r| ((r.0, r.1), r.2)));
                    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2)));
                    timed.push(Added::Rows(rows.iter().map(|r| (r.0, r.1)).collect(), values)).unwrap();
                }
            }
        }
        let history = timed.history(8, &cache).unwrap();
        prop_assert_eq!(history.offsets.len(), 9);
        let values = history.values.as_primitive::<Int64Type>();
        let mut found = BTreeMap::new();
        for ordinal in 0..8 {
            for row in history.offsets[ordinal] as usize..history.offsets[ordinal + 1] as usize {
                found.insert((ordinal as u32, history.time[row]), values.value(row));
            }
        }
        prop_assert_eq!(found.len(), history.values.len());
        prop_assert_eq!(found, naive);
        prop_assert_eq!(history.value_at(7, BEGINNING), None);
    }
}
