//! Batches as Flight messages. Messages stay below 2 MiB, because clients refuse 4 MiB; arrow-flight's own split knows nothing of slices and lists.

use super::status;
use crate::plain;
use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use eql_engine::EngineError;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use std::ops::Range;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Bytes of values in a message; what Arrow adds (padding, validity, offsets) stays far below the rest of 2 MiB.
const MESSAGE_BYTES: usize = 3 << 19;

pub(crate) type FlightStream = BoxStream<'static, Result<FlightData, Status>>;

/// The schema, then the batches in that schema, until the end or until `cancel`.
pub(crate) fn rows(
    schema: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch, EngineError>>,
    cancel: CancellationToken,
) -> FlightStream {
    let wanted = schema.clone();
    let plain = batches.map(move |batch| {
        let batch = batch.map_err(|e| status::of(&e))?;
        plain::to_schema(&batch, &wanted).map_err(|e| status::internal(&e))
    });
    let messages = plain.flat_map(|batch| {
        futures::stream::iter(match batch {
            Ok(batch) => split(&batch).into_iter().map(Ok).collect(),
            Err(status) => vec![Err(status)],
        })
    });
    encode(schema, until(messages.boxed(), cancel))
}

/// A small answer that is at hand.
pub(crate) fn batch(batch: RecordBatch) -> FlightStream {
    let schema = batch.schema();
    let parts: Vec<_> = split(&batch).into_iter().map(Ok).collect();
    encode(schema, futures::stream::iter(parts).boxed())
}

/// No rows: the schema goes out all the same.
pub(crate) fn empty(schema: SchemaRef) -> FlightStream {
    encode(schema, futures::stream::empty().boxed())
}

fn encode(schema: SchemaRef, batches: BoxStream<'static, Result<RecordBatch, Status>>) -> FlightStream {
    FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_max_flight_data_size(usize::MAX)
        .build(batches.map_err(|status| FlightError::Tonic(Box::new(status))))
        .map_err(Status::from)
        .boxed()
}

/// The items until `cancel`, which ends them with an error so that nobody takes a part for the whole.
fn until<T: Send + 'static>(
    items: BoxStream<'static, Result<T, Status>>,
    cancel: CancellationToken,
) -> BoxStream<'static, Result<T, Status>> {
    futures::stream::unfold(Some((items, cancel)), |state| async {
        let (mut items, cancel) = state?;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Some((Err(Status::cancelled("the statement was cancelled")), None)),
            item = items.next() => item.map(|item| (item, Some((items, cancel)))),
        }
    })
    .boxed()
}

/// Slices that each fit into a message; a single row that does not is sent alone.
fn split(batch: &RecordBatch) -> Vec<RecordBatch> {
    let mut parts = Vec::new();
    let mut rest: Vec<Range<usize>> = std::iter::once(0..batch.num_rows()).collect();
    while let Some(range) = rest.pop() {
        let bytes: usize = batch.columns().iter().map(|column| bytes(column, range.clone())).sum();
        if bytes <= MESSAGE_BYTES || range.len() <= 1 {
            parts.push(batch.slice(range.start, range.len()));
        } else {
            let middle = range.start + range.len() / 2;
            rest.push(middle..range.end);
            rest.push(range.start..middle);
        }
    }
    parts
}

/// Bytes of some rows' values; of types that plain batches never have, what Arrow says.
fn bytes(array: &ArrayRef, rows: Range<usize>) -> usize {
    let offsets = |width: usize| rows.len() * width;
    match array.data_type() {
        DataType::Utf8 => offsets(4) + span(array.as_string::<i32>().value_offsets(), &rows).len(),
        DataType::LargeUtf8 => offsets(8) + span(array.as_string::<i64>().value_offsets(), &rows).len(),
        DataType::Binary => offsets(4) + span(array.as_binary::<i32>().value_offsets(), &rows).len(),
        DataType::LargeBinary => offsets(8) + span(array.as_binary::<i64>().value_offsets(), &rows).len(),
        DataType::List(_) => offsets(4) + bytes(array.as_list::<i32>().values(), span(array.as_list::<i32>().value_offsets(), &rows)),
        DataType::LargeList(_) => offsets(8) + bytes(array.as_list::<i64>().values(), span(array.as_list::<i64>().value_offsets(), &rows)),
        DataType::Map(..) => {
            let map = array.as_map();
            let items = span(map.value_offsets(), &rows);
            offsets(4) + bytes(map.keys(), items.clone()) + bytes(map.values(), items)
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| bytes(column, rows.clone())).sum(),
        DataType::FixedSizeList(_, width) => {
            let width = usize::try_from(*width).unwrap_or(0);
            bytes(array.as_fixed_size_list().values(), rows.start * width..rows.end * width)
        }
        fixed => match fixed.primitive_width() {
            Some(width) => offsets(width),
            None => array.slice(rows.start, rows.len()).to_data().get_slice_memory_size().unwrap_or(0),
        },
    }
}

fn span<O: Copy + TryInto<usize>>(offsets: &[O], rows: &Range<usize>) -> Range<usize> {
    let at = |row: usize| offsets.get(row).copied().and_then(|o| o.try_into().ok()).unwrap_or(0);
    at(rows.start)..at(rows.end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::datatypes::{Field, Int64Type, Schema};
    use std::sync::Arc;

    fn of(column: ArrayRef) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("c", column.data_type().clone(), true)]);
        RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap()
    }

    async fn messages(batch: RecordBatch) -> Vec<FlightData> {
        let schema = batch.schema();
        rows(schema, futures::stream::iter(vec![Ok(batch)]).boxed(), CancellationToken::new()).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn messages_stay_small_for_texts_lists_and_slices() {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..6_000).map(|n| format!("{n:01000}"))));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>((0..6_000).map(|n| Some(vec![Some(n); 100]))));
        for column in [texts, lists] {
            for batch in [of(column.clone()), of(column.slice(10, 5_900))] {
                let sent = messages(batch).await;
                assert!(sent.iter().all(|m| m.data_body.len() < 2 << 20), "{:?}", sent.iter().map(|m| m.data_body.len()).max());
                assert!(sent.len() < 10, "{} messages", sent.len());
            }
        }
    }

    #[tokio::test]
    async fn an_empty_result_still_sends_its_schema() {
        let sent: Vec<_> = empty(of(Arc::new(Int64Array::from(vec![1]))).schema()).try_collect().await.unwrap();
        assert_eq!(sent.len(), 1);
        let none = messages(of(Arc::new(Int64Array::from(Vec::<i64>::new())))).await;
        assert_eq!(none.len(), 1);
    }

    #[tokio::test]
    async fn a_cancelled_stream_ends_with_an_error() {
        let batch = of(Arc::new(Int64Array::from(vec![1])));
        let endless = futures::stream::repeat_with({
            let batch = batch.clone();
            move || Ok(batch.clone())
        });
        let cancel = CancellationToken::new();
        let mut stream = rows(batch.schema(), endless.boxed(), cancel.clone());
        assert!(stream.next().await.unwrap().is_ok() && stream.next().await.unwrap().is_ok());
        cancel.cancel();
        assert_eq!(stream.next().await.unwrap().unwrap_err().code(), tonic::Code::Cancelled);
        assert!(stream.next().await.is_none());
    }
}
