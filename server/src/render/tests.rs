#![allow(clippy::unwrap_used)]

use super::*;
use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int32Type};
use eql_engine::ResultColumn;
use serde_json::json;
use std::sync::Arc;

fn columns(names: &[&str]) -> Vec<ResultColumn> {
    names.iter().map(|name| ResultColumn { name: (*name).to_string(), type_name: "X".to_string() }).collect()
}

fn batch(arrays: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_from_iter(arrays.into_iter().enumerate().map(|(at, array)| (at.to_string(), array))).unwrap()
}

fn values(array: ArrayRef) -> Vec<serde_json::Value> {
    (0..array.len()).map(|row| json::value(&array, row)).collect()
}

fn texts(array: ArrayRef) -> Vec<Option<String>> {
    let cell = text_cell(&array);
    (0..array.len()).map(cell).collect()
}

fn times(zone: Option<&str>, micros: &[i64]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros.to_vec()).with_timezone_opt(zone))
}

#[test]
fn times_carry_the_zone_of_their_column() {
    let noon = 1_511_806_820_000_000;
    assert_eq!(
        values(times(Some("UTC"), &[noon, noon + 123_000, noon + 1])),
        ["2017-11-27T18:20:20Z", "2017-11-27T18:20:20.123Z", "2017-11-27T18:20:20.000001Z"]
    );
    assert_eq!(values(times(Some("America/New_York"), &[noon])), ["2017-11-27T13:20:20-05:00"]);
    assert_eq!(values(times(Some("+05:30"), &[noon])), ["2017-11-27T23:50:20+05:30"]);
    assert_eq!(values(times(None, &[0, -1])), ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z"]);
    assert_eq!(values(times(Some("UTC"), &[i64::MAX])).len(), 1, "no calendar reaches that far, and nothing breaks");
    assert_eq!(
        values(Arc::new(Date32Array::from(vec![Some(0), Some(-56_270), None]))),
        [json!("1970-01-01"), json!("1815-12-10"), json!(null)]
    );
}

#[test]
fn numbers_keep_their_digits() {
    assert_eq!(
        values(Arc::new(Int64Array::from(vec![i64::MIN, 9_007_199_254_740_993]))),
        [json!(i64::MIN), json!(9_007_199_254_740_993_i64)]
    );
    assert_eq!(values(Arc::new(UInt64Array::from(vec![u64::MAX]))), [json!(u64::MAX)]);
    let decimals = Decimal128Array::from(vec![Some(1250), Some(-5), None]).with_precision_and_scale(38, 2).unwrap();
    assert_eq!(values(Arc::new(decimals)), [json!("12.50"), json!("-0.05"), json!(null)]);
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![0.1, 1e300, f64::NAN, f64::INFINITY]));
    assert_eq!(values(doubles.clone()), [json!(0.1), json!(1e300), json!(null), json!(null)]);
    assert_eq!(texts(doubles), [Some("0.1"), Some("1e+300"), Some("NaN"), Some("inf")].map(|t| t.map(str::to_string)));
}

#[test]
fn nested_values_are_json() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a\"b"), None]);
    lists.append_null();
    lists.append_value(Vec::<Option<&str>>::new());
    let lists: ArrayRef = Arc::new(lists.finish());
    assert_eq!(values(lists.clone()), [json!(["a\"b", null]), json!(null), json!([])]);
    assert_eq!(values(lists.slice(2, 1)), [json!([])], "a slice begins where it says");
    let field = Arc::new(Field::new("n", DataType::Int64, true));
    let structs = StructArray::from(vec![(field, Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]);
    assert_eq!(values(Arc::new(structs)), [json!({ "n": 1 }), json!({ "n": 2 })]);
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), None].into_iter().collect();
    assert_eq!(values(Arc::new(dictionary)), [json!("x"), json!(null)]);
    assert_eq!(values(Arc::new(NullArray::new(1))), [json!(null)]);
    assert_eq!(texts(Arc::new(NullArray::new(1))), [None]);
}

#[test]
fn a_document_is_one_line() {
    let batch = batch(vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec![Some("a\nb"), None]))]);
    let mut out = Vec::new();
    let stats = Stats { rows: 4, elapsed_ms: 1.5, ..Stats::default() };
    write_json(&columns(&["n", "s"]), &[batch.clone(), batch], &stats, &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"columns\":[{\"name\":\"n\",\"type\":\"X\"},{\"name\":\"s\",\"type\":\"X\"}],\"rows\":[[1,\"a\\nb\"],[2,null],[1,\"a\\nb\"],[2,null]],\
         \"stats\":{\"rows\":4,\"elapsed_ms\":1.5,\"approximate\":false}}\n"
    );
    let mut done = Vec::new();
    write_done("entity `user` defined", &mut done).unwrap();
    assert_eq!(done, b"{\"done\":\"entity `user` defined\"}\n");
}

#[test]
fn lines_name_repeated_columns_apart() {
    let number = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let mut out = Vec::new();
    write_ndjson(&columns(&["x", "x", "x_2", "x"]), &[batch(vec![number(), number(), number(), number()])], &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "{\"x\":1,\"x_2\":1,\"x_2_2\":1,\"x_3\":1}\n");
}

#[test]
fn csv_tells_null_from_empty() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(""), None, Some("a,\"b\"\r\n"), Some(" x"), Some("plain")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), None, None]));
    let mut out = Vec::new();
    write_csv(&columns(&["a b", "n"]), &[batch(vec![texts, numbers])], &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "a b,n\n\"\",1\n,\n\"a,\"\"b\"\"\r\n\",3\n\" x\",\nplain,\n");
    let mut empty = Vec::new();
    write_csv(&columns(&["n"]), &[], &mut empty).unwrap();
    assert_eq!(empty, b"n\n");
}
