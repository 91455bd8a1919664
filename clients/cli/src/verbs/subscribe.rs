//! `eql subscribe`: changes of a segment, as they come, until it is stopped.

use crate::answer::{Answer, Table};
use crate::failure::Failure;
use crate::place::{Absent, Place, PlaceArgs};
use crate::wait::Waiter;
use arrow::array::{Array, AsArray, RecordBatch};
use eql_engine::Params;
use eql_server::render::ndjson;
use std::io::{self, Write};
use std::sync::Arc;

/// Print who enters and leaves a segment, as it happens
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql subscribe big_spender --url http://127.0.0.1:8080
  eql subscribe big_spender --from snapshot
  eql subscribe big_spender --from AQEBAwAB… >> changes.ndjson

One JSON object a line. `cursor` says where to go on: the last one that was printed is given to --from, and nothing is missed.
The first line with \"change\":\"progress\" says that the subscription stands, or that the snapshot has ended.")]
pub(crate) struct Args {
    /// A streaming segment
    #[arg(value_name = "SEGMENT")]
    segment: String,
    /// now, snapshot (everybody who is in it, then changes), or a cursor
    #[arg(long, value_name = "now|snapshot|CURSOR", default_value = "now")]
    from: String,
    /// Print every promise that nothing is missing, about once a second
    #[arg(long)]
    progress: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Follows the segment.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let from = match arguments.from.as_str() {
        word if word.eq_ignore_ascii_case("now") => "NOW".to_string(),
        word if word.eq_ignore_ascii_case("snapshot") => "SNAPSHOT".to_string(),
        cursor => format!("CURSOR '{}'", cursor.replace('\'', "''")),
    };
    let text: Arc<str> = format!("SUBSCRIBE TO SEGMENT `{}` FROM {from}", arguments.segment.replace('`', "``")).into();
    let statements = crate::text::statements(&text)?;
    let mut place = Place::open(&arguments.place, Absent::Refuse, Waiter::patient()?)?;
    for statement in &statements {
        if let Answer::Rows(mut table) = place.run(&text, statement, &Params::new())? {
            follow(&mut table, arguments.progress)?;
        }
    }
    Ok(())
}

/// Prints rows as they come. Of promises the first, and the others where they are wanted.
pub(crate) fn follow(table: &mut Table, every_promise: bool) -> Result<(), Failure> {
    let keys = ndjson::keys(&table.columns);
    let mut promised = false;
    for batch in &mut table.batches {
        let batch = batch?;
        if is_promise(&batch) && std::mem::replace(&mut promised, true) && !every_promise {
            continue;
        }
        let mut out = Vec::new();
        ndjson::rows(&keys, &batch, &mut out);
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()?;
    }
    Ok(())
}

/// A promise comes alone; it names no entity, or no event.
fn is_promise(batch: &RecordBatch) -> bool {
    let named = batch.column_by_name("entity").or_else(|| batch.column_by_name("event_id"));
    let said =
        batch.column_by_name("change").and_then(|c| c.as_string_opt::<i32>()).is_none_or(|c| c.is_valid(0) && c.value(0) == "progress");
    // Whoever was erased since has no key either, but a cause.
    let caused = batch.column_by_name("cause").is_some_and(|c| c.is_valid(0));
    batch.num_rows() == 1 && said && !caused && named.is_some_and(|c| c.is_null(0))
}
