//! `\d`: what has a name, in a few columns. Definitions are long, so they stand below the table instead of in it.

use crate::answer::{Answer, Table};
use crate::failure::Failure;
use crate::output::value::texts;
use crate::place::Place;
use arrow::array::RecordBatch;

const KINDS: [&str; 7] = ["ENTITIES", "EVENTS", "RELATIONS", "METRICS", "SESSIONS", "TAGS", "SEGMENTS"];
const DEFINITION: &str = "definition";

/// Everything that has a name, kind by kind; None when nothing has.
pub(super) fn overview(place: &mut Place) -> Result<Option<Table>, Failure> {
    let mut whole: Option<Table> = None;
    let mut rows: Vec<RecordBatch> = Vec::new();
    for kind in KINDS {
        let Answer::Rows(table) = place.run_text(&format!("SHOW {kind}"))? else { continue };
        let (mut table, batches) = split(table)?;
        rows.extend(batches.into_iter().filter(|b| b.num_rows() > 0));
        whole.get_or_insert_with(|| {
            table.batches = Box::new(std::iter::empty());
            table
        });
    }
    Ok(whole.filter(|_| !rows.is_empty()).map(|table| without_definitions(table, rows)))
}

/// One noun and what belongs to it, and the text that defines it.
pub(super) fn describe(place: &mut Place, name: &str) -> Result<(Answer, Option<String>), Failure> {
    let answer = place.run_text(&format!("DESCRIBE {}", super::quoted(name)))?;
    let Answer::Rows(table) = answer else { return Ok((answer, None)) };
    let (table, batches) = split(table)?;
    let definition = definition_of(&table, &batches);
    Ok((Answer::Rows(without_definitions(table, batches)), definition))
}

fn split(mut table: Table) -> Result<(Table, Vec<RecordBatch>), Failure> {
    let batches = table.batches.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok((table, batches))
}

/// The first row is the noun itself.
fn definition_of(table: &Table, batches: &[RecordBatch]) -> Option<String> {
    let at = table.columns.iter().position(|c| c.name == DEFINITION)?;
    let first = batches.iter().find(|b| b.num_rows() > 0)?;
    texts(first.column(at))(0)
}

fn without_definitions(mut table: Table, batches: Vec<RecordBatch>) -> Table {
    let kept: Vec<usize> = (0..table.columns.len()).filter(|i| table.columns[*i].name != DEFINITION).collect();
    if let Ok(schema) = table.schema.project(&kept) {
        table.schema = schema.into();
        table.columns = kept.iter().map(|i| table.columns[*i].clone()).collect();
        let project = move |batch: RecordBatch| batch.project(&kept).map_err(|e| Failure::of("cannot show the catalog", &e));
        table.batches = Box::new(batches.into_iter().map(project));
    }
    table
}
